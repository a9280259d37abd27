//! One object as the API takes it.

use std::fmt;

use saphyr::{LoadableYamlNode, Yaml, YamlEmitter};
use serde::Serialize;
use serde_json::Value;

/// An object of the Kubernetes API, whole. It may hold secrets, so that its debug
/// form says only what it is.
#[derive(Clone, PartialEq)]
pub struct Manifest(Value);

impl Manifest {
    /// The object that `typed` describes, without what is not set.
    pub(super) fn of(typed: &impl Serialize) -> Self {
        // Generated types of maps with text keys always have a JSON form.
        Self(serde_json::to_value(typed).unwrap_or_default())
    }

    /// An object of a type that is not part of Kubernetes itself.
    pub(super) fn custom(object: Value) -> Self {
        Self(object)
    }

    /// The object in another version of its API that has the same fields.
    #[must_use]
    pub(super) fn in_version(mut self, api_version: &str) -> Self {
        self.0["apiVersion"] = api_version.into();
        self
    }

    /// The same `Deployment`, in which old pods stay until it is applied as it is.
    #[must_use]
    pub(crate) fn held(&self) -> Self {
        super::deployment::held(self)
    }

    /// `apiVersion`.
    #[must_use]
    pub fn api_version(&self) -> &str {
        self.0["apiVersion"].as_str().unwrap_or_default()
    }

    /// `kind`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0["kind"].as_str().unwrap_or_default()
    }

    /// `metadata.name`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.0["metadata"]["name"].as_str().unwrap_or_default()
    }

    /// `metadata.namespace`; none for what belongs to the cluster.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.0["metadata"]["namespace"].as_str()
    }

    /// The whole object.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.0
    }
}

/// Objects as a file for `kubectl apply -f`, secrets included.
#[must_use]
pub fn to_yaml(objects: &[Manifest]) -> String {
    let mut text = String::new();
    for object in objects {
        // What is JSON is YAML already, though not as people write it.
        let json = object.0.to_string();
        let documents = Yaml::load_from_str(&json).unwrap_or_default();
        for document in &documents {
            let mut one = String::new();
            if YamlEmitter::new(&mut one).dump(document).is_ok() {
                text.push_str(&one);
                text.push('\n');
            }
        }
    }
    text
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.name())
    }
}
