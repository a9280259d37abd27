//! A Git repository with a project in it, and the programs that run its pipeline.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::cluster::kubeconfig;
use crate::support::registry::Registry;
use crate::support::{Done, Project, copy, get, source};

/// What `.ci/run` installs for tests.
fn tools() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/ci-tools")
}

/// A program that tests need, where it is installed.
pub fn tool(name: &str) -> Option<PathBuf> {
    let npm = tools().join("npm/node_modules/.bin");
    let places = [npm.join(name), tools().join("bin").join(name), name.into()];
    places.into_iter().find(|tool| {
        let asked = Command::new(tool).arg("--version").output();
        asked.is_ok_and(|asked| asked.status.success())
    })
}

/// Why pipelines can't be run here.
pub fn missing() -> Option<&'static str> {
    let all = ["gitlab-ci-local", "rsync", "git"];
    let is_complete = all.iter().all(|name| tool(name).is_some());
    (!is_complete).then_some("gitlab-ci-local, rsync or git is missing (.ci/run installs them)")
}

/// The PATH of whoever runs pipelines: Estiba, and what `.ci/run` installs.
pub fn path() -> OsString {
    let own = Path::new(env!("CARGO_BIN_EXE_estiba")).parent().unwrap();
    let mut places = vec![
        own.to_owned(),
        tools().join("npm/node_modules/.bin"),
        tools().join("bin"),
    ];
    places.extend(std::env::split_paths(&std::env::var_os("PATH").unwrap()));
    std::env::join_paths(places).unwrap()
}

pub struct Repository {
    pub project: Project,
    _registry: Option<Registry>,
}

/// An API, the conformance kit's own, and acceptance tests for it by the same program.
fn project_file(name: &str, team: &str, target: &Value, registry: Option<String>) -> Value {
    let mut file = json!({
        "project": name,
        "team": team,
        "workloads": ["api/score.yaml", "api/tests.yaml"],
        "targets": { "here": target },
        "environments": {
            "test": { "on": "here", "acceptance": true, "config": { "GREETING": "hello" } },
            "prod": { "on": "here", "after": "test", "config": { "GREETING": "hello" } },
        },
    });
    if let Some(registry) = registry {
        file["registry"] = json!(registry);
    }
    file
}

fn score() -> Value {
    json!({
        "apiVersion": "score.dev/v1b1",
        "metadata": { "name": "api", "annotations": { "estiba.dev/smoke": "/version" } },
        "containers": { "main": {
            "image": ".",
            "variables": { "GREETING": "${resources.env.GREETING}" },
            "readinessProbe": { "httpGet": { "path": "/health", "port": 3000 } },
        } },
        "service": { "ports": { "http": { "port": 8080, "targetPort": 3000 } } },
        "resources": { "env": { "type": "environment" } },
    })
}

/// Acceptance tests that end with a code.
pub fn acceptance(code: &str) -> String {
    let told = [
        "tell", "out", "asked ", "ask", "API_URL", "/version", "out", "\n", "code", code,
    ];
    let score = json!({
        "apiVersion": "score.dev/v1b1",
        "metadata": { "name": "tests", "annotations": { "estiba.dev/acceptance": "tests" } },
        "containers": { "tests": {
            "image": ".",
            "args": told,
            "variables": { "API_URL": "http://${resources.api.hostname}:${resources.api.port}" },
        } },
        "resources": {
            "api": { "type": "service-port", "params": { "workload": "api", "port": "http" } },
        },
    });
    score.to_string()
}

impl Repository {
    /// On this machine.
    pub fn here() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        Self::within(&folder, "tp2")
    }

    /// On this machine, with a state that others have too.
    pub fn within(folder: &Arc<TempDir>, name: &str) -> Self {
        let file = project_file(name, "moria", &json!({ "kind": "local" }), None);
        Self::new(Project::within(folder, name), &file, None)
    }

    /// On the cluster, in namespaces of its own.
    pub fn on_a_cluster() -> Self {
        let (registry, team) = (
            Registry::start(),
            format!("pipeline-{}", std::process::id()),
        );
        let images = format!("127.0.0.1:{}/{team}", registry.port);
        let target = json!({ "kind": "kubernetes", "kubeconfig": kubeconfig() });
        let file = project_file("tp2", &team, &target, Some(images));
        let repository = Self::new(Project::new(), &file, Some(registry));
        // Nothing leads into the cluster here, so nobody outside can ask for a version:
        // the acceptance tests do, from inside.
        let mut inside = score();
        inside["metadata"]["annotations"] = json!({});
        repository.write("api/score.yaml", &inside.to_string());
        repository
    }

    fn new(project: Project, file: &Value, registry: Option<Registry>) -> Self {
        copy(&source().join("api"), &project.dir().join("api"));
        let repository = Self {
            project,
            _registry: registry,
        };
        repository.write("estiba.yaml", &file.to_string());
        repository.write("api/score.yaml", &score().to_string());
        repository.write("api/tests.yaml", &acceptance("0"));
        repository.write(".gitignore", "target/\n.gitlab-ci-local/\n*.env\n*.xml\n");
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        let remote = "https://gitlab.example.edu/moria/tp2.git";
        repository.git(&["remote", "add", "origin", remote]);
        repository
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.project.dir().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn read(&self, path: &str) -> String {
        let path = self.project.dir().join(path);
        fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    }

    pub fn git(&self, args: &[&str]) {
        let mut git = Command::new("git");
        let who = [
            "-c",
            "user.name=Gimli",
            "-c",
            "user.email=gimli@example.edu",
        ];
        let done = git
            .args(who)
            .args(args)
            .current_dir(self.project.dir())
            .output()
            .unwrap();
        Done::of(&done).ok();
    }

    /// Commits all, and tags it.
    pub fn tag(&self, tag: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", tag]);
        self.git(&["tag", tag]);
    }

    /// A command of Estiba, with everything on the PATH.
    pub fn estiba(&self, args: &[&str]) -> Done {
        Done::of(
            &self
                .project
                .command(args)
                .env("PATH", path())
                .output()
                .unwrap(),
        )
    }

    /// A job of the pipeline by gitlab-emulator, with what it needs. That knows no
    /// dotenv reports, so it is told the release.
    pub fn emulated(&self, version: &str, job: &str) -> Done {
        let mut command = Command::new(tool("gle").unwrap());
        command.args(["--full", "--config", ".gitlab-ci.yml", job]);
        let tag = format!("v{version}");
        let variables = [
            ("CI_COMMIT_TAG", tag.as_str()),
            ("CI_COMMIT_REF_NAME", tag.as_str()),
            ("RELEASE", version),
        ];
        for (name, value) in variables {
            command.arg("--var").arg(format!("{name}={value}"));
        }
        // As the command of Estiba has it.
        let own = self.project.command(&[]);
        let own = own
            .get_envs()
            .filter_map(|(name, value)| Some((name, value?)));
        command.envs(own).env("PATH", path());
        command.current_dir(self.project.dir()).stdin(Stdio::null());
        Done::of(&command.output().unwrap())
    }

    /// What the API of an environment says its version is; nothing where it is not
    /// there.
    pub fn version(&self, environment: &str) -> Option<String> {
        let status = self.project.status(environment);
        if status["deployed"].is_null() {
            return None;
        }
        let answer = get(&self.project.address(environment, "api"), "/version");
        Some(answer.unwrap().body)
    }

    /// What the status of an environment says its release is.
    pub fn release(&self, environment: &str) -> Value {
        self.project.status(environment)["deployed"]["version"].clone()
    }
}
