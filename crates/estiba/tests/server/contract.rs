//! The whole API against its own OpenAPI document, by a tester that is not ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::bench::two_teams;

const TESTER: &str = "schemathesis==4.32.0";
/// Examples of each operation.
const EXAMPLES: &str = "5";
/// What is checked. Left out is what the API does otherwise on purpose: it answers 404
/// for what is another team's, and 429 to who comes with wrong tokens again and again.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
response_headers_conformance,response_schema_conformance,use_after_free";

/// What does not end by itself.
const STREAMS: [&str; 4] = [
    "/api/v1/events",
    "/api/v1/teams/{team}/projects/{project}/deployments/{deployment}/events",
    "/api/v1/teams/{team}/projects/{project}/environments/{environment}/workloads/{workload}/logs",
    "/api/v1/teams/{team}/projects/{project}/logs/tail",
];

/// `None` and a word about it where it can't be had.
fn tester() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("schemathesis");
    let program = folder.join("bin/schemathesis");
    let done = |command: &mut Command| command.output().is_ok_and(|done| done.status.success());
    let is_there = done(Command::new(&program).arg("--version"))
        || (done(Command::new("python3").args(["-m", "venv"]).arg(&folder))
            && done(Command::new(folder.join("bin/pip")).args(["install", "--quiet", TESTER])));
    if !is_there {
        println!("skipped: {TESTER} can't be had from PyPI");
    }
    is_there.then_some(program)
}

pub fn every_operation_answers_as_its_document_says() {
    let Some(tester) = tester() else {
        return;
    };
    let (server, _) = two_teams();
    let done = Command::new(tester)
        .arg("run")
        .arg(format!("{}/api/openapi.json", server.url))
        .args([
            "--header",
            &format!("Authorization: Bearer {}", server.admin),
        ])
        .args(["--checks", CHECKS, "--max-examples", EXAMPLES])
        .args(["--continue-on-failure", "--seed", "4711", "--no-color"])
        .args(STREAMS.iter().flat_map(|path| ["--exclude-path", path]))
        .current_dir(server.folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{said}");
    assert!(said.contains("✅ Fuzzing"), "{said}");
}
