//! Names and labels: from them any Estiba finds what any other made.

use std::collections::BTreeMap;

use estiba_model::{Digest, EnvironmentId, Fingerprint, Name, ResourceId, Version};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use crate::Settings;

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// Keys of labels.
pub mod label {
    /// The team.
    pub const TEAM: &str = "estiba.dev/team";
    /// The project.
    pub const PROJECT: &str = "estiba.dev/project";
    /// The environment.
    pub const ENVIRONMENT: &str = "estiba.dev/environment";
    /// The workload.
    pub const WORKLOAD: &str = "estiba.dev/workload";
    /// The first digits of the fingerprint that a pod was made with.
    pub const FINGERPRINT: &str = "estiba.dev/fingerprint";
    /// Whether a pod still gets traffic.
    pub const SERVING: &str = "estiba.dev/serving";
    /// What a thing is for: `instance`, `migration`, `database` or `volume`.
    pub const COMPONENT: &str = "app.kubernetes.io/component";
    /// Who made it.
    pub const MANAGED_BY: &str = "app.kubernetes.io/managed-by";
}

/// Keys of annotations.
pub mod annotation {
    /// The whole fingerprint.
    pub const FINGERPRINT: &str = "estiba.dev/fingerprint";
    /// The release's version, exactly.
    pub const VERSION: &str = "estiba.dev/version";
    /// The container of a pod that reads what the others log to files.
    pub const SHIPPER: &str = "estiba.dev/ships-logs";
    /// The identity of a resource.
    pub const RESOURCE: &str = "estiba.dev/resource";
}

/// The value of [`label::MANAGED_BY`].
pub const ESTIBA: &str = "estiba";
/// Room is left for what controllers append to the names of pods and revisions,
/// since labels and host names take 63 characters
/// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>).
const LONGEST_NAME: usize = 44;
const LONGEST_LABEL: usize = 63;

/// Where the objects of an environment are and how they are called.
#[derive(Debug, Clone)]
pub struct Place {
    /// The namespace.
    pub namespace: String,
    environment: EnvironmentId,
    /// What names carry, since the namespace does not: `tp2-` and `-test`.
    prefix: String,
    suffix: String,
}

impl Place {
    pub(super) fn new(settings: &Settings, environment: &EnvironmentId) -> Self {
        let (before, after) = settings.name_parts(environment);
        Self {
            namespace: settings.namespace(environment),
            environment: environment.clone(),
            prefix: before.iter().map(|part| format!("{part}-")).collect(),
            suffix: after.map(|part| format!("-{part}")).unwrap_or_default(),
        }
    }

    /// The name of a workload's objects.
    #[must_use]
    pub fn workload(&self, workload: &Name) -> String {
        self.name(workload.as_str())
    }

    /// The name of the values of a workload as they are with one fingerprint.
    /// Old instances keep theirs until they are gone.
    #[must_use]
    pub fn values(&self, workload: &Name, fingerprint: &Fingerprint) -> String {
        format!("{}-{}", self.workload(workload), fingerprint.short())
    }

    /// The name of a migration's objects.
    #[must_use]
    pub fn migration(&self, workload: &Name, fingerprint: &Fingerprint) -> String {
        format!(
            "{}-migrate-{}",
            self.workload(workload),
            fingerprint.short()
        )
    }

