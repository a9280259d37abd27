//! Sources of every kind, with the faults that such files have, imported and
//! checked.

#![allow(missing_docs, clippy::unwrap_used)]

use std::fmt::Write;
use std::path::{Path, PathBuf};

use estiba_import::{Imported, MemoryFiles, Options, import};
use estiba_model::{Lang, Severity, has_errors};
use proptest::prelude::*;

fn fixture(name: &str) -> MemoryFiles {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name);
    let mut files = MemoryFiles::default();
    gather(&root, &root, &mut files);
    files
}

fn gather(root: &Path, folder: &Path, files: &mut MemoryFiles) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            gather(root, &path, files);
        } else {
            let text = std::fs::read_to_string(&path).unwrap();
            let path = path.strip_prefix(root).unwrap().to_owned();
            files.0.insert(path, text);
        }
    }
}

fn options() -> Options {
    Options {
        directory: PathBuf::new(),
        project: "tp2".parse().unwrap(),
        team: "moria".parse().unwrap(),
        lang: Lang::En,
    }
}

/// Everything that a person reads of an import.
fn shown(imported: &Imported, lang: Lang) -> String {
    let mut text = String::new();
    for finding in &imported.report {
        let place = finding.place.as_ref().unwrap();
        let file = place.file.display();
        let message = finding.message.text(lang);
        let mark = match finding.severity {
            Severity::Error => "!",
            Severity::Warning => "-",
        };
        writeln!(
            text,
            "{mark} {file}:{} [{}] {message}",
            place.line, finding.code
        )
        .unwrap();
        let hint = finding.hint.as_ref().unwrap();
        writeln!(text, "    → {}", hint.text(lang)).unwrap();
    }
    for secret in &imported.secrets {
        writeln!(text, "secret {} of {}", secret.name, secret.environment).unwrap();
    }
    text
}

fn written(imported: &Imported) -> String {
    let mut text = String::new();
    for (path, content) in &imported.files {
        writeln!(text, "==> {} <==\n{content}", path.display()).unwrap();
    }
    text
}

