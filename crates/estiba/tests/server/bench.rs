//! A server with a state of its own, and people who ask it.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use reqwest::blocking::{Client, RequestBuilder, Response};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{Project, copy, source};

/// A server that runs.
pub struct Server {
    pub folder: Arc<TempDir>,
    environment: Vec<(&'static str, String)>,
    args: Vec<String>,
    pub url: String,
    /// The key of an admin, `ana`.
    pub admin: String,
    process: Child,
    http: Client,
}

/// The variable with the database of a server.
pub const DATABASE: &str = "ESTIBA_DATABASE_URL";

fn estiba(folder: &TempDir, args: &[&str], environment: &[(&str, String)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_estiba"));
    command
        .args(args)
        .current_dir(folder.path())
        .env("ESTIBA_STATE_DIR", folder.path().join("state"))
        .env("LC_ALL", "C")
        .env_remove("ESTIBA_URL")
        .envs(environment.iter().cloned())
        .stdin(Stdio::null());
    command
}

impl Server {
    pub fn start() -> Self {
        Self::with(&[])
    }

    pub fn with(args: &[&str]) -> Self {
        Self::within(Vec::new(), args)
    }

    /// One with variables.
    pub fn within(environment: Vec<(&'static str, String)>, args: &[&str]) -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let create = [
            "token", "create", "first", "--login", "ana", "--role", "admin",
        ];
        let made = estiba(&folder, &create, &environment).output().unwrap();
        let admin = String::from_utf8(made.stdout).unwrap().trim().to_owned();
        assert!(
            admin.starts_with("estiba_"),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        // The first to choose chooses for the process; it is the same everywhere.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let (process, url) = listening(&folder, args, &environment);
        Self {
            folder,
            environment,
            args: args.iter().map(|arg| (*arg).to_owned()).collect(),
            url,
            admin,
            process,
            http: Client::builder().build().unwrap(),
        }
    }

    /// Another one on the same state.
    pub fn beside(&self) -> Self {
        let (process, url) = listening(&self.folder, &[], &self.environment);
        Self {
            folder: Arc::clone(&self.folder),
            environment: self.environment.clone(),
            args: Vec::new(),
            url,
            admin: self.admin.clone(),
            process,
            http: self.http.clone(),
        }
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// `kill -9`, and another one on the same state.
    pub fn killed_and_started(&mut self) {
        self.kill();
        let args: Vec<&str> = self.args.iter().map(String::as_str).collect();
        (self.process, self.url) = listening(&self.folder, &args, &self.environment);
    }

    /// Told to end, it ends well.
    pub fn end(&mut self) {
        let pid = Pid::from_raw(self.process.id().try_into().unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        assert!(self.process.wait().unwrap().success());
    }

    pub fn request(&self, method: &str, path: &str, key: &str) -> RequestBuilder {
        let method = method.parse().unwrap();
        let request = self.http.request(method, format!("{}{path}", self.url));
        match key {
            "" => request,
            key => request.bearer_auth(key),
        }
    }

    pub fn send(&self, method: &str, path: &str, key: &str, body: &Value) -> Response {
        self.request(method, path, key).json(body).send().unwrap()
    }

    pub fn get(&self, path: &str, key: &str) -> Response {
        self.request("GET", path, key).send().unwrap()
    }

    pub fn team(&self, team: &str) {
        let made = self.send(
            "POST",
            "/api/v1/teams",
            &self.admin,
            &json!({ "name": team }),
        );
        assert_eq!(made.status(), 201, "{}", made.text().unwrap());
    }

    /// A person's key.
    pub fn person(&self, team: &str, login: &str, role: &str) -> String {
        let members = format!("/api/v1/teams/{team}/members");
        let member = json!({ "login": login, "role": role });
        let admitted = self.send("POST", &members, &self.admin, &member);
        assert_eq!(admitted.status(), 200, "{}", admitted.text().unwrap());
        self.token(&json!({ "name": login, "scope": { "role": role }, "login": login }))
    }

    /// A key with these terms.
    pub fn token(&self, terms: &Value) -> String {
        let made = self.send("POST", "/api/v1/tokens", &self.admin, terms);
        assert_eq!(made.status(), 201, "{}", made.text().unwrap());
        let made: Value = made.json().unwrap();
        made["key"].as_str().unwrap().to_owned()
    }

    /// A project whose command works through this server with a key.
    pub fn project(&self, team: &str, key: &str) -> Project {
        let project = Project::new().through(&self.url, key);
        copy(&source(), &project.dir());
        let file = project.dir().join("estiba.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(file, text.replace("team: estiba", &format!("team: {team}"))).unwrap();
        project
    }
}

fn listening(folder: &TempDir, args: &[&str], environment: &[(&str, String)]) -> (Child, String) {
    let anywhere: &[&str] = match args.contains(&"--listen") {
        true => &[],
        false => &["--listen", "127.0.0.1:0"],
    };
    let mut process = estiba(folder, &["serve", "--json"], environment)
        .args(anywhere)
        .args(args)
        .stdout(Stdio::piped())
        .stderr(
            std::fs::File::options()
                .create(true)
                .append(true)
                .open(folder.path().join("log"))
                .unwrap(),
        )
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(process.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    let told: Value = serde_json::from_str(&first).unwrap();
    let address = told["address"].as_str().unwrap();
    (process, format!("http://{address}"))
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub const PROJECT: &str = "project: tp2\nteam: TEAM\nworkloads: [api/score.yaml]\ntargets:\n  here: { kind: local }\nenvironments:\n  test: { on: here }\n  prod: { on: here, after: test }\n";
pub const SCORE: &str =
    "apiVersion: score.dev/v1b1\nmetadata: { name: api }\ncontainers:\n  main: { image: . }\n";

/// A server with two teams that have a project each, and the keys of a viewer and a
/// member of the first.
pub fn two_teams() -> (Server, BTreeMap<&'static str, String>) {
    let server = Server::start();
    for team in ["moria", "rohan"] {
        server.team(team);
        let files = json!({ "files": {
            "estiba.yaml": PROJECT.replace("TEAM", team), "api/score.yaml": SCORE,
        }});
        let path = format!("/api/v1/teams/{team}/projects/tp2");
        let put = server.send("PUT", &path, &server.admin, &files);
        assert_eq!(put.status(), 200, "{}", put.text().unwrap());
    }
    let keys = BTreeMap::from([
        ("viewer", server.person("moria", "vera", "viewer")),
        ("member", server.person("moria", "gimli", "member")),
    ]);
    (server, keys)
}
