//! Every page, every role, another team's things.

use super::{Browser, form, routes};
use crate::bench::two_teams;

/// A route with the names of a team's things.
fn of(path: &str, team: &str) -> String {
    let parts = [
        ("{team}", team),
        ("{project}", "tp2"),
        ("{environment}", "test"),
        ("{workload}", "api"),
        ("{deployment}", "1"),
        ("{person}", "nobody"),
        ("{id}", "7"),
        ("{name}", "none"),
        ("{cursor}", "1_1"),
    ];
    let path = parts
        .iter()
        .fold(path.to_owned(), |path, (part, is)| path.replace(part, is));
    assert!(!path.contains('{'), "{path}");
    match path.as_str() {
        path if path.ends_with("/lines") => format!("{path}?after=0"),
        path if path.ends_with("/ship") => format!("{path}?kind=restart"),
        _ => path,
    }
}

/// Fields that are right for every form, so that only rights refuse it.
const FIELDS: [(&str, &str); 5] = [
    ("kind", "restart"),
    ("login", "eve"),
    ("role", "member"),
    ("approve", "true"),
    ("days", "1"),
];

/// What an answer says, but for what differs each time.
fn told(browser: &Browser, csrf: &str, method: &str, path: &str) -> (u16, String) {
    let request = browser.ask(method, path);
    let answer = match method {
        "POST" => {
            let fields = [FIELDS.as_slice(), &[("csrf", csrf)]].concat();
            form(request.header("origin", &browser.url), &fields).send()
        }
        _ => request.send(),
    };
    let answer = answer.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().unwrap();
    let text = match text.split_once("<p class=\"soft\">Request") {
        Some((before, _)) => before.to_owned(),
        None => text,
    };
    // The page says where it is, in the form that changes the language.
    let bare = path.split('?').next().unwrap();
    (status, text.replace(bare, "PATH"))
}

pub fn another_teams_pages_are_not_there() {
    let (server, keys) = two_teams();
    for (role, key) in &keys {
        let browser = Browser::with(&server, key);
        let csrf = browser.csrf();
        for (method, path) in routes().iter().filter(|(_, path)| path.contains("{team}")) {
            let other = told(&browser, &csrf, method, &of(path, "rohan"));
            let none = told(&browser, &csrf, method, &of(path, "nowhere"));
            let what = format!("{role}: {method} {path}");
            assert_eq!(other.0, 404, "{what}: {}", other.1);
            assert_eq!(other, none, "{what}");
        }
        // Nor is it on pages of all teams.
        for path in ["/", "/approvals", "/figures", "/tokens"] {
            assert!(!browser.page(path).contains("rohan"), "{role}: {path}");
        }
    }
}

pub fn nobody_sees_a_page() {
    let (server, _) = two_teams();
    let browser = Browser::of(&server);
    let open = [
        "/assets/{name}",
        "/language",
        "/login",
        "/login/away",
        "/login/back",
    ];
    for (method, path) in routes() {
        if open.contains(&path.as_str()) {
            continue;
        }
        let (status, _) = told(&browser, "", method, &of(&path, "moria"));
        let expected = if method == "GET" { 303 } else { 401 };
        assert_eq!(status, expected, "{method} {path}");
    }
}

pub fn roles_see_and_do_what_is_theirs() {
    let (server, keys) = two_teams();
    let environment = "/teams/moria/projects/tp2/environments/test";
    let ship = format!("{environment}/ship");
    let mut viewer = Browser::with(&server, &keys["viewer"]);
    let mut member = Browser::with(&server, &keys["member"]);
    let mut admin = Browser::with(&server, &server.admin);
    assert!(!viewer.page(environment).contains("/ship?"));
    let prod = "/teams/moria/projects/tp2/environments/prod";
    assert!(member.page(prod).contains("kind=promote&amp;from=test"));
    assert_eq!(viewer.get(&format!("{ship}?kind=restart")).status(), 403);
    let restart = [("kind", "restart")];
    assert_eq!(viewer.act(&ship, &restart).status(), 403);
    assert_eq!(
        member.act(&ship, &restart).status(),
        409,
        "nothing runs there"
    );

    for browser in [&mut viewer, &mut member] {
        assert!(!browser.page("/teams/moria").contains("/members\""));
        assert_eq!(browser.get("/audit").status(), 403);
        let admit = [("login", "eve"), ("role", "member")];
        assert_eq!(browser.act("/teams/moria/members", &admit).status(), 403);
        assert_eq!(browser.act("/teams", &[("name", "mine")]).status(), 403);
        let admins = [("name", "x"), ("role", "admin"), ("days", "1")];
        let made = browser.act("/tokens", &admins);
        // A token of an admin's role gives a member no more than they are.
        if made.status() == 200 {
            let text = made.text().unwrap();
            let key = text.split("readonly value=\"").nth(1).unwrap();
            let key = key.split('"').next().unwrap();
            assert_eq!(server.get("/api/v1/audit", key).status(), 403);
        }
    }
    let admit = [("login", "eve@example.edu"), ("role", "viewer")];
    assert_eq!(admin.act("/teams/moria/members", &admit).status(), 303);
    assert!(member.page("/teams/moria").contains("eve@example.edu"));
    assert!(admin.page("/audit").contains("member.set"));
    let made = admin.act(
        "/tokens",
        &[("name", "mine"), ("role", "viewer"), ("days", "1")],
    );
    let text = made.text().unwrap();
    let key = text
        .split("readonly value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    assert_eq!(server.get("/api/v1/me", key).status(), 200);
    assert!(!admin.page("/tokens").contains(key), "it is shown once");
}
