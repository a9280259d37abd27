//! What is in pages: nothing that is foreign, no secret, not too much.

use serde_json::json;

use super::Browser;
use crate::bench::{Server, two_teams};
use crate::support::{Project, SECRET};

const HOSTILE: &str = "<script>alert('estiba')</script>";

pub fn pages_have_the_headers_of_pages() {
    let (server, _) = two_teams();
    let browser = Browser::with(&server, &server.admin);
    for path in ["/login", "/", "/tokens", "/teams/moria", "/nothing"] {
        let answer = browser.get(path);
        let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
        if answer.status() == 303 {
            continue;
        }
        let policy = header("content-security-policy");
        let directives = [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ];
        for directive in directives {
            assert!(policy.contains(directive), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert_eq!(header("x-frame-options"), "DENY");
        assert_eq!(header("referrer-policy"), "same-origin");
        assert_eq!(header("cache-control"), "no-store");
        let page = answer.text().unwrap();
        for inline in [" style=", "<style", " onclick", "javascript:"] {
            assert!(!page.contains(inline), "{path}: {inline}");
        }
    }
}

pub fn what_was_not_done_is_told_as_it_is_read() {
    let server = Server::start();
    let browser = Browser::with(&server, &server.admin);
    let page = browser.get("/teams/nowhere");
    assert_eq!(page.status(), 404);
    assert!(
        page.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let small = browser.ask("GET", "/teams/nowhere");
    let small = small.header("accept-encoding", "gzip").send().unwrap();
    assert_eq!(small.headers()["content-encoding"], "gzip");
    let kind = small.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("text/html"), "{kind}");
    let spanish = browser
        .ask("GET", "/nothing")
        .header("accept-language", "es-AR");
    let spanish = spanish.send().unwrap();
    assert_eq!(spanish.status(), 404);
    assert!(spanish.text().unwrap().contains("No se encontró"));
    let program = server.get("/api/v1/teams/nowhere/projects/tp2", &server.admin);
    assert_eq!(
        program.headers()["content-type"],
        "application/problem+json"
    );
}

pub fn a_language_is_chosen_for_all_pages() {
    let server = Server::start();
    let mut browser = Browser::with(&server, &server.admin);
    assert!(browser.page("/").contains("<html lang=\"en\">"));
    let chosen = [("language", "es"), ("back", "/figures")];
    let back = browser.submit("/language", &chosen);
    assert_eq!(back.headers()["location"], "/figures");
    assert!(browser.page("/").contains("<html lang=\"es\">"));
    let away = browser.submit(
        "/language",
        &[("language", "en"), ("back", "//evil.example")],
    );
    assert_eq!(away.headers()["location"], "/");
}

/// All that a page loads, as it travels.
pub fn a_page_weighs_less_than_100_kilobytes() {
    let (server, _) = two_teams();
    let browser = Browser::with(&server, &server.admin);
    let weight = |path: &str| {
        let answer = browser.ask("GET", path).header("accept-encoding", "gzip");
        let answer = answer.send().unwrap();
        assert_eq!(answer.headers()["content-encoding"], "gzip", "{path}");
        (answer.headers().clone(), answer.bytes().unwrap().len())
    };
    let page = browser.page("/teams/moria/projects/tp2/environments/test");
    let assets = page.split("\"/assets/").skip(1);
    let mut assets: Vec<&str> = assets.map(|rest| rest.split('"').next().unwrap()).collect();
    assets.sort_unstable();
    assets.dedup();
    assert!(assets.len() >= 4, "{assets:?}");
    let mut bytes = weight("/teams/moria/projects/tp2/environments/test").1;
    for asset in assets {
        let (headers, weight) = weight(&format!("/assets/{asset}"));
        let kept = headers["cache-control"].to_str().unwrap();
        assert!(kept.contains("immutable"), "{asset}: {kept}");
        bytes += weight;
    }
    println!("a page with all it loads: {bytes} bytes");
    assert!(bytes < 100_000, "{bytes}");
}

/// A project whose values and logs are markup, and with a secret.
fn hostile_project(server: &Server) -> (Project, String) {
    server.team("moria");
    let gimli = server.person("moria", "gimli", "member");
    let project = server.project("moria", &gimli);
    let score = project.dir().join("bot/score.yaml");
    let text = std::fs::read_to_string(&score).unwrap();
    let text = text
        .replace(
            "http://${resources.api.hostname}:${resources.api.port}",
            "${resources.env.GREETING}",
        )
        .replace("resources:\n", "resources:\n  env: { type: environment }\n");
    std::fs::write(&score, text).unwrap();
    for environment in ["test", "prod"] {
        let set = ["secret", "set", "TOKEN", "--env", environment];
        project.with_input(&set, SECRET).ok();
    }
    let greeting = format!("GREETING={HOSTILE}");
    project
        .run(&["config", "set", &greeting, "--env", "test"])
        .ok();
    project.run(&["up", "--version", "1.0.0"]).ok();
    (project, gimli)
}

pub fn markup_is_text_and_secrets_are_nowhere() {
    let server = Server::start();
    let (project, gimli) = hostile_project(&server);
    server.person("moria", HOSTILE, "viewer");
    server.token(&json!({ "name": HOSTILE, "machine": true, "scope": { "role": "viewer" } }));
    project
        .run(&["config", "set", "BEHAVIOUR=crash", "--env", "test"])
        .ok();
    assert_eq!(project.run(&["restart", "--env", "test"]).code, 1);

    let browser = Browser::with(&server, &server.admin);
    let environment = "/teams/moria/projects/tests/environments/test";
    let pages = [
        ("/", false),
        ("/teams/moria", true),
        ("/tokens", true),
        ("/audit", true),
        ("/teams/moria/audit", true),
        ("/figures", false),
        ("/teams/moria/projects/tests", false),
        ("/teams/moria/projects/tests?draw=prod", false),
        (environment, true),
        (&format!("{environment}/history"), false),
        (&format!("{environment}/logs/bot"), true),
        (&format!("{environment}/logs/api"), false),
        (&format!("{environment}/ship?kind=restart"), false),
        ("/teams/moria/projects/tests/deployments/1", false),
        ("/teams/moria/projects/tests/deployments/2", false),
    ];
    for (path, has_it) in pages {
        let page = browser.page(path);
        assert!(!page.contains("<script>"), "{path}");
        assert_eq!(page.contains("alert("), has_it, "{path}: {page}");
        assert!(!page.contains(SECRET), "{path}");
        assert!(!page.contains(&gimli), "{path}");
    }
    let failed = browser.page("/teams/moria/projects/tests/deployments/2");
    assert!(failed.contains("cannot find my configuration"), "{failed}");
    // What it wrote is found around it, with where it began.
    let (_, around) = failed.split_once("/projects/tests/logs?").unwrap();
    let around = around.split('"').next().unwrap().replace("&#38;", "&");
    let around = format!("/teams/moria/projects/tests/logs?{around}");
    let found = crate::logs::eventually("the lines around it", || {
        let page = browser.page(&around);
        page.contains("cannot find my configuration")
            .then_some(page)
    });
    assert!(found.contains("<div class=\"mark\">"), "{found}");
    assert!(!found.contains("<script>") && !found.contains(SECRET));
    let hostile = "/teams/moria/projects/tests/logs?workload=bot&from=all";
    let hostile = crate::logs::eventually("hostile lines", || {
        let page = browser.page(hostile);
        page.contains("alert(").then_some(page)
    });
    assert!(!hostile.contains("<script>"), "{hostile}");
    let lines = format!("{environment}/logs/bot/lines?after=0");
    let mut lines = std::io::BufReader::new(browser.get(&lines));
    let mut line = String::new();
    while !line.contains("alert(") {
        line.clear();
        assert_ne!(
            std::io::BufRead::read_line(&mut lines, &mut line).unwrap(),
            0
        );
        assert!(!line.contains("<script>"), "{line}");
    }
}
