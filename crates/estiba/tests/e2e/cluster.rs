//! What a cluster alone can do to a deployment.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cross::{Kind, gate_before_cluster};
use crate::support::cluster::{kubeconfig, kubectl};
use crate::support::registry::Registry;
use crate::support::{Done, Project, copy, source};

/// How long the API server is away.
const AWAY: Duration = Duration::from_secs(10);

/// A project on the cluster, and where its images are.
struct Course {
    project: Project,
    team: String,
    registry: Registry,
}

impl Course {
    /// None, and a word about it, where there is no cluster.
    fn new(story: &str) -> Option<Self> {
        Self::with(story, Registry::start)
    }

    fn with(story: &str, registry: impl FnOnce() -> Registry) -> Option<Self> {
        if let Some(why) = Kind::Kubernetes.missing() {
            println!("skipped: {why}");
            return None;
        }
        let project = Project::new();
        copy(&source().join("api"), &project.dir().join("api"));
        let (registry, team) = (registry(), format!("{story}-{}", std::process::id()));
        let port = registry.port;
        let file = json!({
            "project": "faults",
            "team": team,
            "workloads": ["api/score.yaml"],
            "registry": format!("127.0.0.1:{port}/{team}"),
            "targets": { "here": { "kind": "kubernetes", "kubeconfig": kubeconfig() } },
            "environments": { "test": { "on": "here", "config": { "BEHAVIOUR": "good" } } },
        });
        let score = json!({
            "apiVersion": "score.dev/v1b1",
            "metadata": { "name": "api", "annotations": { "estiba.dev/migration": "migrate" } },
            "containers": {
                "main": {
                    "image": ".",
                    "variables": { "BEHAVIOUR": "${resources.env.BEHAVIOUR}" },
                    "readinessProbe": { "httpGet": { "path": "/health", "port": 3000 } },
                },
                "migrate": { "image": ".", "args": ["tell", "out", "migrated"] },
            },
            "service": { "ports": { "http": { "port": 8080, "targetPort": 3000 } } },
            "resources": { "env": { "type": "environment" } },
        });
        let course = Self {
            project,
            team,
            registry,
        };
        course.write("estiba.yaml", &file);
        course.write("api/score.yaml", &score);
        Some(course)
    }

    fn write(&self, path: &str, value: &Value) {
        fs::write(self.project.dir().join(path), value.to_string()).unwrap();
    }

    fn edit(&self, path: &str, change: impl FnOnce(&mut Value)) {
        let text = fs::read_to_string(self.project.dir().join(path)).unwrap();
        let mut value = serde_json::from_str(&text).unwrap();
        change(&mut value);
        self.write(path, &value);
    }

    fn edit_target(&self, change: impl FnOnce(&mut Value)) {
        self.edit("estiba.yaml", |file| change(&mut file["targets"]["here"]));
    }

    /// A deployment that has to fail; returns what it said.
    fn refused(&self, version: &str) -> String {
        let failed = self.project.run(&["up", "--version", version]);
        assert_eq!(failed.code, 1, "{}", failed.out);
        failed.err
    }

    fn assert_runs(&self, version: &str) {
        assert_eq!(self.project.instances("test").len(), 1);
        let exec = ["exec", "api", "--env", "test", "--"];
        let ask = ["api", "tell", "self", "/version"];
        let asked = self.project.run(&[exec.as_slice(), &ask].concat()).ok();
        assert_eq!(asked.out, version, "{}", asked.err);
    }
}

/// Runs `kubectl ARGS -f` with an object.
fn kubectl_with(args: &[&str], object: &Value, folder: &Path) {
    let file = folder.join("object.json");
    fs::write(&file, object.to_string()).unwrap();
    kubectl(&[args, &["-f", file.to_str().unwrap()]].concat());
}

/// Somebody who may do what the manifest of `estiba target rbac` says, and no more.
struct Student {
    name: String,
}

