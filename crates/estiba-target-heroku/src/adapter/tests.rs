//! What becomes of a Platform API that refuses, fails, or is gone half-way.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use estiba_model::{Fingerprint, ResourceId, SecretString};
use estiba_target::{Reach, ResourceSpec, Rollouts, Target};
use serde_json::{Value, json};

use super::apps::OurApp;
use super::scripted::{Answer, Heard, Scripted, api, app, environment, marks};
use crate::client::Client;
use crate::client::types::ReleaseStatus;
use crate::marks::Vars;

const APP: &str = "GET /apps/moria-api-test";
const VARS: &str = "GET /apps/moria-api-test/config-vars";
const CHANGE: &str = "PATCH /apps/moria-api-test/config-vars";
const FORMATION: &str = "GET /apps/moria-api-test/formation";

fn refusal(status: u16, id: &str, said: &str) -> Answer {
    Answer::Json(status, json!({ "id": id, "message": said }))
}

fn resource(kind: &str) -> ResourceSpec {
    ResourceSpec {
        id: ResourceId(format!("{kind}.default#api.db")),
        kind: kind.to_owned(),
        class: "default".to_owned(),
        workload: api(),
        params: serde_json::Map::new(),
        settings: BTreeMap::new(),
        credential: SecretString::default(),
        reach: Reach::Inside,
        fingerprint: Fingerprint::from_hash(&[7; 32]),
    }
}

/// What providing an address, which needs the app, says.
async fn provided(server: &Scripted, settings: Value) -> Result<(), String> {
    let target = server.target(settings);
    let (environment, dns, heard) = (environment(), resource("dns"), Heard::default());
    let provided = target.provision(&environment, &dns, &heard).await;
    provided.map_err(|error| error.message().en.clone())
}

#[tokio::test]
async fn what_passes_is_tried_again() {
    let server = Scripted::start().await;
    server.once("GET /apps", Answer::Busy(0));
    server.once("GET /apps", refusal(502, "", "Bad Gateway"));
    server.once("GET /apps", Answer::Cut);
    server.always("GET /apps", Answer::Json(200, json!([])));
    let observed = server.target(json!({})).observe(&environment()).await;
    assert!(observed.unwrap().rollouts.is_empty());
    assert_eq!(server.asked("GET /apps"), 4);
}

#[tokio::test]
async fn who_has_to_wait_long_is_told_at_once() {
    let server = Scripted::start().await;
    server.always("GET /apps", Answer::Busy(3600));
    let error = server
        .target(json!({}))
        .observe(&environment())
        .await
        .unwrap_err();
    assert!(error.message().en.contains("wait 3600 s"), "{error}");
    assert_eq!(server.asked("GET /apps"), 1);
}

#[tokio::test]
async fn an_app_of_somebody_else_is_left_alone() {
    let hidden = Scripted::start().await;
    hidden.always(
        APP,
        refusal(403, "forbidden", "You do not have access to the app"),
    );
    let taken = Scripted::start().await;
    taken.always(
        "POST /apps",
        refusal(
            422,
            "invalid_params",
            "Name moria-api-test is already taken",
        ),
    );
    for server in [&hidden, &taken] {
        let error = provided(server, json!({})).await.unwrap_err();
        assert!(
            error.contains("moria-api-test is somebody else's"),
            "{error}"
        );
        assert_eq!(server.asked(CHANGE), 0);
    }
    let other = Scripted::start().await;
    other.always(APP, Answer::Json(200, app("container")));
    other.always(VARS, Answer::Json(200, marks("rohan/tp2/test")));
    let error = provided(&other, json!({ "adopt": true }))
        .await
        .unwrap_err();
    assert!(error.contains("that of api in rohan/tp2/test"), "{error}");
    assert_eq!(other.asked("PATCH"), 0);
}

#[tokio::test]
async fn a_program_that_runs_is_replaced_only_where_that_is_said() {
    let server = Scripted::start().await;
    server.always(APP, Answer::Json(200, app("heroku-24")));
    server.always(VARS, Answer::Json(200, json!({ "LEVEL": "debug" })));
    let process = json!([{ "type": "web", "quantity": 1, "size": "Basic" }]);
    server.always(FORMATION, Answer::Json(200, process));
    server.always(
        "PATCH /apps/moria-api-test",
        Answer::Json(200, app("container")),
    );
    server.always(CHANGE, Answer::Json(200, marks("moria/tp2/test")));
    let error = provided(&server, json!({})).await.unwrap_err();
    assert!(error.contains("adopt: true"), "{error}");
    assert_eq!(server.asked("PATCH"), 0);
    provided(&server, json!({ "adopt": true })).await.unwrap();
    let stack = r#"PATCH /apps/moria-api-test {"build_stack":"container"}"#;
    assert_eq!(server.asked(stack), 1);
}

#[tokio::test]
async fn a_new_app_whose_answer_was_lost_is_not_made_twice() {
    let server = Scripted::start().await;
    server.once(APP, refusal(404, "not_found", "Couldn't find that app."));
    server.once("POST /apps", Answer::Cut);
    server.always(APP, Answer::Json(200, app("container")));
    server.always(VARS, Answer::Json(200, json!({})));
    server.always(FORMATION, Answer::Json(200, json!([])));
    server.always(CHANGE, Answer::Json(200, marks("moria/tp2/test")));
    provided(&server, json!({})).await.unwrap();
    assert_eq!(server.asked("POST /apps"), 1);
}

