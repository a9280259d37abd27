//! A registry that fails, between the command and a cluster, which pulls from it.

#[allow(dead_code, reason = "the other tests of the proxy need more of it")]
#[path = "../../../estiba-image/tests/image/proxy.rs"]
mod proxy;

use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::json;

use self::proxy::{Deal, Proxy};
use crate::support::registry::Registry;
use crate::support::{Done, Project, copy, source};

/// A project on the cluster of KUBECONFIG, and what its registry does.
struct Shipped {
    project: Project,
    proxy: Arc<Proxy>,
    fault: Arc<Mutex<Fault>>,
    team: String,
    _registry: Registry,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    None,
    Down,
    Answers(u16),
    Hangs,
}

impl Shipped {
    fn new(story: &str) -> Option<Self> {
        let kubectl = Command::new("kubectl")
            .args(["get", "--raw=/readyz", "--request-timeout=5s"])
            .output();
        let answers = kubectl.is_ok_and(|done| done.status.success());
        if std::env::var_os("KUBECONFIG").is_none() || !answers {
            println!("skipped: KUBECONFIG names no cluster that answers");
            return None;
        }
        let registry = Registry::start();
        let fault = Arc::new(Mutex::new(Fault::None));
        let now = Arc::clone(&fault);
        let server = format!("127.0.0.1:{}", registry.port);
        let proxy = Proxy::start(&server, move |_| match *now.lock().unwrap() {
            Fault::None => Deal::Pass,
            Fault::Down => Deal::Cut,
            Fault::Answers(status) => {
                Deal::Answer(status, "retry-after: 600\r\n".to_owned(), "{}".to_owned())
            }
            Fault::Hangs => Deal::Hang,
        });
        let shipped = Self {
            project: Project::new(),
            proxy: Arc::new(proxy),
            fault,
            team: format!("{story}-{}", std::process::id()),
            _registry: registry,
        };
        shipped.write(&shipped.project, "one");
        Some(shipped)
    }

    /// Another machine with the same project.
    fn elsewhere(&self, content: &str) -> Project {
        let project = Project::new();
        self.write(&project, content);
        project
    }

    fn write(&self, project: &Project, content: &str) {
        let api = project.dir().join("api");
        copy(&source().join("api"), &api);
        let file = json!({
            "project": "shipped",
            "team": self.team,
            "workloads": ["api/score.yaml"],
            "registry": format!("{}/{}", self.proxy.address, self.team),
            "targets": { "cluster": {
                "kind": "kubernetes",
                "kubeconfig": std::env::var("KUBECONFIG").unwrap(),
            } },
            "environments": { "test": { "on": "cluster" } },
        });
        std::fs::write(project.dir().join("estiba.yaml"), file.to_string()).unwrap();
        let main = api.join("src/main.rs");
        let mut text = std::fs::read_to_string(&main).unwrap();
        text.push_str(&format!(
            "\n#[used]\nstatic CONTENT: &[u8] = b\"the content of {content}\";\n"
        ));
        std::fs::write(&main, text).unwrap();
        let score = json!({
            "apiVersion": "score.dev/v1b1",
            "metadata": { "name": "api" },
            "containers": { "main": {
                "image": ".",
                "readinessProbe": { "httpGet": { "path": "/health", "port": 3000 } },
            } },
            "service": { "ports": { "http": { "port": 8080, "targetPort": 3000 } } },
        });
        std::fs::write(api.join("score.yaml"), score.to_string()).unwrap();
    }

    fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    fn running(&self) -> Vec<String> {
        self.project.instances("test")
    }
}

fn up(project: &Project, version: &str) -> Done {
    project.run(&["up", "--version", version])
}

pub fn a_registry_that_fails_is_told_once_and_leaves_what_runs() {
    let Some(shipped) = Shipped::new("faulty") else {
        return;
    };
    up(&shipped.project, "1.0.0").ok();
    let before = shipped.running();
    let faults = [
        (Fault::Down, "was cut"),
        (Fault::Answers(401), "docker login"),
        (Fault::Answers(405), "`registry` in estiba.yaml"),
        (Fault::Answers(429), "Retry-After: 600 s"),
        (Fault::Hangs, "nothing for 60 s"),
    ];
    for (fault, told) in faults {
        shipped.set(fault);
        let failed = up(&shipped.project, "1.1.0");
        assert_eq!(failed.code, 1, "{fault:?}: {}", failed.out);
        let times = failed.err.matches(told).count();
        assert_eq!(times, 1, "{fault:?}: {}", failed.err);
        shipped.set(Fault::None);
        assert_eq!(shipped.running(), before, "{fault:?}");
        let deployed = shipped.project.status("test")["deployed"]["version"].clone();
        assert_eq!(deployed, "1.0.0", "{fault:?}");
    }
    up(&shipped.project, "1.1.0").ok();
    assert_ne!(shipped.running(), before);
}

pub fn a_version_in_the_registry_is_never_overwritten() {
    let Some(shipped) = Shipped::new("tagged") else {
        return;
    };
    up(&shipped.project, "1.0.0").ok();
    let uploads = |proxy: &Proxy| proxy.seen("PUT").len();
    let sent = uploads(&shipped.proxy);

    let same = shipped.elsewhere("one");
    up(&same, "1.0.0").ok();
    assert_eq!(
        uploads(&shipped.proxy),
        sent,
        "the same content is sent once"
    );

    let before = shipped.running();
    let other = shipped.elsewhere("two");
    let refused = up(&other, "1.0.0");
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(refused.err.contains("never overwritten"), "{}", refused.err);
    assert!(refused.err.contains("is left as it is"), "{}", refused.err);
    assert_eq!(shipped.running(), before);
    let manifests = shipped.proxy.seen("PUT");
    let manifests = manifests
        .iter()
        .filter(|put| put.path.contains("/manifests/"));
    assert_eq!(manifests.count(), 1);
}
