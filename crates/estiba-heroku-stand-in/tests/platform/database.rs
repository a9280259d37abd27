//! `heroku-postgresql`, which is a PostgreSQL.

use std::process::Command;

use serde_json::{Value, json};

use super::bench::{Bench, eventually, output, words, works};
use super::images::Made;

#[test]
fn a_database_is_made_used_and_dropped() {
    if !works(&mut words("docker image inspect postgres:15")) {
        println!("skipped: there is no image postgres:15");
        return;
    }
    let Some(bench) = Bench::start() else { return };
    bench.app("stored");
    bench.release("stored", &[("web", Made::First)]);
    let unknown = json!({ "plan": "heroku-postgresql:enormous" });
    bench
        .post("/apps/stored/addons", &unknown)
        .refuses(404, "not_found");
    let made = bench
        .post(
            "/apps/stored/addons",
            &json!({ "plan": "heroku-postgresql:essential-0" }),
        )
        .ok();
    assert_eq!(made["state"], "provisioning");
    assert_eq!(made["config_vars"], json!(["DATABASE_URL"]));
    let name = made["name"].as_str().unwrap();
    eventually("the database", || {
        bench.get(&format!("/apps/stored/addons/{name}")).ok()["state"] == "provisioned"
    });
    eventually("the dyno to know it", || {
        bench.ask("stored", "/").1["DATABASE_URL"] != Value::Null
    });
    let config = bench.get("/apps/stored/config-vars").ok();
    let url = config["DATABASE_URL"].as_str().unwrap();
    assert_eq!(bench.ask("stored", "/").1["DATABASE_URL"], url);
    if works(&mut words("psql --version")) {
        let made = output(Command::new("psql").args([
            url,
            "-Atc",
            "create table t (x int); select 41 + 1",
        ]));
        assert!(made.ends_with("42"), "{made}");
    }
    let refused = bench.patch(
        "/apps/stored/config-vars",
        &json!({ "DATABASE_URL": "mine" }),
    );
    refused.refuses(422, "invalid_params");
    assert_eq!(
        refused.body["message"],
        "Cannot overwrite attachment values DATABASE_URL."
    );
    let attachments = bench.get("/apps/stored/addon-attachments").ok();
    assert_eq!(attachments[0]["name"], "DATABASE");
    let second = bench
        .post(
            "/apps/stored/addons",
            &json!({ "plan": "heroku-postgresql" }),
        )
        .ok();
    assert_eq!(second["config_vars"], json!(["HEROKU_POSTGRESQL_ROSE_URL"]));
    bench.delete(&format!("/apps/stored/addons/{name}")).ok();
    let config = bench.get("/apps/stored/config-vars").ok();
    assert_eq!(config["DATABASE_URL"], Value::Null);
    bench.delete("/apps/stored").ok();
    assert_eq!(bench.get("/addons").ok(), json!([]));
}
