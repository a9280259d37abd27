//! What is set in environments.

use std::collections::BTreeMap;

use async_trait::async_trait;
use estiba_model::{Name, Project, SecretString};
use jiff::Timestamp;

use crate::failure::Failure;

/// Sets what workloads of an environment are told.
#[async_trait]
pub trait Settings: Send + Sync {
    /// The values in clear of an environment.
    async fn config(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<BTreeMap<String, String>, Failure>;

    /// How many copies of workloads run, where that is said.
    async fn replicas(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<BTreeMap<Name, u32>, Failure>;

    /// Sets a value in clear, or unsets it.
    async fn set_config(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
        value: Option<&str>,
    ) -> Result<(), Failure>;

    /// The names of an environment's secrets, and since when they are set.
    async fn secrets(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Vec<(String, Timestamp)>, Failure>;

    /// Keeps a secret.
    async fn set_secret(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
        value: SecretString,
    ) -> Result<(), Failure>;

    /// Forgets a secret; `false` where there is none of that name.
    async fn unset_secret(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
    ) -> Result<bool, Failure>;
}
