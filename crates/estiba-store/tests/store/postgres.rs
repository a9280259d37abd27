//! A PostgreSQL server for the tests: the one of `ESTIBA_TEST_POSTGRES_URL`, or
//! one of their own that ends with them.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

use sqlx::any::AnyConnectOptions;
use sqlx::{AnyConnection, AssertSqlSafe, Connection};

/// `nobody` and `nogroup`: PostgreSQL refuses to run as root.
const UNPRIVILEGED: u32 = 65534;

pub struct Server {
    url: AnyConnectOptions,
    /// Its standard input is open as long as this process lives; then it stops
    /// the server and removes its files.
    _keeper: Option<Child>,
}

pub fn server() -> &'static Result<Server, String> {
    static SERVER: OnceLock<Result<Server, String>> = OnceLock::new();
    SERVER.get_or_init(|| match std::env::var("ESTIBA_TEST_POSTGRES_URL") {
        Ok(url) => Ok(Server {
            url: url.parse().unwrap(),
            _keeper: None,
        }),
        Err(_) => start(),
    })
}

impl Server {
    pub async fn create_database(&self, name: &str) -> String {
        self.run(format!("CREATE DATABASE {name}")).await;
        let mut url = self.url.database_url.clone();
        url.set_path(name);
        url.into()
    }

    pub async fn drop_database(&self, name: &str) {
        self.run(format!("DROP DATABASE {name} WITH (FORCE)")).await;
    }

    async fn run(&self, statement: String) {
        sqlx::any::install_default_drivers();
        let mut connection = AnyConnection::connect_with(&self.url).await.unwrap();
        sqlx::query(AssertSqlSafe(statement))
            .execute(&mut connection)
            .await
            .unwrap();
    }
}

fn start() -> Result<Server, String> {
    let bin = bin_dir().ok_or("no PostgreSQL here, and ESTIBA_TEST_POSTGRES_URL is not set")?;
    let dir = tempfile::Builder::new().prefix("estiba-pg-").tempdir();
    let dir = dir.map_err(|e| e.to_string())?.keep();
    let command = |program: &Path| {
        let mut command = Command::new(program);
        command.current_dir(&dir);
        if rustix::process::geteuid().is_root() {
            chown(&dir, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).unwrap();
            command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        }
        command
    };
    let made = command(&bin.join("initdb"))
        .args([
            "-U",
            "estiba",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
            "-D",
            "data",
        ])
        .output()
        .map_err(|e| format!("initdb: {e}"))?;
    if !made.status.success() {
        return Err(format!("initdb: {}", String::from_utf8_lossy(&made.stderr)));
    }
    let script = r#"
        "$1/pg_ctl" -w -D data -l log -o "-c unix_socket_directories='$2' -c listen_addresses='' \
            -c fsync=off -c max_connections=200" start >/dev/null && echo ready || cat log
        read -r _
        "$1/pg_ctl" -m immediate -D data stop >/dev/null
        rm -rf "$2"
    "#;
    let mut keeper = command(Path::new("/bin/sh"))
        .args(["-c", script, "sh"])
        .arg(&bin)
        .arg(&dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|e| e.to_string())?;
    let mut line = String::new();
    BufReader::new(keeper.stdout.take().unwrap())
        .read_line(&mut line)
        .map_err(|e| e.to_string())?;
    if line.trim() != "ready" {
        return Err(format!("PostgreSQL did not start: {line}"));
    }
    let url = format!(
        "postgres://estiba@localhost/postgres?host={}",
        dir.display()
    );
    Ok(Server {
        url: url.parse().unwrap(),
        _keeper: Some(keeper),
    })
}

fn bin_dir() -> Option<PathBuf> {
    let installed = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let mut dirs: Vec<PathBuf> = installed
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    dirs.extend(std::env::split_paths(&path));
    dirs.into_iter()
        .find(|dir| dir.join("initdb").exists() && dir.join("pg_ctl").exists())
}
