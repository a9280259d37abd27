//! An environment on the cluster, a registry, and an image with a shell.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use estiba_image::ImageStore;
use estiba_model::{
    Digest, EnvironmentId, ExposedPort, Exposure, Fingerprint, Message, Name, ProjectId, Protocol,
    Quantities, SecretString, Strategy,
};
use estiba_target::{
    ContainerSpec, ImageSpec, Progress, RolloutSpec, Rollouts, Runner, Target, TargetError,
    TaskSpec, WorkloadSpec,
};
use estiba_target_kubernetes::{KubernetesConfig, KubernetesTarget, Settings};
use serde_json::{Map, Value};
use tempfile::TempDir;

/// An image of the Docker Engine that has a shell.
const IMAGE: &str = "debian:bookworm-slim";
/// How long a registry may take to answer.
const REGISTRY_LIMIT: Duration = Duration::from_secs(20);
/// How long a rollout may take on a busy machine.
const LIMIT: Duration = Duration::from_secs(90);

pub struct Bench {
    pub target: KubernetesTarget,
    pub environment: EnvironmentId,
    image: Digest,
    registry: Child,
    _folder: TempDir,
}

impl Bench {
    /// None where something that is needed is missing, and then says what.
    pub fn new(environment: &str) -> Option<Self> {
        Self::with(environment, &Map::new())
    }

