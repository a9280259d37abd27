//! The provisioning contract: what a workload needs and a target provides.

use std::collections::BTreeMap;

use estiba_model::{Fingerprint, Message, Name, ResourceId, SecretString, message};
use serde_json::{Map, Value};

/// What a resource gives to the workloads that use it, by output key: for
/// postgres `host`, `port`, `name`, `database`, `username` and `password`.
/// All are treated as secrets, since a URL can hold one.
pub type Outputs = BTreeMap<String, SecretString>;

/// From where a resource is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Reach {
    /// From a workload on the same target: the internal address.
    #[default]
    Inside,
    /// From a workload on another target: the public address.
    Outside,
}

/// A resource to provide, complete.
///
/// Types that a target may provide are `postgres`, `volume`, `dns`, `route` and
/// `service-port`; `environment` is the engine's own. A target that lacks a type
/// says so by [`Target::capabilities`](crate::Target::capabilities).
#[derive(Debug, Clone)]
pub struct ResourceSpec {
    /// Its identity in the environment.
    pub id: ResourceId,
    /// Its Score type.
    pub kind: String,
    /// Its Score class.
    pub class: String,
    /// The workload that named it first.
    pub workload: Name,
    /// `params`, placeholders expanded. For `service-port` the engine has put
    /// the names, and the number that clients use:
    /// `{"workload": "api", "port": "http", "number": 8080}`.
    pub params: Map<String, Value>,
    /// What the environment says about resources of this type in `estiba.yaml`,
    /// secrets that it names resolved under the key without `-from`.
    pub settings: BTreeMap<String, SecretString>,
    /// A password that the engine made for this resource and keeps: the same at
    /// every call, so that provisioning again changes nothing.
    pub credential: SecretString,
    /// From where its outputs are used; where it is provisioned, the farthest of
    /// all. Only `service-port` differs by it.
    pub reach: Reach,
    /// To be kept with the resource and told by `observe`.
    pub fingerprint: Fingerprint,
}

impl ResourceSpec {
    /// Refuses what is not a database: only those are backed up and restored.
    ///
    /// # Errors
    /// What it is instead.
    pub fn require_database(&self) -> Result<(), Message> {
        if self.kind == "postgres" {
            return Ok(());
        }
        let (id, kind) = (&self.id, &self.kind);
        Err(message!(
            "{id} is no database (its type is {kind}): only databases are backed up",
            "{id} no es una base de datos (es de tipo {kind}): solo se respaldan bases de datos"
        ))
    }
}
