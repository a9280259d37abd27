//! The `kubernetes` target: the cluster of `KUBECONFIG`, with a registry of the
//! kit's own on loopback, from which its node has to be able to pull.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value, json};

use super::kubernetes_volumes::{Volumes, makes_no_volumes};
use super::tool::{output, unknown_kind, works};
use super::{Foreign, Place};
use crate::behaviour::Need;
use crate::bench::{Kit, eventually};
use crate::support::registry::Registry;
use crate::support::{Address, get};

/// What may be seen of a namespace by those who may not see its secrets.
const SEEN: &str = "deployments,replicasets,statefulsets,jobs,pods,services,configmaps,\
    persistentvolumeclaims,ingresses,serviceaccounts,events";

/// How long a busy node may take to learn of a service.
const ROUTE_LIMIT: Duration = Duration::from_secs(60);
/// The first version that can tell a command the end of its input.
const ENDS_INPUT: u32 = 30;

#[derive(Default)]
pub struct Cluster {
    /// Started on first use.
    registry: Mutex<Option<Registry>>,
    volumes: Mutex<Option<Volumes>>,
    /// Addresses of services that this machine is known to route.
    routed: Mutex<BTreeSet<String>>,
}

impl Cluster {
    /// A node learns of a new service moments later. Until then, its address leads
    /// out of the machine, where anybody may answer that they have no such page:
    /// every workload of the kit has this one.
    fn await_route(&self, address: &Address) {
        let is_routed = || match get(address, "/health") {
            Ok(answer) => answer.status != 404,
            // There is a route, to a workload that can't answer now.
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        };
        if !self.routed.lock().unwrap().contains(&address.socket) {
            eventually("a route to the service", ROUTE_LIMIT, is_routed);
            self.routed.lock().unwrap().insert(address.socket.clone());
        }
    }
}

/// Whether the cluster's ingress answers where names below `localhost` lead.
fn has_ingress() -> bool {
    const HTTP: u16 = 80;
    let classes = output(&mut kubectl(&["get", "ingressclasses", "-o", "name"]));
    !classes.is_empty() && TcpStream::connect((Ipv4Addr::LOCALHOST, HTTP)).is_ok()
}

fn kubeconfig() -> PathBuf {
    std::env::var_os("KUBECONFIG")
        .map(PathBuf::from)
        .unwrap_or_default()
}

pub(super) fn kubectl(args: &[&str]) -> Command {
    let mut command = Command::new("kubectl");
    command
        .arg("--kubeconfig")
        .arg(kubeconfig())
        .arg("--request-timeout=20s")
        .args(args);
    command
}

/// The y of Kubernetes 1.y; 0 where the server does not tell.
fn minor_version() -> u32 {
    let version = output(&mut kubectl(&["version", "-o", "json"]));
    let version: Value = serde_json::from_str(&version).unwrap();
    let minor = text(&version["serverVersion"]["minor"]);
    // Some providers say `27+`.
    minor.trim_end_matches('+').parse().unwrap_or_default()
}

/// The labels of an environment's objects, and more.
fn selector(project: &Kit, environment: &str, more: &str) -> String {
    format!(
        "estiba.dev/team={},estiba.dev/project={},estiba.dev/environment={environment}{more}",
        project.team, project.name
    )
}

/// Objects of a kind by their labels.
fn objects(kind: &str, selector: &str) -> Vec<Value> {
    let mut get = kubectl(&["get", kind, "-A", "-l", selector, "-o", "json"]);
    let list: Value = serde_json::from_str(&output(&mut get)).unwrap();
    list["items"].as_array().unwrap().clone()
}

fn namespace(project: &Kit, environment: &str) -> String {
    let found = objects("deployments", &selector(project, environment, ""));
    let first = found
        .first()
        .unwrap_or_else(|| panic!("nothing of {}", project.team));
    text(&first["metadata"]["namespace"])
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value}"))
        .to_owned()
}

