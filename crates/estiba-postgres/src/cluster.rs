//! The server that Estiba starts itself: made once, started when it is needed,
//! and removed with its last database.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::{ErrorKind, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use estiba_model::{Digest, message};
use estiba_target::Progress;
use tokio::process::Command;

use crate::binaries::{self, Binaries};
use crate::error::{At, PostgresError};

/// Above the ports that services use and below those that clients get.
const PORTS: std::ops::Range<u16> = 15432..16000;

/// The superuser. Only the user that Estiba runs as can be it.
pub const OWNER: &str = "estiba";

/// The user that the server runs as where Estiba is root: PostgreSQL refuses
/// to be root. Debian's own for it, else the kernel's overflow user.
const OVERFLOW_ID: u32 = 65534;

/// How often a start is tried, and the pause in between.
const START_TRIES: u32 = 20;
const START_PAUSE: Duration = Duration::from_millis(250);

/// Folders of a server.
#[derive(Debug, Clone)]
pub struct Cluster {
    root: PathBuf,
    /// The user and group to run as; none where Estiba is not root.
    user: Option<(u32, u32)>,
}

/// A server that answers.
#[derive(Debug, Clone)]
pub struct Running {
    /// The folder with its unix socket.
    pub socket_dir: PathBuf,
    /// Its port, which names the socket too.
    pub port: u16,
}

