//! What the API says no to, and what goes wrong because a test wants it to.

use std::process::Command;

use estiba_heroku_stand_in::{Fault, Planned};
use reqwest::Method;
use serde_json::json;

use super::bench::{Bench, works};
use super::images::Made;

#[test]
fn names_follow_herokus_rules() {
    let Some(bench) = Bench::start() else { return };
    for wrong in [
        "ab",
        "Upper",
        "1st",
        "ends-",
        "under_score",
        &"a".repeat(31),
    ] {
        bench
            .post("/apps", &json!({ "name": wrong }))
            .refuses(422, "invalid_params");
    }
    bench.app("team-api-test");
    for taken in ["team-api-test", "somebody-elses"] {
        let refused = bench.post("/apps", &json!({ "name": taken }));
        refused.refuses(422, "invalid_params");
        assert_eq!(
            refused.body["message"],
            format!("Name {taken} is already taken")
        );
    }
    bench.get("/apps/somebody-elses").refuses(403, "forbidden");
    bench.get("/apps/nobodys").refuses(404, "not_found");
    assert_eq!(bench.get("/apps").ok().as_array().unwrap().len(), 1);
}

#[test]
fn only_those_with_the_key_and_a_version_are_answered() {
    let Some(bench) = Bench::start() else { return };
    let account = format!("{}/account", bench.stand_in.api());
    let stranger = bench.http.get(&account).bearer_auth("another");
    bench.send(stranger).refuses(401, "unauthorized");
    let versionless = bench.http.get(&account).bearer_auth(bench.stand_in.key());
    bench.send(versionless).refuses(406, "not_acceptable");
    assert_eq!(bench.get("/account").ok()["verified"], true);
}

#[test]
fn limits_suspension_and_faults_are_told() {
    let Some(bench) = Bench::start() else { return };
    let faults = bench.stand_in.faults();
    faults.leave_requests(2);
    let left = bench.get("/account").headers["ratelimit-remaining"].clone();
    assert_eq!(left, "1");
    bench.get("/account").ok();
    bench.get("/account").refuses(429, "rate_limit");
    faults.leave_requests(100);
    faults.suspend(true);
    bench.get("/apps").refuses(403, "suspended");
    faults.suspend(false);
    faults.answer_next(2, 503);
    assert_eq!(bench.get("/apps").status, 503);
    assert_eq!(bench.get("/apps").status, 503);
    bench.get("/apps").ok();
    faults.plan(Planned {
        fault: Fault::LoseAnswer,
        method: Some(Method::POST),
        path_end: "/apps".to_owned(),
        times: 1,
    });
    let body = json!({ "name": "lost-answer" });
    let lost = bench.request(&Method::POST, "/apps").json(&body).send();
    lost.and_then(reqwest::blocking::Response::text)
        .unwrap_err();
    assert_eq!(bench.get("/apps/lost-answer").ok()["name"], "lost-answer");
}

#[test]
fn what_is_not_herokus_is_recorded() {
    let Some(bench) = Bench::start() else { return };
    assert_eq!(bench.get("/no-such-thing").status, 404);
    let seen = bench.stand_in.violations();
    assert_eq!(seen, ["GET /no-such-thing: Heroku has no such request"]);
    bench.app("recorded");
    let update = json!({ "updates": [{ "type": "web", "colour": "red" }] });
    bench
        .patch("/apps/recorded/formation", &update)
        .refuses(404, "not_found");
    // Heroku ignores what it does not know; its schema does not have it.
    bench.patch("/apps/recorded", &json!({ "maintenance": "yes" }));
    bench
        .post(
            "/apps/recorded/log-sessions",
            &json!({ "lines": 3, "tail": null }),
        )
        .ok();
    let seen = bench.stand_in.violations();
    let last = seen.last().unwrap();
    assert!(
        last.contains("log-sessions: request of \"Create\": /tail"),
        "{last}"
    );
    bench.forgive();
}

#[test]
fn the_registry_takes_dockers_own_format_from_those_with_the_key() {
    let Some(bench) = Bench::start() else { return };
    bench.app("pushed-to");
    let from = format!("docker-daemon:{}", Made::First.built());
    let push = |app: &str, key: &str, format: &str| {
        let to = format!("docker://{}/{app}/web:latest", bench.stand_in.registry());
        let credentials = format!("_:{key}");
        works(Command::new("skopeo").args([
            "copy",
            "--format",
            format,
            "--dest-tls-verify=false",
            "--dest-creds",
            &credentials,
            &from,
            &to,
        ]))
    };
    let key = bench.stand_in.key();
    assert!(!push("pushed-to", "another", "v2s2"));
    assert!(!push("somebody-elses", key, "v2s2"));
    assert!(!push("pushed-to", key, "oci"));
    assert!(push("pushed-to", key, "v2s2"));
}
