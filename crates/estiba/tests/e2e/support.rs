//! A project in a folder of its own, with state of its own, and the real
//! command on it.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The value of the project's secret, to be found nowhere.
pub const SECRET: &str = "planted-s3cret-4711";

pub struct Project {
    folder: TempDir,
}

/// A command that ended.
#[derive(Debug)]
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Done {
    fn of(output: &Output) -> Self {
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

impl Project {
    /// A copy of the tests' project with its secret set in both environments.
    pub fn new() -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        copy(&source(), &project.dir());
        for environment in ["test", "prod"] {
            project
                .with_input(&["secret", "set", "TOKEN", "--env", environment], SECRET)
                .ok();
        }
        project
    }

    /// A folder with some of the tests' sources, and no file of Estiba.
    pub fn with_sources(folders: &[&str]) -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        for folder in folders {
            let place = project.dir().join(folder);
            copy(&source().join(folder), &place);
            std::fs::remove_file(place.join("score.yaml")).unwrap();
        }
        project
    }

    /// A copy of the project to export, owned by `team`, with its secret set.
    pub fn to_export(team: &str) -> Self {
        let project = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exported");
        copy(&source, &project.dir());
        project.edit("estiba.yaml", "team: moria", &format!("team: {team}"));
        project
            .with_input(&["secret", "set", "TOKEN", "--env", "test"], SECRET)
            .ok();
        project
    }

    pub fn dir(&self) -> PathBuf {
        self.folder.path().join("project")
    }

    pub fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_estiba"));
        command
            .args(args)
            .current_dir(self.dir())
            .env("ESTIBA_STATE_DIR", self.state())
            .env("LC_ALL", "C")
            // One build for all tests: the sources are the same.
            .env(
                "CARGO_TARGET_DIR",
                concat!(env!("CARGO_TARGET_TMPDIR"), "/project"),
            )
            .stdin(Stdio::null());
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

    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.dir().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from}");
        std::fs::write(&path, text.replace(from, to)).unwrap();
    }

    /// The body of a GET through the edge.
    pub fn get(&self, environment: &str, path: &str) -> String {
        let status = self.status(environment);
        let url = status["urls"][0]["url"].as_str().unwrap().to_owned();
        let authority = url.trim_start_matches("http://");
        let (host, port) = authority.split_once(':').unwrap();
        let port = port.trim_end_matches('/');
        let mut stream = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
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

    /// Files below the state that contain `needle`.
    pub fn files_with(&self, needle: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                let kind = entry.file_type().unwrap();
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
}

impl Drop for Project {
    fn drop(&mut self) {
        for environment in ["test", "prod"] {
            let _ = self.run(&["down", "--yes", "--env", environment]);
        }
    }
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/project")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            if entry.file_name() != "target" {
                copy(&path, &place);
            }
        } else {
            std::fs::copy(&path, &place).unwrap();
        }
    }
}
