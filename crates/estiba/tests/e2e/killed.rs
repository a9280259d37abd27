//! `kill -9` at every step boundary of a real deployment: the next start ends
//! what was begun, with nothing twice and nothing lost.

use crate::support::{Project, copy, get, source};

/// More boundaries than any of these deployments has.
const MANY: usize = 40;

pub fn a_first_deployment_is_ended_by_the_next_start() {
    for_every_boundary(|project, event, count| {
        let killed = project.kill_at(&["up", "--version", "1.0.0"], event, count);
        if killed {
            project.run(&["resume"]).ok();
        }
        assert_in_place(project, "1.0.0", "migrated\n");
        killed
    });
}

pub fn a_change_is_ended_by_the_next_start() {
    for_every_boundary(|project, event, count| {
        project.run(&["up", "--version", "1.0.0"]).ok();
        let score = project.dir().join("api/score.yaml");
        let text = std::fs::read_to_string(&score).unwrap();
        let changed = text.replace("args: [migrate]", "args: [migrate, again]");
        assert_ne!(changed, text);
        std::fs::write(&score, changed).unwrap();
        let killed = project.kill_at(&["up", "--version", "2.0.0"], event, count);
        if killed {
            project.run(&["up", "--version", "2.0.0"]).ok();
        }
        assert_in_place(project, "2.0.0", "migrated\nmigrated\n");
        killed
    });
}

/// Kills at the first event, the second, and so on, until there are no more.
fn for_every_boundary(story: impl Fn(&Project, &str, usize) -> bool) {
    for event in ["step-started", "step-done"] {
        let mut boundaries = 0;
        for count in 1..MANY {
            let project = tests_project();
            if !story(&project, event, count) {
                break;
            }
            boundaries = count;
        }
        assert!(
            (5..MANY - 1).contains(&boundaries),
            "{boundaries} of {event}"
        );
    }
}

/// A copy of the tests' project, with its secret.
fn tests_project() -> Project {
    let project = Project::new();
    copy(&source(), &project.dir());
    project
        .with_input(&["secret", "set", "TOKEN", "--env", "test"], "a token")
        .ok();
    project
}

fn assert_in_place(project: &Project, version: &str, migrations: &str) {
    assert_eq!(project.instances("test").len(), 2);
    let status = project.status("test");
    assert_eq!(status["deployed"]["version"], version, "{status}");
    assert!(status["activity"].is_null(), "{status}");
    assert_eq!(status["drift"].as_array().unwrap().len(), 0, "{status}");
    let api = project.address("test", "api");
    for (path, wanted) in [("/version", version), ("/migrations", migrations)] {
        let answer = get(&api, path).unwrap();
        assert_eq!((answer.status, answer.body.as_str()), (200, wanted));
    }
    let again = project.run(&["up", "--version", version]).ok();
    assert!(again.out.contains("nothing was changed"), "{}", again.out);
}
