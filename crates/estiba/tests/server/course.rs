//! A course through a server: its people, and what only they may have.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::bench::Server;
use crate::support::{Project, copy, source};

struct Course {
    project: Project,
}

impl Course {
    fn new(server: &Server) -> Self {
        let project = Project::new().through(&server.url, &server.admin);
        copy(&source(), &project.dir().join("tp2"));
        let file = json!({
            "course": "memo2",
            "project": "tp2",
            "chat": true,
            "tokens": {
                "ci": { "role": "pipeline", "days": 90 },
                "laptop": { "role": "member", "days": 90, "for": "members" },
            },
            "secrets": "secrets/{team}.{environment}.env",
            "teams": {
                "moria": { "members": { "gimli": "member", "balin": "viewer" } },
                "rohan": { "members": { "eowyn": "member" }, "without": ["prod"] },
            },
        });
        let course = Self { project };
        course.write("course.yaml", &file.to_string());
        for one in ["moria.test", "moria.prod", "rohan.test"] {
            course.write(&format!("secrets/{one}.env"), &format!("TOKEN=of-{one}\n"));
        }
        course
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.project.dir().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn keys(&self, team: &str) -> String {
        let path = self.project.dir().join(format!("keys/{team}.txt"));
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
        fs::read_to_string(path).unwrap()
    }
}

impl Drop for Course {
    fn drop(&mut self) {
        for team in ["moria", "rohan"] {
            let down = ["course", "down", "--yes", "--team", team];
            let _ = self.project.run(&down);
        }
    }
}

fn after<'t>(text: &'t str, word: &str) -> Vec<&'t str> {
    text.lines()
        .filter_map(|line| line.strip_prefix(word))
        .collect()
}

pub fn a_course_gives_each_team_what_is_theirs() {
    let server = Server::start();
    let course = Course::new(&server);
    let apply = ["course", "apply", "--yes", "--version", "1.0"];
    let done = course.project.run(&apply).ok();

    // What is secret is in the teams' files alone.
    let keys = course.keys("moria");
    let tokens = after(&keys, "ESTIBA_TOKEN=");
    assert_eq!(tokens.len(), 3, "one of the machine, two of people");
    let codes = after(&keys, "/start ");
    assert_eq!(codes.len(), 2);
    for secret in tokens.iter().chain(&codes) {
        assert!(!done.out.contains(secret) && !done.err.contains(secret));
    }
    assert_eq!(after(&course.keys("rohan"), "ESTIBA_TOKEN=").len(), 2);

    // A machine's key ships for its team and no other.
    let ci = keys
        .lines()
        .position(|line| line.contains("token ci"))
        .unwrap();
    let ci = keys
        .lines()
        .nth(ci + 1)
        .unwrap()
        .strip_prefix("ESTIBA_TOKEN=")
        .unwrap();
    let me: Value = server.get("/api/v1/me", ci).json().unwrap();
    let teams = json!([{ "team": "moria", "role": "pipeline" }]);
    assert_eq!(
        (&me["teams"], &me["admin"]),
        (&teams, &json!(false)),
        "{me}"
    );
    assert_eq!(
        server
            .get("/api/v1/teams/rohan/projects/tests", ci)
            .status(),
        404
    );

    // A code links the person it was made for.
    let bot = server.token(&json!({ "name": "bot", "machine": true, "scope": { "role": "bot" } }));
    let link = json!({ "code": codes[0], "account": 7 });
    let linked = server.send("POST", "/api/v1/chats/accounts", &bot, &link);
    assert_eq!(linked.status(), 200, "{}", linked.text().unwrap());

    // Everything runs, and was described by its team's own name.
    for (team, environments) in [("moria", 2), ("rohan", 1)] {
        let path = format!("/api/v1/teams/{team}/projects/tests/environments");
        let all: Value = server.get(&path, &server.admin).json().unwrap();
        let all = all["items"].as_array().unwrap();
        assert_eq!(all.len(), environments);
        for one in all {
            assert_eq!(one["deployed"]["version"], "1.0", "{one}");
        }
    }

    let again = course.project.run(&apply).ok();
    assert!(again.out.starts_with("nothing to do"), "{}", again.out);
    assert_eq!(course.keys("moria"), keys);

    // Half-way through a token: its key is lost, so that it ends and another is made.
    let lost = keys.replace(ci, "").replace("ESTIBA_TOKEN=\n", "");
    course.write("keys/moria.txt", &format!("{lost}# being made: token ci\n"));
    let done = course.project.run(&apply).ok();
    assert!(done.out.contains("make the token ci again"), "{}", done.out);
    assert_eq!(server.get("/api/v1/me", ci).status(), 401);
    assert_eq!(after(&course.keys("moria"), "ESTIBA_TOKEN=").len(), 3);

    // A secret that changed in its file is set again, and given to what runs.
    course.write("secrets/rohan.test.env", "TOKEN=newer\n");
    let done = course.project.run(&apply).ok();
    assert!(done.out.contains("set the secrets TOKEN"), "{}", done.out);
    let nothing = course.project.run(&apply).ok();
    assert!(nothing.out.starts_with("nothing to do"), "{}", nothing.out);
}

pub fn a_course_is_for_admins_and_tells_what_is_readable_by_others() {
    let server = Server::start();
    server.team("moria");
    let gimli = server.person("moria", "gimli", "member");
    let mut course = Course::new(&server);
    let open = course.project.dir().join("secrets/moria.test.env");
    fs::set_permissions(&open, fs::Permissions::from_mode(0o644)).unwrap();
    let apply = ["course", "apply", "--yes", "--version", "1.0"];
    let refused = course.project.run(&apply);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("chmod 600"), "{}", refused.err);
    let others = "rohan/test runs 1.0";
    assert!(refused.err.contains(others), "{}", refused.err);
    let teams = || {
        let teams: Value = server.get("/api/v1/teams", &server.admin).json().unwrap();
        teams["items"].as_array().unwrap().len()
    };
    assert_eq!(teams(), 2);
    course.project.turn_to(&server.url, &gimli);
    let refused = course.project.run(&apply);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("is no admin"), "{}", refused.err);
    course.project.turn_to(&server.url, &server.admin);
}
