//! Services outside, tried from inside an environment in which nothing was deployed.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, UdpSocket};
use std::process::Command;

use serde_json::{Value, json};

use crate::cross::Kind;
use crate::support::cluster::{kubeconfig, kubectl, node_address};
use crate::support::registry::Registry;
use crate::support::{Project, SECRET, files_with};

const WSDL: &str = r#"<definitions xmlns="http://schemas.xmlsoap.org/wsdl/">
<portType name="Billing"><operation name="Charge"/></portType></definitions>"#;

/// A service at all addresses of this machine, at this port, for as long as the test
/// runs. One path wants the secret.
fn service() -> u16 {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let first = lines.next().unwrap_or_default();
            let rest: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
            let has_token = rest.iter().any(|line| line.ends_with(SECRET));
            let (status, body) = match first.split(' ').nth(1) {
                Some("/billing?wsdl") => ("200 OK", WSDL),
                Some("/private") if has_token => ("200 OK", ""),
                Some("/private") => ("401 Unauthorized", ""),
                _ => ("404 Not Found", ""),
            };
            let length = body.len();
            // A probe that only connects is gone by then.
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}"
            );
        }
    });
    port
}

/// The address of this machine that others reach.
fn own_address() -> String {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.0.2.1:9").unwrap();
    socket.local_addr().unwrap().ip().to_string()
}

/// A port at which nothing listens.
fn closed() -> u16 {
    let listener = TcpListener::bind("0.0.0.0:0").unwrap();
    listener.local_addr().unwrap().port()
}

struct Story {
    project: Project,
    team: String,
    _registry: Option<Registry>,
}

impl Story {
    /// None, and a word about it, where there is no such target.
    fn new(kind: Kind) -> Option<Self> {
        if let Some(why) = kind.missing() {
            println!("skipped: {why}");
            return None;
        }
        let is_cluster = kind == Kind::Kubernetes;
        let registry = is_cluster.then(Registry::start);
        let project = Project::new();
        let team = format!("preflight-{}-{}", kind.name(), std::process::id());
        let (port, closed) = (service(), closed());
        let host = match is_cluster {
            true => node_address(),
            false => own_address(),
        };
        let mut target = json!({ "kind": kind.name() });
        let mut file = json!({
            "project": "tp2",
            "team": team,
            "workloads": ["score.yaml"],
            "outside": {
                "billing": {
                    "url": format!("http://{host}:{port}/billing?wsdl"),
                    "wsdl": "Charge",
                    "owner": "the billing team",
                },
                "refunds": { "url": format!("http://{host}:{port}/billing?wsdl"), "wsdl": "Refund" },
                "private": { "url": format!("http://{host}:{port}/private"), "token-from": "PARTNER_TOKEN" },
                "shop": { "url": format!("http://{host}:{port}/shop"), "expect": 404 },
                "mail": { "url": format!("tcp://{host}:{closed}"), "owner": "the mail team" },
                "beside": { "url": format!("http://127.0.0.1:{port}/billing?wsdl") },
                "lost": { "url": "https://soap.no-such-name.invalid/" },
                "idle": { "url": format!("tcp://{host}:{port}") },
            },
            "environments": {
                "test": { "on": "here", "outside": { "shop": { "expect": 200 } } },
            },
        });
        if let Some(registry) = &registry {
            file["registry"] = format!("127.0.0.1:{}/{team}", registry.port).into();
            target["kubeconfig"] = json!(kubeconfig());
        }
        file["targets"] = json!({ "here": target });
        let score = json!({
            "apiVersion": "score.dev/v1b1",
            "metadata": { "name": "api" },
            "containers": { "main": { "image": "nginx:1.29" } },
        });
        for (name, file) in [("estiba.yaml", &file), ("score.yaml", &score)] {
            fs::write(project.dir().join(name), file.to_string()).unwrap();
        }
        Some(Self {
            project,
            team,
            _registry: registry,
        })
    }

