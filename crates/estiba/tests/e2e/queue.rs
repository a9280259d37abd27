//! One deployment at a time in an environment; the newest of those that wait
//! wins.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};

use crate::support::Project;

#[test]
fn the_newest_of_those_that_wait_wins() {
    let project = Project::new();
    project.run(&["up", "--version", "1.0.0"]).ok();
    project.run(&["scale", "api=3", "--env", "test"]).ok();
    let mut running = Watched::start(&project, "1.0.1");
    running.until("planned");
    let mut waiting = Watched::start(&project, "1.0.2");
    waiting.until("queued");
    let mut newest = Watched::start(&project, "1.0.3");
    newest.until("queued");

    assert_eq!(running.end(), 0);
    assert_eq!(waiting.end(), 1, "it gave way");
    assert_eq!(newest.end(), 0);
    assert_eq!(project.get("test", "/version"), "1.0.3");
    let history = project.run(&["history", "--json"]).ok().json();
    let states: Vec<_> = history
        .as_array()
        .unwrap()
        .iter()
        .take(3)
        .map(|entry| entry["deployment"]["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["succeeded", "superseded", "succeeded"]);
}

/// A deployment in the background whose events are read.
struct Watched {
    child: Child,
    events: Lines<BufReader<ChildStdout>>,
}

impl Watched {
    fn start(project: &Project, version: &str) -> Self {
        let mut child = project
            .command(&["up", "--version", version, "--json"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let events = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, events }
    }

    fn until(&mut self, name: &str) {
        let wanted = format!("\"event\":\"{name}\"");
        let found = self.events.any(|line| line.unwrap().contains(&wanted));
        assert!(found, "it never told {name}");
    }

    fn end(mut self) -> i32 {
        self.events.by_ref().for_each(drop);
        self.child.wait().unwrap().code().unwrap()
    }
}
