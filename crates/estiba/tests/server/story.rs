//! A team ships through a server, from its first deployment to its end.

use std::path::Path;

use serde_json::{Value, json};

use crate::bench::Server;
use crate::support::{Project, SECRET, files_with, get};

pub fn a_team_ships_through_a_server() {
    let server = Server::start();
    server.team("moria");
    let gimli = server.person("moria", "gimli", "member");
    let balin = server.person("moria", "balin", "member");
    let project = server.project("moria", &gimli);
    let file = project.dir().join("estiba.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(
        &file,
        text.replace("after: test,", "after: test, approve: true,"),
    )
    .unwrap();

    // Secrets may come before anything is there.
    for environment in ["test", "prod"] {
        let set = ["secret", "set", "TOKEN", "--env", environment];
        project.with_input(&set, SECRET).ok();
    }
    let up = project.run(&["up", "--version", "1.0.0"]).ok();
    assert!(up.out.contains("test runs 1.0.0"), "{}", up.out);
    assert!(up.err.contains("migrate api"), "{}", up.err);
    assert_eq!(
        get(&project.address("test", "api"), "/version")
            .unwrap()
            .body,
        "1.0.0"
    );
    let again = project.run(&["up", "--version", "1.0.0"]).ok();
    assert!(again.out.contains("nothing was changed"), "{}", again.out);

    // Nobody agrees to their own.
    let promote = ["promote", "--from", "test", "--to", "prod"];
    let waiting = project.run(&promote).ok();
    assert!(waiting.out.contains("estiba approve 1"), "{}", waiting.out);
    let own = project.run(&["approve", "1"]);
    assert_eq!(own.code, 1);
    assert!(own.err.contains("another person"), "{}", own.err);
    let decided = json!({ "approve": true });
    let asked = server.send("POST", "/api/v1/approvals/1", &balin, &decided);
    assert_eq!(asked.status(), 200);
    let asked: Value = asked.json().unwrap();
    let id = &asked["deployment"]["id"];
    let path = format!("/api/v1/teams/moria/projects/tests/deployments/{id}/events");
    follow_to_the_end(&server, &path, &balin);
    assert_eq!(project.instances("prod").len(), 3);

    nobody_goes_around_the_approval(&server, &project, &file);

    // What the command shows is what it shows without a server.
    let history = project.run(&["history", "--env", "test", "--steps"]).ok();
    assert!(history.out.contains("succeeded"), "{}", history.out);
    assert!(history.out.contains("✓ migrate api"), "{}", history.out);
    let releases = project.run(&["releases"]).ok();
    assert!(releases.out.contains("prod, test"), "{}", releases.out);
    project.run(&["scale", "api=2", "--env", "test"]).ok();
    assert_eq!(project.instances("test").len(), 3);
    let exec = ["exec", "api", "--env", "test", "--", "/app/api", "fail"];
    assert_ne!(project.run(&exec).code, 0);
    let logs = project.run(&["logs", "api", "--env", "test"]).ok();
    assert!(!logs.out.is_empty());

    // A failed deployment is told as one, and leaves what ran.
    project
        .run(&["config", "set", "BEHAVIOUR=crash", "--env", "test"])
        .ok();
    let failed = project.run(&["restart", "--env", "test"]);
    assert_eq!(failed.code, 1, "{}", failed.out);
    assert!(failed.err.contains("runs as before"), "{}", failed.err);
    // The lines that explain it are shown wherever it is.
    for shown in [
        &["history", "--env", "test", "--limit", "1"][..],
        &["status"],
    ] {
        let shown = project.run(shown).ok().out;
        assert!(shown.contains("    │ "), "{shown}");
    }
    assert_eq!(project.instances("test").len(), 3);

    // Who did it all is known, and no secret is.
    let audit = server
        .get("/api/v1/teams/moria/audit", &balin)
        .text()
        .unwrap();
    for action in ["secret.set", "deployment.ask", "approval.decide"] {
        assert!(audit.contains(action), "{audit}");
    }
    assert!(!audit.contains(SECRET));
    let kept = server.folder.path();
    assert_eq!(files_with(kept, SECRET), Vec::<std::path::PathBuf>::new());

    let down = project.run(&["down", "--env", "test", "--yes"]).ok();
    assert!(down.out.contains("test is down"), "{}", down.out);
    project.run(&["down", "--env", "prod", "--yes"]).ok();
}

/// Neither by a rollback to what never ran there, nor by a pipeline that says that nobody
/// has to agree.
fn nobody_goes_around_the_approval(server: &Server, project: &Project, file: &Path) {
    project.run(&["up", "--version", "1.1.0"]).ok();
    let around = project
        .run(&["rollback", "--env", "prod", "--to", "1.1.0"])
        .ok();
    assert!(around.out.contains("estiba approve 2"), "{}", around.out);
    let guarded = std::fs::read_to_string(file).unwrap();
    std::fs::write(file, guarded.replace("approve: true,", "")).unwrap();
    let pipeline = server.token(&json!({
        "name": "ci", "machine": true, "scope": { "role": "pipeline", "team": "moria" },
    }));
    let loosened = project
        .command(&["plan", "--env", "prod", "--version", "1.1.0"])
        .env("ESTIBA_TOKEN", pipeline)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&loosened.stderr).into_owned();
    assert_eq!(loosened.status.code(), Some(1), "{said}");
    assert!(
        said.contains("a member of the team has to say so"),
        "{said}"
    );
    std::fs::write(file, guarded).unwrap();
    project
        .run(&["deploy", "--env", "test", "--version", "1.0.0"])
        .ok();
}

/// Reads events until a deployment ends.
fn follow_to_the_end(server: &Server, path: &str, key: &str) {
    use std::io::{BufRead, BufReader};
    let events = server.get(path, key);
    assert_eq!(events.status(), 200);
    for line in BufReader::new(events).lines() {
        let line = line.unwrap();
        assert!(!line.contains("\"kind\":\"failed\""), "{line}");
        if line.contains("\"kind\":\"succeeded\"") {
            return;
        }
    }
    panic!("the events ended before the deployment did");
}

pub fn a_deployment_outlives_the_server_that_began_it() {
    let mut server = Server::start();
    server.team("moria");
    let gimli = server.person("moria", "gimli", "member");
    let project = server.project("moria", &gimli);
    for environment in ["test", "prod"] {
        let set = ["secret", "set", "TOKEN", "--env", environment];
        project.with_input(&set, SECRET).ok();
    }
    let mut up = project.command(&["up", "--version", "1.0.0", "--json"]);
    let mut up = up.stdout(std::process::Stdio::piped()).spawn().unwrap();
    let events = std::io::BufReader::new(up.stdout.take().unwrap());
    let begun = std::io::BufRead::lines(events)
        .map_while(Result::ok)
        .any(|line| line.contains("step-started"));
    assert!(begun);
    server.killed_and_started();
    // The address is another one: the command that followed the old one is lost.
    up.kill().unwrap();
    up.wait().unwrap();
    let project = project.through(&server.url, &gimli);
    project.run(&["resume", "--env", "test"]).ok();
    assert_eq!(project.instances("test").len(), 2);
    let history = project
        .run(&["history", "--env", "test", "--json"])
        .ok()
        .json();
    assert_eq!(history[0]["deployment"]["state"], "succeeded", "{history}");
    project.run(&["down", "--env", "test", "--yes"]).ok();
    server.end();
}
