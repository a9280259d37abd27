//! What is set in environments.

use std::collections::BTreeMap;

use async_trait::async_trait;
use estiba_model::{Name, Project, SecretString};
use jiff::Timestamp;

use super::Here;
use crate::backend::Settings;
use crate::failure::Failure;

#[async_trait]
impl Settings for Here {
    async fn config(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<BTreeMap<String, String>, Failure> {
        Ok(self.0.config(project, environment).await?)
    }

    async fn replicas(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<BTreeMap<Name, u32>, Failure> {
        Ok(self.0.replicas(project, environment).await?)
    }

    async fn set_config(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
        value: Option<&str>,
    ) -> Result<(), Failure> {
        Ok(self.0.set_config(project, environment, name, value).await?)
    }

    async fn secrets(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Vec<(String, Timestamp)>, Failure> {
        let id = self.0.environment(project, environment)?;
        let names = self.0.store().secret_names(&id).await?;
        Ok(names.into_iter().collect())
    }

    async fn set_secret(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
        value: SecretString,
    ) -> Result<(), Failure> {
        Ok(self.0.set_secret(project, environment, name, value).await?)
    }

    async fn unset_secret(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
    ) -> Result<bool, Failure> {
        let id = self.0.environment(project, environment)?;
        Ok(self.0.store().unset_secret(&id, name).await?)
    }
}
