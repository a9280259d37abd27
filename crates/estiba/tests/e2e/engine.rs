//! A Docker Engine that is killed or started again in the midst of a deployment: one
//! of the test's own, so that no other notices.

use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Project, copy, get, source};

/// An engine needs so long, on a busy machine, to start or to end.
const LIMIT: Duration = Duration::from_secs(120);

/// A network that nobody uses (RFC 5737).
const NETWORK: &str = "192.0.2.1/24";

/// A network bridge of the machine, removed when it is dropped. An engine that is told to
/// have none removes `docker0`, which is another engine's.
struct Bridge(String);

impl Bridge {
    fn new() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let number = MADE.fetch_add(1, Ordering::SeqCst);
        let bridge = Self(format!("e2e-{}-{number}", std::process::id()));
        bridge.ip(&["link", "add", "name", &bridge.0, "type", "bridge"]);
        bridge.ip(&["address", "add", NETWORK, "dev", &bridge.0]);
        bridge
    }

    fn ip(&self, args: &[&str]) {
        let done = Command::new("ip").args(args).output().unwrap();
        let error = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{}: {args:?}: {error}", self.0);
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        self.ip(&["link", "delete", &self.0]);
    }
}

/// `dockerd` with state, socket and bridge of its own.
struct Engine {
    folder: TempDir,
    bridge: Bridge,
    running: Option<Child>,
}

impl Engine {
    /// None, and a word about it, where this machine can't start one.
    fn new() -> Option<Self> {
        let found = Command::new("dockerd").arg("--version").output().is_ok();
        if !found || !rustix::process::geteuid().is_root() {
            println!("skipped: there is no `dockerd`, or this is not root");
            return None;
        }
        let mut engine = Self {
            folder: tempfile::tempdir().unwrap(),
            bridge: Bridge::new(),
            running: None,
        };
        engine.start();
        Some(engine)
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("docker.sock")
    }

    fn start(&mut self) {
        let folder = self.folder.path();
        let log = File::create(folder.join("dockerd.log")).unwrap();
        let child = Command::new("dockerd")
            .arg("--host")
            .arg(format!("unix://{}", self.socket().display()))
            .arg("--data-root")
            .arg(folder.join("data"))
            .arg("--exec-root")
            .arg(folder.join("exec"))
            .arg("--pidfile")
            .arg(folder.join("docker.pid"))
            .args(["--bridge", &self.bridge.0])
            .args(["--iptables=false", "--ip6tables=false"])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.running = Some(child);
        let answers = || self.tool(&["info"]).is_ok_and(|out| out.status.success());
        eventually("the engine", answers);
    }

    fn tool(&self, args: &[&str]) -> std::io::Result<std::process::Output> {
        Command::new("docker")
            .arg("--host")
            .arg(format!("unix://{}", self.socket().display()))
            .args(args)
            .output()
    }

