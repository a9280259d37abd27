//! A `docker-registry` of its own, on loopback.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use serde_json::json;
use tempfile::TempDir;

#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) port: u16,
    child: Child,
    _folder: TempDir,
}

impl Process {
    pub(crate) fn start() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let config = json!({
            "version": 0.1,
            "log": { "level": "info", "formatter": "json", "accesslog": { "disabled": true } },
            "storage": { "filesystem": { "rootdirectory": folder.path().join("data") } },
            // The system picks a free port, and the log says which.
            "http": { "addr": "127.0.0.1:0" },
        });
        let file = folder.path().join("config.yml");
        std::fs::write(&file, config.to_string())?;
        let mut child = Command::new("docker-registry")
            .arg("serve")
            .arg(&file)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .context("docker-registry does not start (Debian: apt-get install docker-registry)")?;
        let log = child.stderr.take().context("docker-registry has no log")?;
        let mut lines = BufReader::new(log).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let address = line.split("listening on ").nth(1)?;
            let port = address.split(['"', ',', ' ']).next()?.rsplit(':').next()?;
            port.parse().ok()
        });
        // Read on, or the registry would wait for its log to be read.
        std::thread::spawn(move || lines.for_each(drop));
        Ok(Self {
            port: port.context("docker-registry does not say where it listens")?,
            child,
            _folder: folder,
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
