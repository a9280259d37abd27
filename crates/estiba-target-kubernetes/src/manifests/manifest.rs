//! One object as the API takes it.

use std::fmt;

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

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.name())
    }
}
