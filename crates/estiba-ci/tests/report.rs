//! What CIs are told of a deployment.

#![allow(missing_docs, clippy::unwrap_used)]

use estiba_ci::report::{dotenv, junit, summary};
use estiba_model::{Deployment, Lang, StepRecord, Url};
use serde_json::json;

fn deployment(state: &str) -> Deployment {
    serde_json::from_value(json!({
        "id": 7, "environment": { "team": "moria", "project": "tp2", "environment": "test" },
        "version": "1.2.0", "cause": "deploy", "state": state,
        "created_at": "2026-11-28T10:00:00Z", "started_at": "2026-11-28T10:00:01Z",
        "finished_at": "2026-11-28T10:00:09Z",
        "error": { "en": "it <failed>\n& \u{7}stays", "es": "<falló>" },
        "log": ["FAIL test_login: expected 200", "\tgot \u{1b}[31m<500>"],
    }))
    .unwrap()
}

fn steps() -> Vec<StepRecord> {
    let step = |index: u32, state: &str, error: Option<&str>| {
        serde_json::from_value(json!({
            "index": index, "state": state,
            "step": { "step": "fetch", "workload": "api", "target": "here", "image": format!("sha256:{}", "a".repeat(64)) },
            "started_at": "2026-11-28T10:00:01Z",
            "finished_at": (state != "pending").then_some("2026-11-28T10:00:02.5Z"),
            "error": error.map(|text| json!({ "en": text, "es": text })),
        }))
        .unwrap()
    };
    vec![
        step(0, "done", None),
        step(1, "failed", Some("a | b")),
        step(2, "pending", None),
    ]
}

#[test]
fn steps_are_tests() {
    insta::assert_snapshot!("junit", junit(&deployment("failed"), &steps(), Lang::En));
    insta::assert_snapshot!(
        "junit_of_what_could_not_begin",
        junit(&deployment("failed"), &[], Lang::Es)
    );
}

#[test]
fn the_first_address_is_that_of_the_environment() {
    let url = |workload: &str| Url {
        workload: workload.parse().unwrap(),
        url: format!("https://{workload}.example.edu"),
    };
    let urls = [url("api"), url("web")];
    assert_eq!(
        dotenv(&urls),
        "ENVIRONMENT_ADDRESS=https://api.example.edu\n"
    );
    assert_eq!(dotenv(&[]), "ENVIRONMENT_ADDRESS=\n");
    insta::assert_snapshot!(
        "summary",
        summary(&deployment("failed"), &steps(), &urls, Lang::Es)
    );
}
