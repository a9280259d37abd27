//! What a team does to try its environment, through a server: mail, resets, acceptance,
//! and services outside.

use std::net::{IpAddr, TcpListener, UdpSocket};

use rustix::process::{Pid, test_kill_process};
use serde_json::{Value, json};

use crate::bench::Server;
use crate::logs::eventually;
use crate::support::{Project, SECRET, get};

const MAILS: &str = "/api/v1/teams/moria/projects/tests/environments/test/mails";

/// A file of the project with one text in place of another.
fn edit(project: &Project, file: &str, from: &str, to: &str) {
    let path = project.dir().join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file}: {text}");
    std::fs::write(path, text.replace(from, to)).unwrap();
}

/// A project whose API sends mail and has a database, where that may be emptied.
fn project(server: &Server, key: &str) -> Project {
    let project = server.project("moria", key);
    edit(
        &project,
        "estiba.yaml",
        "test: { on: here,",
        "test: { on: here, reset: true,",
    );
    let variables = ["host", "port", "username", "password", "from"].map(|output| {
        let name = output.to_uppercase();
        format!("      SMTP_{name}: ${{resources.mail.{output}}}\n")
    });
    let variables = format!("    variables:\n{}", variables.concat());
    let main = "    variables:\n";
    edit(&project, "api/score.yaml", main, &variables);
    let resources = "resources:\n  mail: { type: smtp }\n  db: { type: postgres }\n";
    edit(&project, "api/score.yaml", "resources:\n", resources);
    for environment in ["test", "prod"] {
        let set = ["secret", "set", "TOKEN", "--env", environment];
        project.with_input(&set, SECRET).ok();
    }
    project.run(&["up", "--version", "1.0.0"]).ok();
    project
}

fn asked(project: &Project, path: &str) -> String {
    get(&project.address("test", "api"), path).unwrap().body
}

fn listed(server: &Server, key: &str) -> Vec<Value> {
    let answer = server.get(MAILS, key);
    assert_eq!(answer.status(), 200);
    answer.json().unwrap()
}

pub fn an_environment_is_tried_through_a_server() {
    let server = Server::start();
    for team in ["moria", "rohan"] {
        server.team(team);
    }
    let gimli = server.person("moria", "gimli", "member");
    let project = project(&server, &gimli);

    mail_is_read(&server, &project, &gimli);
    a_reset_empties(&project);
    acceptance_gates(&project);

    let audit = server.get("/api/v1/teams/moria/audit", &gimli);
    let audit = audit.text().unwrap();
    for action in ["mails.clear", "acceptance.record", "deployment.ask"] {
        assert!(audit.contains(action), "{action}: {audit}");
    }
    for environment in ["test", "prod"] {
        project.run(&["down", "--env", environment, "--yes"]).ok();
    }
}

fn mail_is_read(server: &Server, project: &Project, gimli: &str) {
    let answer = asked(project, "/mail/first");
    assert!(answer.starts_with("250 "), "{answer}");
    let shown = project.run(&["mail", "--env", "test"]).ok();
    assert!(shown.out.contains("first"), "{}", shown.out);
    let viewer = server.person("moria", "balin", "viewer");
    let stranger = server.person("rohan", "eowyn", "member");
    let all = listed(server, &viewer);
    assert_eq!(all[0]["subject"], "first");
    let one = format!("{MAILS}/{}", all[0]["id"]);
    for path in [MAILS, &one, &format!("{one}/raw")] {
        assert_eq!(server.get(path, &viewer).status(), 200, "{path}");
        assert_eq!(server.get(path, &stranger).status(), 404, "{path}");
    }
    assert_eq!(server.get(&format!("{MAILS}/77"), gimli).status(), 404);
    let cleared = server.send("DELETE", MAILS, &viewer, &json!(null));
    assert_eq!(cleared.status(), 403);
    project.run(&["mail", "--clear", "--env", "test"]).ok();
    assert_eq!(listed(server, gimli), Vec::<Value>::new());
}

