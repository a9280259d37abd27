//! Specifications to objects of the Kubernetes API. No I/O, no client.
//!
//! The same specification, settings and server version give the same objects,
//! byte for byte. A secret's value is in a `Secret` and in nothing else.

mod containers;
mod deployment;
mod environment;
mod ingress;
mod manifest;
mod migration;
mod place;
mod pod;
mod postgres;
mod probes;
mod quantities;
mod rbac;
mod service;
mod values;
mod volume;

use std::collections::BTreeMap;

use estiba_model::{Digest, EnvironmentId, Message, Name, SecretString};
use estiba_target::{ResourceSpec, RolloutSpec, TaskSpec};

pub(crate) use ingress::routes;
pub use manifest::{Manifest, to_yaml};
pub(crate) use place::shortened;
pub use place::{Labels, Place, annotation, label};
pub use pod::NOBODY;
pub use postgres::{DATABASE_PORT, DatabaseNames, DatabaseServer};
pub use rbac::rbac;
pub(crate) use rbac::rights;
pub use values::REDACTED_KEY;

use crate::Settings;

/// What differs between versions of Kubernetes, by the minor version of 1.x.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServerVersion(pub u32);

impl ServerVersion {
    /// The oldest that Estiba is tried with.
    pub const OLDEST: Self = Self(20);

    /// `policy/v1` (<https://kubernetes.io/docs/reference/using-api/deprecation-guide/#poddisruptionbudget-v125>).
    #[must_use]
    pub fn has_policy_v1(self) -> bool {
        self.0 >= 21
    }

    /// Sidecars that start before the others
    /// (<https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/>).
    #[must_use]
    pub fn has_sidecars(self) -> bool {
        self.0 >= 29
    }

    /// A pause before the end that needs no program in the image
    /// (<https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/>).
    #[must_use]
    pub fn has_sleep(self) -> bool {
        self.0 >= 30
    }
}

/// From specifications to the objects of one environment.
#[derive(Debug, Clone)]
pub struct Manifests {
    /// How the cluster is used.
    pub settings: Settings,
    /// Where.
    pub environment: EnvironmentId,
    /// Where images are pulled from: a host and a path.
    pub registry: String,
    /// What the cluster understands.
    pub server: ServerVersion,
    /// The users that images name, where that is not root. Everything else runs
    /// as `NOBODY`.
    pub users: BTreeMap<Digest, i64>,
    /// The secret for pulling images, where one is needed.
    pub pull_secret: Option<String>,
}

impl Manifests {
    /// How the things of this environment are named.
    #[must_use]
    pub fn place(&self) -> Place {
        Place::new(&self.settings, &self.environment)
    }

    /// What an environment needs before anything runs in it: the namespace, the
    /// network policy, quota and limits. The namespace comes first.
    #[must_use]
    pub fn environment(&self) -> Vec<Manifest> {
        environment::objects(self)
    }

    /// The secret for pulling images with a login, named as
    /// [`registry_login_name`](Self::registry_login_name) says.
    #[must_use]
    pub fn registry_login(&self, user: &str, password: &SecretString) -> Manifest {
        environment::registry_login(self, user, password)
    }

    /// The name of the secret for pulling images that Estiba makes.
    #[must_use]
    pub fn registry_login_name(&self) -> String {
        self.place().shared(environment::LOGIN)
    }

    /// A workload with whatever it needs, in the order in which it is made. The
    /// `Deployment` comes last.
    ///
    /// # Errors
    /// When the cluster can't do what the workload asks for.
    pub fn workload(&self, spec: &RolloutSpec) -> Result<Vec<Manifest>, Message> {
        let mut objects = vec![
            deployment::service_account(self, &spec.of),
            values::of_workload(self, &spec.of),
        ];
        objects.extend(service::objects(self, &spec.of));
        objects.extend(ingress::objects(self, &spec.of));
        objects.extend(deployment::disruption_budget(self, spec));
        objects.push(deployment::deployment(self, spec)?);
        Ok(objects)
    }

    /// A migration: its values, then the `Job`, which begins when it finds the `servers`.
    ///
    /// # Errors
    /// When the cluster can't do what the migration asks for.
    pub fn migration(
        &self,
        spec: &TaskSpec,
        servers: &[DatabaseServer],
    ) -> Result<Vec<Manifest>, Message> {
        Ok(vec![
            values::of_migration(self, spec),
            migration::job(self, spec, servers)?,
        ])
    }

    /// A PostgreSQL server for one database. The `StatefulSet` comes last.
    #[must_use]
    pub fn postgres(&self, resource: &ResourceSpec) -> Vec<Manifest> {
        postgres::objects(self, resource)
    }

    /// A volume.
    #[must_use]
    pub fn volume(&self, resource: &ResourceSpec) -> Manifest {
        volume::claim(self, resource)
    }

    /// The host at which a workload is reached: by everyone where the target has
    /// an ingress, otherwise inside the cluster alone.
    #[must_use]
    pub fn host(&self, workload: &Name) -> String {
        match self.settings.address(&self.environment, workload) {
            Some(address) => address.host,
            None => {
                let place = self.place();
                format!("{}.{}.svc", place.workload(workload), place.namespace)
            }
        }
    }

    /// The image of a container as the cluster pulls it.
    #[must_use]
    pub fn image(&self, workload: &Name, digest: &Digest) -> String {
        format!("{}/{workload}@{digest}", self.registry)
    }
}

#[cfg(test)]
mod tests;
