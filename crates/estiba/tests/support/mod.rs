//! A project in a folder of its own, with state of its own, and the real
//! command on it.

#[allow(dead_code, reason = "not every test has a cluster")]
pub mod cluster;
#[allow(dead_code, reason = "not every test runs Node")]
pub mod node;
pub mod registry;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use serde_json::Value;
use tempfile::TempDir;

/// The key of stand-ins of Heroku, which opens nothing else.
pub const HEROKU_KEY: &str = "stand-in-key-of-tests";
/// The value of a secret, to be found nowhere.
pub const SECRET: &str = "planted-s3cret-4711";

pub struct Project {
    pub folder: Arc<TempDir>,
    name: String,
    /// The address of a server and a key for it.
    server: Option<(String, String)>,
}

/// A command that ended.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Done {
    pub fn of(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// # Panics
    /// When the command did not end well.
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}\n{}", self.out, self.err);
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }
}

/// Where a workload answers.
pub struct Address {
    /// What to connect to.
    pub socket: String,
    /// The host name to ask for.
    pub host: String,
}

/// What an HTTP request brought.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub body: String,
}

/// One GET on a connection of its own.
pub fn get(address: &Address, path: &str) -> std::io::Result<Answer> {
    let mut stream = TcpStream::connect(&address.socket)?;
    let host = &address.host;
    let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|code| code.parse().ok());
    let body = answer.split_once("\r\n\r\n");
    match (status, body) {
        (Some(status), Some((_, body))) => Ok(Answer {
            status,
            body: body.to_owned(),
        }),
        _ => Err(std::io::Error::other(format!("cut short: {answer:?}"))),
    }
}

impl Project {
    /// A project with no file yet, in a folder of its own.
    pub fn new() -> Self {
        Self::within(&Arc::new(tempfile::tempdir().unwrap()), "project")
    }

    /// A project with no file yet, which shares its state with others.
    pub fn within(folder: &Arc<TempDir>, name: &str) -> Self {
        let project = Self {
            folder: Arc::clone(folder),
            name: name.to_owned(),
            server: None,
        };
        std::fs::create_dir(project.dir()).unwrap();
        project
    }

    /// The same project, through a server.
    #[allow(dead_code, reason = "not every test has a server")]
    pub fn through(mut self, url: &str, key: &str) -> Self {
        self.turn_to(url, key);
        self
    }

    /// Goes through a server from now on.
    #[allow(dead_code, reason = "not every test has a server")]
    pub fn turn_to(&mut self, url: &str, key: &str) {
        self.server = Some((url.to_owned(), key.to_owned()));
    }

    pub fn dir(&self) -> PathBuf {
        self.folder.path().join(&self.name)
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        // An Estiba that was built elsewhere can be tried as well.
        let built = std::env::var_os("ESTIBA_UNDER_TEST");
        let built = built.unwrap_or_else(|| env!("CARGO_BIN_EXE_estiba").into());
        let mut command = Command::new(built);
        command
            .args(args)
            .current_dir(self.dir())
            .env("ESTIBA_STATE_DIR", self.state())
            .env("LC_ALL", "C")
            .env("HEROKU_API_KEY", HEROKU_KEY)
            // One build for all tests: the sources are the same.
            .env(
                "CARGO_TARGET_DIR",
                concat!(env!("CARGO_TARGET_TMPDIR"), "/project"),
            )
            .stdin(Stdio::null());
        if let Some((url, key)) = &self.server {
            command.env("ESTIBA_URL", url).env("ESTIBA_TOKEN", key);
        }
        command
    }

    pub fn run(&self, args: &[&str]) -> Done {
        Done::of(&self.command(args).output().unwrap())
    }

