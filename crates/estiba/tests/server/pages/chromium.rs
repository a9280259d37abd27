//! A real browser, with a keyboard, on a phone, in the dark, and without scripts.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use crate::bench::Server;
use crate::support::node;
use crate::support::{Project, SECRET};

/// Where Debian puts it.
const CHROMIUM: &str = "/usr/bin/chromium";

/// A project such as the example is, of a course.
fn project(server: &Server, team: &str, name: &str, key: &str) -> Project {
    let named = format!("project: {name}");
    let project = server.project(team, key);
    let change = |file: &str, changes: &[(&str, &str)]| {
        let path = project.dir().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let changed = changes
            .iter()
            .fold(text.clone(), |text, (from, to)| text.replace(from, to));
        assert_ne!(text, changed, "{file}");
        std::fs::write(path, changed).unwrap();
    };
    change(
        "estiba.yaml",
        &[
            ("project: tests", named.as_str()),
            ("here", "laptop"),
            ("after: test,", "after: test, approve: true,"),
            (
                "GREETING: hello",
                "GREETING: hello, TELEGRAM_API_URL: https://api.telegram.org",
            ),
        ],
    );
    change(
        "api/score.yaml",
        &[(
            "  data: { type: volume }",
            "  data: { type: volume }\n  dns: { type: dns }\n  route: { type: route, params: { host: '${resources.dns.host}', path: /, port: 8080 } }",
        )],
    );
    change(
        "bot/score.yaml",
        &[
            (
                "      API_URL:",
                "      TELEGRAM_API_URL: ${resources.env.TELEGRAM_API_URL}\n      API_URL:",
            ),
            (
                "resources:\n  api:",
                "resources:\n  env: { type: environment }\n  api:",
            ),
        ],
    );
    project
}

pub fn people_ship_from_a_browser() {
    if !Path::new(CHROMIUM).is_file() {
        eprintln!("skipped: there is no {CHROMIUM}");
        return;
    }
    let Some(folder) = node::folder("tests/server/pages", &["chromium.cjs"]) else {
        return;
    };
    let server = Server::start();
    for team in ["gondor", "moria", "rohan"] {
        server.team(team);
    }
    let eowyn = server.person("rohan", "eowyn@example.edu", "member");
    let other = project(&server, "rohan", "horses", &eowyn);
    let gimli = server.person("moria", "gimli@example.edu", "member");
    let balin = server.person("moria", "balin@example.edu", "member");
    let project = project(&server, "moria", "tp2", &gimli);
    for (project, version) in [(&project, "1.0.0"), (&other, "2.4.1")] {
        for environment in ["test", "prod"] {
            let set = ["secret", "set", "TOKEN", "--env", environment];
            project.with_input(&set, SECRET).ok();
        }
        project.run(&["up", "--version", version]).ok();
    }
    // A deployment that failed, to be seen as one.
    other
        .run(&["config", "set", "BEHAVIOUR=crash", "--env", "test"])
        .ok();
    assert_eq!(other.run(&["restart", "--env", "test"]).code, 1);
    // Pictures for the docs, where they are wanted; elsewhere they are looked at by
    // whoever looks into a test that failed.
    let pictures =
        std::env::var_os("ESTIBA_PICTURES").map_or(folder.join("pictures"), PathBuf::from);
    std::fs::create_dir_all(&pictures).unwrap();
    let terms = json!({
        "url": server.url, "chromium": CHROMIUM, "pictures": pictures,
        "admin": server.admin, "gimli": gimli, "balin": balin,
    });
    let output = Command::new("node")
        .arg("chromium.cjs")
        .current_dir(&folder)
        .env("ESTIBA_TERMS", terms.to_string())
        .output()
        .unwrap();
    let out = String::from_utf8_lossy(&output.stdout);
    let err = String::from_utf8_lossy(&output.stderr);
    println!("{out}");
    assert!(output.status.success(), "{out}\n{err}");
    assert_eq!(project.instances("prod").len(), 3);
}
