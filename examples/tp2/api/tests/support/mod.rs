//! A real PostgreSQL and real processes of the API for the tests.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;
use ureq::Agent;

/// PostgreSQL refuses to run as root; this is `nobody`.
const NOBODY: u32 = 65534;

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A database of its own for one test, gone after it.
pub struct Database {
    pub url: String,
    server: Server,
}

enum Server {
    /// Started by us, in this folder.
    Ours { process: Child, dir: PathBuf },
    /// The one of `DATABASE_URL`, in which we made this database.
    Given { url: String, name: String },
}

impl Database {
    /// None, with the reason on stderr: there is no PostgreSQL here.
    pub fn start() -> Option<Self> {
        let name = format!(
            "tp2_{}_{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        if let Ok(url) = std::env::var("DATABASE_URL") {
            sql(&url, &format!("CREATE DATABASE {name}"));
            let (server, _) = url.rsplit_once('/').expect("DATABASE_URL ends in /NAME");
            return Some(Self {
                url: format!("{server}/{name}"),
                server: Server::Given { url, name },
            });
        }
        let Some(bin) = newest_postgres() else {
            eprintln!("SKIPPED: no DATABASE_URL and no /usr/lib/postgresql/*/bin/postgres");
            return None;
        };
        Some(Self::own(&bin, &name))
    }

    fn own(bin: &Path, name: &str) -> Self {
        let dir = std::env::temp_dir().join(name);
        fs::create_dir(&dir).unwrap();
        let root = dir.metadata().unwrap().uid() == 0;
        if root {
            chown(&dir, Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let program = |program: &str| {
            let mut command = Command::new(bin.join(program));
            command.current_dir(&dir).stdin(Stdio::null());
            if root {
                command.uid(NOBODY).gid(NOBODY);
            }
            command
        };
        let made = program("initdb")
            .args([
                "--pgdata=data",
                "--username=api",
                "--auth=trust",
                "--no-sync",
            ])
            .output()
            .unwrap();
        assert!(
            made.status.success(),
            "{}",
            String::from_utf8_lossy(&made.stderr)
        );
        let port = free_port();
        let mut process = program("postgres")
            .args(["-D", "data", "-h", "127.0.0.1", "-k", "", "-F"])
            .args(["-p", &port.to_string()])
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("ready to accept connections") {
            line.clear();
            assert_ne!(
                log.read_line(&mut line).unwrap(),
                0,
                "postgres did not start"
            );
        }
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self {
            url: format!("postgres://api:s3cret@127.0.0.1:{port}/postgres"),
            server: Server::Ours { process, dir },
        }
    }

    pub fn sql(&self, text: &str) {
        sql(&self.url, text);
    }

    /// As when the machine of the database is switched off.
    pub fn stop(&mut self) -> bool {
        let Server::Ours { process, .. } = &mut self.server else {
            return false;
        };
        if process.try_wait().unwrap().is_none() {
            // What PostgreSQL calls an immediate shutdown.
            kill("QUIT", process);
            process.wait().unwrap();
        }
        true
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        self.stop();
        match &self.server {
            Server::Ours { dir, .. } => fs::remove_dir_all(dir).unwrap(),
            Server::Given { url, name } => sql(url, &format!("DROP DATABASE {name} WITH (FORCE)")),
        }
    }
}

fn newest_postgres() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?;
    versions
        .filter_map(|version| Some(version.ok()?.path().join("bin")))
        .filter(|bin| bin.join("postgres").is_file())
        .max()
}

fn sql(url: &str, text: &str) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
                .await
                .unwrap();
            tokio::spawn(connection);
            client.batch_execute(text).await.unwrap();
        });
}

/// Nobody listens there now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

pub fn kill(signal: &str, process: &Child) {
    let command = format!("kill -{signal} {}", process.id());
    Command::new("sh").args(["-c", &command]).status().unwrap();
}

/// Runs `api migrate`; whether it did, and all that it wrote.
pub fn migrate(database: &str) -> (ExitStatus, String) {
    let output = command(database).arg("migrate").output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status, String::from_utf8(text).unwrap())
}

fn command(database: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_api"));
    command
        .env_clear()
        .env("DATABASE_URL", database)
        .env("LOG_LEVEL", "debug");
    command
}

/// The API, running.
pub struct Api {
    pub process: Child,
    pub port: u16,
    log: BufReader<std::process::ChildStdout>,
    agent: Agent,
}

impl Api {
    pub fn start(database: &str, variables: &[(&str, &str)]) -> Self {
        let port = free_port();
        let mut process = command(database)
            .env("PORT", port.to_string())
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("listening") {
            line.clear();
            assert_ne!(
                log.read_line(&mut line).unwrap(),
                0,
                "the API did not start"
            );
        }
        let agent = Agent::config_builder().http_status_as_error(false).build();
        Self {
            process,
            port,
            log,
            agent: agent.into(),
        }
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    pub fn get(&self, path: &str) -> (u16, Value) {
        answer(self.agent.get(self.url(path)).call())
    }

    pub fn post(&self, path: &str, body: &str) -> (u16, Value) {
        let request = self.agent.post(self.url(path));
        answer(request.content_type("application/json").send(body))
    }

    pub fn delete(&self, path: &str) -> (u16, Value) {
        answer(self.agent.delete(self.url(path)).call())
    }

    /// SIGTERM; how it ended, and the rest of its log.
    pub fn stop(mut self) -> (ExitStatus, String) {
        kill("TERM", &self.process);
        let mut rest = String::new();
        self.log.read_to_string(&mut rest).unwrap();
        (self.process.wait().unwrap(), rest)
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// The status and the JSON, null where there is none.
fn answer(response: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> (u16, Value) {
    let mut response = response.unwrap();
    let body = response.body_mut().read_to_string().unwrap();
    let json = serde_json::from_str(&body).unwrap_or_default();
    (response.status().as_u16(), json)
}
