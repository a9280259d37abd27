//! One project on two targets: a bot here, its API there.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::gate::Gate;
use crate::support::registry::Registry;
use crate::support::{Done, Project, copy, source};

const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// A target of this machine.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Local,
    Docker,
    Kubernetes,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Docker => "docker",
            Self::Kubernetes => "kubernetes",
        }
    }

    /// Why it can't be tried.
    pub fn missing(self) -> Option<&'static str> {
        let answers = |program: &str, args: &[&str]| {
            let done = Command::new(program).args(args).output();
            done.is_ok_and(|done| done.status.success())
        };
        let kubectl = ["get", "--raw=/readyz", "--request-timeout=5s"];
        match self {
            Self::Docker if !answers("docker", &["info"]) => Some("`docker info` fails"),
            Self::Kubernetes if kubeconfig().is_none() || !answers("kubectl", &kubectl) => {
                Some("KUBECONFIG names no cluster that answers")
            }
            _ => None,
        }
    }
}

pub fn kubeconfig() -> Option<PathBuf> {
    std::env::var_os("KUBECONFIG").map(PathBuf::from)
}

/// A gate before the cluster, and a kubeconfig that leads through it.
pub fn gate_before_cluster(file: &Path) -> Arc<Gate> {
    let text = fs::read_to_string(kubeconfig().unwrap()).unwrap();
    let server = text.split("https://127.0.0.1:").nth(1).unwrap();
    let port = server.split(|c: char| !c.is_ascii_digit()).next().unwrap();
    let (gate, own) = Gate::before_port(port.parse().unwrap());
    let from = format!("https://127.0.0.1:{port}");
    let to = format!("https://127.0.0.1:{own}");
    fs::write(file, text.replace(&from, &to)).unwrap();
    gate
}

/// A project that is deployed to two targets, each behind a gate.
struct Crossed {
    project: Project,
    targets: Value,
    gates: Vec<(Kind, Arc<Gate>)>,
    registry: Option<Registry>,
    team: String,
}

impl Crossed {
    /// None, and a word about it, where this machine lacks one of the targets.
    fn new(story: &str, kinds: [Kind; 2]) -> Option<Self> {
        if let Some(why) = kinds.iter().find_map(|kind| kind.missing()) {
            println!("skipped: {why}");
            return None;
        }
        let project = Project::new();
        copy(&source().join("api"), &project.dir().join("api"));
        let mut crossed = Self {
            targets: json!({}),
            gates: Vec::new(),
            registry: None,
            team: format!("{story}-{}", std::process::id()),
            project,
        };
        for kind in kinds {
            crossed.targets[kind.name()] = crossed.target(kind, kinds);
        }
        Some(crossed)
    }

    fn target(&mut self, kind: Kind, kinds: [Kind; 2]) -> Value {
        let folder = self.project.folder.path();
        match kind {
            Kind::Local => json!({ "kind": "local" }),
            Kind::Docker => {
                let socket = folder.join("docker.sock");
                let gate = Gate::before_socket(DOCKER_SOCKET, socket.clone());
                self.gates.push((kind, gate));
                let mut target = json!({ "kind": "docker", "socket": socket });
                if kinds.contains(&Kind::Kubernetes) {
                    target["address"] = json!(node_address());
                }
                target
            }
            Kind::Kubernetes => {
                let file = folder.join("kubeconfig");
                self.gates.push((kind, gate_before_cluster(&file)));
                self.registry = Some(Registry::start());
                json!({ "kind": "kubernetes", "kubeconfig": file })
            }
        }
    }

    fn gate(&self, kind: Kind) -> &Gate {
        let found = self.gates.iter().find(|(one, _)| *one == kind);
        &found.unwrap().1
    }

