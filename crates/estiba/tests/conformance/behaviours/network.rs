//! How workloads are reached: by people and by one another.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::behaviour::{Behaviour, Need};
use crate::bench::{Bench, Kit};
use crate::score::{self, with_variable};
use crate::support::{Address, get};

pub const ALL: &[Behaviour] = &[
    Behaviour::new(
        "service_port",
        "a workload reaches another by the name that `service-port` gives",
        "un componente llega a otro por el nombre que da `service-port`",
        service_port,
    ),
    Behaviour::new(
        "service_port_survives_change",
        "it still does when that other one was replaced",
        "y sigue llegando cuando ese otro fue reemplazado",
        service_port_survives_change,
    ),
    Behaviour::new(
        "sidecar",
        "the containers of one workload share localhost",
        "los contenedores de un componente comparten localhost",
        sidecar,
    )
    .needing(&[Need::Sidecars]),
    Behaviour::new(
        "route_by_path",
        "two workloads share a host name, each with its path",
        "dos componentes comparten un nombre de host, cada uno con su ruta",
        route_by_path,
    )
    .needing(&[Need::Routes, Need::SharedHosts]),
    Behaviour::new(
        "streaming",
        "an answer in pieces arrives piece by piece",
        "una respuesta en partes llega parte por parte",
        streaming,
    ),
    Behaviour::new(
        "upgrade",
        "a connection can change to another protocol, as WebSocket does",
        "una conexión puede cambiar a otro protocolo, como hace WebSocket",
        upgrade,
    ),
    Behaviour::new(
        "udp",
        "a workload reaches another by UDP",
        "un componente llega a otro por UDP",
        udp,
    )
    .needing(&[Need::Udp]),
];

/// An API, and a front end that knows it as `API`.
fn two(bench: &Bench) -> Kit {
    let project = bench.project();
    project.workload(&score::web("api"));
    let mut front = with_variable(
        score::web("front"),
        "API",
        "http://${resources.api.hostname}:${resources.api.port}",
    );
    front["resources"]["api"] =
        json!({ "type": "service-port", "params": { "workload": "api", "port": "http" } });
    project.workload(&front);
    project.up("1.0.0");
    project
}

fn service_port(bench: &Bench) {
    let project = two(bench);
    assert_eq!(project.get_of("test", "front", "/ask/API/version"), "1.0.0");
    let asked = project.get_of("test", "front", "/ask/API/env/ESTIBA_WORKLOAD");
    assert_eq!(asked, "api");
}

fn service_port_survives_change(bench: &Bench) {
    let project = two(bench);
    let front = project.get_of("test", "front", "/file/proc/self/stat");
    project.run(&["restart", "api", "--env", "test"]).ok();
    project.run(&["scale", "api=2", "--env", "test"]).ok();
    assert_eq!(project.get_of("test", "front", "/ask/API/version"), "1.0.0");
    let started = |stat: &str| stat.split(' ').nth(21).map(str::to_owned);
    let now = project.get_of("test", "front", "/file/proc/self/stat");
    assert_eq!(started(&now), started(&front), "it was left alone");
}

fn sidecar(bench: &Bench) {
    let project = bench.project();
    let mut api = score::web("api");
    api["containers"]["side"] = json!({ "image": ".", "args": ["bot"] });
    project.workload(&api);
    project.up("1.0.0");
    let words = ["exec", "api", "--env", "test", "--container", "side", "--"];
    let asked = [words.as_slice(), &["api", "tell", "self", "/version"]].concat();
    assert_eq!(project.run(&asked).ok().out, "1.0.0");
    assert_eq!(project.instances("test").len(), 1);
}

fn route_by_path(bench: &Bench) {
    let project = bench.project();
    let host = |environment: &str| format!("{environment}.{}.localhost", project.team);
    for (name, path) in [("api", "/path"), ("front", "/env")] {
        let mut score = score::web(name);
        let params = json!({ "host": "${resources.env.HOST}", "path": path, "port": "http" });
        score["resources"]["route"] = json!({ "type": "route", "params": params });
        project.workload(&score);
    }
    for environment in ["test", "prod"] {
        project.set("HOST", &host(environment), environment);
    }
    project.up("1.0.0");
    let address = Address {
        socket: project.place.edge(&project, "test"),
        host: host("test"),
    };
    let said = |path: &str| get(&address, path).unwrap();
    assert_eq!(said("/path/a/b").body, "/path/a/b");
    assert_eq!(said("/env/ESTIBA_WORKLOAD").body, "front");
    assert_eq!(said("/elsewhere").status, 404);
}

/// A request whose answer is read by hand.
fn asked(project: &Kit, head: &str) -> TcpStream {
    let address = project.place.reach(project, "test", "api");
    let mut stream = TcpStream::connect(&address.socket).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let host = address.host;
    write!(stream, "{head}\r\nhost: {host}\r\n\r\n").unwrap();
    stream
}

fn streaming(bench: &Bench) {
    let mut stream = asked(bench.shown(), "GET /stream HTTP/1.1");
    let (begin, mut first) = (Instant::now(), None);
    let (mut text, mut bytes) = (String::new(), [0; 1024]);
    while !text.contains("4\n") {
        let length = stream.read(&mut bytes).unwrap();
        assert_ne!(length, 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&bytes[..length]));
        if text.contains("0\n") && first.is_none() {
            first = Some(begin.elapsed());
        }
    }
    let between = begin.elapsed() - first.unwrap();
    assert!(between > Duration::from_millis(250), "{between:?}");
}

fn upgrade(bench: &Bench) {
    let head = "GET /upgrade HTTP/1.1\r\nconnection: upgrade\r\nupgrade: echo";
    let mut stream = asked(bench.shown(), head);
    let (mut text, mut bytes) = (String::new(), [0; 1024]);
    while !text.ends_with("\r\n\r\n") {
        let length = stream.read(&mut bytes).unwrap();
        assert_ne!(length, 0, "{text}");
        text.push_str(&String::from_utf8_lossy(&bytes[..length]));
    }
    assert!(text.starts_with("HTTP/1.1 101"), "{text}");
    for word in ["one", "two"] {
        stream.write_all(word.as_bytes()).unwrap();
        let length = stream.read(&mut bytes).unwrap();
        assert_eq!(&bytes[..length], word.as_bytes());
    }
}

fn udp(bench: &Bench) {
    let project = bench.project();
    let mut api = score::web("api");
    api["service"]["ports"]["echo"] =
        json!({ "port": 9000, "targetPort": 9000, "protocol": "UDP" });
    project.workload(&api);
    let mut front = with_variable(
        score::web("front"),
        "ECHO",
        "${resources.echo.hostname}:${resources.echo.port}",
    );
    front["resources"]["echo"] =
        json!({ "type": "service-port", "params": { "workload": "api", "port": "echo" } });
    project.workload(&front);
    project.up("1.0.0");
    assert_eq!(project.get_of("test", "front", "/datagram/ECHO"), "ping");
}