impl Place for Cluster {
    fn name(&self) -> &'static str {
        "kubernetes"
    }

    fn missing(&self) -> Option<String> {
        if let Some(why) = unknown_kind("kubernetes") {
            return Some(why);
        }
        if kubeconfig().as_os_str().is_empty() {
            return Some("KUBECONFIG names no cluster".to_owned());
        }
        if !works(&mut kubectl(&["version", "--request-timeout=5s"])) {
            let file = kubeconfig();
            return Some(format!(
                "no cluster answers to kubectl by {}",
                file.display()
            ));
        }
        let has_registry = works(Command::new("docker-registry").arg("--version"));
        (!has_registry).then(|| "there is no docker-registry".to_owned())
    }

    /// A rollout waits for controllers, which look every few seconds.
    fn at_once(&self) -> usize {
        10
    }

    fn lacking(&self) -> Vec<Need> {
        let mut lacking = vec![Need::Streams];
        lacking.extend((!has_ingress()).then_some(Need::Routes));
        lacking.extend((minor_version() < ENDS_INPUT).then_some(Need::EndOfInput));
        lacking
    }

    fn target(&self, _: &Kit) -> Value {
        let mut target = json!({
            "kind": "kubernetes",
            "kubeconfig": kubeconfig(),
            "ingress": "{workload}.{environment}.{project}.{team}.localhost",
        });
        let mut volumes = self.volumes.lock().unwrap();
        if volumes.is_some() || makes_no_volumes() {
            let volumes = volumes.get_or_insert_with(Volumes::make);
            target["storage-class"] = json!(volumes.class);
        }
        target
    }

    fn registry(&self) -> Option<String> {
        let mut registry = self.registry.lock().unwrap();
        let registry = registry.get_or_insert_with(Registry::start);
        Some(format!("127.0.0.1:{}", registry.port))
    }

    fn reach(&self, project: &Kit, environment: &str, workload: &str) -> Address {
        let of = format!(",estiba.dev/workload={workload}");
        let services = objects("services", &selector(project, environment, &of));
        let http = |service: &Value| {
            let ports = service["spec"]["ports"].as_array()?;
            let port = ports.iter().find(|port| port["name"] == "http")?;
            let address = service["spec"]["clusterIP"].as_str()?;
            (address != "None").then(|| format!("{address}:{}", port["port"]))
        };
        let found = services.iter().find_map(http);
        let address = Address {
            socket: found.unwrap_or_else(|| panic!("no service of {workload}")),
            host: workload.to_owned(),
        };
        self.await_route(&address);
        address
    }

    fn heals(&self) -> bool {
        true
    }

    fn kill(&self, project: &Kit, environment: &str, instance: &str) {
        let namespace = namespace(project, environment);
        let force = ["--grace-period=0", "--force", "--wait=false"];
        let delete = ["-n", &namespace, "delete", "pod", instance];
        output(&mut kubectl(&[delete.as_slice(), &force].concat()));
    }

    fn meddle(&self, project: &Kit, environment: &str, workload: &str) {
        let namespace = namespace(project, environment);
        let of = format!(",estiba.dev/workload={workload}");
        let selector = selector(project, environment, &of);
        let set = [
            "-n",
            &namespace,
            "set",
            "env",
            "deployment",
            "-l",
            &selector,
        ];
        output(&mut kubectl(
            &[set.as_slice(), &["GREETING=meddled"]].concat(),
        ));
    }

    fn plant(&self, project: &Kit, environment: &str) -> Box<dyn Foreign> {
        let namespace = namespace(project, environment);
        for (kind, value) in PLANTED {
            let create = ["-n", &namespace, "create", kind, "foreign", value];
            output(&mut kubectl(&create));
        }
        Box::new(Planted { namespace })
    }

    fn inspect(&self, project: &Kit) -> String {
        let namespace = namespace(project, "test");
        output(&mut kubectl(&["-n", &namespace, "get", SEEN, "-o", "yaml"]))
    }

    fn end(&self) {
        self.registry.lock().unwrap().take();
        drop(self.volumes.lock().unwrap().take());
    }
}

/// What is planted, with an argument of `kubectl create`.
const PLANTED: [(&str, &str); 2] = [
    ("configmap", "--from-literal=whose=foreign"),
    ("deployment", "--image=foreign.invalid/none:1"),
];

/// Objects of somebody else in an environment's namespace.
struct Planted {
    namespace: String,
}

impl Foreign for Planted {
    fn assert_untouched(&mut self) {
        for (kind, _) in PLANTED {
            output(&mut kubectl(&[
                "-n",
                &self.namespace,
                "get",
                kind,
                "foreign",
            ]));
        }
    }
}

impl Drop for Planted {
    fn drop(&mut self) {
        works(&mut kubectl(&[
            "delete",
            "namespace",
            "--wait=false",
            &self.namespace,
        ]));
    }
}
