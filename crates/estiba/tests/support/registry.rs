//! A real registry on loopback: Debian's `docker-registry`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;

use serde_json::json;
use tempfile::TempDir;

pub struct Registry {
    pub port: u16,
    process: Child,
    _folder: TempDir,
}

impl Registry {
    /// One that takes everything from everybody.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = json!({
            "version": 0.1,
            "log": { "level": "info", "formatter": "json", "accesslog": { "disabled": true } },
            "storage": { "filesystem": { "rootdirectory": folder.path().join("data") } },
            // The system picks a free port, and the log says which.
            "http": { "addr": "127.0.0.1:0" },
        });
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
