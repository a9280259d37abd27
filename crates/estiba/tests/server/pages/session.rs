//! Coming in, staying, leaving; and forms that are another's.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Browser, form};
use crate::bench::Server;
use crate::support::files_with;

const COOKIE: &str = "estiba";

pub fn people_come_in_and_leave() {
    let server = Server::start();
    let mut browser = Browser::of(&server);
    let away = browser.get("/teams/moria?x=1");
    assert_eq!(away.status(), 303);
    assert_eq!(
        away.headers()["location"],
        "/login?next=%2Fteams%2Fmoria%3Fx%3D1"
    );
    let wrong = browser.submit("/login", &[("token", "estiba_wrong"), ("next", "/")]);
    assert_eq!(wrong.status(), 422);
    assert!(wrong.text().unwrap().contains("This is no token"));
    let machine = json!({ "name": "ci", "machine": true, "scope": { "role": "admin" } });
    let machine = server.token(&machine);
    let refused = browser.submit("/login", &[("token", &machine)]);
    assert_eq!(refused.status(), 422, "a machine has no session");

    let came = browser.submit("/login", &[("token", &server.admin), ("next", "/figures")]);
    assert_eq!(came.headers()["location"], "/figures");
    let cookie = came.headers()["set-cookie"].to_str().unwrap();
    for part in ["HttpOnly", "SameSite=Lax", "Path=/;"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(
        !cookie.contains("Secure"),
        "in clear on this machine: {cookie}"
    );
    assert!(browser.page("/").contains("ana"));

    // Only a hash of it is kept, and it does not open the API.
    let key = browser.cookies[COOKIE].clone();
    assert!(key.len() >= 43, "{key}");
    assert!(files_with(server.folder.path(), &key).is_empty());
    let api = browser.ask("GET", "/api/v1/me").header("accept", "*/*");
    assert_eq!(api.send().unwrap().status(), 401);

    // Another login begins another session, and ends this one.
    let before = browser.cookies.clone();
    browser.submit("/login", &[("token", &server.admin)]);
    assert_ne!(browser.cookies[COOKIE], key);
    let mut old = Browser::of(&server);
    old.cookies = before;
    assert_eq!(old.get("/").status(), 303);

    let kept = browser.cookies.clone();
    let left = browser.act("/logout", &[]);
    assert_eq!(left.headers()["location"], "/login");
    assert!(!browser.cookies.contains_key(COOKIE));
    browser.cookies = kept;
    assert_eq!(browser.get("/").status(), 303, "it is over");
}

pub fn a_session_over_tls_is_of_its_host_alone() {
    let server = Server::start();
    let browser = Browser::of(&server);
    let request = browser
        .ask("POST", "/login")
        .header("host", "estiba.example.edu")
        .header("origin", "https://estiba.example.edu");
    let came = form(request, &[("token", &server.admin)]).send().unwrap();
    let cookie = came.headers()["set-cookie"].to_str().unwrap();
    assert!(cookie.starts_with("__Host-estiba="), "{cookie}");
    assert!(cookie.ends_with("; Secure"), "{cookie}");
}

pub fn a_session_ends_with_its_token_and_reaches_no_more() {
    let server = Server::start();
    server.team("moria");
    let narrow =
        json!({ "name": "narrow", "login": "ana", "scope": { "role": "viewer", "team": "moria" } });
    let mut browser = Browser::with(&server, &server.token(&narrow));
    assert_eq!(
        browser.get("/audit").status(),
        403,
        "ana is an admin, her token is not"
    );
    let admit = [("login", "eve"), ("role", "admin")];
    assert_eq!(browser.act("/teams/moria/members", &admit).status(), 403);

    let mut admin = Browser::with(&server, &server.admin);
    let tokens: serde_json::Value = server.get("/api/v1/tokens", &server.admin).json().unwrap();
    let mut tokens = tokens["items"].as_array().unwrap().iter();
    let id = tokens.find(|token| token["name"] == "narrow").unwrap()["id"].clone();
    let revoke = format!("/tokens/{}/revoke", id.as_str().unwrap());
    assert_eq!(admin.act(&revoke, &[]).status(), 303);
    assert_eq!(browser.get("/").status(), 303);

    let other = Browser::with(&server, &server.admin);
    assert_eq!(admin.act("/logout/everywhere", &[]).status(), 303);
    assert_eq!(other.get("/").status(), 303);
}

/// Asks until the answer is another one than the page.
fn until_refused(mut ask: impl FnMut() -> u16) -> u16 {
    let begun = Instant::now();
    loop {
        match ask() {
            200 => assert!(begun.elapsed() < Duration::from_secs(60), "it never ends"),
            status => return status,
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

pub fn a_session_that_is_left_alone_ends() {
    let server = Server::with(&["--session-idle", "2s"]);
    let browser = Browser::with(&server, &server.admin);
    // A page that looks by itself does not keep it open.
    let looks = browser.ask("GET", "/").header("hx-request", "true");
    let looks = || looks.try_clone().unwrap().send().unwrap();
    assert_eq!(until_refused(|| looks().status().as_u16()), 401);
    assert_eq!(browser.get("/").status(), 303);
}

pub fn a_session_in_use_ends_too() {
    let server = Server::with(&["--session-idle", "1h", "--session-longest", "2s"]);
    let browser = Browser::with(&server, &server.admin);
    assert_eq!(until_refused(|| browser.get("/").status().as_u16()), 303);
}

pub fn forms_of_others_change_nothing() {
    let server = Server::start();
    let browser = Browser::with(&server, &server.admin);
    let other = Browser::with(&server, &server.admin);
    let (own, foreign) = (browser.csrf(), other.csrf());
    assert_ne!(own, foreign);
    let make = |csrf: &str, headers: &[(&str, &str)]| {
        let mut request = browser.ask("POST", "/teams");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let fields = [("name", "moria"), ("csrf", csrf)];
        form(request, &fields).send().unwrap().status().as_u16()
    };
    let ours = ("origin", server.url.as_str());
    let refused = [
        make("", &[ours]),
        make(&foreign, &[ours]),
        make(&own, &[]),
        make(&own, &[("origin", "https://evil.example")]),
        make(&own, &[("origin", "null")]),
        make(&own, &[ours, ("sec-fetch-site", "cross-site")]),
        make(&own, &[ours, ("sec-fetch-site", "same-site")]),
        make(
            &own,
            &[
                ("origin", "https://evil.example"),
                ("sec-fetch-site", "same-origin"),
            ],
        ),
    ];
    assert_eq!(refused, [403; 8]);
    let teams = server.get("/api/v1/teams", &server.admin).text().unwrap();
    assert!(!teams.contains("moria"), "{teams}");
    assert_eq!(make(&own, &[ours, ("sec-fetch-site", "same-origin")]), 303);
    // Nor does anybody log somebody else in.
    let foreign = Browser::of(&server);
    let login = foreign
        .ask("POST", "/login")
        .header("origin", "https://evil.example");
    let login = form(login, &[("token", &server.admin)]).send().unwrap();
    assert_eq!(login.status(), 403);
    assert!(login.headers().get("set-cookie").is_none());
}

pub fn tokens_are_not_guessed_at_the_door() {
    let server = Server::start();
    let mut browser = Browser::of(&server);
    let limited = (0..40).any(|number| {
        let guess = format!("estiba_{number}");
        browser.submit("/login", &[("token", &guess)]).status() == 429
    });
    assert!(limited);
}