    /// What there is of the environment on its target.
    fn left(&self, kind: Kind) -> String {
        let docker = |args: &[&str]| {
            let said = Command::new("docker").args(args).output().unwrap().stdout;
            String::from_utf8(said).unwrap()
        };
        let all = match kind {
            Kind::Local => {
                let said = Command::new("find")
                    .arg(self.project.state().join("local"))
                    .output();
                String::from_utf8(said.unwrap().stdout).unwrap()
            }
            Kind::Docker => [
                docker(&["ps", "--all", "--format", "{{.Names}}"]),
                docker(&["network", "ls", "--format", "{{.Name}}"]),
                docker(&["volume", "ls", "--format", "{{.Name}}"]),
            ]
            .concat(),
            Kind::Kubernetes => kubectl(&["get", "namespaces", "-o", "name"]),
            Kind::Heroku => unreachable!("it runs no probes"),
        };
        let left = all.lines().filter(|line| line.contains(&self.team));
        // On this machine, an empty folder of the project stays.
        let left = left.filter(|line| kind != Kind::Local || line.contains("/test"));
        let left: Vec<&str> = left.collect();
        left.join("\n")
    }
}

fn one<'t>(told: &'t Value, service: &str) -> &'t Value {
    let all = told["services"].as_array().unwrap();
    let found = all.iter().find(|one| one["service"] == service);
    found.unwrap_or_else(|| panic!("nothing of {service}: {told}"))
}

fn said(told: &Value, service: &str) -> String {
    let troubles = one(told, service)["troubles"].as_array().unwrap();
    let texts = troubles
        .iter()
        .flat_map(|one| [&one["what"]["en"], &one["advice"]["en"]]);
    texts
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join("\n")
}

fn services_are_tried(kind: Kind) {
    let Some(story) = Story::new(kind) else {
        return;
    };
    let project = &story.project;
    let missing = project.run(&["preflight"]);
    assert_eq!(missing.code, 1, "{}", missing.out);
    let set = "estiba secret set PARTNER_TOKEN --env test";
    assert!(missing.err.contains(set), "{}", missing.err);
    project
        .with_input(&["secret", "set", "PARTNER_TOKEN", "--env", "test"], SECRET)
        .ok();

    let (code, out) = project.watch(&["preflight", "--timeout", "20"], |_| {});
    assert_eq!(code, Some(1), "{out}");
    let told: Value = serde_json::from_str(out.lines().last().unwrap()).unwrap();
    for good in ["billing", "private", "idle"] {
        let found = one(&told, good);
        assert_eq!(found["verdict"], "ok", "{found}");
        assert_eq!(found["target"], "here");
        assert!(found["inside"]["from"].is_string(), "{found}");
    }
    let passed = &one(&told, "billing")["inside"]["passed"];
    assert_eq!(*passed, json!(["dns", "tcp", "http", "wsdl"]));
    for (service, words) in [
        (
            "refunds",
            "its WSDL has no operation \"Refund\"; it has: Charge",
        ),
        ("shop", "it answers with status 404, not 200"),
        (
            "mail",
            "from inside (here) and from this machine: it refuses the connection",
        ),
        ("mail", "ask the mail team whether it runs"),
        ("lost", "correct the name soap.no-such-name.invalid"),
    ] {
        // A machine with no name server can't tell whether there is a name.
        let said = said(&told, service);
        let is_silent = said.contains("the name server does not answer");
        assert!(said.contains(words) || is_silent, "{service}: {said}");
        assert_eq!(one(&told, service)["verdict"], "failed");
    }
    let beside = one(&told, "beside");
    match kind {
        Kind::Local => assert_eq!(beside["verdict"], "ok", "{beside}"),
        Kind::Docker | Kind::Kubernetes | Kind::Heroku => {
            assert_eq!(beside["only_inside"], true, "{beside}");
            let said = said(&told, "beside");
            assert!(
                said.contains("127.0.0.1 is each container itself"),
                "{said}"
            );
        }
    }

    assert!(!out.contains(SECRET), "{out}");
    assert_eq!(
        files_with(project.folder.path(), SECRET),
        Vec::<std::path::PathBuf>::new()
    );
    assert_eq!(story.left(kind), "");

    let here = project.run(&["preflight", "--here"]);
    assert_eq!(here.code, 1, "{}", here.err);
    assert!(here.out.contains("✓ beside"), "{}", here.out);
    assert!(here.out.contains("✗ mail"), "{}", here.out);
}

pub fn services_outside_are_tried_on_this_machine() {
    services_are_tried(Kind::Local);
}

pub fn services_outside_are_tried_in_docker() {
    services_are_tried(Kind::Docker);
}

pub fn services_outside_are_tried_in_a_cluster() {
    services_are_tried(Kind::Kubernetes);
}
