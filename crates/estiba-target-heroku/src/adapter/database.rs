//! Backing up and restoring a database by the tools of this machine.

use std::path::Path;

use estiba_model::EnvironmentId;
use estiba_postgres::{dump_database, replace_content};
use estiba_target::{ResourceSpec, TargetError};

use super::HerokuTarget;
use super::resources::refused;

impl HerokuTarget {
    pub(super) async fn backup_database(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        to: &Path,
    ) -> Result<(), TargetError> {
        resource.require_database().map_err(TargetError::new)?;
        if resource.settings.contains_key("url") {
            let dumped = self.postgres.backup(environment, resource, to).await;
            return dumped.map_err(refused);
        }
        let outputs = self.resource_outputs(environment, resource).await?;
        dump_database(&outputs, to).await.map_err(refused)
    }

    pub(super) async fn restore_database(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        from: &Path,
    ) -> Result<(), TargetError> {
        resource.require_database().map_err(TargetError::new)?;
        if resource.settings.contains_key("url") {
            let restored = self.postgres.restore(environment, resource, from).await;
            return restored.map_err(refused);
        }
        let outputs = self.resource_outputs(environment, resource).await?;
        replace_content(&outputs, from).await.map_err(refused)
    }
}