    pub fn with_input(&self, args: &[&str], input: &str) -> Done {
        let mut child = self
            .command(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        Done::of(&child.wait_with_output().unwrap())
    }

    /// Runs a command with `--json` and kills it (`kill -9`) when it has told
    /// `count` events named `name`. Returns whether it came to that.
    pub fn kill_at(&self, args: &[&str], name: &str, count: usize) -> bool {
        let mut child = self
            .command(args)
            .arg("--json")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let events = BufReader::new(child.stdout.take().unwrap());
        let mut seen = 0;
        for line in events.lines().map_while(Result::ok) {
            let event: Value = serde_json::from_str(&line).unwrap();
            seen += usize::from(event["event"] == name);
            if seen == count {
                child.kill().unwrap();
                child.wait().unwrap();
                return true;
            }
        }
        child.wait().unwrap();
        false
    }

    /// Runs a command with `--json` and tells its events as they come. Returns its
    /// code and what it wrote.
    #[allow(dead_code, reason = "not every test watches")]
    pub fn watch(&self, args: &[&str], mut seen: impl FnMut(&Value)) -> (Option<i32>, String) {
        let mut command = self.command(args);
        let mut child = command
            .arg("--json")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = String::new();
        let events = BufReader::new(child.stdout.take().unwrap());
        for line in events.lines().map_while(Result::ok) {
            seen(&serde_json::from_str(&line).unwrap());
            out += &format!("{line}\n");
        }
        (child.wait().unwrap().code(), out)
    }

    /// Where `estiba status` says that a workload answers.
    pub fn address(&self, environment: &str, workload: &str) -> Address {
        let status = self.status(environment);
        let urls = status["urls"].as_array().unwrap();
        let url = urls.iter().find(|url| url["workload"] == workload);
        let url = url.unwrap_or_else(|| panic!("no URL of {workload}: {status}"));
        let url = url["url"].as_str().unwrap();
        let authority = url.trim_start_matches("http://").trim_end_matches('/');
        let (host, port) = authority.split_once(':').unwrap_or((authority, "80"));
        let is_name = host.ends_with("localhost");
        Address {
            socket: format!("{}:{port}", if is_name { "127.0.0.1" } else { host }),
            host: host.to_owned(),
        }
    }

    pub fn status(&self, environment: &str) -> Value {
        let all = self.run(&["status", "--json"]).ok().json();
        let found = all.as_array().unwrap().iter();
        found
            .into_iter()
            .find(|status| status["environment"] == environment)
            .unwrap()
            .clone()
    }

    /// The names of an environment's instances, all of which are ready.
    pub fn instances(&self, environment: &str) -> Vec<String> {
        let status = self.status(environment);
        let instances = status["instances"].as_array().unwrap();
        instances
            .iter()
            .map(|instance| {
                assert_eq!(instance["state"], "ready", "{status}");
                instance["name"].as_str().unwrap().to_owned()
            })
            .collect()
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let status = self.run(&["status", "--json"]);
        let all: Vec<Value> = serde_json::from_str(&status.out).unwrap_or_default();
        for environment in all.iter().filter_map(|one| one["environment"].as_str()) {
            let _ = self.run(&["down", "--yes", "--env", environment]);
        }
    }
}

pub fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/project")
}

pub fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            if entry.file_name() != "target" {
                copy(&path, &place);
            }
        } else {
            std::fs::copy(&path, &place).unwrap();
            // Cargo takes a file that is newer for one that changed.
            let written = entry.metadata().unwrap().modified().unwrap();
            let copied = std::fs::File::options().append(true).open(&place).unwrap();
            copied.set_modified(written).unwrap();
        }
    }
}

/// Files below a folder that contain `needle`.
pub fn files_with(folder: &Path, needle: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let (path, kind) = (entry.path(), entry.file_type().unwrap());
            if kind.is_dir() {
                folders.push(path);
            } else if kind.is_file() {
                let bytes = std::fs::read(&path).unwrap_or_default();
                if bytes.windows(needle.len()).any(|w| w == needle.as_bytes()) {
                    found.push(path);
                }
            }
        }
    }
    found
}
