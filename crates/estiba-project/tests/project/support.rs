//! A project on disk to break, and its findings as text.

use std::fs;
use std::path::Path;

use estiba_model::{Diagnostic, Lang};
use estiba_project::load;
use tempfile::TempDir;

pub const ESTIBA: &str = "\
project: tp2
team: moria
workloads: [bot/score.yaml, api/score.yaml]
targets:
  laptop: { kind: local }
environments:
  test:
    on: laptop
    config: { LOG_LEVEL: debug }
  prod:
    on: { bot: laptop, api: laptop }
    after: test
    approve: true
    replicas: { api: 2 }
    config: { LOG_LEVEL: info }
    resources: { postgres: { url-from: PG_ADMIN_URL } }
";

pub const BOT: &str = "\
apiVersion: score.dev/v1b1
metadata:
  name: bot
containers:
  main:
    image: .
    variables:
      TELEGRAM_TOKEN: ${resources.env.TELEGRAM_TOKEN}
      LOG_LEVEL: ${resources.env.LOG_LEVEL}
      API_URL: http://${resources.api.hostname}:${resources.api.port}
resources:
  env:
    type: environment
  api:
    type: service-port
    params:
      workload: api
      port: web
";

pub const API: &str = "\
apiVersion: score.dev/v1b1
metadata:
  name: api
service:
  ports:
    web:
      port: 80
      targetPort: 8080
containers:
  main:
    image: .
    variables:
      DATABASE_URL: postgres://${resources.db.username}:${resources.db.password}@${resources.db.host}/${resources.db.name}
    files:
      /etc/motd:
        source: motd
resources:
  db:
    type: postgres
  web:
    type: route
    params:
      path: /
      port: web
";

/// The files of a project without mistakes.
pub const GOOD: &[(&str, &str)] = &[
    ("estiba.yaml", ESTIBA),
    ("bot/score.yaml", BOT),
    ("bot/Cargo.toml", "[package]\nname = \"bot\"\n"),
    ("api/score.yaml", API),
    ("api/Dockerfile", "FROM scratch\n"),
    ("api/motd", "hello\n"),
];

pub fn write(directory: &Path, files: &[(&str, &str)]) {
    for (path, content) in files {
        let path = directory.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
}

/// The good project with texts of its files replaced; an empty `from` replaces
/// the whole file.
pub fn project(changes: &[(&str, &str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), GOOD);
    for (file, from, to) in changes {
        let path = directory.path().join(file);
        let changed = if from.is_empty() {
            (*to).to_owned()
        } else {
            let text = fs::read_to_string(&path).unwrap();
            assert!(text.contains(from), "{file} has no {from:?}");
            text.replacen(from, to, 1)
        };
        write(directory.path(), &[(file, &changed)]);
    }
    directory
}

/// Everything that is found in a folder.
pub fn findings(directory: &Path) -> Vec<Diagnostic> {
    load(directory).diagnostics
}

/// The findings as a person would read them, in both languages, with paths from
/// the project's folder.
pub fn shown(diagnostics: &[Diagnostic], directory: &Path) -> String {
    let mut text = String::new();
    for diagnostic in diagnostics {
        let place = diagnostic
            .place
            .as_ref()
            .map_or(String::from("-"), |place| {
                format!("{}:{}:{}", place.file.display(), place.line, place.column)
            });
        text += &format!("{:?}[{}] {place}\n", diagnostic.severity, diagnostic.code);
        for lang in [Lang::En, Lang::Es] {
            text += &format!("  {}\n", diagnostic.message.text(lang));
            if let Some(hint) = &diagnostic.hint {
                text += &format!("    → {}\n", hint.text(lang));
            }
        }
    }
    text.replace(&format!("{}/", directory.display()), "")
        .replace(&directory.display().to_string(), ".")
}
