//! What instances write to files instead of standard output.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::behaviour::{Behaviour, Need};
use crate::bench::{Bench, Kit, eventually};
use crate::score;

pub const ALL: &[Behaviour] = &[
    Behaviour::new(
        "file_logs",
        "lines of a file are lines of the log: a stack trace is one, and JSON keeps its fields, also after a rotation",
        "las líneas de un archivo son líneas del log: una traza es una sola, y el JSON conserva sus campos, también tras una rotación",
        file_logs,
    )
    .needing(&[Need::FileLogs]),
    Behaviour::new(
        "file_logs_at_the_end",
        "what an instance writes to a file after SIGTERM is in the log",
        "lo que una instancia escribe en un archivo después de SIGTERM está en el log",
        file_logs_at_the_end,
    )
    .needing(&[Need::FileLogs]),
    Behaviour::new(
        "file_logs_are_beside",
        "what reads the files is none of the workload's containers, and goes with the instance",
        "lo que lee los archivos no es un contenedor del componente, y se va con la instancia",
        file_logs_are_beside,
    )
    .needing(&[Need::FileLogs]),
];

const LIMIT: Duration = Duration::from_secs(30);
const FILE: &str = "/data/logs/app.log";

fn project(bench: &Bench) -> Kit {
    let project = bench.project();
    project.workload(&score::with_file_logs(score::web("api")));
    project.up("1.0.0");
    project
}

/// The lines that the log has of files.
fn of_files(project: &Kit) -> Vec<Value> {
    let args = ["logs", "api", "--env", "test", "--json"];
    let done = project.run(&args).ok();
    let lines = done
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    lines.filter(is_of_file).collect()
}

fn is_of_file(line: &Value) -> bool {
    line["attributes"]["file"] == FILE
}

fn has(lines: &[Value], text: &str) -> bool {
    lines.iter().any(|line| line["text"] == text)
}

fn file_logs(bench: &Bench) {
    let project = project(bench);
    let instance = project.get("/instance");
    for what in ["first", "json", "trace"] {
        project.get(&format!("/log/{what}"));
    }
    project.get("/rotate");
    project.get("/log/after-the-rotation");
    let is_there = || has(&of_files(&project), "after-the-rotation");
    eventually("the line after the rotation", LIMIT, is_there);
    let lines = of_files(&project);
    for line in &lines {
        assert_eq!(line["instance"], instance.as_str(), "{line}");
        assert_eq!(line["attributes"]["@timestamp"], json!(null), "{line}");
    }
    assert!(has(&lines, "first"), "{lines:?}");
    let json = lines.iter().find(|line| line["text"] == "the gate is open");
    let json = json.unwrap_or_else(|| panic!("{lines:?}"));
    assert_eq!(
        (&json["level"], &json["attributes"]["order"]),
        (&json!("warn"), &json!(7))
    );
    let trace = lines.iter().find(|line| {
        let text = line["text"].as_str().unwrap();
        text.starts_with("Traceback") && text.ends_with("ValueError: no such order")
    });
    assert!(trace.is_some(), "{lines:?}");
    let once = lines.iter().filter(|line| line["text"] == "first");
    assert_eq!(once.count(), 1, "{lines:?}");
}

/// The lines that somebody sees who follows a log.
struct Followed {
    child: Child,
    lines: Arc<Mutex<Vec<Value>>>,
}

impl Followed {
    fn begin(project: &Kit) -> Self {
        let mut child = project
            .command(&["logs", "api", "--env", "test", "--follow", "--json"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (read, kept) = (child.stdout.take().unwrap(), Arc::clone(&lines));
        thread::spawn(move || {
            for line in BufReader::new(read).lines().map_while(Result::ok) {
                let line: Value = serde_json::from_str(&line).unwrap();
                kept.lock().unwrap().push(line);
            }
        });
        Self { child, lines }
    }

    fn of_files(&self) -> Vec<Value> {
        let lines = self.lines.lock().unwrap();
        lines
            .iter()
            .filter(|line| is_of_file(line))
            .cloned()
            .collect()
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn file_logs_at_the_end(bench: &Bench) {
    let project = project(bench);
    let old = project.get("/instance");
    // Some targets keep a log for as long as its instance alone.
    let followed = Followed::begin(&project);
    project.get("/log/before");
    eventually("a line", LIMIT, || has(&followed.of_files(), "before"));
    project.up("1.1.0");
    for last in [format!("told {old}"), format!("end {old}")] {
        let is_there = || has(&followed.of_files(), &last);
        eventually(&last, LIMIT, is_there);
    }
}

fn file_logs_are_beside(bench: &Bench) {
    let project = project(bench);
    let status = project.status("test");
    assert_eq!(status["instances"][0]["restarts"], 0, "{status}");
    assert_eq!(status["instances"][0]["state"], "ready", "{status}");
    let again = project.up("1.0.0");
    assert!(again.out.contains("nothing was changed"), "{}", again.out);
    let done = project.run(&[
        "exec", "api", "--env", "test", "--", "api", "tell", "out", "own",
    ]);
    assert_eq!(done.ok().out, "own");
    let old = project.get("/instance");
    project.up("1.1.0");
    // As engines call its folders; elsewhere they are within what is gone with it.
    let folders = format!("{old}_logs-");
    let is_gone = || !project.place.inspect(&project).contains(&folders);
    eventually("no folder of the old instance", LIMIT, is_gone);
}
