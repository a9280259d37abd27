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
    Behaviour::new(
        "accepted_by_a_command",
        "a command tries what runs; where it fails, prod does not take the release",
        "un comando prueba lo que está en marcha; si falla, prod no acepta la versión",
        accepted_by_a_command,
    ),
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

fn accepted_by_a_command(bench: &Bench) {
    let project = bench.project();
    project.edit(|file| file["environments"]["test"]["reset"] = json!(true));
    project.workload(&score::web("api"));
    project.up("1.0.0");
    let try_it = |script: &str| {
        project.run(&[
            "accept",
            "--env",
            "test",
            "--timeout",
            "120",
            "--",
            "sh",
            "-c",
            script,
        ])
    };
    let passed = try_it("echo $ESTIBA_ENVIRONMENT $ESTIBA_VERSION $ESTIBA_RESET").ok();
    assert_eq!(passed.out, "test 1.0.0 true\n");
    let failed = try_it("echo the total is wrong >&2; exit 7");
    assert_eq!(failed.code, 7, "{}", failed.err);
    assert!(failed.err.contains("the total is wrong"), "{}", failed.err);
    let history = project.run(&["history", "--env", "test", "--json"]).ok();
    let newest = &history.json()[0]["deployment"];
    assert_eq!(newest["cause"], "accept", "{newest}");
    assert_eq!(newest["state"], "failed", "{newest}");
    assert_eq!(newest["log"], json!(["the total is wrong"]), "{newest}");
    let promote = || project.run(&["promote", "--from", "test", "--to", "prod"]);
    let refused = promote();
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(refused.err.contains("ended with code 7"), "{}", refused.err);
    // What runs is what it was.
    assert_eq!(project.status("test")["deployed"]["cause"], "deploy");
    let again = project.up("1.0.0");
    assert!(again.out.contains("nothing was changed"), "{}", again.out);
    let words = [
        "accept",
        "--env",
        "test",
        "--timeout",
        "1",
        "--",
        "sleep",
        "60",
    ];
    let hangs = project.run(&words);
    assert_eq!(hangs.code, 1, "{}", hangs.out);
    let said = "did not end within 1 s";
    assert!(hangs.err.contains(said), "{}", hangs.err);
    // Something else is deployed meanwhile.
    let command = env!("CARGO_BIN_EXE_estiba");
    let moved = try_it(&format!("{command} restart api --env test"));
    assert_eq!(moved.code, 1, "{}", moved.err);
    assert!(moved.err.contains("nothing was recorded"), "{}", moved.err);
    try_it("exit 0").ok();
    promote().ok();
}
