//! Emptying the databases of an environment, where that may be done.

use serde_json::json;

use crate::behaviour::Behaviour;
use crate::behaviours::data::{RIPE, fixture, has, restore};
use crate::bench::{Bench, Kit};
use crate::score::with_variable;

pub const ALL: &[Behaviour] = &[
    Behaviour::new(
        "reset",
        "`reset` empties the databases, runs migrations again and starts the same release anew",
        "`reset` vacía las bases de datos, corre de nuevo las migraciones y comienza la misma versión de nuevo",
        reset,
    ),
    Behaviour::new(
        "reset_refused",
        "an environment that does not say so is not reset",
        "no se vacía un ambiente que no lo permite",
        reset_refused,
    ),
    Behaviour::new(
        "reset_fails",
        "a reset whose migration fails puts the data back, and what ran runs",
        "un vaciado cuya migración falla repone los datos, y sigue en marcha lo que corría",
        reset_fails,
    ),
    Behaviour::new(
        "reset_killed",
        "a reset that is killed is ended by `resume`, or undone by the next `up`",
        "un vaciado que se mata lo termina `resume`, o lo deshace el próximo `up`",
        reset_killed,
    ),
];

/// An API with a database and a migration, in an environment that may be reset.
fn stored(bench: &Bench) -> Kit {
    let project = bench.project();
    project.edit(|file| file["environments"]["test"]["reset"] = json!(true));
    let mut api = project.web_with_migration("api");
    api["resources"]["db"] = json!({ "type": "postgres" });
    api["containers"]["migrate"]["variables"] = json!({
        "BEHAVIOUR": "${resources.env.BEHAVIOUR}",
        "DB": "${resources.db.host}",
    });
    let api = with_variable(api, "DB", "${resources.db.host}:${resources.db.port}");
    project.workload(&api);
    project.up("1.0.0");
    restore(&project, &fixture("ripe.dump"));
    assert!(has(&project, "test", RIPE, "before.dump"));
    project
}

fn reset(bench: &Bench) {
    let project = stored(bench);
    let before = project.place.runs(&project, "test", "api");
    let asked = project.run(&["reset", "--env", "test"]);
    assert_eq!(asked.code, 2, "nobody is here to be asked: {}", asked.out);
    let done = project.run(&["reset", "--env", "test", "--yes"]).ok();
    assert!(
        done.err.contains("empty postgres.default#api.db"),
        "{}",
        done.err
    );
    assert!(!has(&project, "test", RIPE, "after.dump"));
    project.assert_migrated(2);
    assert_ne!(project.place.runs(&project, "test", "api"), before);
    assert_eq!(project.get("/version"), "1.0.0");
    let history = project.run(&["history", "--env", "test", "--json"]).ok();
    assert_eq!(
        history.json()[0]["deployment"]["cause"],
        "reset",
        "{}",
        history.out
    );
    let kept = project.state().join("emptied");
    let left = std::fs::read_dir(&kept).map_or(0, |all| all.count());
    assert_eq!(left, 0, "what was kept aside goes when all is well");
    // It is as it should be, and stays so.
    let again = project.up("1.0.0");
    assert!(again.out.contains("nothing was changed"), "{}", again.out);
    project.run(&["reset", "--env", "test", "--yes"]).ok();
    project.assert_migrated(3);
}

fn reset_refused(bench: &Bench) {
    let project = stored(bench);
    project.edit(|file| file["environments"]["test"]["reset"] = json!(false));
    let refused = project.run(&["reset", "--env", "test", "--yes"]);
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(refused.err.contains("may not be reset"), "{}", refused.err);
    assert!(has(&project, "test", RIPE, "kept.dump"));
    project.assert_migrated(1);
}

fn reset_fails(bench: &Bench) {
    let project = stored(bench);
    project.set("BEHAVIOUR", "unmigratable", "test");
    let failed = project.run(&["reset", "--env", "test", "--yes"]);
    assert_eq!(failed.code, 1, "{}", failed.out);
    let told = format!("{}{}", failed.out, failed.err);
    assert!(told.contains("already exists"), "{told}");
    assert!(told.contains("put back what was in"), "{told}");
    assert!(has(&project, "test", RIPE, "back.dump"));
    assert_eq!(project.get("/version"), "1.0.0");
    assert_eq!(project.status("test")["deployed"]["version"], "1.0.0");
    project.set("BEHAVIOUR", "good", "test");
    project.run(&["reset", "--env", "test", "--yes"]).ok();
    assert!(!has(&project, "test", RIPE, "after.dump"));
    project.assert_migrated(2);
}

fn reset_killed(bench: &Bench) {
    const RESET: [&str; 4] = ["reset", "--env", "test", "--yes"];
    let project = stored(bench);
    // The database is being emptied.
    assert!(project.kill_at(&RESET, "step-started", 2));
    project.run(&["resume"]).ok();
    assert!(!has(&project, "test", RIPE, "emptied.dump"));
    assert_eq!(project.get("/version"), "1.0.0");
    project.assert_migrated(2);
    restore(&project, &fixture("ripe.dump"));
    // It is empty, and nothing runs yet.
    assert!(project.kill_at(&RESET, "step-done", 2));
    project.up("1.1.0");
    assert!(has(&project, "test", RIPE, "undone.dump"));
    assert_eq!(project.get("/version"), "1.1.0");
    let status = project.status("test");
    assert!(status["activity"].is_null(), "{status}");
}