impl Student {
    /// `manifest` names the role, which gets a name of its own.
    fn new(name: &str, manifest: &str, folder: &Path) -> Self {
        let student = Self {
            name: name.to_owned(),
        };
        let named = manifest.replace("name: estiba\n", &format!("name: {name}\n"));
        assert_ne!(named, manifest);
        let file = folder.join("role.yaml");
        fs::write(&file, named).unwrap();
        kubectl(&["apply", "-f", file.to_str().unwrap()]);
        kubectl(&["-n", "default", "create", "serviceaccount", name]);
        let (role, account) = (
            format!("--clusterrole={name}"),
            format!("--serviceaccount=default:{name}"),
        );
        kubectl(&["create", "clusterrolebinding", name, &role, &account]);
        let token = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {
                "name": name, "namespace": "default",
                "annotations": { "kubernetes.io/service-account.name": name },
            },
        });
        kubectl_with(&["create"], &token, folder);
        student
    }

    /// Writes what the student reaches the cluster by.
    fn kubeconfig(&self, file: &Path) {
        let view = [
            "config",
            "view",
            "--raw",
            "--minify",
            "--flatten",
            "-o",
            "json",
        ];
        let mut config: Value = serde_json::from_str(&kubectl(&view)).unwrap();
        let get = ["-n", "default", "get", "secret", &self.name, "-o"];
        let token = || {
            kubectl(
                &[
                    get.as_slice(),
                    &["go-template={{.data.token | base64decode}}"],
                ]
                .concat(),
            )
        };
        let ends = Instant::now() + Duration::from_secs(30);
        let token = loop {
            match token() {
                token if token.contains('.') => break token,
                _ => assert!(Instant::now() < ends, "there is no token"),
            }
        };
        config["users"][0]["user"] = json!({ "token": token });
        fs::write(file, config.to_string()).unwrap();
    }
}

impl Drop for Student {
    fn drop(&mut self) {
        let name = self.name.as_str();
        for object in [
            "clusterrolebinding",
            "clusterrole",
            "serviceaccount",
            "secret",
        ] {
            let delete = [
                "-n",
                "default",
                "delete",
                object,
                name,
                "--ignore-not-found",
            ];
            let _ = Command::new("kubectl").args(delete).output();
        }
    }
}

pub fn the_rights_that_are_printed_are_enough_and_one_that_lacks_is_named() {
    let Some(course) = Course::new("rights") else {
        return;
    };
    let project = &course.project;
    course.edit_target(|target| target["quota"] = json!({ "pods": "9" }));
    course.edit("estiba.yaml", |file| {
        file["environments"]["test"]["replicas"] = json!({ "api": 2 });
    });
    let folder = project.folder.path();
    let manifest = project.run(&["target", "rbac", "here"]).ok().out;
    let name = format!("{}-student", course.team);
    let own = folder.join("own-kubeconfig");
    let few = manifest.replace("  - poddisruptionbudgets\n", "  - nothing\n");
    assert_ne!(few, manifest);

    let student = Student::new(&name, &few, folder);
    student.kubeconfig(&own);
    course.edit_target(|target| target["kubeconfig"] = json!(own));
    let said = course.refused("1.0.0");
    let lacking = "cannot list resource \"poddisruptionbudgets\"";
    assert!(said.contains(lacking), "{said}");
    assert!(said.contains("estiba target rbac"), "{said}");
    drop(student);

    let student = Student::new(&name, &manifest, folder);
    student.kubeconfig(&own);
    project.run(&["up", "--version", "1.0.0"]).ok();
    let doctor = project.run(&["doctor", "--json"]).json();
    let rights = doctor.as_array().unwrap().iter();
    let rights = rights.into_iter().find(|check| check["name"] == "rights");
    assert_eq!(rights.map(|check| &check["ok"]), Some(&json!(true)));
    project.run(&["up", "--version", "1.1.0"]).ok();
    project.run(&["logs", "api", "--env", "test"]).ok();
    project.run(&["scale", "api=1", "--env", "test"]).ok();
    course.assert_runs("1.1.0");
    project.run(&["down", "--env", "test", "--yes"]).ok();
    let namespace = format!("{}-test", course.team);
    let left = kubectl(&["get", "namespace", &namespace, "--ignore-not-found"]);
    assert_eq!(left, "", "it is gone");
}