    /// The name of a resource's objects: `postgres-api-db` for
    /// `postgres.default#api.db`. Where that could be the name of another one
    /// too, it ends with a hash.
    #[must_use]
    pub fn resource(&self, resource: &ResourceId) -> String {
        let text = resource.0.replacen(".default#", ".", 1);
        let mut parts = text.split('.');
        let is_word = |part: &str| {
            part.bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        if let [Some(kind), Some(workload), Some(name), None] =
            std::array::from_fn(|_| parts.next())
            && is_word(workload)
            && is_word(name)
        {
            return self.name(&format!("{kind}-{workload}-{name}"));
        }
        let plain: String = text
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() {
                    c.to_ascii_lowercase()
                } else {
                    '-'
                }
            })
            .collect();
        self.name(&format!("{plain}-{}", short_hash(&resource.0)))
    }

    /// The name of what belongs to the whole environment.
    #[must_use]
    pub fn shared(&self, what: &str) -> String {
        self.name(what)
    }

    fn name(&self, base: &str) -> String {
        let mut name = format!("{}{base}{}", self.prefix, self.suffix);
        // The name of a service is a label of the DNS, which begins with a letter.
        if !name.starts_with(|first: char| first.is_ascii_lowercase()) {
            name.insert(0, 'w');
        }
        shortened(&name, LONGEST_NAME)
    }

    /// The labels that all objects of the environment have, which select them.
    #[must_use]
    pub fn labels(&self) -> Labels {
        [
            (label::MANAGED_BY, ESTIBA),
            (label::TEAM, self.environment.team.as_str()),
            (label::PROJECT, self.environment.project.as_str()),
            (label::ENVIRONMENT, self.environment.environment.as_str()),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into()
    }

    /// The labels that select what belongs to one workload.
    #[must_use]
    pub fn workload_labels(&self, workload: &Name) -> Labels {
        let mut labels = self.labels();
        labels.insert(label::WORKLOAD.to_owned(), workload.to_string());
        labels
    }

    /// The labels that select the pods of one workload. They never change, since
    /// a `Deployment` can't change its selector.
    #[must_use]
    pub fn selector(&self, workload: &Name, component: &str) -> Labels {
        let mut labels = self.workload_labels(workload);
        labels.insert(label::COMPONENT.to_owned(), component.to_owned());
        labels
    }

    /// What tools of others know an object by
    /// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/common-labels/>).
    pub(super) fn described(
        &self,
        mut labels: Labels,
        name: &str,
        version: Option<&Version>,
    ) -> Labels {
        let environment = &self.environment.environment;
        labels.insert("app.kubernetes.io/name".to_owned(), label_value(name));
        let instance = label_value(&format!("{name}-{environment}"));
        labels.insert("app.kubernetes.io/instance".to_owned(), instance);
        let project = self.environment.project.to_string();
        labels.insert("app.kubernetes.io/part-of".to_owned(), project);
        if let Some(version) = version {
            let version = label_value(version.as_str());
            labels.insert("app.kubernetes.io/version".to_owned(), version);
        }
        labels
    }

    /// The metadata of an object of a workload.
    pub(super) fn metadata(&self, name: String, workload: &Name, version: &Version) -> ObjectMeta {
        let labels = self.workload_labels(workload);
        ObjectMeta {
            name: Some(name),
            namespace: Some(self.namespace.clone()),
            labels: Some(self.described(labels, workload.as_str(), Some(version))),
            annotations: Some(one(annotation::VERSION, version.as_str())),
            ..ObjectMeta::default()
        }
    }

    /// The metadata of an object of a resource.
    pub(super) fn resource_metadata(&self, resource: &ResourceId, component: &str) -> ObjectMeta {
        let name = self.resource(resource);
        let mut labels = self.labels();
        labels.insert(label::COMPONENT.to_owned(), component.to_owned());
        ObjectMeta {
            labels: Some(self.described(labels, &name, None)),
            name: Some(name),
            namespace: Some(self.namespace.clone()),
            annotations: Some(one(annotation::RESOURCE, &resource.0)),
            ..ObjectMeta::default()
        }
    }
}

/// A map of one entry.
pub(super) fn one(key: &str, value: &str) -> BTreeMap<String, String> {
    BTreeMap::from([(key.to_owned(), value.to_owned())])
}

/// The text itself, or its beginning and a hash where it is too long.
pub(crate) fn shortened(text: &str, longest: usize) -> String {
    if text.len() <= longest {
        return text.to_owned();
    }
    let hash = short_hash(text);
    let kept: String = text.chars().take(longest - hash.len() - 1).collect();
    format!("{}-{hash}", kept.trim_end_matches(['-', '.', '_']))
}

fn label_value(text: &str) -> String {
    let value = shortened(text, LONGEST_LABEL);
    value
        .trim_matches(|c: char| !c.is_ascii_alphanumeric())
        .to_owned()
}

fn short_hash(text: &str) -> String {
    Digest::of(text.as_bytes()).hex()[..8].to_owned()
}
