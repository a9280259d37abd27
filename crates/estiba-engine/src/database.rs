//! Backups of the databases that an environment provides.

use std::path::Path;
use std::sync::Arc;

use estiba_model::{Name, Project, message};
use estiba_target::{ResourceSpec, Target};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::runtime::Runtime;

/// The Score type that can be backed up.
pub const POSTGRES: &str = "postgres";

impl Engine {
    /// Writes a backup of an environment's database to a new file.
    ///
    /// # Errors
    /// When there is no such database, the file exists, or it can't be written.
    pub async fn backup(
        &self,
        project: &Project,
        environment: &Name,
        resource: Option<&str>,
        to: &Path,
    ) -> Result<(), EngineError> {
        if to.exists() {
            let file = to.display();
            return Err(EngineError::refused(message!(
                "{file} exists already; a backup does not overwrite",
                "{file} ya existe; una copia de respaldo no sobrescribe"
            )));
        }
        let runtime = self.deployed_runtime(project, environment).await?;
        let (target, database) = database(&runtime, resource).await?;
        Ok(target.backup(runtime.environment(), &database, to).await?)
    }

    /// Replaces what is in an environment's database by a backup.
    ///
    /// # Errors
    /// When there is no such database or the backup does not fit; the data is as
    /// before.
    pub async fn restore_backup(
        &self,
        project: &Project,
        environment: &Name,
        resource: Option<&str>,
        from: &Path,
    ) -> Result<(), EngineError> {
        let runtime = self.deployed_runtime(project, environment).await?;
        let (target, database) = database(&runtime, resource).await?;
        Ok(target
            .restore(runtime.environment(), &database, from)
            .await?)
    }

    async fn deployed_runtime(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Runtime<'_>, EngineError> {
        let id = self.environment(project, environment)?;
        match self.last_inputs(&id).await? {
            Some(inputs) => self.runtime(inputs).await,
            None => Err(Self::nothing_deployed(environment)),
        }
    }
}

async fn database(
    runtime: &Runtime<'_>,
    named: Option<&str>,
) -> Result<(Arc<dyn Target>, ResourceSpec), EngineError> {
    let all: Vec<_> = runtime
        .bound
        .resources
        .iter()
        .filter(|resource| resource.resource.kind == POSTGRES)
        .collect();
    let chosen: Vec<_> = all
        .iter()
        .filter(|resource| named.is_none_or(|name| resource.id.0 == name))
        .collect();
    let known: Vec<&str> = all.iter().map(|resource| resource.id.0.as_str()).collect();
    let known = known.join(", ");
    match chosen.as_slice() {
        [one] => {
            let target = runtime.target(&one.target)?;
            Ok((Arc::clone(target), runtime.resource(&one.id).await?))
        }
        [] => Err(EngineError::refused(message!(
            "there is no such database in this environment; there is: {known}",
            "no hay tal base de datos en este ambiente; hay: {known}"
        ))),
        _ => Err(EngineError::refused(message!(
            "this environment has several databases; name one with --resource: {known}",
            "este ambiente tiene varias bases de datos; nombre una con --resource: {known}"
        ))),
    }
}
