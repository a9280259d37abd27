//! One project on two targets: a bot here, its API there.

pub mod failing;
pub mod gone;
pub mod moving;
pub mod promoted;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use estiba_heroku_stand_in::{Options, StandIn, Urls};
use serde_json::{Value, json};

use crate::gate::Gate;
use crate::support::cluster;
use crate::support::registry::Registry;
use crate::support::{Done, HEROKU_KEY, Project, copy, source};

const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// A target of this machine.
#[derive(Clone, Copy, PartialEq)]
pub enum Kind {
    Local,
    Docker,
    Kubernetes,
    /// A stand-in, whose dynos are containers of the local engine.
    Heroku,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Docker => "docker",
            Self::Kubernetes => "kubernetes",
            Self::Heroku => "heroku",
        }
    }

    /// Why it can't be tried.
    pub fn missing(self) -> Option<&'static str> {
        let answers = |program: &str, args: &[&str]| {
            let done = Command::new(program).args(args).output();
            done.is_ok_and(|done| done.status.success())
        };
        match self {
            Self::Docker | Self::Heroku if !answers("docker", &["info"]) => {
                Some("`docker info` fails")
            }
            Self::Heroku if !answers("docker-registry", &["--version"]) => {
                Some("there is no docker-registry")
            }
            Self::Kubernetes => cluster::missing(),
            _ => None,
        }
    }
}

/// A gate before the cluster, and a kubeconfig that leads through it.
pub fn gate_before_cluster(file: &Path) -> Arc<Gate> {
    let text = fs::read_to_string(cluster::kubeconfig().unwrap()).unwrap();
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
    heroku: Option<StandIn>,
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
            heroku: None,
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
                    target["address"] = json!(cluster::node_address());
                }
                target
            }
            Kind::Kubernetes => {
                let file = folder.join("kubeconfig");
                self.gates.push((kind, gate_before_cluster(&file)));
                self.registry = Some(Registry::start());
                json!({ "kind": "kubernetes", "kubeconfig": file })
            }
            Kind::Heroku => {
                let options = Options {
                    key: HEROKU_KEY.to_owned(),
                    // Pods reach the gateway of the dynos' network too.
                    urls: Urls::Ports,
                    ..Options::default()
                };
                let heroku = StandIn::start(options).unwrap();
                let port = heroku.api().rsplit(':').next().unwrap().to_owned();
                let (gate, own) = Gate::before_port(port.parse().unwrap());
                self.gates.push((kind, gate));
                let registry = heroku.registry();
                self.heroku = Some(heroku);
                let api = format!("http://127.0.0.1:{own}");
                json!({ "kind": "heroku", "api": api, "registry": registry })
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
        let mut score = json!({
            "apiVersion": "score.dev/v1b1",
            "metadata": { "name": "api", "annotations": { "estiba.dev/migration": "migrate" } },
            "containers": {
                "main": {
                    "image": ".",
                    "variables": { "BEHAVIOUR": "${resources.env.BEHAVIOUR}" },
                    "readinessProbe": { "httpGet": { "path": "/health", "port": 3000 } },
                },
                "migrate": { "image": ".", "args": faults.migration },
            },
            "service": { "ports": { "http": { "port": 8080, "targetPort": 3000 } } },
            "resources": { "env": { "type": "environment" } },
        });
        keep_data(&mut score, api);
        write("api/score.yaml", &score);
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

/// Data of the API in what its target has for that.
fn keep_data(score: &mut Value, target: Kind) {
    let (kind, place) = match target {
        Kind::Heroku => ("postgres", "variables"),
        _ => ("volume", "volumes"),
    };
    score["resources"]["data"] = json!({ "type": kind });
    for container in ["main", "migrate"] {
        let place = &mut score["containers"][container][place];
        match target {
            Kind::Heroku => place["DATABASE_HOST"] = json!("${resources.data.host}"),
            _ => place["/data"] = json!({ "source": "${resources.data}" }),
        }
    }
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