#[tokio::test]
async fn a_suspended_account_is_told_so() {
    let server = Scripted::start().await;
    server.always(
        "POST /apps",
        refusal(403, "suspended", "Your account has been suspended."),
    );
    let error = provided(&server, json!({})).await.unwrap_err();
    assert!(error.contains("Heroku account is suspended"), "{error}");
    assert!(!error.contains("a-key"));
}

#[tokio::test]
async fn a_release_that_fails_tells_what_it_wrote() {
    let server = Scripted::start().await;
    let release = |status: &str| {
        json!({
            "id": "r1",
            "version": 7,
            "status": status,
            "description": "Deployed release (aaaaaaaaaaaa)",
            "output_stream_url": format!("{}/output", server.url),
        })
    };
    server.once("GET /output", refusal(404, "", ""));
    server.always("GET /output", Answer::Text("one\ntwo: no such column\n"));
    server.once(
        "GET /apps/moria-api-test/releases/r1",
        Answer::Json(200, release("pending")),
    );
    server.always(
        "GET /apps/moria-api-test/releases/r1",
        Answer::Json(200, release("failed")),
    );
    let client = Client::new(&server.url, SecretString::new("a-key")).unwrap();
    let ours = OurApp::of(
        serde_json::from_value(app("container")).unwrap(),
        Vars::new(),
    );
    let pending = serde_json::from_value(release("pending")).unwrap();
    let heard = Heard::default();
    let error = ours
        .await_release(&client, &pending, &heard)
        .await
        .unwrap_err();
    assert!(error.message().en.contains("release v7"), "{error}");
    assert_eq!(error.log(), ["one", "two: no such column"]);
    assert_eq!(heard.lines(), ["one", "two: no such column"]);
    assert_eq!(pending.status, ReleaseStatus::Pending);
}

#[tokio::test]
async fn only_apps_that_estiba_made_and_nobody_else_uses_are_removed() {
    let delete = "DELETE /apps/moria-api-test";
    let domain = |kind: &str| json!([{ "kind": kind }]);
    for (origin, domains, is_removed) in [
        ("created", domain("heroku"), true),
        ("created", domain("custom"), false),
        ("adopted", domain("heroku"), false),
    ] {
        let server = Scripted::start().await;
        let mut vars = marks("moria/tp2/test");
        vars["ESTIBA_ORIGIN"] = json!(origin);
        server.always("GET /apps", Answer::Json(200, json!([app("container")])));
        server.always(VARS, Answer::Json(200, vars));
        server.always(CHANGE, Answer::Json(200, json!({})));
        server.always(
            "GET /apps/moria-api-test/addons",
            Answer::Json(200, json!([])),
        );
        server.always(
            "GET /apps/moria-api-test/domains",
            Answer::Json(200, domains),
        );
        server.always(FORMATION, Answer::Json(200, json!([])));
        server.always(
            "GET /apps/moria-api-test/dynos",
            Answer::Json(200, json!([])),
        );
        server.always(delete, Answer::Json(200, app("container")));
        server
            .target(json!({}))
            .forget(&environment())
            .await
            .unwrap();
        assert_eq!(server.asked(delete), usize::from(is_removed), "{origin}");
        assert_eq!(server.asked(CHANGE), usize::from(!is_removed), "{origin}");
    }
}

#[tokio::test]
async fn what_is_gone_is_withdrawn_already() {
    let server = Scripted::start().await;
    let target = server.target(json!({}));
    let (environment, grace) = (environment(), std::time::Duration::ZERO);
    target.withdraw(&environment, &api(), grace).await.unwrap();
}

#[tokio::test]
async fn a_database_whose_answer_was_lost_is_not_made_twice() {
    let server = Scripted::start().await;
    server.always(APP, Answer::Json(200, app("container")));
    server.always(VARS, Answer::Json(200, marks("moria/tp2/test")));
    server.always(CHANGE, Answer::Json(200, marks("moria/tp2/test")));
    let attachments = "GET /apps/moria-api-test/addon-attachments";
    server.once(attachments, Answer::Json(200, json!([])));
    server.once("POST /apps/moria-api-test/addons", Answer::Cut);
    let name = crate::marks::attachment_of(&resource("postgres").id);
    let attached = json!([{ "id": "t1", "name": name, "addon": { "id": "a1", "app": { "name": "moria-api-test" } } }]);
    server.always(attachments, Answer::Json(200, attached));
    let addon = |state: &str| {
        let plan = json!({ "name": "heroku-postgresql:essential-0" });
        json!({ "id": "a1", "state": state, "plan": plan })
    };
    server.once("GET /addons/a1", Answer::Json(200, addon("provisioning")));
    server.always("GET /addons/a1", Answer::Json(200, addon("provisioned")));
    let target = server.target(json!({}));
    let (environment, heard) = (environment(), Heard::default());
    let wanted = resource("postgres");
    target
        .provision(&environment, &wanted, &heard)
        .await
        .unwrap();
    assert_eq!(server.asked("POST /apps/moria-api-test/addons"), 1);
    assert_eq!(server.asked("GET /addons/a1"), 2);
}
