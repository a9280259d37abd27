//! All teams of a course, from one file.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::support::cluster::{kubeconfig, kubectl, missing};
use crate::support::registry::Registry;
use crate::support::{Address, Done, Project, copy, get, source};

const TEAMS: [&str; 2] = ["moria", "rohan"];
const ENVIRONMENTS: [&str; 2] = ["test", "prod"];

/// A folder with a course and the project of its teams.
struct Course {
    project: Project,
    teams: Vec<String>,
}

impl Course {
    /// Two teams; `more` is put over the file.
    fn new(teams: &[&str], more: &Value) -> Self {
        let project = Project::new();
        copy(&source(), &project.dir().join("tp2"));
        let teams: Vec<String> = teams.iter().map(|team| (*team).to_owned()).collect();
        let mut file = json!({
            "course": "memo2",
            "project": "tp2",
            "secrets": "secrets/{team}.{environment}.env",
            "teams": teams.iter().map(|team| (team.clone(), json!({}))).collect::<serde_json::Map<_, _>>(),
        });
        for (key, value) in more.as_object().unwrap() {
            file[key] = value.clone();
        }
        let course = Self { project, teams };
        course.write("course.yaml", &file.to_string());
        for team in &course.teams {
            course.give_secrets(team);
        }
        course
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.project.dir().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    fn give_secrets(&self, team: &str) {
        for environment in ENVIRONMENTS {
            let file = format!("secrets/{team}.{environment}.env");
            self.write(&file, &format!("TOKEN=token-of-{team}-{environment}\n"));
        }
    }

    fn apply(&self) -> Done {
        let apply = ["course", "apply", "--yes", "--version", "1.0"];
        self.project.run(&apply)
    }

    fn assert_nothing_to_do(&self) {
        let done = self.apply().ok();
        assert!(done.out.starts_with("nothing to do"), "{}", done.out);
    }

    /// The events of an application by their names.
    fn events(&self) -> Vec<Value> {
        let apply = ["course", "apply", "--yes", "--version", "1.0"];
        let mut events = Vec::new();
        let (code, _) = self
            .project
            .watch(&apply, |event| events.push(event.clone()));
        assert_eq!(code, Some(0));
        events
    }

    /// What `path` of a team's API answers.
    fn ask(&self, team: &str, environment: &str, path: &str) -> String {
        let address = Address {
            socket: self.edge(),
            host: format!("api.{environment}.tests.{team}.localhost"),
        };
        get(&address, path).unwrap().body
    }

    /// Where the edge of this machine listens.
    fn edge(&self) -> String {
        let found = self.project.run(&["doctor", "--json"]).json();
        let checks = found.as_array().unwrap().iter();
        let texts = checks.map(|check| check.to_string());
        let text = texts.into_iter().find(|text| text.contains("127.0.0.1:"));
        let text = text.unwrap();
        let port = text.split("127.0.0.1:").nth(1).unwrap();
        let port: String = port.chars().take_while(char::is_ascii_digit).collect();
        format!("127.0.0.1:{port}")
    }
}

impl Drop for Course {
    fn drop(&mut self) {
        for team in &self.teams {
            let down = ["course", "down", "--yes", "--team", team];
            let _ = self.project.run(&down);
        }
    }
}

/// How many of the events are of a kind.
fn count(events: &[Value], kind: &str) -> usize {
    events.iter().filter(|event| event["event"] == kind).count()
}

pub fn teams_come_up_from_one_file() {
    let course = Course::new(&TEAMS, &json!({}));
    let plan = course
        .project
        .run(&["course", "plan", "--version", "1.0"])
        .ok();
    let planned = ["make the team", "test: deploy 1.0", "prod: deploy 1.0"];
    for part in planned {
        assert_eq!(plan.out.matches(part).count(), 2, "{part}: {}", plan.out);
    }
    // Built once for all of them.
    let built = plan.err.matches("build api").count();
    let done = course.apply().ok();
    assert_eq!(built, 1, "{}", plan.err);
    assert!(!done.err.contains("build api"), "{}", done.err);
    for team in TEAMS {
        for environment in ENVIRONMENTS {
            assert_eq!(course.ask(team, environment, "/version"), "1.0");
            let told = course.ask(team, environment, "/env/TOKEN");
            let expected = format!("token-of-{team}-{environment}");
            assert!(told.contains(&expected), "{team}/{environment}: {told}");
        }
    }
    course.assert_nothing_to_do();

    // A team that leaves the file is told, and stays until it is taken down.
    let file = course.project.dir().join("course.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let mut fewer: Value = serde_json::from_str(&text).unwrap();
    fewer["teams"].as_object_mut().unwrap().remove("rohan");
    course.write("course.yaml", &fewer.to_string());
    let done = course.apply().ok();
    assert!(
        done.err.contains("course down course.yaml --team rohan"),
        "{}",
        done.err
    );
    assert_eq!(course.ask("rohan", "test", "/version"), "1.0");
    let down = ["course", "down", "--yes", "--team", "rohan"];
    course.project.run(&down).ok();
    assert_eq!(course.ask("moria", "test", "/version"), "1.0");
    let after = course.apply().ok();
    assert!(!after.err.contains("rohan"), "{}", after.err);
}

pub fn a_team_that_fails_does_not_keep_the_others() {
    let course = Course::new(&TEAMS, &json!({}));
    // A value that a workload needs, and that only this team lacks.
    fs::remove_file(course.project.dir().join("secrets/moria.test.env")).unwrap();
    let done = course.apply();
    assert_eq!(done.code, 1, "{}", done.out);
    assert!(done.err.contains("moria/test"), "{}", done.err);
    assert!(done.err.contains("TOKEN"), "{}", done.err);
    assert_eq!(course.ask("rohan", "prod", "/version"), "1.0");
    // The next one goes on with what is left, and touches nothing else.
    course.give_secrets("moria");
    let events = course.events();
    let succeeded = |team: &str| {
        let steps = events.iter().filter(|event| event["team"] == team);
        steps.filter(|event| event["event"] == "planned").count()
    };
    assert_eq!((succeeded("moria"), succeeded("rohan")), (2, 0));
    course.assert_nothing_to_do();
}

pub fn what_a_failed_deployment_left_goes_with_its_team() {
    let course = Course::new(&["moria"], &json!({}));
    let file = course.project.dir().join("tp2/estiba.yaml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("BEHAVIOUR: good", "BEHAVIOUR: crash")).unwrap();
    let failed = course.apply();
    assert_eq!(failed.code, 1, "{}", failed.out);
    let down = ["course", "down", "--yes", "--team", "moria"];
    let ended = course.project.run(&down).ok();
    assert!(ended.out.contains("moria/test is down"), "{}", ended.out);
    let again = course.project.run(&down).ok();
    assert!(again.out.contains("nothing of moria"), "{}", again.out);
}

/// What is told of teams and environments that there are not, and of keys that still
/// open something.
pub fn only_what_there_is_can_be_taken_down() {
    let course = Course::new(&TEAMS, &json!({}));
    course.write("keys/moria.txt", "ESTIBA_TOKEN=none\n");
    let down = |more: &[&str]| {
        let down = [&["course", "down", "--yes", "--team"], more].concat();
        course.project.run(&down)
    };
    for (more, words) in [
        (["moria", "--env", "nope"], "no environment nope"),
        (["gondor", "--env", "test"], "there is no team gondor"),
    ] {
        let refused = down(&more);
        assert_eq!(refused.code, 1, "{}", refused.out);
        assert!(refused.err.contains(words), "{}", refused.err);
        assert!(!refused.err.contains("open nothing"), "{}", refused.err);
    }
    let named = down(&["moria", "--env", "test"]).ok();
    assert!(named.out.contains("nothing of moria"), "{}", named.out);
    assert!(!named.err.contains("open nothing"), "{}", named.err);
    let all = down(&["moria"]).ok();
    assert!(all.err.contains("open nothing"), "{}", all.err);
}

pub fn what_does_not_fit_fails() {
    let course = Course::new(&TEAMS, &json!({}));
    let size = |more: &[&str]| course.project.run(&[&["course", "size"], more].concat());
    size(&["--budget", "10000"]).ok();
    let short = size(&["--budget", "0.01"]);
    assert_eq!(short.code, 1, "{}", short.out);
    assert!(short.out.contains("it does not fit"), "{}", short.out);
    let unknown = size(&["--node", "nope=azure-b2s"]);
    assert_eq!(unknown.code, 1, "{}", unknown.out);
    let words = "there is no target \"nope\"";
    assert!(unknown.err.contains(words), "{}", unknown.err);
}

pub fn a_course_that_was_killed_goes_on() {
    let course = Course::new(&TEAMS, &json!({}));
    let apply = ["course", "apply", "--yes", "--version", "1.0"];
    for step in [3, 6] {
        assert!(course.project.kill_at(&apply, "step-done", step));
    }
    let events = course.events();
    assert_eq!(count(&events, "course-applied"), 1);
    for team in TEAMS {
        for environment in ENVIRONMENTS {
            assert_eq!(course.ask(team, environment, "/version"), "1.0");
        }
    }
    course.assert_nothing_to_do();
}

/// A release that a team shipped by itself stays, until it is to be replaced.
pub fn a_release_of_a_teams_own_stays() {
    let course = Course::new(&["moria"], &json!({}));
    course.apply().ok();
    let apply = ["course", "apply", "--yes", "--version", "1.1"];
    let kept = course.project.run(&apply).ok();
    assert_eq!(kept.out.matches("runs 1.0").count(), 2, "{}", kept.out);
    assert_eq!(course.ask("moria", "test", "/version"), "1.0");
    let update = [apply.as_slice(), &["--update"]].concat();
    course.project.run(&update).ok();
    assert_eq!(course.ask("moria", "prod", "/version"), "1.1");
}

pub fn teams_come_up_on_a_cluster() {
    if let Some(why) = missing() {
        println!("skipped: {why}");
        return;
    }
    let registry = Registry::start();
    let number = std::process::id();
    let teams = [format!("moria-{number}"), format!("rohan-{number}")];
    let more = json!({
        "registry": format!("127.0.0.1:{}/{{team}}", registry.port),
        "targets": { "here": {
            "kind": "kubernetes", "kubeconfig": kubeconfig(), "quota": { "pods": "9" },
        } },
    });
    let course = Course::new(&[teams[0].as_str(), teams[1].as_str()], &more);
    // Not every cluster has volumes.
    let score = json!({
        "apiVersion": "score.dev/v1b1",
        "metadata": { "name": "api" },
        "containers": { "main": {
            "image": ".",
            "variables": { "TOKEN": "${resources.env.TOKEN}" },
            "readinessProbe": { "httpGet": { "path": "/health", "port": 3000 } },
        } },
        "service": { "ports": { "http": { "port": 8080, "targetPort": 3000 } } },
        "resources": { "env": { "type": "environment" } },
    });
    course.write("tp2/api/score.yaml", &score.to_string());
    course.apply().ok();
    for team in &teams {
        for environment in ENVIRONMENTS {
            let namespace = format!("{team}-{environment}");
            let quota = kubectl(&["-n", &namespace, "get", "resourcequota", "-o", "name"]);
            assert!(quota.contains("quota"), "{namespace}: {quota}");
            let path = "jsonpath={.items[*].status.readyReplicas}";
            let ready = kubectl(&["-n", &namespace, "get", "deployments", "-o", path]);
            assert!(ready.split(' ').all(|count| count != "0"), "{ready}");
        }
    }
    course.assert_nothing_to_do();
}
