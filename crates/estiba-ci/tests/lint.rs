//! What `estiba ci check` finds in a pipeline with the faults that teams make, and that
//! it finds none in those that Estiba writes.

#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use estiba_ci::lint::{Known, Repository, Unread, lint};
use estiba_ci::{Builder, Include, Language, Pipeline, Tests, Through, Trigger, gitlab};
use estiba_model::{Diagnostic, Lang, Severity};

/// Files by their path; those that end with a star may be run.
struct Texts(BTreeMap<String, String>);

impl Texts {
    fn of(files: &[(&str, &str)]) -> Self {
        let pairs = files.iter();
        Self(
            pairs
                .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
                .collect(),
        )
    }
}

impl Repository for Texts {
    fn text(&self, path: &Path) -> Result<String, Unread> {
        let text = self.0.get(path.to_str().unwrap());
        text.cloned().ok_or(Unread::Missing)
    }

    fn files(&self, folder: &Path) -> Vec<PathBuf> {
        let all = self.0.keys().map(PathBuf::from);
        all.filter(|path| path.starts_with(folder)).collect()
    }

    fn is_executable(&self, path: &Path) -> Option<bool> {
        let path = path.to_str()?;
        match self.0.contains_key(path) {
            true => Some(false),
            false => self.0.contains_key(&format!("{path}*")).then_some(true),
        }
    }
}

fn broken() -> Texts {
    Texts::of(&[
        (".gitlab-ci.yml", include_str!("broken/.gitlab-ci.yml")),
        (
            ".gitlab/shared.yml",
            include_str!("broken/.gitlab/shared.yml"),
        ),
        ("bot/build.sh", include_str!("broken/bot/build.sh")),
        ("infra/deploy.sh", include_str!("broken/infra/deploy.sh")),
    ])
}

fn shown(findings: &[Diagnostic], lang: Lang) -> String {
    let lines = findings.iter().map(|finding| {
        let kind = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let place = finding
            .place
            .as_ref()
            .map(|place| format!("{}:{}:{}", place.file.display(), place.line, place.column));
        let hint = finding.hint.as_ref().map_or("", |hint| hint.text(lang));
        format!(
            "{} {kind} {}\n  {}\n  {hint}\n",
            place.unwrap_or_default(),
            finding.code,
            finding.message.text(lang)
        )
    });
    lines.collect()
}

fn found_in(text: &str) -> Vec<Diagnostic> {
    let files = Texts::of(&[(".gitlab-ci.yml", text)]);
    lint(Path::new(".gitlab-ci.yml"), &files, &Known::default())
}

#[test]
fn the_faults_of_teams_are_found_at_once() {
    let found = lint(Path::new(".gitlab-ci.yml"), &broken(), &Known::default());
    insta::assert_snapshot!("faults_en", shown(&found, Lang::En));
    insta::assert_snapshot!("faults_es", shown(&found, Lang::Es));
}

/// What GitLab answers with "is not defined", "unknown keys" and the like.
fn refused() -> Texts {
    Texts::of(&[
        (".gitlab-ci.yml", include_str!("refused/.gitlab-ci.yml")),
        ("ci/test.yml", include_str!("refused/ci/test.yml")),
        (
            "ci/more/matrix.yml",
            include_str!("refused/ci/more/matrix.yml"),
        ),
    ])
}

#[test]
fn what_gitlab_refuses_is_found_at_once() {
    let found = lint(Path::new(".gitlab-ci.yml"), &refused(), &Known::default());
    insta::assert_snapshot!("refused_en", shown(&found, Lang::En));
    insta::assert_snapshot!("refused_es", shown(&found, Lang::Es));
}

#[test]
fn what_may_be_in_a_file_of_others_is_not_called_missing() {
    let text = "include: { template: Security/SAST.gitlab-ci.yml }
sast: { variables: { A: b } }
build: { extends: .theirs, needs: [theirs], image: !reference [.theirs, image] }
";
    let found = found_in(text);
    assert_eq!(found, [], "{}", shown(&found, Lang::En));
    // What is certain is told all the same.
    let found = found_in(&text.replace("variables", "varialbes"));
    assert_eq!(found.len(), 1, "{}", shown(&found, Lang::En));
}

#[test]
fn a_job_is_merged_with_that_of_the_same_name() {
    let text = "include: [ci/*.yml]\nbuild: { variables: { A: b } }\n";
    let files = Texts::of(&[
        (".gitlab-ci.yml", text),
        ("ci/build.yml", "build: { script: [make] }\n"),
    ]);
    let found = lint(Path::new(".gitlab-ci.yml"), &files, &Known::default());
    assert_eq!(found, [], "{}", shown(&found, Lang::En));
}

#[test]
fn a_variable_that_comes_from_elsewhere_is_told_of() {
    let pipeline = Texts::of(&[(".gitlab-ci.yml", "a: { script: [echo $API_KEY] }\n")]);
    let codes = |known: &Known| {
        let found = lint(Path::new(".gitlab-ci.yml"), &pipeline, known);
        found
            .into_iter()
            .map(|f| (f.code, f.severity))
            .collect::<Vec<_>>()
    };
    let undefined = "undefined-variable".to_owned();
    assert_eq!(
        codes(&Known::default()),
        [(undefined.clone(), Severity::Warning)]
    );
    let mut known = Known {
        is_all: true,
        ..Known::default()
    };
    assert_eq!(codes(&known), [(undefined, Severity::Error)]);
    known.names.insert("API_KEY".to_owned());
    assert_eq!(codes(&known), []);
}

