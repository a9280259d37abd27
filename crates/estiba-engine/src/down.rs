//! Taking an environment down, with its data.

use std::collections::BTreeSet;
use std::time::Instant;

use estiba_model::{
    Cause, DeploymentId, DeploymentState, Event, Losses, Message, Name, Project, message,
};
use estiba_planner::teardown;

use crate::apply::apply;
use crate::deploy::{Outcome, encode};
use crate::engine::Engine;
use crate::error::{EngineError, FailedDeployment, Left};
use crate::inputs::Inputs;
use crate::observer::{Observer, Silent};
use crate::reach::{ask, observe};

impl Engine {
    /// What would go with an environment, as far as its targets answer.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn losses(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Losses, EngineError> {
        let id = self.environment(project, environment)?;
        let targets = self.targets(project, environment).await?;
        let mut losses = Losses::default();
        for state in ask(&targets, &id).await.observed.into_values() {
            losses.instances += state.instances.len();
            losses.data.extend(
                state
                    .resources
                    .into_iter()
                    .filter(|(_, resource)| resource.holds_data)
                    .map(|(id, _)| id),
            );
        }
        Ok(losses)
    }

    /// Ends all instances and removes all resources of an environment with their
    /// data. Its config and secrets stay, for the next deployment; so does what is
    /// on targets that don't answer and that `without` names.
    ///
    /// # Errors
    /// When something can't be removed; what is left shows in the status.
    pub async fn down(
        &self,
        project: &Project,
        environment: &Name,
        without: &BTreeSet<Name>,
        observer: &dyn Observer,
    ) -> Result<(), EngineError> {
        let (deployment, inputs) = self
            .enqueue_down(project, environment, without, observer)
            .await?;
        let id = &inputs.environment.clone();
        let _turn = self.store.lock_environment(id).await?;
        self.take_over(id, deployment, observer).await?;
        self.tear_down(deployment, inputs, observer).await.map(drop)
    }

    /// Records that an environment is to be taken down, for [`Engine::work`] to
    /// carry out.
    ///
    /// # Errors
    /// When nothing was ever deployed there.
    pub async fn ask_down(
        &self,
        project: &Project,
        environment: &Name,
        without: &BTreeSet<Name>,
    ) -> Result<DeploymentId, EngineError> {
        let asked = self
            .enqueue_down(project, environment, without, &Silent)
            .await?;
        Ok(asked.0)
    }

    async fn enqueue_down(
        &self,
        project: &Project,
        environment: &Name,
        without: &BTreeSet<Name>,
        observer: &dyn Observer,
    ) -> Result<(DeploymentId, Inputs), EngineError> {
        let id = self.environment(project, environment)?;
        let current = self.store.deployments(&id, 1).await?.into_iter().next();
        let Some(last) = current else {
            return Err(EngineError::refused(never_deployed(environment)));
        };
        let mut inputs = self
            .inputs(project, environment, last.version.clone())
            .await?;
        self.leave_behind(&mut inputs, &BTreeSet::new(), without, observer)
            .await?;
        let sealed_later = encode(&inputs)?;
        let deployment = self
            .store
            .enqueue(&id, &last.version, Cause::Down, &sealed_later)
            .await?;
        Ok((deployment, inputs))
    }

    /// Ends and removes everything, while the caller holds the environment.
    pub(crate) async fn tear_down(
        &self,
        deployment: DeploymentId,
        inputs: Inputs,
        observer: &dyn Observer,
    ) -> Result<Outcome, EngineError> {
        let begun = Instant::now();
        let runtime = self.bare_runtime(inputs).await?;
        let id = runtime.environment();
        if self.store.deployment(deployment).await?.state == DeploymentState::Queued {
            self.store.begin(deployment).await?;
        }
        let plan = teardown(id, &observe(&runtime.targets, id).await?);
        observer.event(Event::Planned {
            deployment,
            plan: plan.clone(),
        });
        if let Err(failure) = apply(&runtime, &self.store, deployment, &plan, observer).await? {
            self.store.explain(deployment, &failure.log).await?;
            self.store
                .set_state(deployment, DeploymentState::Failed, Some(&failure.error))
                .await?;
            return Err(EngineError::Failed(Box::new(FailedDeployment {
                deployment,
                left: Left::Broken(failure.error.clone()),
                error: failure.error,
                log: failure.log,
            })));
        }
        for target in runtime.targets.values() {
            target.forget(id).await?;
        }
        self.store
            .set_state(deployment, DeploymentState::Succeeded, None)
            .await?;
        Ok(Outcome::Succeeded {
            deployment,
            version: runtime.desired.version.clone(),
            took: begun.elapsed(),
        })
    }
}

fn never_deployed(environment: &Name) -> Message {
    message!(
        "nothing was ever deployed in {environment}",
        "nunca se desplegó nada en {environment}"
    )
}
