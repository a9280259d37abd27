//! The part of the client about environments: what runs there, and what they are given.

use std::collections::BTreeMap;

use estiba_model::{
    Carried, EnvironmentId, EnvironmentStatus, Losses, Name, Plan, ProjectId, SecretString,
};
use reqwest::Method;

use super::{Client, of_environment, of_project, segment};
use crate::error::ApiError;
use crate::wire::{ConfigValue, PlanBody, SecretName, SecretValue};

impl Client {
    /// How every environment of a project is.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn status(&self, project: &ProjectId) -> Result<Vec<EnvironmentStatus>, ApiError> {
        self.all(&format!("{}/environments", of_project(project)))
            .await
    }

    /// How an environment is.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn environment(&self, id: &EnvironmentId) -> Result<EnvironmentStatus, ApiError> {
        self.get(&of_environment(id)).await
    }

    /// What would go with an environment.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn losses(&self, id: &EnvironmentId) -> Result<Losses, ApiError> {
        self.get(&format!("{}/losses", of_environment(id))).await
    }

    /// How many copies of an environment's workloads run, where that is said.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn replicas(&self, id: &EnvironmentId) -> Result<BTreeMap<Name, u32>, ApiError> {
        self.get(&format!("{}/replicas", of_environment(id))).await
    }

    /// The images that an environment runs, as its targets tell.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn carried(&self, id: &EnvironmentId) -> Result<Vec<Carried>, ApiError> {
        self.all(&format!("{}/images", of_environment(id))).await
    }

    /// The steps that a deployment would take.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn plan(&self, id: &EnvironmentId, body: &PlanBody) -> Result<Plan, ApiError> {
        let path = format!("{}/plan", of_environment(id));
        self.call(Method::POST, &path, body).await
    }

    /// The values in clear of an environment.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn config(&self, id: &EnvironmentId) -> Result<BTreeMap<String, String>, ApiError> {
        self.get(&format!("{}/config", of_environment(id))).await
    }

    /// Sets a value in clear, or unsets it.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn set_config(
        &self,
        id: &EnvironmentId,
        name: &str,
        value: Option<&str>,
    ) -> Result<(), ApiError> {
        let path = format!("{}/config/{}", of_environment(id), segment(name));
        match value {
            None => self.remove(&path).await,
            Some(value) => {
                let value = value.to_owned();
                self.tell(Method::PUT, &path, &ConfigValue { value }).await
            }
        }
    }

    /// The names of an environment's secrets.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn secrets(&self, id: &EnvironmentId) -> Result<Vec<SecretName>, ApiError> {
        self.all(&format!("{}/secrets", of_environment(id))).await
    }

    /// Keeps a secret, or forgets it.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub async fn set_secret(
        &self,
        id: &EnvironmentId,
        name: &str,
        value: Option<&SecretString>,
    ) -> Result<(), ApiError> {
        let path = format!("{}/secrets/{}", of_environment(id), segment(name));
        match value {
            None => self.remove(&path).await,
            Some(value) => {
                let value = value.expose().to_owned();
                self.tell(Method::PUT, &path, &SecretValue { value }).await
            }
        }
    }
}