    /// Writes the project with its workloads where they belong.
    fn place(&self, bot: Kind, api: Kind, faults: &Faults) {
        let mut file = json!({
            "project": "crossed",
            "team": self.team,
            "workloads": ["api/score.yaml", "api/bot.yaml"],
            "targets": self.targets,
            "environments": { "test": {
                "on": { "bot": bot.name(), "api": api.name() },
                "config": { "BEHAVIOUR": faults.behaviour },
            } },
        });
        if let Some(registry) = &self.registry {
            let (port, team) = (registry.port, &self.team);
            file["registry"] = json!(format!("127.0.0.1:{port}/{team}"));
        }
        let write = |path: &str, file: &Value| {
            fs::write(self.project.dir().join(path), file.to_string()).unwrap();
        };
        write("estiba.yaml", &file);
        write(
            "api/score.yaml",
            &json!({
                "apiVersion": "score.dev/v1b1",
                "metadata": { "name": "api", "annotations": { "estiba.dev/migration": "migrate" } },
                "containers": {
                    "main": {
                        "image": ".",
                        "variables": { "BEHAVIOUR": "${resources.env.BEHAVIOUR}" },
                        "volumes": { "/data": { "source": "${resources.data}" } },
                        "readinessProbe": { "httpGet": { "path": "/health", "port": 3000 } },
                    },
                    "migrate": {
                        "image": ".",
                        "args": faults.migration,
                        "volumes": { "/data": { "source": "${resources.data}" } },
                    },
                },
                "service": { "ports": { "http": { "port": 8080, "targetPort": 3000 } } },
                "resources": { "env": { "type": "environment" }, "data": { "type": "volume" } },
            }),
        );
        write(
            "api/bot.yaml",
            &json!({
                "apiVersion": "score.dev/v1b1",
                "metadata": { "name": "bot" },
                "containers": { "main": {
                    "image": ".",
                    "args": faults.bot,
                    "variables": {
                        "API_URL": "http://${resources.api.hostname}:${resources.api.port}",
                    },
                } },
                "resources": { "api": {
                    "type": "service-port",
                    "params": { "workload": "api", "port": "http" },
                } },
            }),
        );
    }

    fn up(&self, version: &str) -> Done {
        self.project.run(&["up", "--version", version])
    }

    /// Asserts that both run a version and that the bot reaches the API. Returns the
    /// names of their instances, without what tells copies apart.
    fn assert_runs(&self, version: &str) -> Vec<String> {
        let instances = self.project.instances("test");
        let made_from = |name: &String| name.rsplit_once('-').unwrap().0.to_owned();
        let instances: Vec<_> = instances.iter().map(made_from).collect();
        assert_eq!(instances.len(), 2, "{instances:?}");
        let status = self.project.status("test");
        assert_eq!(status["deployed"]["version"], version, "{status}");
        assert_eq!(status["drift"].as_array().unwrap().len(), 0, "{status}");
        let exec = ["exec", "bot", "--env", "test", "--"];
        let ask = ["api", "tell", "ask", "API_URL", "/version"];
        let asked = self.project.run(&[exec.as_slice(), &ask].concat()).ok();
        assert_eq!(asked.out, version, "{}", asked.err);
        instances
    }

    /// Where the instances of a workload run.
    fn homes(&self, workload: &str) -> Vec<String> {
        let status = self.project.status("test");
        let instances = status["instances"].as_array().unwrap().iter();
        let of = instances.filter(|one| one["workload"] == workload);
        of.map(|one| one["target"].as_str().unwrap().to_owned())
            .collect()
    }
}

/// An address of this machine that pods can reach: that of its node.
fn node_address() -> String {
    let path = "jsonpath={.items[0].status.addresses[?(@.type==\"InternalIP\")].address}";
    let done = Command::new("kubectl")
        .args(["get", "nodes", "-o", path])
        .output()
        .unwrap();
    String::from_utf8(done.stdout).unwrap()
}

/// What goes wrong in a version.
struct Faults {
    behaviour: &'static str,
    migration: &'static [&'static str],
    bot: &'static [&'static str],
}

const NONE: Faults = Faults {
    behaviour: "good",
    migration: &["migrate"],
    bot: &["bot"],
};

#[test]
fn either_side_that_fails_leaves_both_as_they_were_on_this_machine() {
    failing("failing", Kind::Local, Kind::Docker);
}

#[test]
fn either_side_that_fails_leaves_both_as_they_were_with_a_cluster() {
    failing("failing-k8s", Kind::Kubernetes, Kind::Docker);
}

fn failing(story: &str, bot: Kind, api: Kind) {
    let Some(crossed) = Crossed::new(story, [bot, api]) else {
        return;
    };
    crossed.place(bot, api, &NONE);
    crossed.up("1.0.0").ok();
    let before = crossed.assert_runs("1.0.0");
    let unhealthy = Faults {
        behaviour: "crash",
        ..NONE
    };
    let migration = Faults {
        migration: &["migrate", "badly"],
        ..NONE
    };
    // A program that ends at once.
    let crash = Faults {
        bot: &["migrate", "badly"],
        ..NONE
    };
    for (version, faults) in [("1.1.0", unhealthy), ("1.2.0", migration), ("1.3.0", crash)] {
        crossed.place(bot, api, &faults);
        let failed = crossed.up(version);
        assert_eq!(failed.code, 1, "{version}: {}", failed.out);
        assert!(
            failed.err.contains("1.0.0 runs as before"),
            "{}",
            failed.err
        );
        let after = crossed.assert_runs("1.0.0");
        assert_eq!(after, before, "{version}");
    }
    crossed.place(bot, api, &NONE);
    for (kind, gate) in &crossed.gates {
        // Before the deployment, and in the midst of it.
        gate.shut();
        let failed = crossed.up("2.0.0");
        assert_eq!(failed.code, 1, "{}", failed.out);
        let name = format!("target {} can't be asked", kind.name());
        assert!(failed.err.contains(&name), "{}", failed.err);
        gate.open();
        assert_eq!(crossed.assert_runs("1.0.0"), before);
        goes_away_half_way(&crossed, *kind, gate);
        assert_eq!(crossed.assert_runs("1.0.0"), before);
    }
    crossed.up("2.0.0").ok();
    crossed.assert_runs("2.0.0");
}

