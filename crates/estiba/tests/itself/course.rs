//! A team's project that a shipped Estiba deploys.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::support::registry::Registry;
use crate::support::{Project, copy, source};

/// An API on a cluster that the server knows as `cluster`.
pub struct Course {
    pub project: Project,
    _registry: Registry,
}

impl Course {
    pub fn new(url: &str, key: &str) -> Self {
        let project = Project::new().through(url, key);
        let registry = Registry::start();
        let team = team();
        copy(&source().join("api"), &project.dir().join("api"));
        let file = json!({
            "project": "notes",
            "team": team,
            "workloads": ["api/score.yaml"],
            "registry": format!("127.0.0.1:{}/{team}", registry.port),
            // The server's own word for the target counts.
            "targets": { "cluster": { "kind": "kubernetes" } },
            "environments": { "test": { "on": "cluster", "config": { "BEHAVIOUR": "good" } } },
        });
        let score = json!({
            "apiVersion": "score.dev/v1b1",
            "metadata": { "name": "api" },
            "containers": { "main": {
                "image": ".",
                "variables": { "BEHAVIOUR": "${resources.env.BEHAVIOUR}" },
                "readinessProbe": { "httpGet": { "path": "/health", "port": 3000 } },
            } },
            "service": { "ports": { "http": { "port": 8080, "targetPort": 3000 } } },
            "resources": { "env": { "type": "environment" } },
        });
        write(&project, "estiba.yaml", &file.to_string());
        write(&project, "api/score.yaml", &score.to_string());
        Self {
            project,
            _registry: registry,
        }
    }
}

/// The team, whose name is that of a namespace too.
pub fn team() -> String {
    format!("course-{}", std::process::id())
}

fn write(project: &Project, path: impl AsRef<Path>, text: &str) {
    fs::write(project.dir().join(path), text).unwrap();
}
