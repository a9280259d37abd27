//! Every endpoint, every role, another team's objects.

use std::collections::BTreeMap;

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::bench::{self, PROJECT, SCORE, Server};

/// An operation of the API's own document.
struct Operation {
    method: String,
    path: String,
}

fn operations(server: &Server) -> Vec<Operation> {
    let document: Value = server.get("/api/openapi.json", "").json().unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            all.push(Operation {
                method: method.to_uppercase(),
                path: path.clone(),
            });
        }
    }
    all
}

impl Operation {
    /// The path with the names of a team's things.
    fn of(&self, team: &str) -> String {
        let digest = format!("sha256:{}", "0".repeat(64));
        let parts = [
            ("{team}", team),
            ("{project}", "tp2"),
            ("{environment}", "test"),
            ("{workload}", "api"),
            ("{version}", "1.0.0"),
            ("{deployment}", "1"),
            ("{digest}", &digest),
            ("{name}", "NAME"),
            ("{person}", "nobody"),
            ("{id}", "0"),
            ("{account}", "0"),
            ("{cursor}", "1_1"),
            ("{alert}", "errors"),
            ("{mail}", "1"),
        ];
        let path = parts
            .iter()
            .fold(self.path.clone(), |path, (part, is)| path.replace(part, is));
        assert!(!path.contains('{'), "{path}");
        path
    }

    /// A body that is right for the operation, so that only rights refuse it.
    fn body(&self, team: &str) -> Value {
        let files =
            json!({ "estiba.yaml": PROJECT.replace("TEAM", team), "api/score.yaml": SCORE });
        match self.path.rsplit("/api/v1").next().unwrap() {
            path if path.ends_with("/projects/{project}") => json!({ "files": files }),
            path if path.ends_with("/members") => json!({ "login": "x", "role": "viewer" }),
            path if path.ends_with("/teams") => json!({ "name": "newcomers" }),
            path if path.ends_with("/tokens") => {
                json!({ "name": "x", "scope": { "role": "admin" }, "machine": true })
            }
            path if path.ends_with("/trusts") => json!({
                "team": team, "issuer": "https://ci.example.edu", "audience": "x",
                "claims": { "ref": "main" },
            }),
            path if path.ends_with("/missing") => json!({ "digests": [] }),
            path if path.ends_with("/releases") => json!({
                "project": { "team": team, "project": "tp2" }, "version": "1.0.0",
                "commit": null, "created_at": "2026-01-02T03:04:05Z", "workloads": {},
            }),
            path if path.ends_with("/plan") => json!({ "version": "1.0.0" }),
            path if path.ends_with("/deployments") => json!({ "kind": "down" }),
            path if path.ends_with("/acceptance") => {
                json!({ "deployment": 1, "took_ms": 1, "ended": "passed" })
            }
            path if path.ends_with("/preflight") => json!({ "timeout_seconds": 1 }),
            path if path.ends_with("/exec") => json!({ "command": ["true"] }),
            path if path.contains("/config/") || path.contains("/secrets/") => {
                json!({ "value": "x" })
            }
            path if path.contains("/approvals/") => json!({ "approve": true }),
            path if path.ends_with("/chats") => json!({ "login": "x", "hours": 1 }),
            path if path.ends_with("/mute") => json!({ "minutes": 60 }),
            path if path.ends_with("/accounts") => json!({ "code": "X", "account": 1 }),
            _ => json!({}),
        }
    }

    fn ask(&self, server: &Server, team: &str, key: &str) -> (u16, Value) {
        let answer = server.send(&self.method, &self.of(team), key, &self.body(team));
        let status = answer.status().as_u16();
        let mut body: Value = match answer.headers().get("content-type") {
            Some(kind) if kind.to_str().unwrap().ends_with("json") => answer.json().unwrap(),
            _ => Value::Null,
        };
        if let Some(fields) = body.as_object_mut() {
            fields.remove("request_id");
        }
        (status, body)
    }
}

fn two_teams() -> (Server, BTreeMap<&'static str, String>) {
    let (server, mut keys) = bench::two_teams();
    keys.insert("nobody", String::new());
    let pipeline = json!({
        "name": "ci", "machine": true, "scope": { "role": "pipeline", "team": "moria" },
    });
    keys.insert("pipeline", server.token(&pipeline));
    (server, keys)
}

/// What is another team's is answered as what does not exist.
pub fn another_team_is_not_there() {
    let (server, keys) = two_teams();
    let of_teams = operations(&server);
    let of_teams = of_teams.iter().filter(|o| o.path.contains("{team}"));
    for operation in of_teams {
        for role in ["viewer", "pipeline", "member"] {
            // A stream of events would not end.
            let other = operation.ask(&server, "rohan", &keys[role]);
            let none = operation.ask(&server, "nowhere", &keys[role]);
            let what = format!("{role}: {} {}", operation.method, operation.path);
            assert_eq!(other.0, 404, "{what}: {}", other.1);
            assert_eq!(other, none, "{what}");
        }
    }
}