/// Puts source and new files into a folder, and checks the project there.
fn check(files: &MemoryFiles, imported: &Imported) {
    let folder = tempfile::tempdir().unwrap();
    for (path, text) in files
        .0
        .iter()
        .chain(imported.files.iter().map(|(p, t)| (p, t)))
    {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let loaded = estiba_project::load(folder.path());
    assert!(
        !has_errors(&loaded.diagnostics),
        "{:#?}",
        loaded.diagnostics
    );
    assert!(loaded.project.is_some());
}

fn all(name: &str) -> (MemoryFiles, Imported) {
    let files = fixture(name);
    let imported = import(&files, &[PathBuf::new()], &options());
    (files, imported)
}

#[test]
fn every_fixture_becomes_a_project_without_mistakes_and_without_secrets() {
    for name in ["compose", "kubernetes", "heroku", "small"] {
        let (files, imported) = all(name);
        check(&files, &imported);
        insta::assert_snapshot!(format!("{name}_report"), shown(&imported, Lang::En));
        insta::assert_snapshot!(format!("{name}_files"), written(&imported));
        for text in [
            shown(&imported, Lang::En),
            shown(&imported, Lang::Es),
            written(&imported),
        ] {
            assert!(!text.contains("planted"), "{name}: {text}");
        }
        assert!(!imported.secrets.is_empty(), "{name}");
        let planted =
            |secret: &&estiba_import::FoundSecret| secret.value.expose().contains("planted");
        assert!(imported.secrets.iter().all(|s| planted(&s)), "{name}");
    }
}

#[test]
fn the_report_is_in_spanish_too() {
    for name in ["compose", "kubernetes", "heroku"] {
        let imported = all(name).1;
        for finding in &imported.report {
            let verbatim = finding.message.en == finding.message.es;
            assert!(!verbatim, "{name}: {}", finding.message.en);
        }
    }
}

#[test]
fn a_source_outside_of_the_new_project_is_told() {
    let files = fixture("compose");
    let options = Options {
        directory: "elsewhere".into(),
        ..options()
    };
    let imported = import(&files, &["docker-compose.yml".into()], &options);
    let codes: Vec<&str> = imported.report.iter().map(|f| f.code.as_str()).collect();
    assert!(codes.contains(&"source-elsewhere"), "{codes:?}");
}

#[test]
fn what_is_nothing_to_import_is_told() {
    let mut files = MemoryFiles::default();
    files.0.insert("notes.txt".into(), "hello".to_owned());
    files.0.insert("a.yaml".into(), "a: 1\n".to_owned());
    files
        .0
        .insert("b.yaml".into(), "services:\n  a: [\n".to_owned());
    for (path, code) in [
        ("notes.txt", "unknown-format"),
        ("a.yaml", "unknown-format"),
        ("b.yaml", "yaml-syntax"),
        ("gone", "missing-file"),
    ] {
        let imported = import(&files, &[path.into()], &options());
        let codes: Vec<&str> = imported.report.iter().map(|f| f.code.as_str()).collect();
        assert!(codes.contains(&code), "{path}: {codes:?}");
        assert!(imported.files.is_empty(), "{path}");
    }
}

#[test]
fn files_of_another_format_are_named() {
    let mut files = fixture("heroku");
    files.0.extend(fixture("kubernetes").0);
    let imported = import(&files, &[PathBuf::new()], &options());
    let left = imported.report.iter().filter(|f| f.code == "not-read");
    // The Procfile, app.json and two config files.
    assert_eq!(left.count(), 4);
}

const COMMANDS: &str = "
services:
  cache:
    image: redis:7
    command: redis-server --requirepass planted-1 --port 6379
    healthcheck: { test: [CMD, redis-cli, -a, planted-1, ping] }
  worker:
    image: worker:1
    entrypoint: [worker, --token=planted-2, it's]
    command: ['postgres://app:planted-3@db.example.org/app']
  script:
    image: script:1
    command: [sh, -c, 'curl -H \"Authorization: Bearer planted-4\" http://x && API_KEY=planted-5 run']
  flags:
    image: flags:1
    command: [--api-key, planted-6, --password-file=/run/secrets/x]
";

const PROBES: &str = "
apiVersion: apps/v1
kind: Deployment
metadata: { name: api }
spec:
  template:
    spec:
      containers:
        - name: main
          image: api:1
          livenessProbe: { exec: { command: [mysqladmin, ping, -pplanted-1] } }
          readinessProbe:
            httpGet:
              path: /health?token=planted-2
              port: 3000
              httpHeaders:
                - { name: Authorization, value: Basic planted-3 }
                - { name: Accept, value: text/plain }
";

#[test]
fn secrets_in_commands_and_probes_go_to_the_store() {
    for (source, count, wanted) in [
        (
            COMMANDS,
            6,
            [
                r#"exec redis-cli -a \"$REQUIREPASS\" ping"#,
                r#"Bearer $AUTHORIZATION\" http://x && API_KEY=$API_KEY run"#,
                "--password-file=/run/secrets/x",
            ],
        ),
        (
            PROBES,
            2,
            [
                r#"exec mysqladmin ping -p\"$PASSWORD\""#,
                "path: /health?token=(TOKEN)",
                "name: Accept",
            ],
        ),
    ] {
        let mut files = MemoryFiles::default();
        files.0.insert("source.yaml".into(), source.to_owned());
        let imported = import(&files, &["source.yaml".into()], &options());
        let written = written(&imported);
        for text in [
            written.clone(),
            shown(&imported, Lang::En),
            shown(&imported, Lang::Es),
        ] {
            assert!(!text.contains("planted"), "{text}");
        }
        assert_eq!(
            imported.secrets.len(),
            count,
            "{}",
            shown(&imported, Lang::En)
        );
        for text in wanted {
            assert!(written.contains(text), "{text}: {written}");
        }
        for secret in &imported.secrets {
            let variable = format!("{0}: ${{resources.env.{0}}}", secret.name);
            assert!(written.contains(&variable), "{variable}: {written}");
        }
        check(&files, &imported);
    }
}

proptest! {
    /// A fixture cut anywhere, with a word changed: no panic, and what is written
    /// has no secret of the file.
    #[test]
    fn broken_sources_never_panic(
        name in prop::sample::select(vec!["compose", "kubernetes", "heroku"]),
        cut in any::<prop::sample::Index>(),
        which in any::<prop::sample::Index>(),
        insert in "[ -~\n]{0,6}",
    ) {
        let mut files = fixture(name);
        let paths: Vec<PathBuf> = files.0.keys().cloned().collect();
        let text = files.0.get_mut(which.get(&paths)).unwrap();
        let mut at = cut.index(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        text.insert_str(at, &insert);
        let imported = import(&files, &[PathBuf::new()], &options());
        let broken = has_errors(&imported.report);
        prop_assert!(broken || !imported.files.is_empty());
    }
}
