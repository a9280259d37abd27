//! A course in a folder, with a project of two workloads.

use std::path::PathBuf;

use estiba_course::{Course, Loaded, load};
use estiba_model::{Diagnostic, Name};
use tempfile::TempDir;

pub const PROJECT: &str = "\
project: tp2
team: demo
workloads: [api/score.yaml, bot/score.yaml]
targets:
  laptop: { kind: local }
environments:
  test: { on: laptop, config: { LOG_LEVEL: debug, RATE: 1.10 } }
  prod: { on: laptop, after: test, replicas: { api: 2 }, config: { LOG_LEVEL: info, RATE: 2 } }
";

const API: &str = "\
apiVersion: score.dev/v1b1
metadata: { name: api }
containers:
  main:
    image: registry.example.edu/api:1
    variables: { LOG_LEVEL: '${resources.env.LOG_LEVEL}', RATE: '${resources.env.RATE}' }
    resources: { limits: { cpu: 500m, memory: 256Mi } }
service: { ports: { http: { port: 8080 } } }
resources: { env: { type: environment }, db: { type: postgres } }
";

const BOT: &str = "\
apiVersion: score.dev/v1b1
metadata: { name: bot }
containers:
  main:
    image: registry.example.edu/bot:1
    resources: { requests: { cpu: 20m, memory: 64Mi }, limits: { memory: 128Mi } }
";

pub struct Folder(TempDir);

impl Folder {
    /// A course and its project in `tp2`.
    pub fn new(course: &str) -> Self {
        let folder = Self(tempfile::tempdir().unwrap());
        folder.write("course.yaml", course);
        folder.write("tp2/estiba.yaml", PROJECT);
        folder.write("tp2/api/score.yaml", API);
        folder.write("tp2/bot/score.yaml", BOT);
        folder
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    pub fn load(&self) -> Loaded {
        load(&self.path("course.yaml"), &[])
    }

    pub fn course(&self) -> Course {
        let loaded = self.load();
        assert!(loaded.course.is_some(), "{:#?}", loaded.diagnostics);
        loaded.course.unwrap()
    }

    /// Each finding as `file:line code`.
    pub fn findings(&self) -> Vec<String> {
        let loaded = self.load();
        loaded
            .diagnostics
            .iter()
            .map(|one| self.short(one))
            .collect()
    }

    fn short(&self, finding: &Diagnostic) -> String {
        let place = finding.place.as_ref().map_or(String::new(), |place| {
            let file = place.file.strip_prefix(self.0.path()).unwrap();
            format!("{}:{} ", file.display(), place.line)
        });
        format!("{place}{}", finding.code)
    }
}

pub fn name(text: &str) -> Name {
    text.parse().unwrap()
}