impl Cluster {
    /// The server of the state under `state_root`.
    pub fn under(state_root: &Path) -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self {
                root: state_root.to_owned(),
                user: None,
            };
        }
        // The server's user can't reach into root's own folders.
        let key = Digest::of(state_root.as_os_str().as_encoded_bytes());
        Self {
            root: Path::new("/var/lib/estiba/postgres").join(key.short()),
            user: Some(postgres_user().unwrap_or((OVERFLOW_ID, OVERFLOW_ID))),
        }
    }

    pub fn data_dir(&self) -> PathBuf {
        self.root.join("data")
    }

    /// Unix sockets have short paths only, so they are not below `root`.
    fn socket_dir(&self) -> PathBuf {
        let key = Digest::of(self.root.as_os_str().as_encoded_bytes());
        let uid = rustix::process::geteuid().as_raw();
        std::env::temp_dir().join(format!("estiba-{uid}-{}", key.short()))
    }

    fn port_file(&self) -> PathBuf {
        self.root.join("port")
    }

    pub fn exists(&self) -> bool {
        self.port_file().is_file()
    }

    pub fn port(&self) -> Result<u16, PostgresError> {
        fs::read_to_string(self.port_file())
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .ok_or(PostgresError::NotProvisioned)
    }

    pub fn major_version(&self) -> Option<u32> {
        let text = fs::read_to_string(self.data_dir().join("PG_VERSION")).ok()?;
        text.trim().parse().ok()
    }

    /// Whether the server listens: at its own socket, since somebody else may have its
    /// port while it does not run.
    pub fn answers(&self) -> bool {
        self.port().is_ok_and(|port| {
            let socket = self.socket_dir().join(format!(".s.PGSQL.{port}"));
            UnixStream::connect(socket).is_ok()
        })
    }

    /// Makes and starts the server where that is needed. One process at a time
    /// does.
    pub async fn running(&self, progress: &dyn Progress) -> Result<Running, PostgresError> {
        self.make_folders()?;
        let lock = self.root.join("lock");
        let lock_file = File::create(&lock).at(&lock)?;
        let _held = tokio::task::spawn_blocking(move || lock_file.lock().map(|()| lock_file))
            .await
            .map_err(std::io::Error::other)
            .and_then(|held| held)
            .at(&lock)?;
        let programs = match self.major_version() {
            Some(major) => binaries::for_data(major, &self.download_dir()).ok_or_else(|| {
                PostgresError::OtherVersion {
                    data: major,
                    dir: self.data_dir(),
                }
            })?,
            None => {
                let programs = binaries::for_new_data(&self.download_dir(), progress).await?;
                self.make(&programs).await?;
                programs
            }
        };
        let port = self.free_port()?;
        if !self.answers() {
            self.start(&programs, port).await?;
        }
        Ok(Running {
            socket_dir: self.socket_dir(),
            port,
        })
    }

    fn download_dir(&self) -> PathBuf {
        self.root.join("postgresql")
    }

    fn make_folders(&self) -> Result<(), PostgresError> {
        let socket_dir = self.socket_dir();
        fs::create_dir_all(&self.root).at(&self.root)?;
        match fs::create_dir(&socket_dir) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(error).at(&socket_dir);
            }
            _ => {}
        }
        for dir in [&self.root, &socket_dir] {
            // The server's user needs to get in; root can anyway.
            fs::set_permissions(dir, Permissions::from_mode(0o700)).at(dir)?;
            if let Some((uid, gid)) = self.user {
                chown(dir, Some(uid), Some(gid)).at(dir)?;
            }
        }
        Ok(())
    }

    /// Makes an empty server beside the place and moves it there when it is
    /// whole.
    async fn make(&self, programs: &Binaries) -> Result<(), PostgresError> {
        let unfinished = self.root.join("data.unfinished");
        if unfinished.exists() {
            fs::remove_dir_all(&unfinished).at(&unfinished)?;
        }
        let mut initdb = self.command(&programs.dir.join("initdb"));
        initdb
            .arg("--pgdata")
            .arg(&unfinished)
            .args(["--username", OWNER, "--encoding", "UTF8"])
            .args(["--locale", "C", "--auth-host", "scram-sha-256"])
            .args(["--auth-local", "peer", "--no-sync"]);
        run("initdb", initdb).await?;
        let append = |name: &str, text: String| {
            let path = unfinished.join(name);
            let mut file = File::options().append(true).open(&path).at(&path)?;
            file.write_all(text.as_bytes()).at(&path)
        };
        append("postgresql.conf", self.settings())?;
        let uid = rustix::process::geteuid();
        let user = user_name(uid.as_raw()).unwrap_or_else(|| uid.as_raw().to_string());
        append("pg_ident.conf", format!("owner {user} {OWNER}\n"))?;
        let hba =
            format!("local all {OWNER} peer map=owner\nhost all all 127.0.0.1/32 scram-sha-256\n");
        let path = unfinished.join("pg_hba.conf");
        fs::write(&path, hba).at(&path)?;
        fs::rename(&unfinished, self.data_dir()).at(self.data_dir())
    }

    /// Small, local, and with no statement (which can have a password) in the
    /// log.
    fn settings(&self) -> String {
        let socket_dir = self.socket_dir();
        format!(
            "listen_addresses = '127.0.0.1'\n\
             unix_socket_directories = '{}'\n\
             unix_socket_permissions = 0700\n\
             max_connections = 300\n\
             shared_buffers = 32MB\n\
             log_statement = none\n\
             log_min_error_statement = panic\n\
             log_min_duration_statement = -1\n",
            socket_dir.display()
        )
    }

    /// The port of last time, or one that is free.
    fn free_port(&self) -> Result<u16, PostgresError> {
        if let Ok(port) = self.port() {
            return Ok(port);
        }
        let others = self.ports_of_others();
        let port = PORTS
            .filter(|port| !others.contains(port))
            .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
            .ok_or(PostgresError::NoPort)?;
        let file = self.port_file();
        fs::write(&file, port.to_string()).at(&file)?;
        Ok(port)
    }

    /// Ports of the servers beside this one, which need not run now.
    fn ports_of_others(&self) -> BTreeSet<u16> {
        let beside = self.root.parent().and_then(|all| fs::read_dir(all).ok());
        let files = beside.into_iter().flatten().flatten();
        files
            .filter_map(|other| fs::read_to_string(other.path().join("port")).ok())
            .filter_map(|text| text.trim().parse().ok())
            .collect()
    }

    async fn is_started(&self, programs: &Binaries) -> Result<bool, PostgresError> {
        let mut pg_ctl = self.command(&programs.dir.join("pg_ctl"));
        pg_ctl.arg("status").arg("--pgdata").arg(self.data_dir());
        let status = pg_ctl.output().await.at("pg_ctl")?.status;
        Ok(status.success())
    }

    /// What a killed server leaves behind (its children, its entry in the
    /// process table) bars the next one for a moment.
    async fn start(&self, programs: &Binaries, port: u16) -> Result<(), PostgresError> {
        let mut tries_left = START_TRIES;
        loop {
            tries_left -= 1;
            match self.try_to_start(programs, port).await {
                Err(PostgresError::Tool { .. }) if tries_left > 0 => {
                    tokio::time::sleep(START_PAUSE).await;
                }
                Err(PostgresError::Tool { tool, said }) => {
                    let said = format!("{said} {}", self.last_log_line());
                    return Err(PostgresError::Tool { tool, said });
                }
                other => return other,
            }
        }
    }

    async fn try_to_start(&self, programs: &Binaries, port: u16) -> Result<(), PostgresError> {
        let mut pg_ctl = self.command(&programs.dir.join("pg_ctl"));
        pg_ctl
            .args(["start", "--wait", "--silent", "--timeout", "60"])
            .arg("--pgdata")
            .arg(self.data_dir())
            .arg("--log")
            .arg(self.root.join("postgresql.log"))
            .args(["--options", &format!("-p {port}")]);
        run("pg_ctl", pg_ctl).await
    }

    fn last_log_line(&self) -> String {
        let log = fs::read_to_string(self.root.join("postgresql.log")).unwrap_or_default();
        log.lines().last().unwrap_or_default().to_owned()
    }

    /// Ends the server and removes all of its data.
    pub async fn remove(&self) -> Result<(), PostgresError> {
        if let Some(major) = self.major_version()
            && let Some(programs) = binaries::for_data(major, &self.download_dir())
            && self.is_started(&programs).await?
        {
            let mut pg_ctl = self.command(&programs.dir.join("pg_ctl"));
            pg_ctl
                .args(["stop", "--wait", "--silent", "--mode", "fast"])
                .arg("--pgdata")
                .arg(self.data_dir());
            run("pg_ctl", pg_ctl).await?;
        }
        for path in [self.port_file(), self.root.join("postgresql.log")] {
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).at(&path),
                _ => {}
            }
        }
        for dir in [self.data_dir(), self.socket_dir()] {
            match fs::remove_dir_all(&dir) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error).at(&dir),
                _ => {}
            }
        }
        Ok(())
    }

    /// A program of PostgreSQL's, run as the server's user.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir("/")
            .env("LC_ALL", "C")
            .stdin(std::process::Stdio::null());
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }
}

