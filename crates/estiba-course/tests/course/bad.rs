use crate::support::{Folder, PROJECT};

/// Every mistake at once, each where it is.
#[test]
fn mistakes_are_told_at_once_with_their_lines() {
    let folder = Folder::new(
        "course: memo2
project: tp2
colour: blue
keys: keys.txt
secrets: secrets/{team}.env
tokens:
  ci: { role: owner, days: 0 }
environments:
  test: { onn: laptop, replicas: { apii: 1 } }
teams:
  Moria: {}
  rohan: { members: { eomer: king }, without: [staging] }
  gondor: { project: nowhere }
",
    );
    let mut found = folder.findings();
    found.sort();
    let expected = [
        "course.yaml:11 bad-name",
        "course.yaml:12 unknown-environment",
        "course.yaml:12 unknown-value",
        "course.yaml:13 no-project",
        "course.yaml:3 unknown-key",
        "course.yaml:4 same-file",
        "course.yaml:5 same-file",
        "course.yaml:7 out-of-range",
        "course.yaml:7 unknown-value",
        "course.yaml:9 unknown-key",
        "course.yaml:9 unknown-workload",
    ];
    assert_eq!(found, expected);
}

/// A mistake in a folder that teams share is one mistake, and has the project's line.
#[test]
fn a_mistake_of_the_project_is_told_once() {
    let folder = Folder::new("course: memo2\nproject: tp2\nteams: { moria: {}, rohan: {} }\n");
    folder.write("tp2/bot/score.yaml", "apiVersion: score.dev/v1b1\nmetadata: { name: bot }\ncontainers:\n  main: { image: registry.example.edu/bot:1, imagee: x }\n");
    assert_eq!(folder.findings(), ["tp2/bot/score.yaml:4 unknown-key"]);
}

/// Each where it is said: the course has one target for all workloads of `test`, the
/// project has one for each of `prod`.
#[test]
fn a_target_that_there_is_not_is_told_where_it_is_named() {
    let course = "course: memo2\nproject: tp2\nenvironments:\n  test: { on: nowhere }\nteams: { moria: {} }\n";
    let folder = Folder::new(course);
    assert_eq!(folder.findings(), ["course.yaml:4 unknown-target"]);
    let own = course.replace("test: { on: nowhere }", "prod: { replicas: { api: 1 } }");
    let folder = Folder::new(&own);
    let project = PROJECT.replace(
        "prod: { on: laptop,",
        "prod: { on: { api: nowhere, bot: laptop },",
    );
    folder.write("tp2/estiba.yaml", &project);
    assert_eq!(folder.findings(), ["tp2/estiba.yaml:8 unknown-target"]);
}

#[test]
fn two_teams_never_take_the_same_place() {
    let course = |target: &str, teams: &str| {
        format!(
            "course: memo2\nproject: tp2\nregistry: registry.example.edu/x\ntargets:\n  aks: {target}\nenvironments: {{ test: {{ on: aks }}, prod: {{ on: aks }} }}\nteams: {{ {teams} }}\n"
        )
    };
    let free: [&str; 0] = [];
    let taken = ["course.yaml:5 same-place"];
    let cases: [(&str, &str, &str, &[&str]); 5] = [
        (
            "as it is",
            "{ kind: kubernetes }",
            "moria: {}, rohan: {}",
            &free,
        ),
        (
            "an address without the team",
            "{ kind: kubernetes, ingress: '{workload}-{environment}.example.edu' }",
            "moria: {}, rohan: {}",
            &taken,
        ),
        (
            "a namespace for all, where names carry the team",
            "{ kind: kubernetes, namespace: 'memo2-{environment}' }",
            "moria: {}, rohan: {}",
            &free,
        ),
        (
            "another team, on another address",
            "{ kind: kubernetes, ingress: '{workload}-{environment}-{team}.example.edu' }",
            "moria: {}, rohan: {}",
            &free,
        ),
        (
            "names that run together",
            "{ kind: kubernetes, ingress: '{workload}{team}{environment}.example.edu' }",
            "te: {}, tete: {}",
            &free,
        ),
    ];
    for (what, target, teams, expected) in cases {
        let found = Folder::new(&course(target, teams)).findings();
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        assert_eq!(found, expected, "{what}");
    }
}

/// `moria` with `x-test`, and `moria-x` with `test`, are one namespace.
#[test]
fn names_that_run_together_are_found() {
    let folder = Folder::new(
        "course: memo2
project: tp2
registry: registry.example.edu/x
targets: { aks: { kind: kubernetes } }
environments: { test: { on: aks }, prod: { on: aks }, x-test: { on: aks, config: { LOG_LEVEL: a, RATE: b } } }
teams: { moria: {}, moria-x: {} }
",
    );
    assert_eq!(folder.findings(), ["course.yaml:4 same-place"]);
}

#[test]
fn what_there_is_none_of_is_told() {
    let folder = Folder::new(
        "course: memo2\nproject: tp2\nsize: { nodes: { laptopp: azure-b2s } }\nteams: { moria: {} }\n",
    );
    assert_eq!(folder.findings(), ["course.yaml:3 unknown-target"]);
    let sketch = "course: memo2\nworkloads: { api: { requests: { cpu: 99999999999999999999999 } } }\nenvironments: { test: {}, prod: { on: aks } }\ntargets: { aks: { kind: kubernetes } }\nteams: { moria: {} }\n";
    let mut found = Folder::new(sketch).findings();
    found.sort();
    let expected = [
        "course.yaml:2 out-of-range",
        "course.yaml:3 unplaced-workload",
    ];
    assert_eq!(found, expected);
    let both = sketch.replace("course: memo2", "course: memo2\nproject: tp2");
    let found = Folder::new(&both).findings();
    assert!(
        found.contains(&"course.yaml:3 two-projects".to_owned()),
        "{found:?}"
    );
}

#[test]
fn a_file_that_is_none_is_told() {
    let folder = Folder::new("");
    std::fs::remove_file(folder.path("course.yaml")).unwrap();
    assert_eq!(folder.findings(), ["unreadable-file"]);
    let folder = Folder::new("course: [\n");
    assert!(folder.findings()[0].starts_with("course.yaml:"));
    let folder = Folder::new("course: memo2\nteams: { moria: {} }\n");
    assert_eq!(folder.findings(), ["course.yaml:1 no-project"]);
}
