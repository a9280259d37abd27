//! A log in a file, which is open all the time, as loggers have it.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::sync::Mutex;

const FILE: &str = "/data/logs/app.log";
const TRACE: &str = "Traceback (most recent call last):
  File \"/app/main.py\", line 7, in <module>
    main()
ValueError: no such order
";
const JSON: &str = "{\"level\":\"warn\",\"msg\":\"the gate is open\",\"order\":7}\n";

static OPEN: Mutex<Option<File>> = Mutex::new(None);

/// Writes a text; nothing where there is no folder for logs.
pub fn write(text: &str) {
    let mut file = OPEN.lock().expect("nobody panics with it");
    if file.is_none() {
        *file = open();
    }
    if let Some(file) = &mut *file {
        file.write_all(text.as_bytes()).expect("room for logs");
    }
}

/// Writes `trace`, `json`, or what is said as a line.
pub fn log(what: &str) {
    match what {
        "trace" => write(TRACE),
        "json" => write(JSON),
        text => write(&format!("{text}\n")),
    }
}

/// Goes on in a new file; the old one gets another name.
pub fn rotate() {
    let mut file = OPEN.lock().expect("nobody panics with it");
    fs::rename(FILE, format!("{FILE}.1")).expect("a log to rotate");
    *file = open();
}

fn open() -> Option<File> {
    OpenOptions::new().create(true).append(true).open(FILE).ok()
}
