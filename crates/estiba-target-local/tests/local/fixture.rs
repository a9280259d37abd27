//! A target in a directory of its own, and instances to start there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use estiba_image::{ImageStore, PackRequest};
use estiba_model::{
    Digest, EnvironmentId, ExposedPort, Exposure, Fingerprint, HttpProbe, HttpScheme, InstanceName,
    InstanceState, Message, Name, ObservedInstance, Probe, Protocol, Quantities, ResourceId,
    SecretString, Traffic,
};
use estiba_target::{
    ContainerSpec, InstanceSpec, Instances, LogLine, LogQuery, Progress, Reach, ResourceSpec,
    Target, TargetError, TaskSpec, WorkloadSpec,
};
use estiba_target_local::{LocalConfig, LocalTarget};
use futures::StreamExt;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use nix::sys::signal::Signal;
use nix::unistd::Pid;

/// Where another user finds the program and the image; see
/// `everything_without_root`.
pub const APP_VARIABLE: &str = "ESTIBA_TEST_APP";

pub const SOON: Duration = Duration::from_secs(30);
pub const GRACE: Duration = Duration::from_secs(10);

pub fn app() -> PathBuf {
    let built = || env!("CARGO_BIN_EXE_local-test-app").into();
    std::env::var_os(APP_VARIABLE).map_or_else(built, PathBuf::from)
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The image of the application, packed once.
fn images() -> &'static (ImageStore, Digest) {
    static IMAGES: OnceLock<(ImageStore, Digest)> = OnceLock::new();
    IMAGES.get_or_init(|| {
        let store = ImageStore::open(tempfile::tempdir().unwrap().keep()).unwrap();
        let request = PackRequest {
            program: app(),
            ..PackRequest::default()
        };
        let digest = store.pack(&request).unwrap();
        (store, digest)
    })
}

/// What a target told while it worked.
#[derive(Debug, Default)]
pub struct Told(Mutex<Vec<String>>);

impl Told {
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

impl Progress for Told {
    fn line(&self, line: &str) {
        self.0.lock().unwrap().push(line.to_owned());
    }

    fn notice(&self, notice: &Message) {
        self.0.lock().unwrap().push(notice.en.clone());
    }
}

/// A target and one environment on it.
pub struct World {
    pub target: LocalTarget,
    pub environment: EnvironmentId,
    pub told: Told,
    directory: tempfile::TempDir,
}

impl World {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let target = target(directory.path());
        Self {
            target,
            environment: environment("test"),
            told: Told::default(),
            directory,
        }
    }

    pub fn root(&self) -> &Path {
        self.directory.path()
    }

    /// Another Estiba on the same state.
    pub fn another_target(&self) -> LocalTarget {
        target(self.root())
    }

    /// An instance of the workload `api` that runs the application with `args`.
    pub fn instance(&self, generation: u8, args: &[&str]) -> InstanceSpec {
        let workload = name("api");
        let fingerprint = Fingerprint::from_hash(&[generation; 32]);
        InstanceSpec {
            instance: InstanceName::of(&workload, &fingerprint, 0),
            of: WorkloadSpec {
                environment: self.environment.clone(),
                workload,
                version: format!("v{generation}").parse().unwrap(),
                fingerprint,
                containers: vec![container("main", args)],
                exposure: Exposure::default(),
                secrets: Vec::new(),
            },
        }
    }

    /// One that serves HTTP, and says by `/health` whether it is ready.
    pub fn server(&self, generation: u8, options: &[&str]) -> InstanceSpec {
        let args: Vec<_> = ["serve"].iter().chain(options).copied().collect();
        let mut spec = self.instance(generation, &args);
        spec.of.exposure = exposure();
        spec.of.containers[0].readiness = Some(http_probe("/health"));
        spec
    }

    pub fn migration(&self, args: &[&str]) -> TaskSpec {
        TaskSpec {
            task: estiba_target::Task::Migration,
            time_limit: None,
            environment: self.environment.clone(),
            workload: name("api"),
            version: "v1".parse().unwrap(),
            fingerprint: Fingerprint::from_hash(&[1; 32]),
            container: container("migrate", args),
            secrets: Vec::new(),
        }
    }

    pub async fn start(&self, spec: &InstanceSpec) {
        self.target.start(spec, &self.told).await.unwrap();
    }