/// Without a key, nothing but the server's own health is told.
pub fn nobody_gets_nothing() {
    let server = Server::start();
    server.team("moria");
    for operation in operations(&server) {
        let open = ["/health", "/version", "/metrics"].contains(&operation.path.as_str());
        let (status, _) = operation.ask(&server, "moria", "");
        let is_refused = status == 401 || status == 429;
        assert_eq!(
            is_refused, !open,
            "{} {}: {status}",
            operation.method, operation.path
        );
    }
}

/// What each role may change in its own team.
pub fn roles_do_what_is_theirs() {
    let (server, keys) = two_teams();
    let project = "/api/v1/teams/moria/projects/tp2";
    let environment = format!("{project}/environments/test");
    let config = format!("{environment}/config/LOG_LEVEL");
    let secret = format!("{environment}/secrets/TOKEN");
    let deploy = format!("{environment}/deployments");
    let files = json!({ "files": { "estiba.yaml": PROJECT.replace("TEAM", "moria"), "api/score.yaml": SCORE } });
    let value = json!({ "value": "x" });
    let member = json!({ "login": "eve", "role": "member" });
    let version = json!({ "kind": "deploy", "version": "9.9.9" });
    let down = json!({ "kind": "down" });
    let cases: [(&str, &str, &Value, [u16; 3]); 9] = [
        ("GET", &environment, &Value::Null, [200, 200, 200]),
        ("PUT", project, &files, [403, 200, 200]),
        ("POST", &deploy, &version, [403, 409, 409]),
        ("POST", &deploy, &down, [403, 403, 409]),
        ("PUT", &config, &value, [403, 403, 204]),
        ("PUT", &secret, &value, [403, 403, 204]),
        (
            "GET",
            "/api/v1/teams/moria/audit",
            &Value::Null,
            [200, 200, 200],
        ),
        (
            "POST",
            "/api/v1/teams/moria/members",
            &member,
            [403, 403, 403],
        ),
        ("GET", "/api/v1/audit", &Value::Null, [403, 403, 403]),
    ];
    for (method, path, body, expected) in cases {
        for (role, expected) in ["viewer", "pipeline", "member"].into_iter().zip(expected) {
            let answer = server.send(method, path, &keys[role], body);
            let status = answer.status().as_u16();
            assert_eq!(
                status,
                expected,
                "{role} {method} {path}: {}",
                answer.text().unwrap()
            );
        }
    }
    let secrets = server.get(&format!("{environment}/secrets"), &server.admin);
    let secrets: Value = secrets.json().unwrap();
    assert_eq!(secrets["items"][0]["name"], "TOKEN");
    assert!(secrets["items"][0].get("value").is_none());
}

/// A token can't give what it does not have.
pub fn a_token_does_not_grow() {
    let (server, keys) = two_teams();
    let make = |key: &str, terms: Value| {
        let made = server.send("POST", "/api/v1/tokens", key, &terms);
        made.status().as_u16()
    };
    let member = &keys["member"];
    let own = json!({ "name": "x", "scope": { "role": "viewer", "team": "moria" }, "days": 1 });
    assert_eq!(make(member, own), 201);
    let cases = [
        json!({ "name": "x", "scope": { "role": "admin" } }),
        json!({ "name": "x", "scope": { "role": "viewer" }, "machine": true }),
        json!({ "name": "x", "scope": { "role": "viewer" }, "login": "ana" }),
        json!({ "name": "x", "scope": { "role": "bot" } }),
    ];
    for terms in cases {
        assert_eq!(make(member, terms.clone()), 403, "{terms}");
    }
    let narrow =
        json!({ "name": "x", "login": "gimli", "scope": { "role": "viewer", "team": "moria" } });
    let narrow = server.token(&narrow);
    let wide = json!({ "name": "x", "scope": { "role": "member", "team": "moria" } });
    assert_eq!(make(&narrow, wide), 403);

    // Revoked, it opens nothing, gets no answer of before, and what it follows ends.
    let keyed = || {
        let request = server.request("POST", "/api/v1/tokens", member);
        let narrow = json!({ "name": "y", "scope": { "role": "viewer", "team": "moria" } });
        let sent = request.header("Idempotency-Key", "y").json(&narrow).send();
        sent.unwrap().status()
    };
    assert_eq!(
        (keyed(), keyed()),
        (StatusCode::CREATED, StatusCode::CREATED)
    );
    let followed = server.get("/api/v1/events", member);
    assert_eq!(followed.status(), 200);
    let tokens: Value = server.get("/api/v1/tokens", &server.admin).json().unwrap();
    let token = tokens["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|t| t["name"] == "gimli");
    let id = token.unwrap()["id"].as_str().unwrap();
    let revoke = format!("/api/v1/tokens/{id}");
    assert_eq!(
        server
            .send("DELETE", &revoke, &server.admin, &Value::Null)
            .status(),
        204
    );
    assert_eq!(server.get("/api/v1/me", member).status(), 401);
    assert_eq!(keyed(), StatusCode::UNAUTHORIZED);
    followed.text().unwrap();
}
