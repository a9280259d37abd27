//! Taking an environment down, with its data.

use std::collections::BTreeSet;

use estiba_model::{Cause, DeploymentState, Message, Name, Project, ResourceId, message};
use estiba_planner::teardown;
use serde::Serialize;

use crate::apply::apply;
use crate::deploy::encode;
use crate::engine::Engine;
use crate::error::{EngineError, FailedDeployment, Left};
use crate::event::{Event, Observer};
use crate::reach::{ask, observe};
use crate::runtime::Runtime;

/// What goes when an environment is taken down.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Losses {
    /// How many instances end.
    pub instances: usize,
    /// Resources whose data is lost.
    pub data: Vec<ResourceId>,
}

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
        let targets = self.targets_for(&inputs)?;
        let release = self.existing_release(&project.id, &last.version).await?;
        let runtime = Runtime::bare(&self.store, targets, inputs, release);
        let sealed_later = encode(&runtime.bound.inputs)?;
        let deployment = self
            .store
            .enqueue(&id, &last.version, Cause::Down, &sealed_later)
            .await?;
        let _turn = self.store.lock_environment(&id).await?;
        self.store.supersede_older_queued(&id, deployment).await?;
        for dead in self.store.unfinished(&id).await? {
            self.store
                .set_state(dead.id, DeploymentState::Superseded, None)
                .await?;
        }
        self.store.begin(deployment).await?;
        let plan = teardown(&id, &observe(&runtime.targets, &id).await?);
        observer.event(Event::Planned {
            deployment,
            plan: plan.clone(),
        });
        if let Err(failure) = apply(&runtime, &self.store, deployment, &plan, observer).await? {
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
            target.forget(&id).await?;
        }
        self.store
            .set_state(deployment, DeploymentState::Succeeded, None)
            .await?;
        Ok(())
    }
}

fn never_deployed(environment: &Name) -> Message {
    message!(
        "nothing was ever deployed in {environment}",
        "nunca se desplegó nada en {environment}"
    )
}
