//! The texts of pipelines, and the official schemas of those who read them.

#![allow(missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Command;

use estiba_ci::{
    Builder, File, Include, Language, Pipeline, Tests, Through, Trigger, catalog, github, gitlab,
};

fn tests(workload: &str, folder: &str, language: Language) -> Tests {
    Tests {
        workload: workload.parse().unwrap(),
        folder: folder.to_owned(),
        language,
    }
}

/// One repository with all workloads, by a server.
fn one_repository() -> Pipeline {
    Pipeline {
        on: Trigger::Tags,
        through: Through::Server("https://estiba.example.edu".to_owned()),
        builder: Builder::Buildah,
        test: "test".parse().unwrap(),
        prod: "prod".parse().unwrap(),
        previews: true,
        tests: vec![
            tests("api", "api", Language::Cargo),
            tests("bot", "bot", Language::Ruby),
        ],
        image: Some("registry.example.edu/course/estiba:0.1.0".to_owned()),
        runners: vec!["course".to_owned()],
    }
}

/// A repository with one workload, by a runner that deploys.
fn one_workload(workload: &str, language: Language) -> Pipeline {
    Pipeline {
        on: Trigger::Branches,
        through: Through::Runner,
        builder: Builder::Machine,
        test: "staging".parse().unwrap(),
        prod: "live".parse().unwrap(),
        previews: false,
        tests: vec![tests(workload, "", language)],
        image: None,
        runners: vec!["estiba".to_owned()],
    }
}

/// The two repositories of a team, one a workload, by a server.
fn two_repositories() -> [Pipeline; 2] {
    [("api", Language::Python), ("bot", Language::Node)].map(|(workload, language)| Pipeline {
        previews: false,
        builder: Builder::Machine,
        runners: Vec::new(),
        tests: vec![tests(workload, "", language)],
        ..one_repository()
    })
}

fn text<'f>(files: &'f [File], path: &str) -> &'f str {
    let found = files.iter().find(|file| file.path == Path::new(path));
    &found.unwrap().text
}

#[test]
fn pipelines_of_gitlab() {
    let local = gitlab(&one_repository(), &Include::Local);
    insta::assert_snapshot!("gitlab_own", text(&local, ".gitlab-ci.yml"));
    let address = "gitlab.example.edu/course/estiba/estiba@0.1.0".to_owned();
    let component = gitlab(&one_repository(), &Include::Component(address));
    assert_eq!(component.len(), 1);
    insta::assert_snapshot!("gitlab_component", text(&component, ".gitlab-ci.yml"));
    let resolved = gitlab(&one_workload("bot", Language::Ruby), &Include::Resolved);
    insta::assert_snapshot!("gitlab_resolved_own", text(&resolved, ".gitlab-ci.yml"));
    insta::assert_snapshot!("gitlab_resolved", text(&resolved, ".gitlab/estiba.yml"));
}

#[test]
fn pipelines_of_github() {
    let files = github(&one_repository());
    insta::assert_snapshot!("github_own", text(&files, ".github/workflows/ship.yml"));
    let files = github(&one_workload("bot", Language::Node));
    insta::assert_snapshot!("github_one", text(&files, ".github/workflows/ship.yml"));
}

#[test]
fn two_repositories_have_under_30_lines_together() {
    let lines = two_repositories().map(|pipeline| {
        let files = gitlab(&pipeline, &Include::Local);
        text(&files, ".gitlab-ci.yml").lines().count()
    });
    println!("lines of pipeline of two repositories: {lines:?}");
    assert!(lines.iter().sum::<usize>() < 30, "{lines:?}");
}

#[test]
fn a_file_that_the_team_goes_on_with_is_still_what_was_written() {
    let files = gitlab(&one_repository(), &Include::Local);
    for file in &files {
        assert!(file.is(&file.text));
        let more = format!("{}lint:\n  script: [rake]\n", file.text);
        assert_eq!(file.is(&more), file.path == Path::new(".gitlab-ci.yml"));
        assert!(
            !file.is(&file
                .text
                .replace("estiba.example.edu", "other")
                .replace("check", "x"))
        );
    }
}

/// The tool that has the schemas, where `.ci/run` puts it.
fn check_jsonschema() -> Option<PathBuf> {
    let own =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/ci-tools/bin/check-jsonschema");
    [own, PathBuf::from("check-jsonschema")]
        .into_iter()
        .find(|tool| {
            let asked = Command::new(tool).arg("--version").output();
            asked.is_ok_and(|asked| asked.status.success())
        })
}

#[test]
fn the_official_schemas_take_them() {
    let Some(tool) = check_jsonschema() else {
        println!("skipped: check-jsonschema is not installed (.ci/run does)");
        return;
    };
    let folder = std::env::temp_dir().join(format!("estiba-ci-{}", std::process::id()));
    let check = |schema: &[&str], files: &[File]| {
        for (number, file) in files.iter().enumerate() {
            // Of a component, GitLab's schema knows the part below its inputs.
            let path = folder.join(format!("{number}.yml"));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, &file.text).unwrap();
            let done = Command::new(&tool)
                .args(schema)
                .arg(&path)
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&done.stdout);
            assert!(done.status.success(), "{}: {said}", file.path.display());
        }
    };
    let of_gitlab = [
        "--builtin-schema",
        "vendor.gitlab-ci",
        "--data-transform",
        "gitlab-ci",
    ];
    let of_github = ["--builtin-schema", "vendor.github-workflows"];
    let pipelines = [one_repository(), one_workload("bot", Language::Python)];
    for pipeline in pipelines.iter().chain(&two_repositories()) {
        check(&of_gitlab, &gitlab(pipeline, &Include::Local)[..1]);
        check(&of_gitlab, &gitlab(pipeline, &Include::Resolved));
        check(&of_github, &github(pipeline));
    }
    let component = &catalog()[0].text;
    let (head, body) = component.split_once("\n---\n").unwrap();
    for part in [head, body] {
        let part = File {
            text: part.to_owned(),
            ..catalog()[0].clone()
        };
        check(&of_gitlab, &[part]);
    }
    std::fs::remove_dir_all(&folder).unwrap();
}
