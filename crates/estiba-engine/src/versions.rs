//! Which release an environment runs, ran, or may run.

use estiba_model::{
    Cause, Deployment, DeploymentState, EnvironmentId, Name, Project, Version, message,
};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::inputs::Inputs;

/// How far back a rollback looks.
const HISTORY: u32 = 200;

impl Engine {
    /// The deployment that brought about what runs; `None` where nothing was
    /// deployed, or the environment was taken down since.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn current(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Option<Deployment>, EngineError> {
        let last = self.store.last_succeeded(environment).await?;
        Ok(last.filter(|deployment| deployment.cause != Cause::Down))
    }

    /// The release that an environment runs.
    ///
    /// # Errors
    /// When it runs none.
    pub async fn current_version(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Version, EngineError> {
        match self.current(environment).await? {
            Some(deployment) => Ok(deployment.version),
            None => Err(Self::nothing_deployed(&environment.environment)),
        }
    }

    pub(crate) fn nothing_deployed(environment: &Name) -> EngineError {
        EngineError::refused(message!(
            "nothing is deployed in {environment} yet: `estiba deploy --env {environment}`",
            "todavía no hay nada desplegado en {environment}: `estiba deploy --env {environment}`"
        ))
    }

    /// The choices that brought about what runs.
    pub(crate) async fn last_inputs(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Option<Inputs>, EngineError> {
        match self.current(environment).await? {
            Some(deployment) => Ok(Some(self.inputs_of(&deployment).await?)),
            None => Ok(None),
        }
    }

    pub(crate) async fn inputs_of(&self, deployment: &Deployment) -> Result<Inputs, EngineError> {
        let bytes = self.store.inputs(deployment.id).await?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let id = deployment.id;
            EngineError::refused(message!(
                "the record of deployment {id} can't be read: {error}",
                "no se puede leer el registro del despliegue {id}: {error}"
            ))
        })
    }

    /// The release to go back to: the newest that worked before the present one.
    ///
    /// # Errors
    /// When there is none.
    pub async fn previous_version(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Version, EngineError> {
        let current = self.current_version(environment).await?;
        let deployments = self.store.deployments(environment, HISTORY).await?;
        deployments
            .into_iter()
            .filter(|d| d.state == DeploymentState::Succeeded && d.cause != Cause::Down)
            .map(|d| d.version)
            .skip_while(|version| *version != current)
            .find(|version| *version != current)
            .ok_or_else(|| {
                let name = &environment.environment;
                EngineError::refused(message!(
                    "{name} has run no other release than {current}, so there is none to go back to",
                    "{name} no ha tenido otra versión que {current}, así que no hay a cuál volver"
                ))
            })
    }

    /// Refuses a release that has not run where it must have run before.
    pub(crate) async fn check_order(
        &self,
        project: &Project,
        environment: &Name,
        version: &Version,
    ) -> Result<(), EngineError> {
        let Some(before) = &project.environments[environment].after else {
            return Ok(());
        };
        let id = EnvironmentId::new(&project.id, before);
        if self.store.has_succeeded(&id, version).await? {
            return self.check_accepted(&id, version).await;
        }
        Err(EngineError::refused(message!(
            "{environment} takes only what has run in {before}, and {version} has not: `estiba deploy --env {before} --version {version}`",
            "{environment} solo acepta lo que ya corrió en {before}, y {version} no lo hizo: `estiba deploy --env {before} --version {version}`"
        )))
    }
}
