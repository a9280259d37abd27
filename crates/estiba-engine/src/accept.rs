//! Acceptance tests that somebody runs against what an environment runs: what came of
//! them is kept, and stands in the way of a promotion where they failed.

use std::time::Duration;

use estiba_model::{DeploymentId, EnvironmentId, Name, Project, Tried, Version, message};
use estiba_store::Acceptance;
use estiba_target::Redactor;
use jiff::Timestamp;

use crate::deploy::encode;
use crate::engine::Engine;
use crate::error::EngineError;

/// Lines that are kept of a command.
const MOST_LINES: usize = 50;

/// The longest line that is kept, in characters.
const LONGEST_LINE: usize = 1000;

impl Engine {
    /// Keeps what came of trying what an environment runs.
    ///
    /// # Errors
    /// When the environment runs something else by now, or is being deployed to.
    pub async fn record_acceptance(
        &self,
        project: &Project,
        environment: &Name,
        tried: &Tried,
    ) -> Result<DeploymentId, EngineError> {
        let id = self.environment(project, environment)?;
        let Some(turn) = self.store.try_lock_environment(&id).await? else {
            return Err(EngineError::refused(message!(
                "{environment} is being deployed to, so what the acceptance tests tried is not what will run: nothing was recorded; run them again when the deployment has ended",
                "se está desplegando en {environment}, así que lo que probaron las pruebas de aceptación no es lo que va a correr: no se registró nada; córralas de nuevo cuando el despliegue haya terminado"
            )));
        };
        let recorded = self.record_while_locked(&id, tried).await;
        turn.release().await;
        recorded
    }

    async fn record_while_locked(
        &self,
        id: &EnvironmentId,
        tried: &Tried,
    ) -> Result<DeploymentId, EngineError> {
        let environment = &id.environment;
        let Some(current) = self.current(id).await? else {
            return Err(Self::nothing_deployed(environment));
        };
        if current.id != tried.deployment {
            let (was, is) = (tried.deployment, current.id);
            return Err(EngineError::refused(message!(
                "{environment} runs deployment {is} by now, and {was} was tried: nothing was recorded; run the acceptance tests again",
                "{environment} ya tiene en marcha el despliegue {is}, y se probó el {was}: no se registró nada; corra de nuevo las pruebas de aceptación"
            )));
        }
        let secrets = self.secrets_of(id).await?;
        let redactor = Redactor::new(&secrets);
        let skipped = tried.log.len().saturating_sub(MOST_LINES);
        let lines = tried.log.iter().skip(skipped).map(|line| {
            // Before it is cut: half a secret is not known as one.
            let line = redactor.redact(line);
            line.chars().take(LONGEST_LINE).collect()
        });
        let error = tried.ended.failure();
        let came = Acceptance {
            began_at: began(tried.took_ms),
            log: match error {
                Some(_) => lines.collect(),
                None => Vec::new(),
            },
            error,
        };
        let inputs = encode(&self.inputs_of(&current).await?)?;
        Ok(self
            .store
            .record_acceptance(id, &current.version, &inputs, &came)
            .await?)
    }

    /// Refuses a release that failed when it was last tried where it ran before.
    pub(crate) async fn check_accepted(
        &self,
        before: &EnvironmentId,
        version: &Version,
    ) -> Result<(), EngineError> {
        let last = self.store.last_acceptance(before, version).await?;
        let Some(why) = last.and_then(|last| last.error) else {
            return Ok(());
        };
        let name = &before.environment;
        let refusal = message!(
            "{version} was tried in {name} and failed; `estiba accept --env {name} -- COMMAND` tries it again",
            "{version} se probó en {name} y falló; `estiba accept --env {name} -- COMANDO` la prueba de nuevo"
        );
        Err(EngineError::refused(refusal.because(&why)))
    }
}

fn began(took_ms: u64) -> Timestamp {
    let now = Timestamp::now();
    now.checked_sub(Duration::from_millis(took_ms))
        .unwrap_or(now)
}
