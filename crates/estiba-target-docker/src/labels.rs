//! The labels that say what a thing of the engine is. No secret is in one.

use std::collections::{BTreeMap, HashMap};

use estiba_model::{EnvironmentId, Fingerprint, InstanceName, Name, ProjectId, Ready, Version};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::probe::Checks;

const PREFIX: &str = "dev.estiba.";
const TEAM: &str = "team";
const PROJECT: &str = "project";
const ENVIRONMENT: &str = "environment";
pub(crate) const ROLE: &str = "role";
pub(crate) const RESOURCE: &str = "resource";
pub(crate) const KIND: &str = "kind";
pub(crate) const FINGERPRINT: &str = "fingerprint";
/// Where a database is on its environment's network, for ever.
pub(crate) const ADDRESS: &str = "address";
pub(crate) const WORKLOAD: &str = "workload";
const VERSION: &str = "version";
const INSTANCE: &str = "instance";
const CONTAINER: &str = "container";
const PLAN: &str = "plan";
/// The state folder whose edge serves an environment.
pub(crate) const HOME: &str = "home";

/// What a thing of the engine is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    /// A container of an instance.
    Instance,
    /// A container that migrates.
    Migration,
    /// The mark of a migration that ended well: an empty volume.
    Migrated,
    /// What a resource consists of: a database's container, a volume.
    Resource,
    /// The mark of a resource that was provided: an empty volume, since labels
    /// of what holds data can't change.
    Provided,
    /// The environment's network.
    Network,
    /// A container that never runs: files are given to a volume through it.
    Porter,
    /// A volume that the containers of an instance share, and that goes with it.
    Scratch,
}

impl Role {
    fn word(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Migration => "migration",
            Self::Migrated => "migrated",
            Self::Resource => "resource",
            Self::Provided => "provided",
            Self::Network => "network",
            Self::Porter => "porter",
            Self::Scratch => "scratch",
        }
    }
}

/// A set of labels.
pub(crate) type Labels = HashMap<String, String>;

/// The labels of a thing of an environment.
pub(crate) fn of(environment: &EnvironmentId, role: Role) -> Labels {
    let EnvironmentId {
        team,
        project,
        environment,
    } = environment;
    [
        (TEAM, team.as_str()),
        (PROJECT, project.as_str()),
        (ENVIRONMENT, environment.as_str()),
        (ROLE, role.word()),
    ]
    .map(|(key, value)| (name(key), value.to_owned()))
    .into()
}

/// The labels of everything of a project.
pub(crate) fn of_project(project: &ProjectId) -> Labels {
    let ProjectId { team, project } = project;
    [(TEAM, team.as_str()), (PROJECT, project.as_str())]
        .map(|(key, value)| (name(key), value.to_owned()))
        .into()
}

/// The name of a label.
pub(crate) fn name(key: &str) -> String {
    format!("{PREFIX}{key}")
}

/// The same labels as a filter of the engine's lists.
pub(crate) fn filter(labels: &Labels) -> Vec<String> {
    labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect()
}

/// Whether `labels` has all of `wanted`.
pub(crate) fn has_all(labels: &Labels, wanted: &Labels) -> bool {
    wanted
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value))
}

/// The value of a label as something else.
pub(crate) fn parse<T: std::str::FromStr>(labels: &Labels, key: &str) -> Option<T> {
    labels.get(&name(key))?.parse().ok()
}

/// What a container of an instance is.
#[derive(Debug, Clone)]
pub(crate) struct ContainerLabels {
    pub(crate) workload: Name,
    pub(crate) version: Version,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) instance: InstanceName,
    pub(crate) container: Name,
    pub(crate) plan: Plan,
}

/// What is to be done with a container after it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Plan {
    /// Its place in the order in which containers start.
    pub(crate) index: usize,
    /// How many containers the instance has.
    pub(crate) of: usize,
    /// The loopback ports of this machine by the instance's own ports.
    pub(crate) ports: BTreeMap<u16, u16>,
    /// How to know that it is ready.
    pub(crate) readiness: Checks,
    /// How to know that it is alive.
    pub(crate) liveness: Checks,
    /// Containers that wait for this one, and for what.
    pub(crate) before: BTreeMap<Name, Ready>,
    /// It reads what the others log to files: how the instance is does not depend on it.
    #[serde(default)]
    pub(crate) ships_logs: bool,
}

impl Plan {
    /// It does its work once and is done, when it ends with code 0.
    pub(crate) fn completes(&self) -> bool {
        self.before.values().any(|ready| *ready == Ready::Complete)
    }
}

impl ContainerLabels {
    pub(crate) fn write(&self, labels: &mut Labels) {
        let plan = serde_json::to_string(&self.plan).unwrap_or_default();
        let own = [
            (WORKLOAD, self.workload.to_string()),
            (VERSION, self.version.to_string()),
            (FINGERPRINT, self.fingerprint.to_string()),
            (INSTANCE, self.instance.to_string()),
            (CONTAINER, self.container.to_string()),
            (PLAN, plan),
        ];
        labels.extend(own.map(|(key, value)| (name(key), value)));
    }

    pub(crate) fn read(labels: &Labels) -> Option<Self> {
        Some(Self {
            workload: parse(labels, WORKLOAD)?,
            version: parse(labels, VERSION)?,
            fingerprint: parse(labels, FINGERPRINT)?,
            instance: parse(labels, INSTANCE)?,
            container: parse(labels, CONTAINER)?,
            plan: json(labels, PLAN)?,
        })
    }
}

/// The labels of one instance's containers.
pub(crate) fn of_instance(
    environment: &EnvironmentId,
    role: Role,
    instance: &InstanceName,
) -> Labels {
    let mut labels = of(environment, role);
    labels.insert(name(INSTANCE), instance.to_string());
    labels
}

fn json<T: DeserializeOwned>(labels: &Labels, key: &str) -> Option<T> {
    serde_json::from_str(labels.get(&name(key))?).ok()
}
