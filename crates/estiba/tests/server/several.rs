//! Several servers on one PostgreSQL.

use std::fs;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use crate::bench::{DATABASE, Server};
use crate::postgres;
use crate::support::Project;

pub fn another_server_carries_on_what_a_killed_one_had_begun() {
    let postgres = match postgres::start() {
        Ok(postgres) => postgres,
        Err(why) => return println!("skipped: {why}"),
    };
    let one = Server::within(vec![(DATABASE, postgres.url)], &[]);
    let other = one.beside();
    one.team("moria");
    let gimli = one.person("moria", "gimli", "member");
    let mut project = one.project("moria", &gimli);
    let mut servers = [one, other];
    let balancer = Balancer::start();
    project.turn_to(&balancer.url, &gimli);
    balancer.prefers(&servers[0], &servers[1]);
    let secret = ["secret", "set", "TOKEN", "--env", "test"];
    project.with_input(&secret, "a token").ok();
    project.run(&["up", "--version", "1.0.0"]).ok();

    // Each in turn is asked, and killed while an instance is waited for.
    for (asked, version) in [(0, "1.1.0"), (1, "1.2.0")] {
        balancer.prefers(&servers[asked], &servers[1 - asked]);
        starts_slowly(&project, version);
        let mut killed = false;
        let (code, out) = project.watch(&["up", "--version", version], |event| {
            let waits = event["event"] == "step-started" && event["step"]["step"] == "await";
            if waits && !killed {
                servers[asked].kill();
                killed = true;
            }
        });
        assert!(killed, "{version}");
        // Whoever asked is told the end by the other one.
        assert_eq!(code, Some(0), "{out}");
        assert_eq!(project.status("test")["deployed"]["version"], version);
        assert_eq!(project.instances("test").len(), 2);
        servers[asked].killed_and_started();
    }
}

/// One address for two servers: a connection goes to the first that takes it.
struct Balancer {
    url: String,
    servers: Arc<Mutex<Vec<String>>>,
}

impl Balancer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let servers: Arc<Mutex<Vec<String>>> = Arc::default();
        let list = Arc::clone(&servers);
        thread::spawn(move || {
            for coming in listener.incoming().flatten() {
                let list = list.lock().unwrap().clone();
                if let Some(going) = list.iter().find_map(|at| TcpStream::connect(at).ok()) {
                    joined(&coming, &going);
                    joined(&going, &coming);
                }
            }
        });
        Self { url, servers }
    }

    fn prefers(&self, first: &Server, second: &Server) {
        let of = |server: &Server| server.url.trim_start_matches("http://").to_owned();
        *self.servers.lock().unwrap() = vec![of(first), of(second)];
    }
}

/// Sends on what comes, and its end.
fn joined(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
}

/// The next deployment takes seconds, and is of a release of its own.
fn starts_slowly(project: &Project, version: &str) {
    let path = project.dir().join("api/score.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let slow = format!("variables:\n      START_SECONDS: \"3\"\n      RELEASE: \"{version}\"");
    let before = text.split("      BEHAVIOUR:").next().unwrap();
    let before = before.split("variables:").next().unwrap();
    let after = text.split("      BEHAVIOUR:").nth(1).unwrap();
    fs::write(&path, format!("{before}{slow}\n      BEHAVIOUR:{after}")).unwrap();
}
