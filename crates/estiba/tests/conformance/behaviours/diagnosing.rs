//! What commands tell is the same on every target.

use serde_json::Value;

use crate::behaviour::Behaviour;
use crate::bench::Bench;

pub const ALL: &[Behaviour] = &[
    Behaviour::new(
        "doctor",
        "`doctor` finds that deployments work here",
        "`doctor` encuentra que aquí los despliegues funcionan",
        doctor,
    ),
    Behaviour::new(
        "check_finds_nothing",
        "`check` finds no mistake in a project without one",
        "`check` no encuentra errores en un proyecto que no los tiene",
        check_finds_nothing,
    ),
    Behaviour::new(
        "status_shape",
        "the JSON of `status` has the same keys on every target",
        "el JSON de `status` tiene las mismas claves en toda plataforma",
        status_shape,
    ),
    Behaviour::new(
        "history_shape",
        "the JSON of `history` has the same keys on every target",
        "el JSON de `history` tiene las mismas claves en toda plataforma",
        history_shape,
    ),
    Behaviour::new(
        "releases_shape",
        "the JSON of `releases` says where each runs",
        "el JSON de `releases` dice dónde corre cada una",
        releases_shape,
    ),
];

fn keys(value: &Value) -> Vec<&str> {
    let object = value.as_object().unwrap_or_else(|| panic!("{value}"));
    object.keys().map(String::as_str).collect()
}

fn doctor(bench: &Bench) {
    let found = bench.shown().run(&["doctor", "--json"]).ok().json();
    for check in found.as_array().unwrap() {
        let fine = check["ok"] == true || check["optional"] == true;
        assert!(fine, "{check}");
    }
}

fn check_finds_nothing(bench: &Bench) {
    bench.shown().run(&["check"]).ok();
}

fn status_shape(bench: &Bench) {
    let status = bench.shown().status("test");
    let wanted = "environment deployed activity failed instances drift urls problems";
    assert_eq!(keys(&status).join(" "), wanted);
    let deployed = "version deployment cause since";
    assert_eq!(keys(&status["deployed"]).join(" "), deployed);
    assert_eq!(status["problems"].as_array().unwrap().len(), 0, "{status}");
    let instance = &status["instances"][0];
    let wanted = "name workload target version state restarts";
    assert_eq!(keys(instance).join(" "), wanted);
    assert_eq!(instance["target"], "here");
    assert_eq!(instance["workload"], "api");
    assert_eq!(instance["state"], "ready");
    assert_eq!(instance["restarts"], 0);
    let url = &status["urls"][0];
    assert_eq!(keys(url).join(" "), "workload url");
}

fn history_shape(bench: &Bench) {
    let args = ["history", "--env", "test", "--steps", "--json"];
    let history = bench.shown().run(&args).ok().json();
    let entry = history.as_array().unwrap().last().unwrap();
    assert_eq!(keys(entry).join(" "), "deployment steps changes");
    let wanted = "id environment version cause state created_at started_at finished_at error log";
    assert_eq!(keys(&entry["deployment"]).join(" "), wanted);
    assert_eq!(entry["deployment"]["state"], "succeeded");
    let step = &entry["steps"][0];
    let wanted = "index step state started_at finished_at error";
    assert_eq!(keys(step).join(" "), wanted);
    assert_eq!(step["state"], "done");
    assert_eq!(keys(&entry["changes"]).join(" "), "commits undone more");
}

fn releases_shape(bench: &Bench) {
    let releases = bench.shown().run(&["releases", "--json"]).ok().json();
    let release = &releases[0];
    let wanted = "version commit created_at environments";
    assert_eq!(keys(release).join(" "), wanted);
    assert_eq!(release["environments"][0], "test");
}
