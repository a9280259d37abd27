//! Releases: made once, taken from one environment to the next, and back.

use serde_json::{Value, json};

use crate::behaviour::{Behaviour, Need};
use crate::bench::{Bench, Kit};
use crate::score;

pub const ALL: &[Behaviour] = &[
    Behaviour::new(
        "promotion",
        "`promote` takes the very same images to another environment",
        "`promote` lleva las mismas imágenes a otro ambiente",
        promotion,
    ),
    Behaviour::new(
        "promotion_only_of_what_ran",
        "an environment that comes `after` another takes only what ran there",
        "un ambiente que va después (`after`) de otro acepta sólo lo que corrió en ése",
        promotion_only_of_what_ran,
    ),
    Behaviour::new(
        "rollback",
        "`rollback` brings back the release before, with no build and no migration",
        "`rollback` trae de vuelta la versión anterior, sin construir ni migrar",
        rollback,
    ),
    Behaviour::new(
        "rollback_to_a_version",
        "`rollback --to` brings back the release that is named",
        "`rollback --to` trae de vuelta la versión que se nombra",
        rollback_to_a_version,
    ),
    Behaviour::new(
        "version_reused",
        "a version is never overwritten by other content",
        "una versión nunca se sobrescribe con otro contenido",
        version_reused,
    ),
    Behaviour::new(
        "migration_once",
        "a migration runs once for each release that changes it, whatever else is done",
        "una migración corre una vez por cada versión que la cambia, pase lo que pase después",
        migration_once,
    )
    .needing(&[Need::Volumes]),
];

/// The images that a command told to have built or brought.
fn images(project: &Kit, args: &[&str]) -> Vec<Value> {
    let done = project.run(args).ok();
    let events = done
        .out
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let plan = events
        .into_iter()
        .find(|event| event["event"] == "planned")
        .unwrap();
    let steps = plan["plan"]["steps"].as_array().unwrap().clone();
    let fetched: Vec<_> = steps
        .into_iter()
        .map(|step| step["image"].clone())
        .filter(|image| !image.is_null())
        .collect();
    fetched
}

fn promotion(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::web("api"));
    let built = images(&project, &["up", "--version", "1.0.0", "--json"]);
    assert_eq!(built.len(), 1, "{built:?}");
    let args = ["promote", "--from", "test", "--to", "prod", "--json"];
    let done = project.run(&args).ok();
    let events = done
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let told: Vec<Value> = events
        .filter(|one: &Value| one["event"] == "carried")
        .collect();
    assert_eq!(told.len(), 1, "{}", done.out);
    // The target tells what it runs.
    let carried = told[0]["images"].as_array().unwrap();
    let carried: Vec<_> = carried.iter().map(|one| one["image"].clone()).collect();
    assert_eq!(carried, built);
    assert_eq!(project.get_of("prod", "api", "/version"), "1.0.0");
}

fn promotion_only_of_what_ran(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::web("api"));
    let refused = project.run(&["deploy", "--env", "prod", "--version", "2.0.0"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("has run in test"), "{}", refused.err);
    let prod = project.status("prod");
    assert_eq!(prod["instances"].as_array().unwrap().len(), 0, "{prod}");
}

fn rollback(bench: &Bench) {
    let project = bench.project();
    project.workload(&project.web_with_migration("api"));
    project.up("1.0.0");
    let mut changed = project.web_with_migration("api");
    changed["containers"]["migrate"]["args"] = json!(["migrate", "again"]);
    project.workload(&changed);
    project.up("1.1.0");
    assert_eq!(project.get("/version"), "1.1.0");
    project.run(&["rollback", "--env", "test"]).ok();
    assert_eq!(project.get("/version"), "1.0.0");
    project.assert_migrated(2);
}

fn rollback_to_a_version(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::web("api"));
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        project.up(version);
    }
    project
        .run(&["rollback", "--env", "test", "--to", "1.0.0"])
        .ok();
    assert_eq!(project.get("/version"), "1.0.0");
    let unknown = project.run(&["rollback", "--env", "test", "--to", "9.9.9"]);
    assert_eq!(unknown.code, 1);
    assert_eq!(project.get("/version"), "1.0.0");
}

fn version_reused(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::web("api"));
    project.up("1.0.0");
    project.workload(&score::with_variable(score::web("api"), "NEW", "value"));
    let taken = project.run(&["up", "--version", "1.0.0"]);
    assert_eq!(taken.code, 1);
    assert!(taken.err.contains("1.0.0"), "{}", taken.err);
    assert_eq!(project.get("/env/NEW"), "");
}

fn migration_once(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::web_with_migration("api"));
    project.up("1.0.0");
    project.up("1.0.0");
    project.run(&["restart", "--env", "test"]).ok();
    project.run(&["scale", "api=2", "--env", "test"]).ok();
    assert_eq!(project.get("/migrations"), "migrated\n");
    let mut changed = score::web_with_migration("api");
    changed["containers"]["migrate"]["args"] = json!(["migrate", "again"]);
    project.workload(&changed);
    project.up("1.1.0");
    assert_eq!(project.get("/migrations"), "migrated\nmigrated\n");
}
