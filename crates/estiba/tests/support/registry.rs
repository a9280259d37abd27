//! A real registry on loopback: Debian's `docker-registry`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

/// A password as `htpasswd -B` writes it.
const BCRYPT: &str = "$2y$05$abcdefghijklmnopqrstuukWHDOsghxNA58cldstfsV5pxECes0yO";

pub struct Registry {
    pub port: u16,
    process: Child,
    _folder: TempDir,
}

impl Registry {
    /// One that takes everything from everybody.
    pub fn start() -> Self {
        Self::with(|_, _| ())
    }

    /// One that opens to `student` with the password `opens-it`.
    #[allow(dead_code, reason = "not every test locks its registry")]
    pub fn locked() -> Self {
        Self::with(|config, folder| {
            let users = folder.join("users");
            fs::write(&users, format!("student:{BCRYPT}\n")).unwrap();
            config["auth"] = json!({ "htpasswd": { "realm": "course", "path": users } });
        })
    }

    fn with(change: impl FnOnce(&mut Value, &Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = json!({
            "version": 0.1,
            "log": { "level": "info", "formatter": "json", "accesslog": { "disabled": true } },
            "storage": { "filesystem": { "rootdirectory": folder.path().join("data") } },
            // The system picks a free port, and the log says which.
            "http": { "addr": "127.0.0.1:0" },
        });
        change(&mut config, folder.path());
        let file = folder.path().join("config.yml");
        fs::write(&file, config.to_string()).unwrap();
        let mut process = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let address = line.split("listening on ").nth(1)?;
            let port = address.split(['"', ',', ' ']).next()?.rsplit(':').next()?;
            port.parse().ok()
        });
        // Read on, or the registry would wait for its log to be read.
        thread::spawn(move || lines.for_each(drop));
        Self {
            port: port.expect("the registry says where it listens"),
            process,
            _folder: folder,
        }
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