/// A target that does not answer any more when the bot is to start, or when the
/// old API is to end: the new one serves by then.
fn goes_away_half_way(crossed: &Crossed, kind: Kind, gate: &Gate) {
    let failed = crossed
        .project
        .watch(&["up", "--version", "2.0.0"], |event| {
            let step = &event["step"];
            let of_bot = step["workload"] == "bot" && step["step"] != "fetch";
            let is_late = of_bot || step["step"] == "stop";
            if event["event"] == "step-started" && step["target"] == kind.name() && is_late {
                gate.shut();
            }
        });
    gate.open();
    let (code, out) = failed;
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("estiba resume --env test"), "{out}");
    let resumed = crossed.project.run(&["resume"]);
    let as_before = resumed.err.contains("1.0.0 runs as before");
    assert!(as_before, "{}", resumed.err);
}

#[test]
fn a_bot_that_moves_is_given_the_address_at_once_on_this_machine() {
    let Some(crossed) = Crossed::new("moving", [Kind::Local, Kind::Docker]) else {
        return;
    };
    moving(&crossed, Kind::Docker, Kind::Local);
    // The other way round, the API is on the machine itself.
    crossed.place(Kind::Docker, Kind::Local, &NONE);
    in_place_at_once(&crossed);
    assert_eq!(crossed.homes("api"), ["local"]);
}

#[test]
fn a_bot_that_moves_is_given_the_address_at_once_with_a_cluster() {
    let Some(crossed) = Crossed::new("moving-k8s", [Kind::Kubernetes, Kind::Docker]) else {
        return;
    };
    moving(&crossed, Kind::Docker, Kind::Kubernetes);
}

/// From where its API is to another target, and back.
fn moving(crossed: &Crossed, home: Kind, away: Kind) {
    for bot in [home, away, home, away] {
        crossed.place(bot, home, &NONE);
        in_place_at_once(crossed);
        assert_eq!(crossed.homes("bot"), [bot.name()]);
    }
}

fn in_place_at_once(crossed: &Crossed) {
    crossed.up("1.0.0").ok();
    crossed.assert_runs("1.0.0");
    let again = crossed.up("1.0.0").ok();
    assert!(again.out.contains("nothing was changed"), "{}", again.out);
}

#[test]
fn a_target_that_is_gone_for_good_does_not_hold_its_environment() {
    let Some(crossed) = Crossed::new("gone", [Kind::Local, Kind::Docker]) else {
        return;
    };
    gone(&crossed, Kind::Docker, Kind::Local);
}

#[test]
fn a_cluster_that_is_gone_for_good_does_not_hold_its_environment() {
    let Some(crossed) = Crossed::new("gone-k8s", [Kind::Kubernetes, Kind::Docker]) else {
        return;
    };
    gone(&crossed, Kind::Kubernetes, Kind::Docker);
}

fn gone(crossed: &Crossed, lost: Kind, kept: Kind) {
    let (name, project) = (lost.name(), &crossed.project);
    crossed.place(lost, kept, &NONE);
    crossed.up("1.0.0").ok();
    crossed.gate(lost).shut();
    crossed.place(kept, kept, &NONE);
    let held = crossed.up("1.1.0");
    assert_eq!(held.code, 1, "{}", held.out);
    let way = format!("--without {name}");
    assert!(held.err.contains(&way), "{}", held.err);

    let up = ["up", "--version", "1.1.0", "--without"];
    let wrong = project.run(&[up.as_slice(), &[kept.name()]].concat());
    assert_eq!(wrong.code, 1, "{}", wrong.out);
    project.run(&[up.as_slice(), &[name]].concat()).ok();
    assert_eq!(crossed.homes("bot"), [kept.name()]);
    let status = project.status("test");
    let problems = status["problems"].to_string();
    assert!(problems.contains(name), "{status}");
    // From now on it holds nothing, and is not forgotten.
    let next = project.run(&["up", "--version", "1.2.0"]).ok();
    assert!(next.err.contains(name), "{}", next.err);

    crossed.gate(lost).open();
    project.run(&["up", "--version", "1.2.0"]).ok();
    crossed.assert_runs("1.2.0");
    let status = project.status("test");
    assert_eq!(status["problems"].as_array().unwrap().len(), 0, "{status}");
    let again = project.run(&["up", "--version", "1.2.0"]).ok();
    assert!(again.out.contains("nothing was changed"), "{}", again.out);
}

