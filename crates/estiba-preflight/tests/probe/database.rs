//! Logins to a real PostgreSQL.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use estiba_preflight::{Fault, Found, Service, Stage};
use tempfile::TempDir;

use crate::certificates::Authority;
use crate::{found, service};

/// `nobody` and `nogroup`: PostgreSQL refuses to run as root.
const UNPRIVILEGED: u32 = 65534;
const PASSWORD: &str = "right-password";

/// Who is let in, from this machine. The first line that fits counts.
const ADMITTED: &str = "\
hostnossl all secure 127.0.0.1/32 reject
hostssl all all 127.0.0.1/32 scram-sha-256
host nobodys all 127.0.0.1/32 reject
host all estiba 127.0.0.1/32 scram-sha-256
";

struct Postgres {
    bin: PathBuf,
    folder: TempDir,
    port: u16,
    authority: Authority,
}

impl Postgres {
    /// None, and a word about it, where this machine has no PostgreSQL.
    fn start() -> Option<Self> {
        let Some(bin) = bin_dir() else {
            println!("skipped: there is no PostgreSQL here");
            return None;
        };
        let port = {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
            listener.local_addr().unwrap().port()
        };
        let server = Self {
            bin,
            folder: tempfile::tempdir().unwrap(),
            port,
            authority: Authority::new("Own CA"),
        };
        server.write("password", PASSWORD, 0o600);
        let auth = ["-U", "estiba", "-A", "scram-sha-256", "--pwfile=password"];
        server.tool(
            "initdb",
            &[&auth[..], &["-E", "UTF8", "--locale=C", "-N", "-D", "data"]].concat(),
        );
        let certificate = server.authority.issue("localhost", -1, 90);
        server.write("data/server.crt", &certificate.pem, 0o600);
        server.write("data/server.key", &certificate.key_pem, 0o600);
        server.write("data/pg_hba.conf", ADMITTED, 0o600);
        let folder = server.folder.path().display();
        let options = format!(
            "-c unix_socket_directories='{folder}' -c listen_addresses=127.0.0.1 -c port={port} -c ssl=on -c fsync=off"
        );
        server.tool(
            "pg_ctl",
            &["-w", "-D", "data", "-l", "log", "-o", &options, "start"],
        );
        Some(server)
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        if rustix::process::geteuid().is_root() {
            chown(&path, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).unwrap();
        }
    }

    fn run(&self, tool: &str, args: &[&str]) -> Output {
        let folder = self.folder.path();
        let mut command = Command::new(self.bin.join(tool));
        if rustix::process::geteuid().is_root() {
            chown(folder, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).unwrap();
            command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        }
        command.args(args).current_dir(folder).output().unwrap()
    }

    fn tool(&self, tool: &str, args: &[&str]) {
        // The server that `pg_ctl` starts would hold a pipe open.
        let folder = self.folder.path();
        let out = fs::File::create(folder.join("out")).unwrap();
        let mut command = Command::new(self.bin.join(tool));
        if rustix::process::geteuid().is_root() {
            chown(folder, Some(UNPRIVILEGED), Some(UNPRIVILEGED)).unwrap();
            command.uid(UNPRIVILEGED).gid(UNPRIVILEGED);
        }
        command.args(args).current_dir(folder);
        command.stdout(out.try_clone().unwrap()).stderr(out);
        let status = command.status().unwrap();
        let said = fs::read_to_string(folder.join("out")).unwrap();
        assert!(status.success(), "{tool}: {said}");
    }

    /// What is found with this user, password, database and TLS.
    async fn found(&self, login: &str, database: &str, mode: &str) -> Found {
        let port = self.port;
        let url = format!("postgres://{login}@localhost:{port}/{database}?sslmode={mode}");
        found(&Service {
            ca: Some(self.authority.pem.clone()),
            ..service(&url)
        })
        .await
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.run("pg_ctl", &["-m", "immediate", "-D", "data", "stop"]);
    }
}

fn bin_dir() -> Option<PathBuf> {
    let installed = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let mut dirs: Vec<PathBuf> = installed
        .filter_map(|entry| Some(entry.ok()?.path().join("bin")))
        .collect();
    let path = std::env::var_os("PATH").unwrap_or_default();
    dirs.extend(std::env::split_paths(&path));
    let is_whole = |dir: &PathBuf| {
        ["initdb", "pg_ctl"]
            .iter()
            .all(|t| Path::new(dir).join(t).exists())
    };
    dirs.into_iter().find(is_whole)
}

#[tokio::test]
async fn a_login_is_tried_and_each_refusal_is_told_apart() {
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let right = format!("estiba:{PASSWORD}");

    for (mode, passed) in [
        ("disable", vec![Stage::Dns, Stage::Tcp, Stage::Login]),
        (
            "require",
            vec![Stage::Dns, Stage::Tcp, Stage::Tls, Stage::Login],
        ),
        (
            "verify-full",
            vec![Stage::Dns, Stage::Tcp, Stage::Tls, Stage::Login],
        ),
    ] {
        let good = postgres.found(&right, "postgres", mode).await;
        assert_eq!(good.failure(), None, "{mode}");
        assert_eq!(good.passed, passed, "{mode}");
    }

    let wrong = postgres
        .found("estiba:wrong-password", "postgres", "disable")
        .await;
    let user = "estiba".to_owned();
    assert_eq!(wrong.failure(), Some(&Fault::WrongPassword { user }));
    assert_eq!(wrong.passed, [Stage::Dns, Stage::Tcp]);

    let database = "notes".to_owned();
    let missing = postgres.found(&right, &database, "disable").await;
    assert_eq!(missing.failure(), Some(&Fault::NoDatabase { database }));

    let plain = postgres.found("secure:any", "postgres", "disable").await;
    let failure = plain.failure();
    assert!(
        matches!(
            failure,
            Some(Fault::NotAdmitted {
                without_tls: true,
                ..
            })
        ),
        "{plain:?}"
    );
    let stranger = postgres.found("stranger:any", "postgres", "disable").await;
    let failure = stranger.failure();
    assert!(
        matches!(failure, Some(Fault::NotAdmitted { .. })),
        "{stranger:?}"
    );

    let untrusting = format!(
        "postgres://{right}@localhost:{}/postgres?sslmode=verify-full",
        postgres.port
    );
    let untrusted = found(&service(&untrusting)).await;
    let failure = untrusted.failure();
    assert!(
        matches!(failure, Some(Fault::UnknownIssuer { .. })),
        "{untrusted:?}"
    );
    let text = serde_json::to_string(&[wrong, plain, untrusted]).unwrap();
    assert!(
        !text.contains("password\":\"") && !text.contains(PASSWORD),
        "{text}"
    );
}
