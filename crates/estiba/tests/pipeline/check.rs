//! What is refused before it runs.

use serde_json::Value;

use crate::repository::{Repository, missing, path, tool};
use crate::support::Done;

const FAULTS: &str = "\
stages: [build, deploy]
build:
  stage: build
  script: [\"./build.sh –release\", \"echo $CI_COMMIT_TGA $API_KEY\"]
deploy:
  script: [\"true\"]
";

pub fn a_pipeline_with_faults_is_told_of_and_not_run() {
    if let Some(why) = missing() {
        return println!("skipped: {why}");
    }
    let repository = Repository::here();
    repository.write(".gitlab-ci.yml", FAULTS);
    repository.write("build.sh", "touch ran\n");
    repository.tag("v1.0.0");
    let found = repository.estiba(&["ci", "check", "--json"]);
    assert_eq!(found.code, 1, "{}", found.out);
    let findings = found.json()["findings"].as_array().unwrap().clone();
    let codes: Vec<_> = findings
        .iter()
        .map(|f| f["code"].as_str().unwrap())
        .collect();
    let expected = [
        "stage-without-job",
        "not-executable",
        "dash-for-hyphens",
        "undefined-variable",
        "undefined-variable",
        "job-without-stage",
    ];
    assert_eq!(codes, expected, "{}", found.out);
    let spanish = repository.estiba(&["ci", "run", "--lang", "es"]);
    assert_eq!(spanish.code, 1, "{}", spanish.out);
    for word in [
        ".gitlab-ci.yml:4:",
        "¿quiso decir CI_COMMIT_TAG?",
        "git add --chmod=+x build.sh",
    ] {
        assert!(spanish.err.contains(word), "{word} in {}", spanish.err);
    }
    assert!(!repository.project.dir().join("ran").exists());
}

pub fn a_file_that_is_no_text_is_told_of_as_what_it_is() {
    let repository = Repository::here();
    let file = repository.project.dir().join(".gitlab-ci.yml");
    std::fs::write(&file, b"# Producci\xf3n\n").unwrap();
    let latin = repository.estiba(&["ci", "check"]);
    assert_eq!(latin.code, 1);
    assert!(latin.err.contains("not a text in UTF-8"), "{}", latin.err);
    std::fs::write(&file, "# long\n".repeat(200_000)).unwrap();
    let long = repository.estiba(&["ci", "check", "--lang", "es"]);
    assert_eq!(long.code, 1);
    assert!(long.err.contains("tiene más de 1 MiB"), "{}", long.err);
}

pub fn what_gitlab_refuses_is_told_of_in_all_files_of_the_repository() {
    let repository = Repository::here();
    repository.write(
        ".gitlab-ci.yml",
        "include: /ci/**.yml\nbuild: { extends: .maek }\n",
    );
    repository.write("ci/one/make.yml", ".make: { scirpt: [make] }\n");
    let found = repository.estiba(&["ci", "check"]);
    assert_eq!(found.code, 1, "{}", found.out);
    assert!(
        found.err.contains("did you mean \".make\"?"),
        "{}",
        found.err
    );
    repository.write(
        ".gitlab-ci.yml",
        "include: /ci/**.yml\nbuild: { extends: .make }\n",
    );
    let found = repository.estiba(&["ci", "check"]);
    assert_eq!(found.code, 1, "{}", found.out);
    for word in ["ci/one/make.yml:1:", "did you mean \"script\"?"] {
        assert!(found.err.contains(word), "{word} in {}", found.err);
    }
}

pub fn without_the_tool_advice_is_given() {
    if tool("git").is_none() {
        return println!("skipped: git is not installed");
    }
    let repository = Repository::here();
    repository.write(".gitlab-ci.yml", "a: { script: [\"true\"] }\n");
    let run = |path: &str| {
        let mut command = repository.project.command(&["ci", "run"]);
        Done::of(&command.env("PATH", path).output().unwrap())
    };
    let empty = run("/nowhere");
    assert_eq!(empty.code, 1);
    assert!(empty.err.contains("install Node 20"), "{}", empty.err);
    // A variable that has no value here is not an empty one.
    let mut command = repository
        .project
        .command(&["ci", "run", "--variable", "NOT_THERE_4711"]);
    let done = Done::of(&command.env("PATH", path()).output().unwrap());
    assert_ne!(done.code, 0, "{}", done.out);
    if missing().is_none() {
        assert_eq!(done.code, 2, "{}", done.err);
        assert!(done.err.contains("NOT_THERE_4711=VALUE"), "{}", done.err);
    }
}

pub fn what_is_there_is_not_written_over() {
    let repository = Repository::here();
    let write = ["ci", "gitlab", "--server", "https://estiba.example.edu"];
    let with = |more: &str| repository.estiba(&[&write[..], &[more]].concat());
    let before = with("--check");
    assert_eq!(before.code, 1);
    assert!(before.err.contains(".gitlab/estiba.yml"), "{}", before.err);
    repository.estiba(&write).ok();
    with("--check").ok();
    // The team's own jobs come below, and are theirs.
    let own = repository.read(".gitlab-ci.yml") + "lint:\n  script: [cargo clippy]\n";
    repository.write(".gitlab-ci.yml", &own);
    with("--check").ok();
    let changed = repository
        .read(".gitlab/estiba.yml")
        .replace("estiba check", "true");
    repository.write(".gitlab/estiba.yml", &changed);
    assert_eq!(with("--check").code, 1);
    let refused = repository.estiba(&write);
    assert_eq!(refused.code, 1);
    assert!(refused.err.contains("--force"), "{}", refused.err);
    assert_eq!(repository.read(".gitlab/estiba.yml"), changed);
    with("--force").ok();
    with("--check").ok();
    assert_eq!(repository.read(".gitlab-ci.yml"), own);
    let one = "project: tp2\nteam: moria\nworkloads: [api/score.yaml]\ntargets: { here: { kind: local } }\nenvironments: { test: { on: here } }\n";
    repository.write("estiba.yaml", one);
    let one = repository.estiba(&write);
    assert_eq!(one.code, 1);
    assert!(one.err.contains("two environments"), "{}", one.err);
}

pub fn a_pipeline_goes_the_way_of_the_project() {
    let repository = Repository::here();
    for (more, told) in [
        (&["--test", "prod"][..], "can't begin with prod"),
        (
            &["--test", "prod", "--prod", "test"],
            "--test test --prod prod",
        ),
        (&["--test", "test", "--prod", "test"], "can't be both"),
    ] {
        let refused = repository.estiba(&[&["ci", "gitlab"], more].concat());
        assert_eq!(refused.code, 2, "{}", refused.err);
        assert!(refused.err.contains(told), "{}", refused.err);
    }
    let mut file: Value = serde_json::from_str(&repository.read("estiba.yaml")).unwrap();
    file["environments"]["other"] = serde_json::json!({ "on": "here" });
    repository.write("estiba.yaml", &file.to_string());
    let other = repository.estiba(&["ci", "gitlab", "--test", "other", "--prod", "prod"]);
    assert_eq!(other.code, 2, "{}", other.err);
    assert!(other.err.contains("prod comes after test"), "{}", other.err);
    assert!(!repository.project.dir().join(".gitlab-ci.yml").exists());
    // What comes before is known where only the second is named.
    repository.estiba(&["ci", "gitlab", "--prod", "prod"]).ok();
    let written = repository.read(".gitlab-ci.yml");
    assert!(!written.contains("other"), "{written}");
}

pub fn options_that_make_no_sense_are_refused() {
    let repository = Repository::here();
    for (more, told) in [
        (
            ["--server", "https://gimli:pw-4711@host:8443/x"],
            "ESTIBA_TOKEN",
        ),
        (["--image", " "], "--image is empty"),
        (["--runner", ""], "--runner is empty"),
        (["--component", "a/b"], "ADDRESS@VERSION"),
        (["--component", "a/b@"], "ADDRESS@VERSION"),
    ] {
        let refused = repository.estiba(&[&["ci", "gitlab"], &more[..]].concat());
        assert_eq!(refused.code, 2, "{more:?}: {}", refused.err);
        assert!(refused.err.contains(told), "{}", refused.err);
        assert!(!refused.err.contains("pw-4711"), "{}", refused.err);
    }
    assert!(!repository.project.dir().join(".gitlab-ci.yml").exists());
}

pub fn a_component_is_written_where_it_is_asked_for() {
    let repository = Repository::here();
    std::fs::create_dir(repository.project.dir().join("catalogue")).unwrap();
    let write = |folder: &str| repository.estiba(&["-C", folder, "ci", "gitlab", "--catalog"]);
    write("catalogue").ok();
    assert!(
        repository
            .read("catalogue/templates/estiba.yml")
            .contains("spec:")
    );
    assert!(!repository.project.dir().join("templates").exists());
    assert_eq!(write("catalog").code, 1);
    assert!(!repository.project.dir().join("catalog").exists());
}

pub fn a_workflow_is_written_with_what_else_asks_a_person() {
    let repository = Repository::here();
    let written = repository.estiba(&["ci", "github"]).ok();
    assert!(
        written.out.contains("Required reviewers"),
        "{}",
        written.out
    );
}
