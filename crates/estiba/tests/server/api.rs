//! What every request is answered with.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::bench::Server;

pub fn answers_are_as_the_standards_say() {
    let server = Server::start();
    server.team("moria");

    // RFC 9457, in the language that was asked for, with the request's number.
    let request = server.request("GET", "/api/v1/teams/none/members", &server.admin);
    let request = request
        .header("Accept-Language", "es-AR")
        .header("X-Request-Id", "mine-1");
    let missing = server.get("/api/v1/nothing", &server.admin);
    assert_eq!(
        missing.headers()["content-type"],
        "application/problem+json"
    );
    let problem: Value = missing.json().unwrap();
    assert_eq!(problem["code"], "not-found");
    assert_eq!(problem["status"], 404);
    let known = request.send().unwrap();
    assert_eq!(known.headers()["x-request-id"], "mine-1");

    let unknown = server.get("/api/v1/me", "");
    assert_eq!(unknown.status(), 401);
    assert_eq!(
        unknown.headers()["www-authenticate"],
        "Bearer realm=\"estiba\""
    );
    let spanish = server.request("GET", "/api/v1/me", "estiba_wrong");
    let spanish: Value = spanish
        .header("Accept-Language", "es")
        .send()
        .unwrap()
        .json()
        .unwrap();
    assert!(
        spanish["detail"].as_str().unwrap().contains("token válido"),
        "{spanish}"
    );

    // ETag.
    let teams = server.get("/api/v1/teams", &server.admin);
    let tag = teams.headers()["etag"].clone();
    let request = server.request("GET", "/api/v1/teams", &server.admin);
    let same = request.header("If-None-Match", tag).send().unwrap();
    assert_eq!(same.status(), 304);

    // The headers of a careful server.
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
    ] {
        assert_eq!(teams.headers()[name], value);
    }
    assert!(
        teams.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("frame-ancestors 'none'")
    );

    let version: Value = server.get("/version", "").json().unwrap();
    assert_eq!(version["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(server.get("/health", "").text().unwrap(), "ok\n");
    let metrics = server.get("/metrics", "").text().unwrap();
    assert!(
        metrics.contains("estiba_http_request_duration_seconds"),
        "{metrics}"
    );
    assert!(!metrics.contains("moria"), "metrics name nobody");
    let page = server.get("/api", "").text().unwrap();
    assert!(page.contains("/api/v1/teams/{team}/members"));
}

pub fn a_write_with_a_key_is_done_once() {
    let server = Server::start();
    let make = |name: &str, key: &str| {
        let request = server.request("POST", "/api/v1/teams", &server.admin);
        let request = request.header("Idempotency-Key", key);
        request.json(&json!({ "name": name })).send().unwrap()
    };
    let first = make("moria", "one");
    assert_eq!(first.status(), 201);
    let first = first.text().unwrap();
    let again = make("moria", "one");
    assert_eq!(again.status(), 201);
    assert_eq!(again.text().unwrap(), first);
    assert_eq!(
        make("other", "one").status(),
        422,
        "another request with the same key"
    );
    assert_eq!(make("moria", "two").status(), 409);
    // What was refused is tried again.
    assert_eq!(make("moria", "two").status(), 409);
}

pub fn what_is_too_much_is_refused() {
    let server = Server::start();
    let long = "x".repeat(3 << 20);
    let large = server.send(
        "POST",
        "/api/v1/teams",
        &server.admin,
        &json!({ "name": long }),
    );
    assert_eq!(large.status(), 413);
    // Of a layer, already what it says about itself.
    server.team("moria");
    let digest = format!("sha256:{}", "0".repeat(64));
    let path = format!("/api/v1/teams/moria/projects/tp2/blobs/{digest}");
    let address = server.url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    let key = &server.admin;
    let head = format!("PUT {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {key}\r\n");
    write!(stream, "{head}content-length: 99999999999\r\n\r\n").unwrap();
    let mut status = String::new();
    BufReader::new(stream).read_line(&mut status).unwrap();
    assert!(status.contains(" 413 "), "{status}");
    let other = server.request("POST", "/api/v1/teams", &server.admin);
    let other = other.header("content-type", "application/json");
    assert_eq!(other.body("{").send().unwrap().status(), 400);
    let unknown = json!({ "name": "rohan", "extra": 1 });
    let unknown = server.send("POST", "/api/v1/teams", &server.admin, &unknown);
    assert_eq!(unknown.status(), 422);

    // Guessing has its limit, and the limit is not the admin's.
    let guessed = (0..40).map(|_| server.get("/api/v1/me", "estiba_guess").status().as_u16());
    let guessed: Vec<u16> = guessed.collect();
    assert_eq!(guessed[0], 401);
    assert_eq!(guessed[39], 429);
    assert_eq!(server.get("/api/v1/me", &server.admin).status(), 200);
}

pub fn files_with_mistakes_are_told_with_their_place() {
    let server = Server::start();
    server.team("moria");
    let files = json!({ "files": {
        "estiba.yaml": "project: tp2\nteam: moria\nworkloads: [api/score.yaml]\ntargets:\n  here: { kind: local }\nenvironments:\n  test: { on: there }\n",
        "api/score.yaml": "apiVersion: score.dev/v1b1\nmetadata: { name: api }\ncontainers:\n  main: { image: . }\n",
    }});
    let put = server.send(
        "PUT",
        "/api/v1/teams/moria/projects/tp2",
        &server.admin,
        &files,
    );
    assert_eq!(put.status(), 422);
    let problem: Value = put.json().unwrap();
    assert_eq!(problem["code"], "findings");
    assert_eq!(
        problem["findings"][0]["place"]["file"], "estiba.yaml",
        "{problem}"
    );
    assert_eq!(problem["findings"][0]["place"]["line"], 7, "{problem}");
}

pub fn a_secret_of_a_wrong_type_is_not_told_back() {
    let server = Server::start();
    server.team("moria");
    let path = "/api/v1/teams/moria/projects/tp2/environments/test/secrets/TOKEN";
    let wrong = json!({ "value": 471_147_114_711_u64 });
    let put = server.send("PUT", path, &server.admin, &wrong);
    assert_eq!(put.status(), 422);
    let told = put.text().unwrap();
    assert!(told.contains("has to be a text"), "{told}");
    assert!(!told.contains("4711"), "{told}");
}