#[test]
fn an_image_of_the_settings_does_not_keep_jobs_from_running_here() {
    let text = "a: { image: $TEAM_IMAGE, script: [make] }\n";
    let files = Texts::of(&[(".gitlab-ci.yml", text)]);
    let known = Known {
        is_all: true,
        ..Known::default()
    };
    let found = lint(Path::new(".gitlab-ci.yml"), &files, &known);
    let severities: Vec<Severity> = found.iter().map(|finding| finding.severity).collect();
    assert_eq!(severities, [Severity::Warning]);
}

#[test]
fn short_names_are_no_slips_of_each_other() {
    let text = "a: { variables: { a: 1, URL: x }, script: ['[[ $x =~ y ]] && echo $URI'] }\n";
    let found = found_in(text);
    assert_eq!(found.len(), 2, "{}", shown(&found, Lang::En));
    for finding in &found {
        assert_eq!(finding.severity, Severity::Warning);
        let hint = finding.hint.as_ref().unwrap();
        assert!(!hint.en.contains("did you mean"), "{}", hint.en);
    }
}

#[test]
fn what_a_script_may_do_is_no_fault() {
    let text = r#"
stages: [test, deploy]
default:
  before_script: ["export ROOT=$PWD", "cd bot"]
test:
  script:
    - ./run.sh "$ROOT"
    - for name in a b; do echo "$name – done"; done
    - awk '{print $NAME}' x
    - echo "${MAYBE:-no}" "$$"
    - |
      while read -r key value; do
        echo "$key $value"
      done < config
prod:
  stage: deploy
  rules: [{ if: $CI_COMMIT_TAG, when: manual }]
  parallel: { matrix: [{ REGION: [a, b] }] }
  secrets: { DB: { vault: x } }
  script: [". ./env.sh", "deploy $FROM_ENV"]
both:
  id_tokens: { ID: { aud: x } }
  rules: [{ if: $CI_COMMIT_TAG, variables: { LEVEL: high } }]
  script: ["echo $ID $LEVEL"]
"#;
    let files = Texts::of(&[
        (".gitlab-ci.yml", text),
        ("bot/run.sh*", ""),
        ("bot/env.sh", ""),
    ]);
    let known = Known {
        is_all: true,
        ..Known::default()
    };
    let found = lint(Path::new(".gitlab-ci.yml"), &files, &known);
    assert_eq!(found, [], "{}", shown(&found, Lang::En));
}

#[test]
fn what_is_no_pipeline_is_told_with_its_place() {
    for (text, code) in [
        ("", "empty-file"),
        ("# only words\n", "empty-file"),
        ("stages: [", "yaml-syntax"),
        ("a: b: c\n", "yaml-syntax"),
        ("- a\n- b\n", "not-a-map"),
        ("words\n", "not-a-map"),
        ("build: 5\n", "job-not-a-map"),
        (
            "stages: build\na: { stage: x, script: [make] }\n",
            "stages-no-list",
        ),
    ] {
        let found = found_in(text);
        let codes: Vec<&str> = found.iter().map(|finding| finding.code.as_str()).collect();
        assert_eq!(codes, [code], "{text:?}: {}", shown(&found, Lang::En));
        assert!(found[0].place.is_some(), "{text:?}");
    }
    let missing = lint(
        Path::new(".gitlab-ci.yml"),
        &Texts::of(&[]),
        &Known::default(),
    );
    assert_eq!(missing[0].code, "missing-file");
}

#[test]
fn a_file_that_is_there_and_has_no_text_is_not_called_missing() {
    struct Unreadable(Unread);
    impl Repository for Unreadable {
        fn text(&self, _: &Path) -> Result<String, Unread> {
            Err(self.0.clone())
        }
        fn files(&self, _: &Path) -> Vec<PathBuf> {
            Vec::new()
        }
        fn is_executable(&self, _: &Path) -> Option<bool> {
            None
        }
    }
    for (why, told) in [
        (Unread::TooLong, "is longer than 1 MiB"),
        (Unread::NotText, "is not a text in UTF-8"),
        (Unread::Refused("no".to_owned()), "can't be read: no"),
    ] {
        let files = Unreadable(why);
        let found = lint(Path::new(".gitlab-ci.yml"), &files, &Known::default());
        assert_eq!(found.len(), 1);
        assert!(found[0].message.en.contains(told), "{:?}", found[0]);
    }
}

#[test]
fn what_estiba_writes_has_no_fault() {
    for (on, through) in [
        (
            Trigger::Tags,
            Through::Server("https://estiba.example.edu".to_owned()),
        ),
        (Trigger::Branches, Through::Runner),
    ] {
        let with_tests = Pipeline {
            on,
            through,
            builder: Builder::Buildah,
            test: "test".parse().unwrap(),
            prod: "prod".parse().unwrap(),
            previews: true,
            tests: vec![Tests {
                workload: "api".parse().unwrap(),
                folder: "api".to_owned(),
                language: Language::Ruby,
            }],
            image: Some("registry.example.edu/estiba:1".to_owned()),
            runners: Vec::new(),
        };
        let without_tests = Pipeline {
            tests: Vec::new(),
            ..with_tests.clone()
        };
        for (pipeline, include) in [
            (&with_tests, Include::Local),
            (&with_tests, Include::Resolved),
            (&without_tests, Include::Local),
            (&without_tests, Include::Resolved),
        ] {
            let files = gitlab(pipeline, &include);
            let files: Vec<(&str, &str)> = files
                .iter()
                .map(|file| (file.path.to_str().unwrap(), file.text.as_str()))
                .collect();
            let known = Known {
                is_all: true,
                ..Known::default()
            };
            let found = lint(Path::new(".gitlab-ci.yml"), &Texts::of(&files), &known);
            assert_eq!(found, [], "{}", shown(&found, Lang::En));
        }
    }
}
