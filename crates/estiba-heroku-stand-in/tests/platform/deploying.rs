//! Apps, config vars, images, releases, and who answers.

use reqwest::Method;
use serde_json::{Value, json};

use super::bench::{Bench, eventually};
use super::images::Made;

#[test]
fn an_app_is_deployed_changed_and_rolled_back() {
    let Some(bench) = Bench::start() else { return };
    bench.app("shop");
    assert_eq!(bench.ask("shop", "/").0, 502, "nothing is released");
    let config = json!({ "GREETING": "hello", "GONE": "soon" });
    bench.patch("/apps/shop/config-vars", &config).ok();
    assert_eq!(
        bench.last_release("shop")["description"],
        "Set GONE, GREETING config vars"
    );
    bench.release("shop", &[("web", Made::First)]);
    let (status, told) = bench.ask("shop", "/");
    assert_eq!((status, &told["version"]), (200, &json!("first")));
    assert_eq!(told["GREETING"], "hello");
    assert_eq!(told["DYNO"], "web.1");
    assert_eq!(told["proto"], "http");
    assert_ne!(told["uid"], "0", "dynos are nobody in particular");
    let first = bench.last_release("shop");
    assert_eq!(
        (&first["status"], &first["current"]),
        (&json!("succeeded"), &json!(true))
    );

    // One change, one release; what is null goes.
    bench
        .patch(
            "/apps/shop/config-vars",
            &json!({ "GREETING": "bye", "GONE": null }),
        )
        .ok();
    eventually("the new config var", || {
        bench.ask("shop", "/").1["GREETING"] == "bye"
    });
    assert_eq!(bench.ask("shop", "/").1["GONE"], Value::Null);

    // An entrypoint is run without a shell.
    bench.release("shop", &[("web", Made::Second)]);
    eventually("the second image", || {
        bench.ask("shop", "/").1["version"] == "second"
    });

    let refused = bench.try_release("shop", &[("web", Made::Wordless)]);
    refused.refuses(422, "invalid_params");
    assert_eq!(
        refused.body["message"],
        "No command specified for process type web"
    );

    let rollback = json!({ "release": first["version"].to_string() });
    let rolled = bench.post("/apps/shop/releases", &rollback).ok();
    assert_eq!(
        rolled["description"],
        format!("Rollback to v{}", first["version"])
    );
    eventually("the first image and its config vars", || {
        let told = bench.ask("shop", "/").1;
        told["version"] == "first" && told["GREETING"] == "hello" && told["GONE"] == "soon"
    });
    bench.delete("/apps/shop").ok();
    bench.get("/apps/shop").refuses(404, "not_found");
    assert_eq!(bench.ask("shop", "/").0, 404);
}

#[test]
fn lists_come_in_parts() {
    let Some(bench) = Bench::start() else { return };
    bench.app("listed");
    for number in 0..3 {
        bench
            .patch(
                "/apps/listed/config-vars",
                &json!({ "NUMBER": number.to_string() }),
            )
            .ok();
    }
    let part = |range: &str| {
        let request = bench.request(&Method::GET, "/apps/listed/releases");
        bench.send(request.header("range", range))
    };
    let versions = |list: Value| -> Vec<u64> {
        list.as_array()
            .unwrap()
            .iter()
            .map(|one| one["version"].as_u64().unwrap())
            .collect()
    };
    let first = part("version ..; max=2, order=desc");
    assert_eq!(first.status, 206);
    let next = first.headers["next-range"].to_str().unwrap().to_owned();
    assert_eq!(versions(first.ok()), [5, 4]);
    assert_eq!(versions(part(&next).ok()), [3, 2]);
    assert_eq!(versions(part("version 2..3").ok()), [2, 3]);
    part("colour ..").refuses(416, "requested_range_not_satisfiable");
}

#[test]
fn the_router_says_why_nobody_answers() {
    let Some(bench) = Bench::start() else { return };
    bench.app("silent");
    bench.release("silent", &[("web", Made::First)]);
    assert_eq!(bench.ask("silent", "/").0, 200);
    bench
        .patch("/apps/silent", &json!({ "maintenance": true }))
        .ok();
    assert_eq!(bench.ask("silent", "/").0, 503);
    bench.await_log("silent", "at=error code=H80");
    bench
        .patch("/apps/silent", &json!({ "maintenance": false }))
        .ok();
    bench
        .patch("/apps/silent/formation/web", &json!({ "quantity": 0 }))
        .ok();
    eventually("no dyno", || bench.dynos("silent").is_empty());
    assert_eq!(bench.ask("silent", "/").0, 503);
    bench.await_log("silent", "at=error code=H14");
    let two = json!({ "updates": [{ "type": "web", "quantity": "+2" }] });
    bench
        .patch("/apps/silent/formation", &two)
        .refuses(422, "invalid_params");
    let two = json!({ "updates": [{ "type": "web", "quantity": 2, "size": "standard-1x" }] });
    bench.patch("/apps/silent/formation", &two).ok();
    eventually("two dynos", || {
        let dynos = bench.dynos("silent");
        dynos.len() == 2 && dynos.iter().all(|dyno| dyno["state"] == "up")
    });
    let more = json!({ "updates": [{ "type": "worker", "quantity": 1 }] });
    bench
        .patch("/apps/silent/formation", &more)
        .refuses(404, "not_found");
}

#[test]
fn with_preboot_somebody_answers_all_the_time() {
    let Some(bench) = Bench::start() else { return };
    bench.app("steady");
    bench.release("steady", &[("web", Made::First)]);
    let enable = json!({ "enabled": true });
    bench
        .patch("/apps/steady/features/preboot", &enable)
        .refuses(422, "invalid_params");
    let size = json!({ "updates": [{ "type": "web", "size": "Standard-1X" }] });
    bench.patch("/apps/steady/formation", &size).ok();
    bench.patch("/apps/steady/features/preboot", &enable).ok();
    eventually("the larger dyno", || {
        let dynos = bench.dynos("steady");
        dynos.len() == 1 && dynos[0]["size"] == "Standard-1X" && dynos[0]["state"] == "up"
    });
    bench.release("steady", &[("web", Made::Second)]);
    eventually("both at once", || bench.dynos("steady").len() == 2);
    eventually("the second image", || {
        let (status, told) = bench.ask("steady", "/");
        assert_eq!(status, 200);
        told["version"] == "second"
    });
    eventually("the old dyno to go", || bench.dynos("steady").len() == 1);
}