/// Runs a tool to its end. A server that it starts keeps its output open, so
/// that goes to a file and not to a pipe.
async fn run(tool: &'static str, mut command: Command) -> Result<(), PostgresError> {
    let said = tempfile()?;
    let to_file = || said.try_clone().at(tool);
    let status = command
        .stdout(to_file()?)
        .stderr(to_file()?)
        .status()
        .await
        .at(tool)?;
    if status.success() {
        return Ok(());
    }
    Err(PostgresError::Tool {
        tool,
        said: read_back(said),
    })
}

fn tempfile() -> Result<File, PostgresError> {
    use rustix::fs::{MemfdFlags, memfd_create};
    memfd_create("estiba", MemfdFlags::CLOEXEC)
        .map(File::from)
        .map_err(std::io::Error::from)
        .at("memfd")
}

fn read_back(mut file: File) -> String {
    use std::io::{Read, Seek};
    let mut text = String::new();
    if file.rewind().is_ok() && file.read_to_string(&mut text).is_ok() {
        let lines: Vec<&str> = text.lines().filter(|l| !l.trim().is_empty()).collect();
        return lines[lines.len().saturating_sub(3)..].join(" ");
    }
    message!("(no output)", "(sin salida)").en
}

/// The user and group of Debian's package.
fn postgres_user() -> Option<(u32, u32)> {
    passwd()
        .find(|user| user.name == "postgres")
        .map(|user| (user.uid, user.gid))
}

fn user_name(uid: u32) -> Option<String> {
    passwd().find(|user| user.uid == uid).map(|user| user.name)
}

struct User {
    name: String,
    uid: u32,
    gid: u32,
}

/// The users of this machine (`man 5 passwd`).
fn passwd() -> impl Iterator<Item = User> {
    let text = fs::read_to_string("/etc/passwd").unwrap_or_default();
    let users: Vec<User> = text
        .lines()
        .filter_map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            Some(User {
                name: (*fields.first()?).to_owned(),
                uid: fields.get(2)?.parse().ok()?,
                gid: fields.get(3)?.parse().ok()?,
            })
        })
        .collect();
    users.into_iter()
}
