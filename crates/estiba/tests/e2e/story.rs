//! The way of a release, with real containers: up, no-op, promote, change,
//! failure, rollback, scale, drift, down.

use crate::support::{Project, SECRET};

#[test]
fn a_release_goes_its_whole_way() {
    let project = Project::new();
    let first = project.run(&["up", "--version", "1.0.0"]).ok();
    assert!(
        first.out.contains("http://api.test.tests.localhost:"),
        "{}",
        first.out
    );
    assert_eq!(project.get("test", "/version"), "1.0.0");
    assert_eq!(project.get("test", "/token"), format!("token={SECRET}\n"));

    let again = project.run(&["up", "--version", "1.0.0"]).ok();
    assert!(again.out.contains("nothing was changed"), "{}", again.out);
    let plan = project.run(&["plan", "--version", "1.0.0", "--json"]).ok();
    assert_eq!(plan.json()["steps"].as_array().unwrap().len(), 0);

    let refused = project.run(&["deploy", "--env", "prod", "--version", "2.0.0"]);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("has run in test"), "{}", refused.err);
    project
        .run(&["promote", "--from", "test", "--to", "prod"])
        .ok();
    assert_eq!(project.get("prod", "/version"), "1.0.0");
    assert_eq!(project.instances("prod").len(), 3, "two of api, one of bot");

    project.edit(
        "api/src/main.rs",
        "\"ok\".to_owned()",
        "\"fine\".to_owned()",
    );
    let taken = project.run(&["up", "--version", "1.0.0"]);
    assert_eq!(taken.code, 1, "a version is never overwritten");
    assert!(taken.err.contains("1.0.0"), "{}", taken.err);
    project.run(&["up", "--version", "1.1.0"]).ok();
    assert_eq!(project.get("test", "/health"), "fine");
    assert_eq!(project.get("test", "/migrations"), "migrated\nmigrated\n");

    project.run(&["rollback", "--env", "test"]).ok();
    assert_eq!(project.get("test", "/version"), "1.0.0");
    assert_eq!(project.get("test", "/health"), "ok");
    assert_eq!(
        project.get("test", "/migrations"),
        "migrated\nmigrated\n",
        "a migration that ran does not run again"
    );

    project.run(&["scale", "api=3", "--env", "test"]).ok();
    assert_eq!(project.instances("test").len(), 4);
    project
        .run(&["config", "set", "GREETING=hola", "--env", "test"])
        .ok();
    project.run(&["restart", "api", "--env", "test"]).ok();
    assert_eq!(project.get("test", "/greeting"), "hola");
    assert_eq!(
        project.get("prod", "/greeting"),
        "hello",
        "environments are apart"
    );

    let down = project.run(&["down", "--env", "test", "--yes"]).ok();
    assert!(down.err.contains("volume.default#api.data"), "{}", down.err);
    assert!(project.status("test")["deployed"].is_null());
    assert_eq!(project.instances("prod").len(), 3, "prod is as before");
}

#[test]
fn a_failure_leaves_what_worked() {
    let project = Project::new();
    project.run(&["up", "--version", "1.0.0"]).ok();
    let before = project.instances("test");
    let fails = |version: &str, said: &str| {
        let failed = project.run(&["up", "--version", version]);
        assert_eq!(failed.code, 1, "{version}");
        assert!(failed.err.contains(said), "{version}: {}", failed.err);
        assert!(
            failed.err.contains("1.0.0 runs as before"),
            "{}",
            failed.err
        );
        assert_eq!(project.instances("test"), before, "{version}");
        assert_eq!(project.get("test", "/version"), "1.0.0");
    };
    project
        .run(&["config", "set", "BEHAVIOUR=crash", "--env", "test"])
        .ok();
    fails("1.0.0-crash", "cannot find my configuration");
    project
        .run(&["config", "unset", "BEHAVIOUR", "--env", "test"])
        .ok();
    project.edit(
        "api/score.yaml",
        "args: [migrate]",
        "args: [migrate, badly]",
    );
    fails("1.0.0-migration", "already exists");
}

#[test]
fn what_ended_is_seen_and_mended() {
    let project = Project::new();
    project.run(&["up", "--version", "1.0.0"]).ok();
    for process in supervisors(&project) {
        rustix::process::kill_process(process, rustix::process::Signal::KILL).unwrap();
        rustix::process::test_kill_process(process).ok();
    }
    let drifted = project.status("test");
    assert!(
        !drifted["drift"].as_array().unwrap().is_empty(),
        "{drifted}"
    );
    project.run(&["up", "--version", "1.0.0"]).ok();
    assert_eq!(project.instances("test").len(), 2);
    assert_eq!(project.get("test", "/version"), "1.0.0");
}

/// The supervisors of this project's instances.
fn supervisors(project: &Project) -> Vec<rustix::process::Pid> {
    let state = project.state().display().to_string();
    std::fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .filter_map(|entry| {
            let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
            let line = std::fs::read(entry.path().join("cmdline")).ok()?;
            let line = String::from_utf8_lossy(&line).into_owned();
            let ours = line.contains("supervisor") && line.contains(&state);
            ours.then(|| rustix::process::Pid::from_raw(pid))?
        })
        .collect()
}

#[test]
fn a_secret_is_nowhere_but_where_it_is_used() {
    let project = Project::new();
    let mut said = vec![project.run(&["up", "--version", "1.0.0", "--json"]).ok()];
    for args in [
        ["plan", "--env", "prod", "--version", "1.0.0", "--json"].as_slice(),
        &["logs", "api"],
        &["history", "--json"],
        &["status", "--json"],
        &["secret", "list"],
    ] {
        said.push(project.run(args).ok());
    }
    project
        .run(&["config", "set", "BEHAVIOUR=crash", "--env", "test"])
        .ok();
    said.push(project.run(&["up", "--version", "1.0.1"]));
    for done in &said {
        assert!(!done.out.contains(SECRET), "{}", done.out);
        assert!(!done.err.contains(SECRET), "{}", done.err);
    }
    assert!(said[2].out.contains("token is •••"), "{}", said[2].out);
    assert_eq!(project.files_with(SECRET), Vec::<std::path::PathBuf>::new());
}
