//! Backing up and restoring a database by the tools of this machine.

use std::path::Path;

use estiba_model::{EnvironmentId, message};
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
        require_database(resource)?;
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
        require_database(resource)?;
        if resource.settings.contains_key("url") {
            let restored = self.postgres.restore(environment, resource, from).await;
            return restored.map_err(refused);
        }
        let outputs = self.resource_outputs(environment, resource).await?;
        replace_content(&outputs, from).await.map_err(refused)
    }
}

fn require_database(resource: &ResourceSpec) -> Result<(), TargetError> {
    if resource.kind == "postgres" {
        return Ok(());
    }
    let (id, kind) = (&resource.id, &resource.kind);
    Err(TargetError::new(message!(
        "{id} is no database (its type is {kind}): only databases are backed up",
        "{id} no es una base de datos (es de tipo {kind}): solo se respaldan bases de datos"
    )))
}
