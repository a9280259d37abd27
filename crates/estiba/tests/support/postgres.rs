//! A PostgreSQL server for tests, which ends with them.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// `nobody` and `nogroup`: PostgreSQL refuses to run as root.
const UNPRIVILEGED: u32 = 65534;

pub struct Postgres {
    /// Of its database `postgres`.
    pub url: String,
    /// Its standard input is open as long as this process lives; then it stops
    /// the server and removes its files.
    _keeper: Child,
}

/// Starts one.
///
/// # Errors
/// Why there is none.
pub fn start() -> Result<Postgres, String> {
    let bin = bin_dir().ok_or("there is no PostgreSQL here")?;
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
    Ok(Postgres {
        url,
        _keeper: keeper,
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