fn a_reset_empties(project: &Project) {
    let before = project.instances("test");
    let done = project.run(&["reset", "--env", "test", "--yes"]).ok();
    assert!(done.err.contains("empty postgres"), "{}", done.err);
    assert_ne!(project.instances("test"), before);
    assert_eq!(asked(project, "/version"), "1.0.0");
    let refused = project.run(&["reset", "--env", "prod", "--yes"]);
    assert_eq!(refused.code, 1, "{}", refused.out);
    let told = "may not be reset";
    assert!(refused.err.contains(told), "{}", refused.err);
}

fn acceptance_gates(project: &Project) {
    let accept = |script: &str| {
        let words = ["accept", "--env", "test", "--", "sh", "-c", script];
        project.run(&words)
    };
    let promote = || project.run(&["promote", "--from", "test", "--to", "prod"]);
    let failed = accept("echo the list is empty; exit 3");
    assert_eq!(failed.code, 3, "{}", failed.out);
    let refused = promote();
    assert_eq!(refused.code, 1, "{}", refused.out);
    let told = "ended with code 3";
    assert!(refused.err.contains(told), "{}", refused.err);
    // What takes too long ends with all that it started.
    let hanging = "sleep 600 & echo $! > left; sleep 601";
    let limited = ["accept", "--env", "test", "--timeout", "1", "--"];
    let late = project.run(&[&limited[..], &["sh", "-c", hanging]].concat());
    assert_eq!(late.code, 1, "{}", late.out);
    let left = std::fs::read_to_string(project.dir().join("left")).unwrap();
    let left = Pid::from_raw(left.trim().parse().unwrap()).unwrap();
    eventually("its end", || test_kill_process(left).is_err().then_some(()));
    std::fs::remove_file(project.dir().join("left")).unwrap();
    accept("exit 0").ok();
    promote().ok();
}

/// The address of this machine that others reach.
fn own_address() -> IpAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
    socket.connect("192.0.2.1:9").unwrap();
    socket.local_addr().unwrap().ip()
}

pub fn services_outside_are_tried_through_a_server() {
    let server = Server::start();
    server.team("moria");
    let gimli = server.person("moria", "gimli", "member");
    let project = server.project("moria", &gimli);
    let host = own_address();
    let listener = TcpListener::bind((host, 0)).unwrap();
    let open = listener.local_addr().unwrap();
    let closed = TcpListener::bind((host, 0)).unwrap().local_addr().unwrap();
    let outside = format!(
        "outside:\n  there: {{ url: 'tcp://{open}' }}\n  gone: {{ url: 'tcp://{closed}', owner: the mail team }}\nenvironments:"
    );
    edit(&project, "estiba.yaml", "environments:", &outside);
    let set = ["secret", "set", "TOKEN", "--env", "test"];
    project.with_input(&set, SECRET).ok();

    let tried = project.run(&["preflight", "--env", "test", "--timeout", "5"]);
    assert_eq!(tried.code, 1, "{}\n{}", tried.out, tried.err);
    assert!(tried.out.contains("✓ there"), "{}", tried.out);
    assert!(tried.out.contains("✗ gone"), "{}", tried.out);
    assert!(tried.out.contains("the mail team"), "{}", tried.out);
    let here = project.run(&["preflight", "--env", "test", "--here"]);
    assert_eq!(here.code, 1, "{}", here.out);
    assert!(here.err.contains("leave out --here"), "{}", here.err);
    let long = project.run(&["preflight", "--env", "test", "--timeout", "200"]);
    assert_eq!(long.code, 1, "{}", long.out);
    assert!(long.err.contains("from 1 to 50 seconds"), "{}", long.err);
    let history = project.run(&["history", "--env", "test", "--json"]).ok();
    assert_eq!(history.json(), json!([]), "nothing is left of it");
}