pub fn an_api_server_that_comes_back_in_time_is_waited_for() {
    let Some(course) = Course::new("restarted") else {
        return;
    };
    let file = course.project.folder.path().join("kubeconfig");
    let gate = gate_before_cluster(&file);
    course.edit_target(|target| target["kubeconfig"] = json!(file));
    course.project.run(&["up", "--version", "1.0.0"]).ok();
    let up = ["up", "--version", "1.1.0"];
    let (code, out) = course.project.watch(&up, |event| {
        let step = event["step"]["step"].as_str();
        if event["event"] == "step-started" && matches!(step, Some("migrate" | "roll-out")) {
            gate.shut();
            std::thread::sleep(AWAY);
            gate.open();
        }
    });
    assert_eq!(code, Some(0), "{out}");
    course.assert_runs("1.1.0");
}

pub fn a_secret_that_does_not_open_the_registry_is_told() {
    let Some(course) = Course::with("locked", Registry::locked) else {
        return;
    };
    let folder = course.project.folder.path().join("docker");
    fs::create_dir(&folder).unwrap();
    let server = format!("127.0.0.1:{}", course.registry.port);
    // `student:opens-it`, as `docker login` keeps it.
    let login = json!({ "auths": { server: { "auth": "c3R1ZGVudDpvcGVucy1pdA==" } } });
    fs::write(folder.join("config.json"), login.to_string()).unwrap();
    let up = || {
        let up = course.project.command(&["up", "--version", "1.0.0"]);
        Done::of(&{ up }.env("DOCKER_CONFIG", &folder).output().unwrap())
    };
    course.edit_target(|target| target["pull-secret"] = json!("none"));
    let failed = up();
    assert_eq!(failed.code, 1, "{}", failed.out);
    let said = "the cluster may not pull";
    assert!(failed.err.contains(said), "{}", failed.err);
    assert!(failed.err.contains("`pull-secret`"), "{}", failed.err);
    // Estiba gives the cluster what `docker login` keeps.
    course.edit_target(|target| drop(target.as_object_mut().unwrap().remove("pull-secret")));
    up().ok();
    course.assert_runs("1.0.0");
}

pub fn a_database_of_an_operator_is_read_from_its_secret() {
    let Some(course) = Course::new("operated") else {
        return;
    };
    course.edit("estiba.yaml", |file| {
        let settings = json!({ "secret": "tp2-app" });
        file["environments"]["test"]["resources"] = json!({ "postgres": settings });
    });
    course.edit("api/score.yaml", |score| {
        score["resources"]["db"] = json!({ "type": "postgres" });
        let place = "${resources.db.username}@${resources.db.host}:${resources.db.port}/${resources.db.name}";
        score["containers"]["main"]["variables"]["DATABASE"] = json!(place);
    });
    let namespace = format!("{}-test", course.team);
    let said = course.refused("1.0.0");
    assert!(said.contains("there is no Secret tp2-app"), "{said}");
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret",
        "metadata": { "name": "tp2-app", "namespace": namespace },
        "stringData": {
            "username": "app", "password": "p", "host": "tp2-rw", "port": "5432", "dbname": "app",
        },
    });
    kubectl_with(&["create"], &secret, course.project.folder.path());
    course.project.run(&["up", "--version", "1.0.0"]).ok();
    let exec = ["exec", "api", "--env", "test", "--"];
    let ask = ["api", "tell", "self", "/env/DATABASE"];
    let asked = course.project.run(&[exec.as_slice(), &ask].concat()).ok();
    assert_eq!(asked.out, "app@tp2-rw:5432/app");
    course.project.run(&["down", "--env", "test", "--yes"]).ok();
    let kept = kubectl(&["-n", &namespace, "get", "secret", "tp2-app", "-o", "name"]);
    assert_eq!(kept.trim(), "secret/tp2-app");
    kubectl(&["delete", "namespace", &namespace, "--wait=false"]);
}