    pub fn with(environment: &str, settings: &Map<String, Value>) -> Option<Self> {
        for (program, args) in [
            ("kubectl", &["version", "--request-timeout=5s"][..]),
            ("docker-registry", &["--version"]),
            ("docker", &["image", "inspect", IMAGE]),
        ] {
            if !works(program, args) {
                eprintln!("skipped: `{program} {}` does not work", args.join(" "));
                return None;
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let images = ImageStore::open(folder.path().join("images")).unwrap();
        let archive = folder.path().join("image.tar");
        let saved = Command::new("docker")
            .args(["save", IMAGE, "-o"])
            .arg(&archive)
            .status();
        assert!(saved.unwrap().success());
        let image = images.import_archive(&archive).unwrap();
        let (registry, address) = start_registry(&folder.path().join("registry"));
        let project = ProjectId {
            team: name(&format!("kb{}", std::process::id())),
            project: name("adapter"),
        };
        let environment = EnvironmentId::new(&project, &name(environment));
        Some(Self {
            target: KubernetesTarget::new(KubernetesConfig {
                settings: Settings::parse(settings).unwrap(),
                registry: format!("{address}/adapter"),
                images,
                environments: vec![environment.clone()],
                postgres_root: folder.path().join("postgres"),
            }),
            environment,
            image,
            registry,
            _folder: folder,
        })
    }

    pub fn namespace(&self) -> String {
        let EnvironmentId {
            team, environment, ..
        } = &self.environment;
        format!("{team}-{environment}")
    }

    /// A workload without ports that runs a script.
    pub fn script(&self, script: &str) -> RolloutSpec {
        RolloutSpec {
            of: WorkloadSpec {
                environment: self.environment.clone(),
                workload: name("bot"),
                version: "1.0.0".parse().unwrap(),
                fingerprint: fingerprint(script),
                containers: vec![self.container(script)],
                exposure: Exposure::default(),
                secrets: vec![SecretString::new("s3cr3t-value")],
            },
            replicas: 1,
            strategy: Strategy::Replace,
        }
    }

    /// A workload that listens; `label` tells one version of it from another.
    pub fn service(&self, label: &str) -> RolloutSpec {
        let program = "use IO::Socket; $s = IO::Socket::INET->new(LocalPort => 3000, Listen => 9); \
                       while ($c = $s->accept) { close $c }";
        let mut spec = self.script(&format!("exec perl -e '{program}' {label}"));
        let port = ExposedPort {
            port: 8080,
            target_port: 3000,
            protocol: Protocol::Tcp,
        };
        spec.of.exposure.ports = BTreeMap::from([("main".to_owned(), port)]);
        spec.strategy = Strategy::Rolling;
        spec
    }

    pub fn migration(&self, script: &str) -> TaskSpec {
        let of = self.script(script).of;
        TaskSpec {
            task: estiba_target::Task::Migration,
            time_limit: None,
            environment: of.environment,
            workload: of.workload,
            version: of.version,
            fingerprint: of.fingerprint,
            container: self.container(script),
            secrets: of.secrets,
        }
    }

    fn container(&self, script: &str) -> ContainerSpec {
        ContainerSpec {
            name: name("main"),
            image: self.image.clone(),
            command: ["sh", "-c", script].map(str::to_owned).into(),
            args: Vec::new(),
            variables: BTreeMap::from([("TOKEN".to_owned(), SecretString::new("s3cr3t-value"))]),
            files: Vec::new(),
            volumes: Vec::new(),
            scratch: Vec::new(),
            ships_logs: false,
            user_of: None,
            limits: Quantities::default(),
            requests: Quantities::default(),
            liveness: None,
            readiness: None,
            before: BTreeMap::new(),
        }
    }

    pub async fn fetch(&self, tag: Option<&str>) -> Result<(), TargetError> {
        let image = ImageSpec {
            digest: self.image.clone(),
            project: self.environment.project_id(),
            workload: name("bot"),
            tag: tag.map(|tag| tag.parse().unwrap()),
        };
        self.target.fetch(&image, &Heard::default()).await
    }

    pub async fn roll_out(&self, spec: &RolloutSpec) -> Result<(), TargetError> {
        self.roll_out_to(spec, &Heard::default()).await
    }

    pub async fn roll_out_to(&self, spec: &RolloutSpec, heard: &Heard) -> Result<(), TargetError> {
        let Runner::Whole(rollouts) = self.target.runner() else {
            panic!("it takes workloads as a whole");
        };
        rollouts.roll_out(spec, LIMIT, heard).await
    }

    pub async fn end(self) {
        let grace = Duration::from_secs(1);
        self.target
            .withdraw(&self.environment, &name("bot"), grace)
            .await
            .unwrap();
        self.target.forget(&self.environment).await.unwrap();
        let namespace = self.namespace();
        assert!(
            !works("kubectl", &["get", "namespace", &namespace]),
            "it is still there"
        );
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = self.registry.kill();
        let _ = self.registry.wait();
        let namespace = self.namespace();
        works(
            "kubectl",
            &["delete", "namespace", &namespace, "--wait=false"],
        );
    }
}

/// What was told.
#[derive(Default)]
pub struct Heard(pub Mutex<Vec<String>>);

impl Progress for Heard {
    fn line(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }

    fn notice(&self, notice: &Message) {
        self.line(&notice.en);
    }
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub fn fingerprint(of: &str) -> Fingerprint {
    let hash = Digest::of(of.as_bytes());
    hash.hex()[..32].parse().unwrap()
}

pub fn works(program: &str, args: &[&str]) -> bool {
    let status = Command::new(program)
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.is_ok_and(|status| status.success())
}

fn start_registry(root: &PathBuf) -> (Child, String) {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    fs::create_dir_all(root).unwrap();
    let config = serde_json::json!({
        "version": 0.1,
        "log": { "level": "error", "accesslog": { "disabled": true } },
        "storage": { "filesystem": { "rootdirectory": root } },
        "http": { "addr": address.to_string() },
    });
    let file = root.with_extension("yml");
    fs::write(&file, config.to_string()).unwrap();
    let registry = Command::new("docker-registry")
        .arg("serve")
        .arg(&file)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let deadline = Instant::now() + REGISTRY_LIMIT;
    while TcpStream::connect(address).is_err() {
        assert!(Instant::now() < deadline, "the registry does not answer");
        std::thread::sleep(Duration::from_millis(50));
    }
    (registry, address.to_string())
}
