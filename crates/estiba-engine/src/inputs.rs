//! Everything that decides what a deployment brings about, besides the release.
//!
//! It is kept, sealed, with the deployment: whoever takes over after a crash,
//! or goes back to what worked, uses the values of then and not those of now.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{Digest, EnvironmentId, Name, Project, SecretString, TargetConfig, Version};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::mail::MailSink;

/// The choices of an environment at one moment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Inputs {
    /// Where.
    pub environment: EnvironmentId,
    /// Which release.
    pub version: Version,
    /// Where images are pushed.
    #[serde(default)]
    pub registry: Option<String>,
    /// The targets that `placement` names, and those on which something may be
    /// left that ran there before.
    pub targets: BTreeMap<Name, TargetConfig>,
    /// Targets that did not answer, and on which something may be left that ran
    /// there before.
    #[serde(default)]
    pub left: BTreeMap<Name, TargetConfig>,
    /// Workloads that ran before this Estiba deployed anything there: another one
    /// did, and a failure leaves them as they are.
    #[serde(default)]
    pub found: BTreeSet<Name>,
    /// The target of each workload.
    pub placement: BTreeMap<Name, Name>,
    /// Copies of each workload; one where it is not named.
    pub replicas: BTreeMap<Name, u32>,
    /// Values in clear, by name.
    pub config: BTreeMap<String, String>,
    /// Secret values, by name. They win over `config`.
    #[serde(with = "exposed")]
    pub secrets: BTreeMap<String, SecretString>,
    /// How resources are provided, by type.
    pub provision: BTreeMap<String, Map<String, Value>>,
    /// How often each workload was asked to restart.
    pub restarts: BTreeMap<Name, u64>,
    /// What is deployed has to pass the acceptance tests.
    #[serde(default)]
    pub acceptance: bool,
    /// The image of this program that reads logs in files, beside workloads that write
    /// such. It is no part of a fingerprint: an Estiba of another version alone restarts
    /// nothing.
    #[serde(default)]
    pub shipper: Option<Digest>,
    /// The databases may be emptied.
    #[serde(default)]
    pub reset: bool,
    /// When they were last asked to be emptied, in milliseconds since 1970: whoever used
    /// them starts anew, and migrations run again.
    #[serde(default)]
    pub emptied_ms: Option<i64>,
    /// What takes the mail, where no server is named.
    #[serde(default)]
    pub mail_sink: Option<MailSink>,
}

/// What the store keeps about an environment on top of its project file.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Values in clear; they win over the project file's.
    pub config: BTreeMap<String, String>,
    /// Secret values.
    pub secrets: BTreeMap<String, SecretString>,
    /// Copies; they win over the project file's.
    pub replicas: BTreeMap<Name, u32>,
    /// How often each workload was asked to restart.
    pub restarts: BTreeMap<Name, u64>,
}

impl Inputs {
    /// What `project` and `overrides` say of one of the project's environments;
    /// `None` where it has no such environment.
    #[must_use]
    pub fn gather(
        project: &Project,
        environment: &Name,
        version: Version,
        overrides: Overrides,
    ) -> Option<Self> {
        let declared = project.environments.get(environment)?;
        let used: BTreeSet<&Name> = declared.placement.values().collect();
        let targets = project
            .targets
            .iter()
            .filter(|(name, _)| used.contains(name))
            .map(|(name, config)| (name.clone(), config.clone()))
            .collect();
        let mut config = declared.config.clone();
        config.extend(overrides.config);
        let mut replicas = declared.replicas.clone();
        replicas.extend(overrides.replicas);
        Some(Self {
            environment: EnvironmentId::new(&project.id, environment),
            version,
            registry: project.registry.clone(),
            targets,
            left: BTreeMap::new(),
            found: BTreeSet::new(),
            placement: declared.placement.clone(),
            replicas,
            config,
            secrets: overrides.secrets,
            provision: declared.resources.clone().into_iter().collect(),
            restarts: overrides.restarts,
            acceptance: declared.acceptance,
            shipper: None,
            reset: declared.reset,
            emptied_ms: None,
            mail_sink: None,
        })
    }

    /// The targets that `placement` names.
    pub fn used_targets(&self) -> impl Iterator<Item = (&Name, &TargetConfig)> {
        let used: BTreeSet<&Name> = self.placement.values().collect();
        self.targets
            .iter()
            .filter(move |(name, _)| used.contains(name))
    }

    /// Looks at the targets of `others` too, so that what is left there is found.
    pub fn know_targets_of(&mut self, others: &Self) {
        for (name, config) in others.used_targets() {
            self.targets
                .entry(name.clone())
                .or_insert_with(|| config.clone());
        }
        self.know_left_of(others);
    }

    /// Remembers the targets that `others` had to leave behind.
    pub fn know_left_of(&mut self, others: &Self) {
        for (name, config) in &others.left {
            if !self.targets.contains_key(name) {
                self.left.insert(name.clone(), config.clone());
            }
        }
    }

    /// The value that `type: environment` resources give for `key`.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<SecretString> {
        match self.secrets.get(key) {
            Some(secret) => Some(secret.clone()),
            None => self.config.get(key).map(SecretString::new),
        }
    }

    /// The target of a workload. One that the project has dropped since the
    /// release goes where the others are.
    #[must_use]
    pub fn target_of(&self, workload: &Name) -> Option<&Name> {
        self.placement
            .get(workload)
            .or_else(|| self.placement.values().next())
    }
}

mod exposed {
    use std::collections::BTreeMap;

    use estiba_model::SecretString;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(
        secrets: &BTreeMap<String, SecretString>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let plain: BTreeMap<&str, &str> = secrets
            .iter()
            .map(|(name, secret)| (name.as_str(), secret.expose()))
            .collect();
        plain.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, SecretString>, D::Error> {
        BTreeMap::deserialize(deserializer)
    }
}
