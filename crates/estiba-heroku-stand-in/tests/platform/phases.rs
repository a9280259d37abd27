//! The release phase.

use serde_json::json;

use super::bench::{Bench, eventually};
use super::images::Made;

#[test]
fn a_release_waits_for_its_phase_and_fails_with_it() {
    let Some(bench) = Bench::start() else { return };
    bench.app("phased");
    bench
        .patch("/apps/phased/config-vars", &json!({ "GREETING": "ana" }))
        .ok();
    bench.stand_in.faults().hang_releases(true);
    bench.release("phased", &[("web", Made::First), ("release", Made::Phase)]);
    let pending = bench.last_release("phased");
    assert_eq!(
        (&pending["status"], &pending["current"]),
        (&json!("pending"), &json!(false))
    );
    assert!(
        bench
            .dynos("phased")
            .iter()
            .all(|dyno| dyno["type"] != "web")
    );
    bench.stand_in.faults().hang_releases(false);
    // It is written to its end.
    let output = pending["output_stream_url"].as_str().unwrap();
    let written = bench.http.get(output).send().unwrap().text().unwrap();
    assert_eq!(written, "migrating for ana\n");
    let done = bench.last_release("phased");
    assert_eq!(
        (&done["status"], &done["current"]),
        (&json!("succeeded"), &json!(true))
    );
    assert_eq!(bench.ask("phased", "/").1["version"], "first");
    bench.await_log("phased", "migrating for ana");

    bench
        .patch("/apps/phased/config-vars", &json!({ "RELEASE_CODE": "7" }))
        .ok();
    eventually("the failure", || {
        bench.last_release("phased")["status"] == "failed"
    });
    assert_eq!(bench.last_release("phased")["current"], false);
    let told = bench.ask("phased", "/").1;
    assert_eq!(told["RELEASE_CODE"], json!(null), "what worked runs on");
}
