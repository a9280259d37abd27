//! What is set in environments.

use std::collections::BTreeMap;

use async_trait::async_trait;
use estiba_model::{Name, Project, SecretString};
use jiff::Timestamp;

use super::{There, environment_id, unknown};
use crate::backend::{Releases, Settings};
use crate::failure::Failure;

#[async_trait]
impl Settings for There {
    async fn config(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<BTreeMap<String, String>, Failure> {
        let id = environment_id(project, environment)?;
        let config = self.client.config(&id).await;
        config.map_err(|error| unknown(&project.id, error))
    }

    async fn replicas(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<BTreeMap<Name, u32>, Failure> {
        let id = environment_id(project, environment)?;
        let replicas = self.client.replicas(&id).await;
        replicas.map_err(|error| unknown(&project.id, error))
    }

    async fn set_config(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
        value: Option<&str>,
    ) -> Result<(), Failure> {
        let id = environment_id(project, environment)?;
        // Settings may come before the first deployment.
        self.describe(project).await?;
        Ok(self.client.set_config(&id, name, value).await?)
    }

    async fn secrets(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Vec<(String, Timestamp)>, Failure> {
        let id = environment_id(project, environment)?;
        let secrets = self.client.secrets(&id).await;
        let secrets = secrets
            .map_err(|error| unknown(&project.id, error))?
            .into_iter();
        Ok(secrets.map(|one| (one.name, one.updated_at)).collect())
    }

    async fn set_secret(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
        value: SecretString,
    ) -> Result<(), Failure> {
        let id = environment_id(project, environment)?;
        self.describe(project).await?;
        Ok(self.client.set_secret(&id, name, Some(&value)).await?)
    }

    async fn unset_secret(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
    ) -> Result<bool, Failure> {
        let id = environment_id(project, environment)?;
        match self.client.set_secret(&id, name, None).await {
            Ok(()) => Ok(true),
            Err(error) if error.code() == Some("not-found") => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}
