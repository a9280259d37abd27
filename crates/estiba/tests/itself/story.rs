//! From `deploy/` to a server and a bot that people use.

use reqwest::blocking::{Client, ClientBuilder};

use crate::course::{Course, team};
use crate::shipped::{Asking, Shipped};
use crate::support::Project;
use crate::support::cluster::{self, kubeconfig, kubectl};
use crate::telegram::{Person, Telegram};

const ANA: Person = Person {
    number: 11,
    lang: "en",
};

pub fn on_this_machine() {
    let Some(telegram) = Telegram::start() else {
        return;
    };
    let shipped = Shipped::on_this_machine();
    let no_cluster = cluster::missing();
    let targets = match no_cluster {
        None => {
            let config = std::fs::read_to_string(kubeconfig().unwrap()).unwrap();
            shipped.secret("KUBECONFIG", &config);
            "TARGETS={ cluster: { kind: kubernetes } }"
        }
        Some(_) => "TARGETS={}",
    };
    let admin = shipped.set_up(&telegram.url, &[targets.to_owned()]);
    let address = shipped.project.address("test", "api");
    let (_, port) = address.socket.split_once(':').unwrap();
    let url = format!("http://{}:{port}", address.host);
    let ana = Admin::of(&shipped, &url, &admin);
    ana.links(&telegram);
    match no_cluster {
        Some(why) => println!("skipped: a project for the shipped server: {why}"),
        None => ships_a_course(&telegram, &url, &admin),
    }
    let socket = address.socket.parse().unwrap();
    let client = client_builder().resolve(&address.host, socket);
    let client = client.build().unwrap();
    is_upgraded_and_taken_back(&shipped, client, &url, &admin);
    ana.still_uses(&telegram);
}

pub fn on_a_cluster() {
    if let Some(why) = cluster::missing() {
        println!("skipped: {why}");
        return;
    }
    let Some(telegram) = Telegram::at(&cluster::node_address()) else {
        return;
    };
    let shipped = Shipped::on_a_cluster(&kubeconfig().unwrap());
    let admin = shipped.set_up(&telegram.url, &[]);
    let namespace = format!("estiba-{}-test", std::process::id());
    let path = "jsonpath={.spec.clusterIP}:{.spec.ports[0].port}";
    let service = kubectl(&["-n", &namespace, "get", "service", "estiba-api", "-o", path]);
    let url = format!("http://{service}");
    let ana = Admin::of(&shipped, &url, &admin);
    ana.links(&telegram);
    let client = client_builder().build().unwrap();
    is_upgraded_and_taken_back(&shipped, client, &url, &admin);
    ana.still_uses(&telegram);
}

/// Ana, who has a key of the shipped server.
struct Admin {
    project: Project,
}

impl Admin {
    fn of(shipped: &Shipped, url: &str, key: &str) -> Self {
        let project = Project::within(&shipped.project.folder, "ana").through(url, key);
        Self { project }
    }

    fn links(&self, telegram: &Telegram) {
        self.project.run(&["team", "add", &team()]).ok();
        let code = self.project.run(&["chat-code", "--json"]).ok().json();
        let code = code["code"].as_str().unwrap();
        telegram.write(ANA, &format!("/start {code}"));
        telegram.sees(ANA.number, &["You are", "ana"]);
    }

    fn still_uses(&self, telegram: &Telegram) {
        let teams = self.project.run(&["team", "list", "--json"]).ok().out;
        assert!(teams.contains(&team()), "{teams}");
        let before = telegram.count(ANA.number, "/rollback");
        telegram.write(ANA, "/help");
        crate::place::until("an answer of the bot", || {
            (telegram.count(ANA.number, "/rollback") > before).then_some(())
        });
    }
}

/// The shipped server deploys a project, and its bot tells of it.
fn ships_a_course(telegram: &Telegram, url: &str, key: &str) {
    let course = Course::new(url, key);
    telegram.write(ANA, &format!("/subscribe {}", team()));
    telegram.sees(ANA.number, &["told what happens"]);
    course.project.run(&["up", "--version", "0.1.0"]).ok();
    assert_eq!(course.project.instances("test").len(), 1);
    telegram.sees(ANA.number, &["notes/test", "0.1.0", "succeeded in"]);
    telegram.write(ANA, "/status notes");
    telegram.sees(ANA.number, &["<b>test</b>: 0.1.0", "1 of 1"]);
    course.project.run(&["down", "--yes", "--env", "test"]).ok();
}

/// A new version and the one before, while somebody asks all the time.
fn is_upgraded_and_taken_back(shipped: &Shipped, client: Client, url: &str, key: &str) {
    shipped.assert_runs("1.0.0");
    shipped.rebuild();
    let asking = Asking::begin(client, format!("{url}/api/v1/teams"), key.to_owned());
    shipped.up("1.1.0");
    shipped.assert_runs("1.1.0");
    let back = ["rollback", "--env", "test", "--to", "1.0.0"];
    shipped.project.run(&back).ok();
    shipped.assert_runs("1.0.0");
    let answered = asking.end();
    assert!(answered > 100, "only {answered} requests were tried");
}

/// A client that connects for each request.
fn client_builder() -> ClientBuilder {
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().pool_max_idle_per_host(0)
}