    pub async fn await_ready(&self, spec: &InstanceSpec) -> Result<(), TargetError> {
        self.target
            .await_ready(&self.environment, &spec.instance, SOON)
            .await
    }

    /// Starts it, waits, and fails with its log.
    pub async fn bring_up(&self, spec: &InstanceSpec) {
        self.start(spec).await;
        if let Err(error) = self.await_ready(spec).await {
            panic!("{error}: {:#?}", error.log());
        }
    }

    pub async fn route(&self, spec: &InstanceSpec) {
        let traffic = traffic(spec);
        self.target
            .route(&self.environment, &spec.of.workload, &traffic)
            .await
            .unwrap();
    }

    pub async fn stop(&self, spec: &InstanceSpec) {
        self.target
            .stop(&self.environment, &spec.instance, GRACE)
            .await
            .unwrap();
    }

    pub async fn observed(&self, spec: &InstanceSpec) -> Option<ObservedInstance> {
        let observed = self.target.observe(&self.environment).await.unwrap();
        observed
            .instances
            .into_iter()
            .find(|one| one.name == spec.instance)
    }

    /// Waits until the instance is seen in a state.
    pub async fn until(&self, spec: &InstanceSpec, state: InstanceState) -> ObservedInstance {
        let looking = async {
            loop {
                match self.observed(spec).await {
                    Some(seen) if seen.state == state => return seen,
                    _ => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        let found = tokio::time::timeout(SOON, looking).await;
        match found {
            Ok(seen) => seen,
            Err(_) => panic!("never {state:?}: {:?}", self.observed(spec).await),
        }
    }

    pub async fn log(&self, query: &LogQuery) -> Vec<LogLine> {
        let stream = self
            .target
            .logs(&self.environment, &name("api"), query)
            .await
            .unwrap();
        stream.map(|line| line.unwrap()).collect().await
    }

    pub async fn texts(&self) -> Vec<String> {
        let lines = self.log(&LogQuery::default()).await;
        lines.into_iter().map(|line| line.text).collect()
    }

    /// Waits until some line of the log is as wanted.
    pub async fn until_logged(&self, is_wanted: impl Fn(&str) -> bool) -> String {
        let query = LogQuery {
            follow: true,
            ..LogQuery::default()
        };
        let stream = self
            .target
            .logs(&self.environment, &name("api"), &query)
            .await
            .unwrap();
        let mut wanted = stream.filter_map(|line| {
            let text = line.unwrap().text;
            std::future::ready(is_wanted(&text).then_some(text))
        });
        match tokio::time::timeout(SOON, wanted.next()).await {
            Ok(Some(text)) => text,
            other => panic!("{other:?}: {:#?}", self.texts().await),
        }
    }

    pub async fn url(&self) -> String {
        let urls = self.target.urls(&self.environment).await.unwrap();
        urls.first().expect("no url").url.clone()
    }

    /// A GET through the edge: status and body.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let url = self.url().await;
        let host = url.trim_start_matches("http://").to_owned();
        let port: u16 = host.rsplit(':').next().unwrap().parse().unwrap();
        get(([127, 0, 0, 1], port).into(), &host, path)
            .await
            .unwrap()
    }

    pub fn volume(&self) -> ResourceSpec {
        resource("volume", serde_json::Map::new())
    }

    pub fn service_port(&self) -> ResourceSpec {
        let params = serde_json::json!({ "workload": "api", "port": "http" });
        resource("service-port", params.as_object().unwrap().clone())
    }

    /// Ends all that the test left running.
    pub async fn end(self) {
        let observed = self.target.observe(&self.environment).await.unwrap();
        for instance in observed.instances {
            self.target
                .stop(&self.environment, &instance.name, Duration::ZERO)
                .await
                .unwrap();
        }
        self.end_edge().await;
    }

    pub async fn end_edge(&self) {
        let lock = self.root().join("edge/lock");
        if lock.exists() {
            let pid = signal_holder(&lock, Signal::SIGTERM);
            while is_running(pid) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    pub fn kill_supervisor(&self, spec: &InstanceSpec) {
        signal_holder(&self.instance_directory(spec).join("lock"), Signal::SIGKILL);
    }

    pub fn instance_directory(&self, spec: &InstanceSpec) -> PathBuf {
        self.environment_directory()
            .join("instances")
            .join(spec.instance.as_str())
    }

    pub fn logs_of(&self, spec: &InstanceSpec) -> PathBuf {
        self.environment_directory()
            .join("logs/api")
            .join(spec.instance.as_str())
    }

    fn environment_directory(&self) -> PathBuf {
        self.root().join("environments/moria/tp2/test")
    }

    /// The port that the instance listens on.
    pub fn instance_port(&self, spec: &InstanceSpec) -> u16 {
        let labels = std::fs::read(self.instance_directory(spec).join("instance.json")).unwrap();
        let labels: serde_json::Value = serde_json::from_slice(&labels).unwrap();
        u16::try_from(labels["ports"]["http"]["allocated"].as_u64().unwrap()).unwrap()
    }

    /// Where files with secrets are while the instance runs.
    pub fn runtime_directory(&self, spec: &InstanceSpec) -> PathBuf {
        let directory = self.instance_directory(spec);
        let unique = Digest::of(directory.to_str().unwrap().as_bytes());
        let uid = nix::unistd::geteuid();
        let session = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let base = session.filter(|session| session.is_dir()).map_or_else(
            || PathBuf::from(format!("/dev/shm/estiba-{uid}")),
            |session| session.join("estiba"),
        );
        base.join(&unique.hex()[..16])
    }
}

fn resource(kind: &str, params: serde_json::Map<String, serde_json::Value>) -> ResourceSpec {
    ResourceSpec {
        id: ResourceId(format!("{kind}.default#api.data")),
        kind: kind.to_owned(),
        class: "default".to_owned(),
        workload: name("api"),
        params,
        settings: BTreeMap::new(),
        credential: SecretString::new("unused"),
        reach: Reach::Inside,
        fingerprint: Fingerprint::from_hash(&[7; 32]),
    }
}

/// Signals the process that wrote itself into a lock.
fn signal_holder(lock: &Path, signal: Signal) -> Pid {
    let holder: serde_json::Value = serde_json::from_slice(&std::fs::read(lock).unwrap()).unwrap();
    let pid = i32::try_from(holder["pid"].as_i64().unwrap()).unwrap();
    let pid = Pid::from_raw(pid);
    let _ = nix::sys::signal::kill(pid, signal);
    pid
}

/// Whether a process has not ended; one that nobody has waited for yet has.
fn is_running(pid: Pid) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

/// A request for `host` to `address`: status and body.
pub async fn get(
    address: SocketAddr,
    host: &str,
    path: &str,
) -> Result<(u16, String), Box<dyn std::error::Error + Send + Sync>> {
    let stream = tokio::net::TcpStream::connect(address).await?;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio::spawn(connection);
    let request = hyper::Request::get(path)
        .header("host", host)
        .header("connection", "close")
        .body(Empty::<Bytes>::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    let body = response.into_body().collect().await?.to_bytes();
    connection.abort();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

pub fn target(root: &Path) -> LocalTarget {
    LocalTarget::new(LocalConfig {
        root: root.to_owned(),
        images: images().0.clone(),
        helper: app(),
        edge_port: None,
        address: None,
    })
}

pub fn environment(environment: &str) -> EnvironmentId {
    EnvironmentId {
        team: name("moria"),
        project: name("tp2"),
        environment: name(environment),
    }
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}

pub fn image() -> Digest {
    images().1.clone()
}

pub fn container(container: &str, args: &[&str]) -> ContainerSpec {
    ContainerSpec {
        name: name(container),
        image: image(),
        command: Vec::new(),
        args: args.iter().map(ToString::to_string).collect(),
        variables: BTreeMap::new(),
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

pub fn exposure() -> Exposure {
    Exposure {
        ports: BTreeMap::from([(
            "http".to_owned(),
            ExposedPort {
                port: 8080,
                target_port: 3999,
                protocol: Protocol::Tcp,
            },
        )]),
        ..Exposure::default()
    }
}

pub fn http_probe(path: &str) -> Probe {
    Probe {
        http: Some(HttpProbe {
            scheme: HttpScheme::Http,
            host: None,
            port: 3999,
            path: path.to_owned(),
            headers: Vec::new(),
        }),
        exec: None,
    }
}

pub fn traffic(spec: &InstanceSpec) -> Traffic {
    Traffic {
        exposure: spec.of.exposure.clone(),
        instances: BTreeSet::from([spec.instance.clone()]),
    }
}