#[test]
fn a_promotion_takes_the_same_images_to_another_target_of_this_machine() {
    if let Some(crossed) = Crossed::new("promoted", [Kind::Local, Kind::Docker]) {
        promoted(&crossed, Kind::Local, Kind::Docker);
    }
}

#[test]
fn a_promotion_takes_the_same_images_to_a_cluster() {
    if let Some(crossed) = Crossed::new("promoted-k8s", [Kind::Docker, Kind::Kubernetes]) {
        promoted(&crossed, Kind::Docker, Kind::Kubernetes);
    }
}

fn promoted(crossed: &Crossed, from: Kind, to: Kind) {
    crossed.place(from, from, &NONE);
    let path = crossed.project.dir().join("estiba.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let mut file: Value = serde_json::from_str(&text).unwrap();
    let mut prod = file["environments"]["test"].clone();
    prod["on"] = json!(to.name());
    prod["after"] = json!("test");
    file["environments"]["prod"] = prod;
    fs::write(&path, file.to_string()).unwrap();

    crossed.up("1.0.0").ok();
    let before = running(crossed, from, "test");
    assert!(!before.is_empty());
    // What is in the folder by now does not matter.
    fs::write(crossed.project.dir().join("api/src/main.rs"), "broken").unwrap();
    let promote = ["promote", "--from", "test", "--to", "prod"];
    let (code, out) = crossed.project.watch(&promote, |_| {});
    assert_eq!(code, Some(0), "{out}");
    let events = out.lines().map(|line| serde_json::from_str(line).unwrap());
    let told: Vec<Value> = events
        .filter(|one: &Value| one["event"] == "carried")
        .collect();
    let images = told[0]["images"].as_array().unwrap().iter();
    let images: BTreeSet<String> = images
        .map(|one| one["image"].as_str().unwrap().replace("sha256:", ""))
        .collect();
    assert!(!images.is_empty(), "{out}");
    // Not what Estiba says, but what each runtime has.
    for (kind, environment) in [(from, "test"), (to, "prod")] {
        if kind != Kind::Local {
            assert_eq!(running(crossed, kind, environment), images, "{environment}");
        }
    }
    for environment in ["test", "prod"] {
        let status = crossed.project.status(environment);
        assert_eq!(status["deployed"]["version"], "1.0.0", "{status}");
        assert_eq!(status["drift"].as_array().unwrap().len(), 0, "{status}");
    }
}

/// The digests of the images that a runtime has running for an environment, as it
/// tells them itself.
fn running(crossed: &Crossed, kind: Kind, environment: &str) -> BTreeSet<String> {
    let team = &crossed.team;
    let (program, args) = match kind {
        Kind::Local => {
            let instances = crossed.project.instances(environment);
            return instances.into_iter().collect();
        }
        Kind::Docker => (
            "docker",
            vec![
                "ps".to_owned(),
                "--filter".to_owned(),
                format!("label=dev.estiba.team={team}"),
                "--filter".to_owned(),
                format!("label=dev.estiba.environment={environment}"),
                "--filter".to_owned(),
                "label=dev.estiba.workload".to_owned(),
                "--format".to_owned(),
                "{{.Image}}".to_owned(),
            ],
        ),
        Kind::Kubernetes => (
            "kubectl",
            vec![
                "get".to_owned(),
                "pods".to_owned(),
                "-A".to_owned(),
                "-l".to_owned(),
                format!(
                    "estiba.dev/team={team},estiba.dev/environment={environment},app.kubernetes.io/component=instance"
                ),
                "-o".to_owned(),
                "jsonpath={range .items[*].spec.containers[*]}{.image}{\"\\n\"}{end}".to_owned(),
            ],
        ),
    };
    let done = Command::new(program).args(&args).output().unwrap();
    let images = String::from_utf8(done.stdout).unwrap();
    images
        .lines()
        .map(|image| image.rsplit(['-', ':']).next().unwrap().to_owned())
        .collect()
}
