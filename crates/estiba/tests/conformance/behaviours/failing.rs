//! A deployment that fails says why, and leaves what worked.

use serde_json::{Value, json};

use crate::behaviour::Behaviour;
use crate::bench::{Bench, Kit};
use crate::score;

pub const ALL: &[Behaviour] = &[
    Behaviour::new(
        "never_ready",
        "a new instance that never gets ready leaves the old one serving",
        "una instancia nueva que nunca está lista deja atendiendo a la anterior",
        never_ready,
    ),
    Behaviour::new(
        "crash_loop",
        "one that ends as soon as it starts leaves the old one serving; its last lines are told",
        "una que termina apenas inicia deja atendiendo a la anterior; se muestran sus últimas líneas",
        crash_loop,
    ),
    Behaviour::new(
        "migration_fails",
        "a migration that fails stops the deployment before anything else changes",
        "una migración que falla detiene el despliegue antes de que cambie algo más",
        migration_fails,
    ),
    Behaviour::new(
        "unknown_image",
        "an image that can't be had is named, and nothing changes",
        "una imagen que no se puede obtener se nombra, y nada cambia",
        unknown_image,
    ),
    Behaviour::new(
        "wrong_command",
        "a program that is not in the image is named, and the old instance serves",
        "un programa que no está en la imagen se nombra, y la instancia anterior atiende",
        wrong_command,
    ),
    Behaviour::new(
        "first_deployment_fails",
        "a first deployment that fails leaves nothing running, and the next one works",
        "un primer despliegue que falla no deja nada en marcha, y el siguiente funciona",
        first_deployment_fails,
    ),
    Behaviour::new(
        "missing_value",
        "a value that nobody set is named before anything changes",
        "un valor que nadie definió se nombra antes de que cambie algo",
        missing_value,
    ),
];

/// An API that works.
fn working(bench: &Bench) -> Kit {
    let project = bench.project();
    project.workload(&project.web_with_migration("api"));
    project.up("1.0.0");
    project
}

/// The change fails, tells `said`, and what worked still runs.
fn fails(project: &Kit, said: &str) {
    let before = project.instances("test");
    let failed = project.run(&["up", "--version", "1.1.0"]);
    assert_eq!(failed.code, 1, "{}", failed.out);
    let told = format!("{}{}", failed.out, failed.err);
    assert!(told.contains(said), "{said} is not in {told}");
    assert_eq!(project.instances("test"), before);
    assert_eq!(project.get("/version"), "1.0.0");
    assert_eq!(project.status("test")["deployed"]["version"], "1.0.0");
}

fn change(project: &Kit, change: impl FnOnce(&mut Value)) {
    let mut api = project.web_with_migration("api");
    change(&mut api);
    project.workload(&api);
}

fn never_ready(bench: &Bench) {
    let project = working(bench);
    project.set("BEHAVIOUR", "unhealthy", "test");
    fails(&project, "1.0.0 runs as before");
}

fn crash_loop(bench: &Bench) {
    let project = working(bench);
    project.set("BEHAVIOUR", "crash", "test");
    fails(&project, "cannot find my configuration");
}

fn migration_fails(bench: &Bench) {
    let project = working(bench);
    change(&project, |api| {
        api["containers"]["migrate"]["args"] = json!(["migrate", "badly"]);
    });
    fails(&project, "already exists");
    project.assert_migrated(1);
}

fn unknown_image(bench: &Bench) {
    let project = working(bench);
    change(&project, |api| {
        api["containers"]["main"]["image"] = json!("127.0.0.1:9/kit/nowhere:1");
    });
    fails(&project, "127.0.0.1:9/kit/nowhere:1");
}

fn wrong_command(bench: &Bench) {
    let project = working(bench);
    change(&project, |api| {
        api["containers"]["main"]["command"] = json!(["/no/such/program"]);
    });
    fails(&project, "/no/such/program");
}

fn first_deployment_fails(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::web("api"));
    project.set("BEHAVIOUR", "crash", "test");
    let failed = project.run(&["up", "--version", "1.0.0"]);
    assert_eq!(failed.code, 1);
    assert_eq!(project.instances("test").len(), 0);
    project
        .run(&["config", "unset", "BEHAVIOUR", "--env", "test"])
        .ok();
    project.up("1.0.0");
    assert_eq!(project.get("/version"), "1.0.0");
}

fn missing_value(bench: &Bench) {
    let project = working(bench);
    change(&project, |api| {
        api["containers"]["main"]["variables"]["KEY"] = json!("${resources.env.NEVER_SET}");
    });
    fails(&project, "NEVER_SET");
}
