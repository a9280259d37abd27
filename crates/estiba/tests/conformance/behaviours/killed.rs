//! `kill -9` in the middle of a deployment, and two deployments at once.

use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStdout, Stdio};

use serde_json::json;

use crate::behaviour::Behaviour;
use crate::bench::{Bench, Kit};
use crate::score;

pub const ALL: &[Behaviour] = &[
    Behaviour::new(
        "killed_first_deployment",
        "a first deployment that is killed at a step's start or end is ended by `resume`",
        "un primer despliegue que se mata al iniciar o terminar un paso lo termina `resume`",
        killed_first_deployment,
    ),
    Behaviour::new(
        "killed_change",
        "a change that is killed at a step's start or end is ended by the next `up`",
        "un cambio que se mata al iniciar o terminar un paso lo termina el próximo `up`",
        killed_change,
    ),
    Behaviour::new(
        "killed_then_another_version",
        "after a change was killed, another version can be deployed at once",
        "después de matar un cambio, se puede desplegar otra versión de inmediato",
        killed_then_another_version,
    ),
    Behaviour::new(
        "two_at_once",
        "of deployments that wait for one environment, the newest wins",
        "entre los despliegues que esperan un ambiente, gana el más nuevo",
        two_at_once,
    ),
];

/// Where it is killed: at the nth event of a name.
const BOUNDARIES: [(&str, usize); 5] = [
    ("step-started", 1),
    ("step-done", 1),
    ("step-started", 3),
    ("step-done", 4),
    ("step-started", 6),
];

fn project(bench: &Bench) -> Kit {
    let project = bench.project();
    project.workload(&project.web_with_migration("api"));
    project.workload(&score::bot("bot"));
    project
}

fn assert_in_place(project: &Kit, version: &str, migrations: usize) {
    assert_eq!(project.instances("test").len(), 2);
    let status = project.status("test");
    assert_eq!(status["deployed"]["version"], version, "{status}");
    assert!(status["activity"].is_null(), "{status}");
    assert_eq!(status["drift"], json!([]), "{status}");
    assert_eq!(project.get("/version"), version);
    project.assert_migrated(migrations);
}

fn killed_first_deployment(bench: &Bench) {
    let mut killed = 0;
    for (event, count) in BOUNDARIES {
        let project = project(bench);
        if project.kill_at(&["up", "--version", "1.0.0"], event, count) {
            killed += 1;
            project.run(&["resume"]).ok();
        }
        assert_in_place(&project, "1.0.0", 1);
    }
    assert!(killed >= 3, "{killed}");
}

fn killed_change(bench: &Bench) {
    let project = project(bench);
    project.up("1.0.0");
    let mut killed = 0;
    for (number, (event, count)) in BOUNDARIES.into_iter().enumerate() {
        let mut api = project.web_with_migration("api");
        api["containers"]["migrate"]["args"] = json!(["migrate", number.to_string()]);
        project.workload(&api);
        let version = format!("1.{number}.1");
        killed += usize::from(project.kill_at(&["up", "--version", &version], event, count));
        project.up(&version);
        assert_in_place(&project, &version, number + 2);
    }
    assert!(killed >= 3, "{killed}");
}

fn killed_then_another_version(bench: &Bench) {
    let project = project(bench);
    project.up("1.0.0");
    // The second step is under way: there is something to interrupt on every target.
    assert!(project.kill_at(&["up", "--version", "1.1.0"], "step-started", 2));
    let interrupted = project.status("test");
    assert_eq!(
        interrupted["activity"]["interrupted"], true,
        "{interrupted}"
    );
    project.up("1.2.0");
    assert_in_place(&project, "1.2.0", 1);
}

fn two_at_once(bench: &Bench) {
    let project = project(bench);
    project.up("1.0.0");
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
    assert_eq!(project.get("/version"), "1.0.3");
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
    fn start(project: &Kit, version: &str) -> Self {
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
