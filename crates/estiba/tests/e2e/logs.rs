//! `estiba logs` without a server: the targets are read, and searched here.

use std::time::{Duration, Instant};

use crate::support::{Project, SECRET, copy, get, source};

const LIMIT: Duration = Duration::from_secs(30);

pub fn lines_are_searched_without_a_server() {
    let project = Project::new();
    copy(&source(), &project.dir());
    for environment in ["test", "prod"] {
        let set = ["secret", "set", "TOKEN", "--env", environment];
        project.with_input(&set, SECRET).ok();
    }
    project.run(&["up", "--version", "1.0.0"]).ok();
    let write = |path: &str| {
        assert_eq!(
            get(&project.address("test", "api"), path).unwrap().status,
            200
        );
    };
    let logs = |more: &[&str]| project.run(&[&["logs"], more].concat());
    write("/print/before");
    write(r#"/print/{"level":"error","msg":"refused","status":502}"#);
    write("/complain/WARN:after");
    let begun = Instant::now();
    while !logs(&["api"]).ok().out.contains("after") {
        assert!(begun.elapsed() < LIMIT, "the last line");
        std::thread::sleep(Duration::from_millis(100));
    }

    let found = logs(&["api", "status:>=500", "--context", "1"]).ok().out;
    let ends: Vec<&str> = found
        .lines()
        .filter_map(|line| line.rsplit(' ').next())
        .collect();
    assert_eq!(ends, ["before", "status=502", "WARN:after"], "{found}");
    assert!(!found.contains('\x1b'), "{found:?}");
    for (words, texts) in [
        (
            &["api", "--level", "warn"][..],
            &["refused", "WARN:after"][..],
        ),
        (&["api", "--level", "warn", "--tail", "1"], &["WARN:after"]),
        (&["api", "refused", "OR", "before"], &["before", "refused"]),
        (&["--grep", "after -workload:bot"], &["WARN:after"]),
        (&["api", "--release", "9.9.9"], &[]),
        (&["api", "level:error", "--release", "1.0.0"], &["refused"]),
        (&["api", "--until", "1h"], &[]),
    ] {
        let found = logs(&[words, &["--json"]].concat()).ok().out;
        let found = found
            .lines()
            .map(|line| -> serde_json::Value { serde_json::from_str(line).unwrap() });
        let found: Vec<String> = found
            .map(|line| line["text"].as_str().unwrap().to_owned())
            .collect();
        assert_eq!(found, texts, "{words:?}");
    }
    // Those of all workloads, in order of time.
    let all = logs(&[]).ok().out;
    let moments: Vec<&str> = all
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert!(
        all.contains("polling for") && all.contains("listening on"),
        "{all}"
    );
    assert!(moments.is_sorted(), "{all}");

    let bad = logs(&["api", "level:("]);
    assert_eq!(bad.code, 2);
    assert!(bad.err.contains("level:("), "{}", bad.err);
    let unknown = logs(&["apii"]);
    assert_eq!(unknown.code, 1);
    assert!(unknown.err.contains("--grep"), "{}", unknown.err);
    project.run(&["down", "--env", "test", "--yes"]).ok();
}
