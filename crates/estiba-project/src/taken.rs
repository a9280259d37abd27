//! The names that a project takes where other projects take theirs.

use std::path::PathBuf;

use estiba_model::{Name, Project, TargetConfig};
use estiba_score::yaml::join;
use serde_json::Value;

use crate::check::{places, project_file};
use crate::kinds::{self, Kind};

/// What settings have for the names that are put in place.
const PLACEHOLDERS: [&str; 4] = ["{team}", "{project}", "{environment}", "{workload}"];

/// A name that an environment takes on a runtime. Whoever takes the same name
/// there would run over it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The environment.
    pub environment: Name,
    /// The name, with the runtime that it is taken on.
    pub name: (String, String),
    /// The file that says so.
    pub file: PathBuf,
    /// Where it does: a JSON pointer (RFC 6901).
    pub pointer: String,
}

/// What the environments of a project take: namespaces, apps and addresses.
#[must_use]
pub fn taken(project: &Project) -> Vec<Taken> {
    let mut all = Vec::new();
    for (environment, declared) in &project.environments {
        for (workload, target) in &declared.placement {
            let Some(config) = project.targets.get(target) else {
                continue;
            };
            let Some(kind) = kinds::find(&config.kind) else {
                continue;
            };
            for (key, pattern) in patterns(kind, config) {
                let name = filled(&pattern, project, environment, workload);
                all.push(Taken {
                    environment: environment.clone(),
                    name: (runtime(kind, config), name),
                    file: project_file(project),
                    pointer: pointer(&["targets", target.as_str(), &key]),
                });
            }
            let user = project.workloads.get(workload);
            for (resource, host) in user
                .into_iter()
                .flat_map(|user| places::hosts(kind, declared, user))
            {
                all.push(Taken {
                    environment: environment.clone(),
                    name: (kind.network.to_owned(), host),
                    file: project.workloads[workload].file.clone(),
                    pointer: pointer(&["resources", resource.as_str(), "params", "host"]),
                });
            }
        }
    }
    all
}

fn pointer(path: &[&str]) -> String {
    path.iter()
        .fold(String::new(), |whole, step| join(&whole, step))
}

/// The settings that are names, or what stands for them.
fn patterns(kind: &Kind, config: &TargetConfig) -> Vec<(String, String)> {
    let said = config.settings.iter();
    let said = said.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
    let said = said.filter(|(_, text)| PLACEHOLDERS.iter().any(|part| text.contains(part)));
    let unsaid = kinds::usual_patterns(kind).iter();
    let unsaid = unsaid.filter(|(key, _)| !config.settings.contains_key(*key));
    let unsaid = unsaid.map(|&(key, pattern)| (key.to_owned(), pattern.to_owned()));
    let shared = |(key, pattern): &(String, String)| {
        kinds::may_be_shared(key) && !pattern.contains("{team}")
    };
    said.chain(unsaid).filter(|one| !shared(one)).collect()
}

fn filled(pattern: &str, project: &Project, environment: &Name, workload: &Name) -> String {
    let names = [&project.id.team, &project.id.project, environment, workload];
    PLACEHOLDERS
        .iter()
        .zip(names)
        .fold(pattern.to_owned(), |text, (part, name)| {
            text.replace(part, name.as_str())
        })
}

/// The runtime without what tells the environments on it apart.
fn runtime(kind: &Kind, config: &TargetConfig) -> String {
    let mut settings = config.settings.clone();
    settings.retain(|_, value: &mut Value| {
        let text = value.as_str().unwrap_or_default();
        !PLACEHOLDERS.iter().any(|part| text.contains(part))
    });
    (kind.runtime)(&settings)
}
