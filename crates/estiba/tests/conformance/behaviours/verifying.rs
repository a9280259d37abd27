//! What was deployed is tried before it counts.

use serde_json::{Value, json};

use crate::behaviour::{Behaviour, Need};
use crate::bench::{Bench, Kit};
use crate::score;

pub const ALL: &[Behaviour] = &[
    Behaviour::new(
        "wrong_version_answers",
        "a workload that answers another version than was deployed fails; the old one serves",
        "un componente que responde otra versión que la desplegada falla; atiende el anterior",
        wrong_version_answers,
    )
    .needing(&[Need::Routes]),
    Behaviour::new(
        "acceptance_passes",
        "acceptance tests run once for what was deployed, against its addresses",
        "las pruebas de aceptación corren una vez por lo desplegado, contra sus direcciones",
        acceptance_passes,
    )
    .needing(&[Need::Tasks]),
    Behaviour::new(
        "acceptance_fails",
        "acceptance tests that fail bring back what worked, and prod does not take the release",
        "las pruebas de aceptación que fallan devuelven lo anterior, y prod no acepta la versión",
        acceptance_fails,
    )
    .needing(&[Need::Tasks]),
    Behaviour::new(
        "acceptance_hangs",
        "acceptance tests that hang are ended, and what worked is brought back",
        "las pruebas de aceptación que se cuelgan se terminan, y se devuelve lo anterior",
        acceptance_hangs,
    )
    .needing(&[Need::Tasks]),
];

/// An API that tells its version at a path.
fn answering(path: &str) -> Value {
    let mut api = score::web("api");
    api["metadata"]["annotations"]["estiba.dev/smoke"] = json!(path);
    api["resources"]["dns"] = json!({ "type": "dns" });
    api["resources"]["route"] = json!({
        "type": "route",
        "params": { "host": "${resources.dns.host}", "path": "/", "port": 8080 },
    });
    api
}

fn wrong_version_answers(bench: &Bench) {
    let project = bench.project();
    project.workload(&answering("/version"));
    project.set("GREETING", "0.9.0", "test");
    let done = project.up("1.0.0");
    assert!(done.err.contains("smoke test"), "{}", done.err);
    project.workload(&answering("/greeting"));
    let failed = project.run(&["up", "--version", "1.1.0"]);
    assert_eq!(failed.code, 1, "{}", failed.out);
    let told = format!("{}{}", failed.out, failed.err);
    assert!(told.contains("answers version 0.9.0"), "{told}");
    assert_eq!(project.get("/version"), "1.0.0");
    assert_eq!(project.status("test")["deployed"]["version"], "1.0.0");
}

/// An API, and tests that ask it for its version and end with a code.
fn accepted(project: &Kit, code: &str) {
    accepted_by(project, |tests| {
        let asks = [
            "tell", "out", "asked ", "ask", "API_URL", "/version", "out", "\n", "code", code,
        ];
        tests["containers"]["tests"]["args"] = json!(asks);
    });
}

/// An API, and tests of it.
fn accepted_by(project: &Kit, change: impl FnOnce(&mut Value)) {
    project.workload(&score::web("api"));
    let mut tests = json!({
        "apiVersion": "score.dev/v1b1",
        "metadata": {
            "name": "tests",
            "annotations": { "estiba.dev/acceptance": "tests" },
        },
        "containers": { "tests": {
            "image": ".",
            "variables": { "API_URL": "http://${resources.api.hostname}:${resources.api.port}" },
        } },
        "resources": {
            "api": { "type": "service-port", "params": { "workload": "api", "port": "http" } },
        },
    });
    change(&mut tests);
    project.workload(&tests);
}

fn with_tests(bench: &Bench) -> Kit {
    let project = bench.project();
    project.edit(|file| file["environments"]["test"]["acceptance"] = json!(true));
    project
}

fn acceptance_passes(bench: &Bench) {
    let project = with_tests(bench);
    accepted(&project, "0");
    let first = project.up("1.0.0");
    assert!(first.err.contains("asked 1.0.0"), "{}", first.err);
    let again = project.up("1.0.0");
    assert!(again.out.contains("nothing was changed"), "{}", again.out);
    let scaled = project.run(&["scale", "api=2", "--env", "test"]).ok();
    assert!(!scaled.err.contains("asked"), "{}", scaled.err);
    let second = project.up("1.1.0");
    assert!(second.err.contains("asked 1.1.0"), "{}", second.err);
    // prod does not ask for them.
    let prod = project.run(&["promote", "--from", "test", "--to", "prod"]);
    assert!(!prod.ok().err.contains("asked"));
}

fn acceptance_hangs(bench: &Bench) {
    let project = with_tests(bench);
    accepted(&project, "0");
    project.up("1.0.0");
    accepted_by(&project, |tests| {
        tests["metadata"]["annotations"]["estiba.dev/acceptance-seconds"] = json!("3");
        tests["containers"]["tests"]["args"] = json!(["bot"]);
    });
    let failed = project.run(&["up", "--version", "1.1.0"]);
    assert_eq!(failed.code, 1, "{}", failed.out);
    let told = format!("{}{}", failed.out, failed.err);
    for said in ["did not end within 3 s", "polling for"] {
        assert!(told.contains(said), "{said} is not in {told}");
    }
    assert_eq!(project.get("/version"), "1.0.0");
}

fn acceptance_fails(bench: &Bench) {
    let project = with_tests(bench);
    accepted(&project, "0");
    project.up("1.0.0");
    accepted(&project, "3");
    let failed = project.run(&["up", "--version", "1.1.0"]);
    assert_eq!(failed.code, 1, "{}", failed.out);
    let told = format!("{}{}", failed.out, failed.err);
    for said in ["the acceptance test of tests 1.1.0 failed", "asked 1.1.0"] {
        assert!(told.contains(said), "{said} is not in {told}");
    }
    assert_eq!(project.get("/version"), "1.0.0");
    let refused = project.run(&["deploy", "--env", "prod", "--version", "1.1.0"]);
    assert_eq!(refused.code, 1);
    assert!(
        refused.err.contains("takes only what has run in test"),
        "{}",
        refused.err
    );
}
