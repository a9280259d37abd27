//! A shipper in a thread of this process.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use estiba_ship::{Config, ShipError};
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::sink::Sink;

/// A folder with logs, and one with a shipper's state.
pub struct Place {
    pub folder: TempDir,
}

pub struct Shipper {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<Result<(), ShipError>>>,
}

impl Place {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Appends to a file, which is made where there is none.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) -> File {
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.path(name))
            .unwrap();
        file.write_all(text.as_ref()).unwrap();
        file
    }

    /// The configuration of a shipper of `*.log`, with more keys.
    pub fn config(&self, sink: &Sink, more: &str) -> String {
        let (logs, state) = (self.path("*.log"), self.path("state"));
        let sink = sink.address;
        let keys = if more.contains("sink:") {
            more.to_owned()
        } else {
            format!("{more}\nsink: {{ to: \"http://{sink}\", linger: 20ms }}")
        };
        let files = if more.starts_with("files:") {
            String::new()
        } else {
            format!("files: [{{ paths: \"{}\" }}]", logs.display())
        };
        format!(
            "{files}\nstate: {}\nunended_line_after: 300ms\n{keys}",
            state.display()
        )
    }

    pub fn ship(&self, sink: &Sink, more: &str) -> Shipper {
        Shipper::start(&self.config(sink, more))
    }
}

impl Shipper {
    pub fn start(text: &str) -> Self {
        let config = Config::read(Path::new("ship.yaml"), Some(text), |_| None)
            .unwrap_or_else(|error| panic!("{error:?}\n{text}"));
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            let shipped = runtime.block_on(estiba_ship::run(config, async {
                let _ = stopped.await;
            }));
            // Whoever waits for its lines would not know.
            shipped.inspect_err(|error| eprintln!("a shipper ended: {error}"))
        });
        Self {
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Ends it as SIGTERM would.
    pub fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        self.thread.take().unwrap().join().unwrap().unwrap();
    }
}

pub fn numbered(what: &str, numbers: std::ops::Range<usize>) -> Vec<String> {
    numbers.map(|number| format!("{what} {number}")).collect()
}

pub fn text(lines: &[String]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}
