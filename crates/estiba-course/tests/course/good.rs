use estiba_model::Role;

use crate::support::{Folder, name};

#[test]
fn each_team_takes_the_place_of_the_projects_own() {
    let folder = Folder::new(
        "course: memo2\nproject: tp2\nteams:\n  moria: { members: { gimli: member } }\n  rohan: { without: [prod] }\n",
    );
    let course = folder.course();
    let moria = &course.teams["moria"];
    assert_eq!(moria.members["gimli"], Role::Member);
    let project = moria.project.as_ref().unwrap();
    assert_eq!(project.id.to_string(), "moria/tp2");
    let environments: Vec<_> = project.environments.keys().map(|e| e.as_str()).collect();
    assert_eq!(environments, ["test", "prod"]);
    let rohan = course.teams["rohan"].project.as_ref().unwrap();
    assert_eq!(rohan.environments.len(), 1);
}

#[test]
fn what_a_course_says_is_put_over_the_project() {
    let folder = Folder::new(
        "course: memo2
project: tp2
registry: registry.example.edu/memo2/{team}
targets:
  laptop: { kind: local, port: 8081 }
  aks: { kind: kubernetes, ingress: \"{team}-{environment}.example.edu/{workload}\", quota: { pods: '9' } }
environments:
  prod: { on: aks, approve: true, config: { LOG_LEVEL: warn, RATE: 3.10 } }
teams: { moria: {}, rohan: {} }
",
    );
    let course = folder.course();
    let project = course.teams["rohan"].project.as_ref().unwrap();
    assert_eq!(
        project.registry.as_deref(),
        Some("registry.example.edu/memo2/rohan")
    );
    assert_eq!(project.targets["laptop"].settings["port"], 8081);
    let address = project.targets["aks"].settings["ingress"].as_str().unwrap();
    assert_eq!(address, "rohan-{environment}.example.edu/{workload}");
    let prod = &project.environments["prod"];
    assert!(prod.approve);
    assert_eq!(prod.after, Some(name("test")), "as the project says");
    // Numbers are what was written, on either side.
    assert_eq!(prod.config["RATE"], "3.10");
    assert_eq!(project.environments["test"].config["RATE"], "1.10");
}

#[test]
fn the_text_of_a_teams_project_is_a_project_file() {
    let folder = Folder::new(
        "course: memo2\nproject: tp2\nenvironments: { prod: { replicas: { api: 3 } } }\nteams: { moria: {} }\n",
    );
    let course = folder.course();
    let project = course.teams["moria"].project.as_ref().unwrap();
    let file = folder.path("tp2/estiba.yaml");
    let read = estiba_project::parse(&file, &project.text).project.unwrap();
    assert_eq!(read.id, project.id);
    assert_eq!(read.environments, project.environments);
}

#[test]
fn folders_files_and_tokens_are_of_the_team() {
    let folder = Folder::new(
        "course: memo2
project: '{team}/tp2'
keys: k/{team}.env
secrets: s/{team}.{environment}.env
tokens: { ci: { role: pipeline, days: 150 }, laptop: { role: member, days: 30, for: members } }
teams: { moria: {}, rohan: { project: tp2 } }
",
    );
    for file in ["estiba.yaml", "api/score.yaml", "bot/score.yaml"] {
        let text = std::fs::read_to_string(folder.path(&format!("tp2/{file}"))).unwrap();
        folder.write(&format!("moria/tp2/{file}"), &text);
    }
    let course = folder.course();
    let moria = &course.teams["moria"];
    let directory = &moria.project.as_ref().unwrap().directory;
    assert_eq!(*directory, folder.path("moria/tp2"));
    assert_eq!(moria.keys, folder.path("k/moria.env"));
    assert_eq!(moria.secrets["prod"], folder.path("s/moria.prod.env"));
    let rohan = course.teams["rohan"].project.as_ref().unwrap();
    assert_eq!(rohan.directory, folder.path("tp2"));
    assert_eq!(course.tokens["ci"].days, 150);
}

#[test]
fn a_team_that_left_the_file_is_read_where_it_is_named() {
    let folder = Folder::new("course: memo2\nproject: tp2\nteams: { moria: {} }\n");
    let loaded = estiba_course::load_with(&folder.path("course.yaml"), &name("rohan"));
    let course = loaded.course.unwrap();
    let project = course.teams["rohan"].project.as_ref().unwrap();
    assert_eq!(project.id.team, name("rohan"));
    assert!(course.teams["rohan"].has_left && !course.teams["moria"].has_left);
    let there = estiba_course::load_with(&folder.path("course.yaml"), &name("moria"));
    assert!(!there.course.unwrap().teams["moria"].has_left);
}