    fn end(&mut self, signal: Signal) {
        let Some(mut child) = self.running.take() else {
            return;
        };
        let containerd = self.folder.path().join("exec/containerd/containerd.pid");
        let containerd = fs::read_to_string(containerd).unwrap();
        kill_process(Pid::from_child(&child), signal).unwrap();
        child.wait().unwrap();
        // Its containerd ends a moment after it, and the next one would trust in it.
        let process = PathBuf::from(format!("/proc/{}", containerd.trim()));
        eventually("the end of containerd", || !process.exists());
        // One that is killed leaves this, and would not start again.
        let _ = fs::remove_file(self.folder.path().join("docker.pid"));
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.end(Signal::TERM);
    }
}

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let limit = Instant::now() + LIMIT;
    while !is_so() {
        assert!(Instant::now() < limit, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// An API with a volume on that engine.
fn project(engine: &Engine) -> Project {
    let project = Project::new();
    copy(&source().join("api"), &project.dir().join("api"));
    let write = |path: &str, file: &Value| {
        fs::write(project.dir().join(path), file.to_string()).unwrap();
    };
    write(
        "estiba.yaml",
        &json!({
            "project": "faults",
            "team": format!("engine-{}", std::process::id()),
            "workloads": ["api/score.yaml"],
            "targets": { "here": { "kind": "docker", "socket": engine.socket() } },
            "environments": { "test": { "on": "here" } },
        }),
    );
    write_score(&project);
    project
}

fn write_score(project: &Project) {
    let score = json!({
        "apiVersion": "score.dev/v1b1",
        "metadata": { "name": "api" },
        "containers": { "main": {
            "image": ".",
            "variables": { "BEHAVIOUR": "good" },
            "volumes": { "/data": { "source": "${resources.data}" } },
            "readinessProbe": { "httpGet": { "path": "/health", "port": 3000 } },
        } },
        "service": { "ports": { "http": { "port": 8080, "targetPort": 3000 } } },
        "resources": { "data": { "type": "volume" } },
    });
    fs::write(project.dir().join("api/score.yaml"), score.to_string()).unwrap();
}

fn answers(project: &Project, version: &str) -> bool {
    let api = project.address("test", "api");
    get(&api, "/version").is_ok_and(|answer| (answer.status, &*answer.body) == (200, version))
}

/// Kills the engine at the first step of a kind, and follows what comes of it.
fn killed_at(step: &str) {
    let Some(mut engine) = Engine::new() else {
        return;
    };
    let project = project(&engine);
    project.run(&["up", "--version", "1.0.0"]).ok();
    let (code, out) = project.watch(&["up", "--version", "2.0.0"], |event| {
        if event["event"] == "step-started" && event["step"]["step"] == step {
            engine.end(Signal::KILL);
        }
    });
    assert_eq!(code, Some(1), "{out}");
    assert!(engine.running.is_none(), "no step was {step}: {out}");
    assert!(out.contains("no container engine answers behind"), "{out}");
    assert!(out.contains("estiba resume --env test"), "{out}");

    engine.start();
    // What ran before serves by itself, with no Estiba.
    eventually("version 1.0.0", || answers(&project, "1.0.0"));
    let resumed = project.run(&["resume"]);
    assert!(
        resumed.err.contains("1.0.0 runs as before"),
        "{}",
        resumed.err
    );
    assert_eq!(project.instances("test").len(), 1);
    project.run(&["up", "--version", "2.0.0"]).ok();
    assert!(answers(&project, "2.0.0"));
    assert_eq!(project.instances("test").len(), 1);
}

pub fn an_engine_that_is_killed_before_a_start_leaves_what_served() {
    killed_at("start");
}

pub fn an_engine_that_is_killed_before_a_newcomer_is_ready_leaves_what_served() {
    killed_at("await");
}

pub fn an_engine_that_is_started_again_brings_its_instances_back() {
    let Some(mut engine) = Engine::new() else {
        return;
    };
    let project = project(&engine);
    project.run(&["up", "--version", "1.0.0"]).ok();
    engine.end(Signal::TERM);
    let silent = project.run(&["up", "--version", "2.0.0"]);
    assert_eq!(silent.code, 1, "{}", silent.out);
    let message = "no container engine answers behind";
    assert_eq!(silent.err.matches(message).count(), 1, "{}", silent.err);
    engine.start();
    eventually("version 1.0.0", || answers(&project, "1.0.0"));
    project.run(&["up", "--version", "2.0.0"]).ok();
    assert!(answers(&project, "2.0.0"));
}

pub fn an_image_for_another_processor_is_called_so_and_leaves_what_served() {
    let Some(engine) = Engine::new() else {
        return;
    };
    let project = project(&engine);
    project.run(&["up", "--version", "1.0.0"]).ok();
    let program = fs::read(project.command(&[]).get_program()).unwrap();
    let mut foreign = program[..4096].to_vec();
    // The field e_machine of an ELF header: s390.
    foreign[18..20].copy_from_slice(&[0x16, 0]);
    let layer = project.dir().join("api");
    fs::remove_dir_all(&layer).unwrap();
    fs::create_dir(&layer).unwrap();
    fs::write(layer.join("program"), foreign).unwrap();
    fs::set_permissions(layer.join("program"), fs::Permissions::from_mode(0o755)).unwrap();
    let dockerfile = "FROM scratch\nCOPY program /program\nENTRYPOINT [\"/program\"]\n";
    fs::write(layer.join("Dockerfile"), dockerfile).unwrap();
    write_score(&project);
    let failed = project.run(&["up", "--version", "2.0.0"]);
    assert_eq!(failed.code, 1, "{}", failed.out);
    for said in ["for another processor", "1.0.0 runs as before"] {
        assert!(failed.err.contains(said), "{}", failed.err);
    }
    assert!(answers(&project, "1.0.0"));
}
