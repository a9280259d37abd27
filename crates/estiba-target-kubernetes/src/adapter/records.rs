//! What the objects of a cluster can't say by themselves: which migrations ended
//! well, which resources were provided, what was rolled out. It is kept beside
//! them, in a `ConfigMap` for each environment, so that any Estiba finds it.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{
    Digest, Fingerprint, Name, ObservedResource, ResourceId, Version, WholeWorkload,
};
use estiba_target::TargetError;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Api, ObjectMeta, Patch, PatchParams};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::cluster::{Cluster, MANAGER, persist};
use crate::manifests::{Manifests, Place};

/// What was rolled out.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct RolledOut {
    pub(super) wanted: WholeWorkload,
    /// The objects by kind and name, each with a hash of the fields that Estiba
    /// owned when it had made it. None while it is being made.
    pub(super) objects: BTreeMap<String, String>,
}

/// A resource that was provided, or is being.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Provided {
    pub(super) id: ResourceId,
    pub(super) kind: ProvidedKind,
    pub(super) fingerprint: Fingerprint,
}

/// How a resource was provided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ProvidedKind {
    Volume,
    Dns,
    Route,
    ServicePort,
    Postgres,
    /// A database of a server that was given by URL: it is not the cluster's.
    ForeignPostgres,
    /// A database that an operator keeps.
    OperatedPostgres,
}

impl ProvidedKind {
    /// Whether there are objects of it, which hold data.
    pub(super) fn has_objects(self) -> bool {
        matches!(self, Self::Volume | Self::Postgres)
    }
}

impl Provided {
    /// What it is made with while it is being made: what nothing is made with.
    pub(super) fn unfinished() -> Fingerprint {
        Fingerprint::from_hash(&[0; 32])
    }
}

impl From<&Provided> for ObservedResource {
    fn from(provided: &Provided) -> Self {
        Self {
            fingerprint: provided.fingerprint.clone(),
            holds_data: provided.kind.has_objects(),
        }
    }
}

/// The records of an environment.
#[derive(Debug, Default)]
pub(super) struct Records {
    pub(super) rollouts: BTreeMap<Name, RolledOut>,
    pub(super) resources: Vec<Provided>,
    pub(super) migrations: BTreeMap<Name, BTreeSet<Fingerprint>>,
}

/// A record to write or to remove.
pub(super) enum Entry<'a> {
    RolledOut(&'a Name, &'a RolledOut),
    NotRolledOut(&'a Name),
    Provided(&'a Provided),
    NotProvided(&'a ResourceId),
    Migrated(&'a Name, &'a Fingerprint, &'a Version),
}

const ROLLOUT: &str = "rollout.";
const RESOURCE: &str = "resource.";
const MIGRATION: &str = "migration.";

impl Cluster {
    /// The name of the records of an environment.
    pub(super) fn records_name(place: &Place) -> String {
        place.shared("estiba")
    }

    /// All records of an environment; none where there is no environment.
    pub(super) async fn records(&self, place: &Place) -> Result<Records, TargetError> {
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &place.namespace);
        let name = Self::records_name(place);
        let what = format!("ConfigMap {name}");
        let map = persist(&what, || api.get_opt(&name)).await?;
        let data = map.and_then(|map| map.data).unwrap_or_default();
        let mut records = Records::default();
        for (key, value) in &data {
            records.read(key, value);
        }
        Ok(records)
    }

    /// Writes one record, and leaves all others as they are.
    pub(super) async fn record(
        &self,
        manifests: &Manifests,
        entry: &Entry<'_>,
    ) -> Result<(), TargetError> {
        let place = manifests.place();
        let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), &place.namespace);
        let name = Self::records_name(&place);
        let what = format!("ConfigMap {name}");
        let map = ConfigMap {
            metadata: ObjectMeta {
                name: Some(name.clone()),
                namespace: Some(place.namespace.clone()),
                labels: Some(place.labels()),
                ..ObjectMeta::default()
            },
            ..ConfigMap::default()
        };
        let apply = PatchParams::apply(MANAGER).force();
        let map = Patch::Apply(&map);
        persist(&what, || api.patch(&name, &apply, &map)).await?;
        let (key, value) = entry.written();
        let change = Patch::Merge(json!({ "data": { key: value } }));
        let merge = PatchParams::default();
        persist(&what, || api.patch(&name, &merge, &change)).await?;
        Ok(())
    }
}

impl Records {
    /// What another version of Estiba wrote and this one does not know is as if
    /// it were not there: it is then made anew.
    fn read(&mut self, key: &str, value: &str) {
        if let Some(workload) = key.strip_prefix(ROLLOUT) {
            if let (Ok(workload), Ok(rollout)) = (workload.parse(), serde_json::from_str(value)) {
                self.rollouts.insert(workload, rollout);
            }
        } else if key.starts_with(RESOURCE) {
            self.resources
                .extend(serde_json::from_str::<Provided>(value));
        } else if let Some((workload, fingerprint)) = key
            .strip_prefix(MIGRATION)
            .and_then(|rest| rest.split_once('.'))
            && let (Ok(workload), Ok(fingerprint)) = (workload.parse(), fingerprint.parse())
        {
            self.migrations
                .entry(workload)
                .or_default()
                .insert(fingerprint);
        }
    }
}

impl Entry<'_> {
    fn written(&self) -> (String, Value) {
        match self {
            Self::RolledOut(workload, rollout) => {
                (format!("{ROLLOUT}{workload}"), json_text(*rollout))
            }
            Self::NotRolledOut(workload) => (format!("{ROLLOUT}{workload}"), Value::Null),
            Self::Provided(provided) => (resource_key(&provided.id), json_text(*provided)),
            Self::NotProvided(id) => (resource_key(id), Value::Null),
            Self::Migrated(workload, fingerprint, version) => (
                format!("{MIGRATION}{workload}.{fingerprint}"),
                Value::String(version.to_string()),
            ),
        }
    }
}

fn json_text(record: &impl Serialize) -> Value {
    // Plain data with text keys always has a JSON form.
    Value::String(serde_json::to_string(record).unwrap_or_default())
}

fn resource_key(id: &ResourceId) -> String {
    format!("{RESOURCE}{}", Digest::of(id.0.as_bytes()).short())
}
