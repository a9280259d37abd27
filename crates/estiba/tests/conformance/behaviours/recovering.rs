//! What runs differs from what was deployed: it shows, and is mended.

use std::time::Duration;

use serde_json::json;

use crate::behaviour::Behaviour;
use crate::bench::{Bench, Kit, eventually};
use crate::score;

pub const ALL: &[Behaviour] = &[
    Behaviour::new(
        "instance_killed",
        "an instance that somebody ended shows, or is back by itself; `up` leaves all in place",
        "una instancia que alguien terminó se nota, o vuelve sola; `up` deja todo en su lugar",
        instance_killed,
    ),
    Behaviour::new(
        "changed_by_hand",
        "what somebody changed by hand shows as drift, and `up` mends it",
        "lo que alguien cambió a mano se muestra como diferencia, y `up` lo arregla",
        changed_by_hand,
    ),
    Behaviour::new(
        "resume_with_nothing_to_do",
        "`resume` with nothing interrupted changes nothing",
        "`resume` sin nada interrumpido no cambia nada",
        resume_with_nothing_to_do,
    ),
];

const LIMIT: Duration = Duration::from_secs(60);

fn project(bench: &Bench) -> Kit {
    let project = bench.project();
    project.workload(&score::web("api"));
    project.workload(&score::bot("bot"));
    project.up("1.0.0");
    project
}

fn assert_in_place(project: &Kit) {
    project.up("1.0.0");
    let status = project.status("test");
    assert_eq!(status["drift"], json!([]), "{status}");
    assert_eq!(project.instances("test").len(), 2);
    assert_eq!(project.get("/version"), "1.0.0");
}

fn is_drifted(project: &Kit) -> bool {
    project.status("test")["drift"] != json!([])
}

fn instance_killed(bench: &Bench) {
    let project = project(bench);
    let instances = project.instances("test");
    for instance in &instances {
        project.place.kill(&project, "test", instance);
    }
    if project.place.heals() {
        let serves = || {
            let status = project.status("test");
            let mut now = status["instances"].as_array().unwrap().iter();
            now.len() == 2 && now.all(|instance| instance["state"] == "ready")
        };
        eventually("instances of their own accord", LIMIT, serves);
    } else {
        eventually("drift", LIMIT, || is_drifted(&project));
    }
    assert_in_place(&project);
}

fn changed_by_hand(bench: &Bench) {
    let project = project(bench);
    assert!(!is_drifted(&project));
    project.place.meddle(&project, "test", "api");
    eventually("drift", LIMIT, || is_drifted(&project));
    assert_in_place(&project);
}

fn resume_with_nothing_to_do(bench: &Bench) {
    let project = bench.shown();
    let before = project.instances("test");
    let resumed = project.run(&["resume", "--env", "test"]).ok();
    assert!(resumed.out.contains("no interrupted"), "{}", resumed.out);
    assert_eq!(project.instances("test"), before);
}
