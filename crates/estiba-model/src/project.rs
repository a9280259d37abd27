//! A project as its `estiba.yaml` and Score files describe it, checked.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Alert, Name, ProjectId, Workload};

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
    /// What every preview is: an environment that a merge request has for as long as
    /// it is open.
    pub previews: Option<Environment>,
    /// Lines of logs that people are told of.
    pub alerts: BTreeMap<Name, Alert>,
    /// The cluster that the server sends the project's lines of logs to.
    pub logs: Option<LogsTo>,
}

/// A cluster of the project's own for its lines of logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogsTo {
    /// Its address.
    pub to: String,
    /// The index there.
    pub index: String,
    /// Who the server is there.
    pub login: Option<LogsLogin>,
    /// The certificates, in PEM, of those who may have signed its own, where they are no
    /// public authorities.
    pub ca: Option<String>,
}

/// Who the server is at a cluster. Secrets are named, not told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogsLogin {
    /// The secret that is an API key or a token.
    Token(String),
    /// A user, and the secret that is the password.
    Basic {
        /// The user.
        user: String,
        /// The name of the secret.
        password: String,
    },
}

/// What the names of previews begin with: `preview-12`.
const PREVIEW: &str = "preview-";

/// What stands for all previews in a list of environments.
const PREVIEWS: &str = "previews";

impl Name {
    /// Whether this is, or could be, the name of a preview.
    #[must_use]
    pub fn is_of_preview(&self) -> bool {
        self.as_str().starts_with(PREVIEW)
    }

    /// Whether this stands for all previews in a list of environments.
    #[must_use]
    pub fn stands_for_previews(&self) -> bool {
        self.as_str() == PREVIEWS
    }

    /// Whether a list of environments that has this word means `environment`.
    #[must_use]
    pub fn stands_for(&self, environment: &Self) -> bool {
        self == environment || (self.stands_for_previews() && environment.is_of_preview())
    }
}

impl Project {
    /// Whether the name is that of a preview of this project.
    #[must_use]
    pub fn has_preview(&self, environment: &Name) -> bool {
        self.previews.is_some()
            && environment.is_of_preview()
            && !self.environments.contains_key(environment)
    }

    /// The project with a preview among its environments; as it is where the name is
    /// that of none.
    #[must_use]
    pub fn including(mut self, environment: &Name) -> Self {
        if self.has_preview(environment)
            && let Some(preview) = self.previews.clone()
        {
            self.environments.insert(environment.clone(), preview);
        }
        self
    }
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
    /// Its databases may be emptied.
    pub reset: bool,
    /// Copies of each workload; one where it is not named.
    pub replicas: BTreeMap<Name, u32>,
    /// Values for `type: environment` resources, by name.
    pub config: BTreeMap<String, String>,
    /// How resources are provided, by type: for example
    /// `postgres: { url-from: PG_ADMIN_URL }` names the secret with the URL of
    /// an existing server.
    pub resources: BTreeMap<String, Map<String, Value>>,
    /// Services that are not the project's own, and that it uses.
    pub outside: BTreeMap<Name, OutsideService>,
}

/// A service that is not the project's own, as one environment uses it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutsideService {
    /// Where it is.
    pub url: Given,
    /// The HTTP status that it answers with; any of 200 to 299 where none is named.
    pub expect: Option<u16>,
    /// Whether it answers with a description of a SOAP service, and of which operation.
    pub wsdl: Option<WsdlWanted>,
    /// Who runs it.
    pub owner: Option<String>,
    /// The workloads that use it; all where none is named.
    pub by: BTreeSet<Name>,
    /// The user that it is asked as, by HTTP's basic authentication.
    pub user: Option<String>,
    /// The secret with that user's password.
    pub password_from: Option<String>,
    /// The secret with a token that it is asked with.
    pub token_from: Option<String>,
    /// The file with the certificates to trust besides the usual ones, relative to the
    /// project's folder.
    pub ca: Option<String>,
    /// What that file says, where it could be read.
    pub ca_text: Option<String>,
}

impl OutsideService {
    /// The names of the secrets that it is tried with.
    pub fn secrets(&self) -> impl Iterator<Item = &str> {
        let url = match &self.url {
            Given::Secret(name) => Some(name),
            _ => None,
        };
        let login = [&self.password_from, &self.token_from];
        let all = url.into_iter().chain(login.into_iter().flatten());
        all.map(String::as_str)
    }
}

/// A value that is written down, or that a secret has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Given {
    /// Neither.
    #[default]
    Nowhere,
    /// The value.
    Here(String),
    /// The name of the secret.
    Secret(String),
}

/// What the description of a SOAP service has to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WsdlWanted {
    /// Nothing more than to be one.
    Any,
    /// This operation.
    Operation(String),
}
