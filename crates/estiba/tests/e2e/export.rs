//! Exports that are applied for real, with nothing of Estiba around them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Project, SECRET, copy, files_with};

/// What a person fills in.
const VALUES: [(&str, &str); 2] = [
    ("API_DB_PASSWORD", "filled-in-pw1"),
    ("TOKEN", "filled-in-token"),
];

fn works(program: &str, args: &[&str]) -> bool {
    let mut command = Command::new(program);
    let ended = command
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    ended.is_ok_and(|status| status.success())
}

/// The output of a command that ends well.
fn run(folder: &Path, program: &str, args: &[&str]) -> String {
    let output = Command::new(program)
        .args(args)
        .current_dir(folder)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {args:?}: {text}\n{errors}"
    );
    text
}

/// A copy of the project to export, owned by `team`, with its secret set.
fn to_export(team: &str) -> Project {
    let project = Project::new();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exported");
    copy(&source, &project.dir());
    let file = project.dir().join("estiba.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let owned = text.replace("team: moria", &format!("team: {team}"));
    assert_ne!(owned, text);
    std::fs::write(&file, owned).unwrap();
    project
        .with_input(&["secret", "set", "TOKEN", "--env", "test"], SECRET)
        .ok();
    project
}

/// An export of the project, secrets filled in as its README says.
fn exported(project: &Project, format: &str, version: &str) -> PathBuf {
    let folder = project.dir().parent().unwrap().join(format);
    let place = folder.to_str().unwrap();
    project
        .run(&[
            "export",
            format,
            "-o",
            place,
            "--version",
            version,
            "--explain",
        ])
        .ok();
    let with_secret = files_with(project.folder.path(), SECRET);
    assert!(with_secret.is_empty(), "{with_secret:?}");
    let again = project.run(&["export", format, "-o", place]);
    assert!(again.err.contains("is not empty"), "{}", again.err);
    let example = folder.join(".env.example");
    if example.exists() {
        let mut text = std::fs::read_to_string(&example).unwrap();
        for (name, value) in VALUES {
            assert!(text.contains(&format!("{name}=\n")), "{text}");
            text = text.replace(&format!("{name}=\n"), &format!("{name}={value}\n"));
        }
        std::fs::write(folder.join(".env"), text).unwrap();
    }
    if folder.join("fill.sh").exists() {
        run(&folder, "./fill.sh", &[]);
        let filled = std::fs::metadata(folder.join("filled")).unwrap();
        assert_eq!(filled.permissions().mode() & 0o777, 0o700);
    }
    run(&folder, "docker", &["load", "-i", "images/api.tar"]);
    folder
}

fn check_state(state: &str) {
    let state: Value = serde_json::from_str(state).unwrap();
    assert_eq!(state["greeting"], "hello from $HOME", "{state}");
    assert_eq!(state["token"], "filled-in-token", "{state}");
    assert_eq!(state["file"], "token=filled-in-token\n", "{state}");
    assert_eq!(state["motd"], "welcome\n", "{state}");
    assert_eq!(state["environment"], "test", "{state}");
    assert_eq!(state["database"], true, "{state}");
    assert_eq!(state["user"], 1000, "{state}");
}

/// Runs a command when it goes out of scope.
struct Finally(PathBuf, &'static str, Vec<String>);

impl Drop for Finally {
    fn drop(&mut self) {
        let _ = Command::new(self.1)
            .args(&self.2)
            .current_dir(&self.0)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
    }
}

fn finally(folder: &Path, program: &'static str, args: &[&str]) -> Finally {
    let args = args.iter().map(|arg| (*arg).to_owned()).collect();
    Finally(folder.to_owned(), program, args)
}

pub fn a_compose_file_runs_without_estiba() {
    if !works("docker-compose", &["version"]) || !has_base_images() {
        println!("skipped: there is no docker-compose, or the engine has no {BASE_IMAGES:?}");
        return;
    }
    let version = format!("compose-{}", std::process::id());
    let project = to_export("compose");
    let folder = exported(&project, "compose", &version);
    let name = format!("estiba-{version}");
    let _image = finally(
        &folder,
        "docker",
        &["rmi", &format!("exported-api:{version}")],
    );
    let _down = finally(
        &folder,
        "docker-compose",
        &["-p", &name, "down", "-v", "-t", "1"],
    );
    // No port of this machine is taken for the test.
    let text = std::fs::read_to_string(folder.join("docker-compose.yml")).unwrap();
    let text = text.replace("${API_PUBLISHED_PORT:-8080}:3000", "127.0.0.1::3000");
    std::fs::write(folder.join("docker-compose.yml"), text).unwrap();
    run(&folder, "docker-compose", &["-p", &name, "up", "-d"]);
    let container = run(&folder, "docker-compose", &["-p", &name, "ps", "-q", "api"]);
    let container = container.trim();
    let ends = Instant::now() + Duration::from_secs(90);
    let health = ["inspect", "-f", "{{.State.Health.Status}}", container];
    while run(&folder, "docker", &health).trim() != "healthy" {
        assert!(Instant::now() < ends, "api is not healthy");
        std::thread::sleep(Duration::from_millis(500));
    }
    let address = run(&folder, "docker", &["port", container, "3000/tcp"]);
    let url = format!("http://{}/state", address.lines().next().unwrap());
    check_state(&run(&folder, "curl", &["-sf", &url]));
    let notes = "select count(*) from notes";
    let psql = [
        "-p", &name, "exec", "-T", "api-db", "psql", "-U", "exported", "-tAc", notes,
    ];
    assert_eq!(run(&folder, "docker-compose", &psql).trim(), "0");
    let limits = [
        "inspect",
        "-f",
        "{{.HostConfig.Memory}} {{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}",
        container,
    ];
    assert_eq!(
        run(&folder, "docker", &limits).trim(),
        "134217728 true [ALL]"
    );
}

/// What the exported project is built from, and runs beside.
const BASE_IMAGES: [&str; 2] = ["python:3.11-slim", "postgres:15"];

fn has_base_images() -> bool {
    let has = |image: &&str| works("docker", &["image", "inspect", image]);
    BASE_IMAGES.iter().all(has)
}

/// Whether there is a cluster to test with, whose node runs images of the engine.
fn has_cluster() -> bool {
    std::env::var_os("KUBECONFIG").is_some()
        && has_base_images()
        && works("kubectl", &["get", "--raw=/readyz", "--request-timeout=5s"])
}

/// What the API answers within its own pod.
fn state_in(folder: &Path, namespace: &str) -> String {
    let program = "import urllib.request as r; print(r.urlopen('http://exported-api:8080/state').read().decode())";
    let rollout = [
        "-n",
        namespace,
        "rollout",
        "status",
        "deployment/exported-api",
        "--timeout=240s",
    ];
    run(folder, "kubectl", &rollout);
    let wait = [
        "-n",
        namespace,
        "wait",
        "--for=condition=complete",
        "job",
        "--all",
        "--timeout=240s",
    ];
    run(folder, "kubectl", &wait);
    run(
        folder,
        "kubectl",
        &[
            "-n",
            namespace,
            "exec",
            "deployment/exported-api",
            "--",
            "python3",
            "-c",
            program,
        ],
    )
}

pub fn manifests_run_without_estiba() {
    if !has_cluster() {
        println!("skipped: KUBECONFIG names no cluster that answers");
        return;
    }
    let id = std::process::id();
    let project = to_export(&format!("manifests-{id}"));
    let folder = exported(&project, "kubernetes", &format!("kubernetes-{id}"));
    let namespace = format!("manifests-{id}-test");
    let _image = finally(
        &folder,
        "docker",
        &["rmi", &format!("exported-api:kubernetes-{id}")],
    );
    let _gone = finally(
        &folder,
        "kubectl",
        &["delete", "namespace", &namespace, "--wait=false"],
    );
    validate(&folder);
    held_back(&folder, &namespace);
    run(&folder, "kubectl", &["apply", "-k", "."]);
    check_state(&state_in(&folder, &namespace));
    // The plain files say the same.
    let unchanged = run(
        &folder,
        "kubectl",
        &["apply", "-f", "manifests/", "-f", "filled/"],
    );
    assert!(!unchanged.contains("created"), "{unchanged}");
}

/// A migration that fails leaves the pods of its workload waiting.
fn held_back(folder: &Path, namespace: &str) {
    let file = folder.join("manifests/30-api-migration.yaml");
    let good = std::fs::read_to_string(&file).unwrap();
    let bad = good.replace("create table if not exists notes (id int)", "select 1/0");
    assert_ne!(bad, good);
    std::fs::write(&file, bad).unwrap();
    run(folder, "kubectl", &["apply", "-k", "."]);
    let waits = "jsonpath={.items[*].status.initContainerStatuses[?(@.name==\"await-migration\")].state.running}";
    let pods = ["get", "pods", "-l", "estiba.dev/serving=true", "-o", waits];
    let failures = ["get", "jobs", "-o", "jsonpath={.items[*].status.failed}"];
    let ask = |words: &[&str]| run(folder, "kubectl", &[&["-n", namespace], words].concat());
    let ends = Instant::now() + Duration::from_secs(120);
    while ask(&failures).is_empty() || !ask(&pods).contains("startedAt") {
        assert!(Instant::now() < ends, "{}", ask(&["get", "pods"]));
        std::thread::sleep(Duration::from_millis(500));
    }
    let ready = [
        "get",
        "deployment/exported-api",
        "-o",
        "jsonpath={.status.readyReplicas}",
    ];
    assert_eq!(ask(&ready), "");
    ask(&["delete", "jobs", "--all"]);
    std::fs::write(&file, good).unwrap();
}

/// A program that `.ci/run` installs, or one of the PATH.
fn tool(name: &str) -> Option<String> {
    let installed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("../ci-tools/bin");
    let installed = installed.join(name).to_string_lossy().into_owned();
    let mut candidates = [installed, name.to_owned()].into_iter();
    let found = candidates.find(|program| works(program, &["--help"]));
    if found.is_none() {
        println!("skipped: there is no {name}, in target/ci-tools/bin or on the PATH");
    }
    found
}

/// Checks manifests by the schemas of a Kubernetes that is newer than the cluster.
fn validate(folder: &Path) {
    let Some(program) = tool("kubernetes-validate") else {
        return;
    };
    let files = std::fs::read_dir(folder.join("manifests")).unwrap();
    let files = files.map(|file| file.unwrap().path().to_string_lossy().into_owned());
    let files: Vec<String> = files.collect();
    let mut words = vec!["-k", "1.33", "--strict"];
    words.extend(files.iter().map(String::as_str));
    run(folder, &program, &words);
}

/// A real Helm: the program that `ESTIBA_TEST_HELM` names, or one that is installed.
fn helm() -> Option<String> {
    std::env::var("ESTIBA_TEST_HELM")
        .ok()
        .or_else(|| tool("helm"))
}

pub fn a_chart_is_sound_and_runs_without_estiba() {
    let Some(helm) = helm().filter(|_| has_base_images()) else {
        println!("skipped: there is no helm, or the engine has no {BASE_IMAGES:?}");
        return;
    };
    let id = std::process::id();
    let project = to_export(&format!("chart-{id}"));
    let folder = exported(&project, "helm", &format!("helm-{id}"));
    let _image = finally(
        &folder,
        "docker",
        &["rmi", &format!("exported-api:helm-{id}")],
    );
    let values: String = VALUES
        .iter()
        .map(|(n, v)| format!("  {n}: {v}\n"))
        .collect();
    std::fs::write(folder.join("secrets.yaml"), format!("secrets:\n{values}")).unwrap();
    run(
        &folder,
        &helm,
        &["lint", ".", "--strict", "-f", "secrets.yaml"],
    );
    let set = [
        "--set",
        "replicas.api=2",
        "--set",
        "config.GREETING=hi",
        "--set",
        "ingress.hosts.api=other.example.org",
    ];
    let mut template = vec!["template", "exported", ".", "-f", "secrets.yaml"];
    template.extend(set);
    let rendered = run(&folder, &helm, &template);
    for expected in [
        "replicas: 2",
        "GREETING: \"hi\"",
        "host: \"other.example.org\"",
        "kind: PodDisruptionBudget",
    ] {
        assert!(
            rendered.contains(expected),
            "{expected} is not in {rendered}"
        );
    }
    for wrong in [
        "replicas.api=-1",
        "replicas.api=two",
        "replicas.web=1",
        "images.api.tag=",
        "ingress.enabled=perhaps",
        "secret.TOKEN=x",
    ] {
        let mut words = template[..5].to_vec();
        words.extend(["--set", wrong]);
        let refused = Command::new(&helm)
            .args(&words)
            .current_dir(&folder)
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&refused.stderr);
        assert!(!refused.status.success(), "the schema takes {wrong}");
        assert!(told.contains("schema"), "{wrong}: {told}");
    }
    if !has_cluster() {
        println!(
            "skipped: KUBECONFIG names no cluster that answers, so the chart was not installed"
        );
        return;
    }
    let namespace = format!("chart-{id}-test");
    let _gone = finally(
        &folder,
        "kubectl",
        &["delete", "namespace", &namespace, "--wait=false"],
    );
    let install = [
        "install",
        "exported",
        ".",
        "-n",
        &namespace,
        "--create-namespace",
        "-f",
        "secrets.yaml",
        "--wait",
        "--timeout",
        "4m",
    ];
    run(&folder, &helm, &install);
    check_state(&state_in(&folder, &namespace));
    // Another value reaches pods that run.
    let mut upgrade = vec!["upgrade", "--reuse-values", "--set", "config.GREETING=hi"];
    upgrade.extend(&install[1..5]);
    upgrade.extend(["--wait", "--timeout", "4m"]);
    run(&folder, &helm, &upgrade);
    let state: Value = serde_json::from_str(&state_in(&folder, &namespace)).unwrap();
    assert_eq!(state["greeting"], "hi", "{state}");
}
