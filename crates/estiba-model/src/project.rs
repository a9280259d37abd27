//! A project as its `estiba.yaml` and Score files describe it, checked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Name, ProjectId, Workload};

/// The workloads that ship together, and where they run.
#[derive(Debug, Clone, PartialEq)]
pub struct Project {
    /// Team and name.
    pub id: ProjectId,
    /// The folder of `estiba.yaml`.
    pub directory: PathBuf,
    /// The text of `estiba.yaml`; of a project that a course puts together, what
    /// it would be.
    pub text: String,
    /// What ships.
    pub workloads: BTreeMap<Name, ProjectWorkload>,
    /// Where images are pushed, for example `registry.example.edu/tp2`.
    pub registry: Option<String>,
    /// The container runtimes that the environments name.
    pub targets: BTreeMap<Name, TargetConfig>,
    /// In the order of the file; the first is where `up` deploys.
    pub environments: IndexMap<Name, Environment>,
}

/// A workload and where its files are.
#[derive(Debug, Clone, PartialEq)]
pub struct ProjectWorkload {
    /// What the Score file says.
    pub workload: Workload,
    /// The Score file.
    pub file: PathBuf,
    /// The folder of the Score file: what is built, and what file sources are
    /// relative to.
    pub directory: PathBuf,
}

/// A container runtime and how to reach it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TargetConfig {
    /// Which adapter: `local`, `docker`, `kubernetes`…
    pub kind: String,
    /// What the adapter reads, already checked against its schema.
    pub settings: Map<String, Value>,
}

/// Where a project runs, apart from every other place.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Environment {
    /// The target of each workload.
    pub placement: BTreeMap<Name, Name>,
    /// Takes only releases that this environment has run with success.
    pub after: Option<Name>,
    /// A person other than the author must agree.
    pub approve: bool,
    /// What is deployed has to pass the acceptance tests.
    pub acceptance: bool,
    /// Copies of each workload; one where it is not named.
    pub replicas: BTreeMap<Name, u32>,
    /// Values for `type: environment` resources, by name.
    pub config: BTreeMap<String, String>,
    /// How resources are provided, by type: for example
    /// `postgres: { url-from: PG_ADMIN_URL }` names the secret with the URL of
    /// an existing server.
    pub resources: BTreeMap<String, Map<String, Value>>,
}
