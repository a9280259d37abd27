//! One release going to one environment: queued, carried out, verified.
//!
//! A deployment is safe against `kill -9` at any moment: its inputs and steps
//! are in the store, every step is idempotent, and whoever comes next plans
//! again from what the targets say.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use estiba_model::{
    Cause, DeploymentId, DeploymentState, EnvironmentId, Event, Name, Plan, Project, Release,
    Version, message,
};
use estiba_planner::{plan, with_all_smoke_tests};
use estiba_store::EnvironmentLock;
use jiff::Timestamp;

use crate::apply::apply;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::inputs::Inputs;
use crate::observer::{Observer, Silent};
use crate::reach::observe;
use crate::reset::check_databases;
use crate::restore::interrupted_while_restoring;
use crate::runtime::Runtime;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Request {
    /// Where.
    pub environment: Name,
    /// Which release.
    pub version: Version,
    /// Why.
    pub cause: Cause,
    /// Targets that may be left behind, where they don't answer: the environment
    /// was on them before.
    pub without: BTreeSet<Name>,
}

/// How a deployment ended that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The environment was as it should be; nothing was done or recorded.
    Unchanged,
    /// It runs.
    Succeeded {
        /// The deployment.
        deployment: DeploymentId,
        /// The release.
        version: Version,
        /// From its turn to its end.
        took: Duration,
    },
    /// A newer deployment was asked for while this one waited.
    Superseded {
        /// The deployment that gave way.
        deployment: DeploymentId,
    },
}

impl Engine {
    /// The plan that a deployment would carry out; nothing is done.
    ///
    /// # Errors
    /// When something has no value, or a target can't be asked.
    pub async fn plan(
        &self,
        project: &Project,
        environment: &Name,
        release: Release,
        without: &BTreeSet<Name>,
    ) -> Result<Plan, EngineError> {
        let mut inputs = self
            .inputs(project, environment, release.version.clone())
            .await?;
        self.choose_sink(&mut inputs, &release, &Silent).await?;
        let needed = inputs.placement.values().cloned().collect();
        self.leave_behind(&mut inputs, &needed, without, &Silent)
            .await?;
        self.choose_shipper(&mut inputs, &release, &Silent).await?;
        let runtime = self.runtime_of(inputs, release).await?;
        plan_now(&runtime).await
    }

    /// Takes a release to an environment, or does nothing where nothing differs.
    ///
    /// # Errors
    /// [`EngineError::Refused`] before anything is done; [`EngineError::Failed`]
    /// after what worked before was restored.
    pub async fn deploy(
        &self,
        project: &Project,
        request: &Request,
        observer: &dyn Observer,
    ) -> Result<Outcome, EngineError> {
        let Some((id, runtime)) = self.enqueue(project, request, observer).await? else {
            return Ok(Outcome::Unchanged);
        };
        let environment = runtime.environment();
        let _turn = self.wait_for_turn(environment, id, observer).await?;
        let newest = self.store.newest_queued(environment).await?;
        if newest.is_some_and(|newest| newest.id > id) {
            self.store
                .set_state(id, DeploymentState::Superseded, None)
                .await?;
            return Ok(Outcome::Superseded { deployment: id });
        }
        let begun = self.take_over(environment, id, observer).await?;
        self.store.begin(id).await?;
        self.run(&runtime, id, begun, observer).await
    }

    /// Records that a deployment is wanted, for [`Engine::work`] to carry out;
    /// `None` where nothing differs.
    ///
    /// # Errors
    /// [`EngineError::Refused`], and nothing is recorded.
    pub async fn ask(
        &self,
        project: &Project,
        request: &Request,
    ) -> Result<Option<DeploymentId>, EngineError> {
        let asked = self.enqueue(project, request, &Silent).await?;
        Ok(asked.map(|(id, _)| id))
    }

    /// Whether a release may go to an environment by the project's order.
    ///
    /// # Errors
    /// [`EngineError::Refused`], with what has to be done before.
    pub async fn may_deploy(
        &self,
        project: &Project,
        request: &Request,
    ) -> Result<(), EngineError> {
        self.check_order(project, &request.environment, &request.version)
            .await
    }

    async fn enqueue(
        &self,
        project: &Project,
        request: &Request,
        observer: &dyn Observer,
    ) -> Result<Option<(DeploymentId, Runtime<'_>)>, EngineError> {
        let environment = self.environment(project, &request.environment)?;
        self.check_order(project, &request.environment, &request.version)
            .await?;
        let mut inputs = self
            .inputs(project, &request.environment, request.version.clone())
            .await?;
        self.check_tokens(project, &inputs).await?;
        let is_reset = request.cause == Cause::Reset;
        if is_reset {
            self.may_reset(project, &request.environment)?;
            inputs.emptied_ms = Some(Timestamp::now().as_millisecond());
        }
        let release = self.existing_release(&project.id, &request.version).await?;
        self.choose_sink(&mut inputs, &release, observer).await?;
        let needed = inputs.placement.values().cloned().collect();
        self.leave_behind(&mut inputs, &needed, &request.without, observer)
            .await?;
        self.choose_shipper(&mut inputs, &release, observer).await?;
        let mut runtime = self.runtime_of(inputs, release).await?;
        if is_reset {
            check_databases(&runtime)?;
        } else if self.is_in_place(&runtime).await? {
            return Ok(None);
        }
        runtime.bound.inputs.found = self.found(&runtime).await?;
        let sealed_later = encode(&runtime.bound.inputs)?;
        let id = self
            .store
            .enqueue(&environment, &request.version, request.cause, &sealed_later)
            .await?;
        Ok(Some((id, runtime)))
    }

    /// Carries out what waits in an environment, or what was interrupted there,
    /// where nobody else is at it. `None` where there is nothing to do.
    ///
    /// # Errors
    /// As [`Engine::deploy`].
    pub async fn work(
        &self,
        environment: &EnvironmentId,
        observer: &dyn Observer,
    ) -> Result<Option<Outcome>, EngineError> {
        let Some(_turn) = self.store.try_lock_environment(environment).await? else {
            return Ok(None);
        };
        let Some(next) = self.store.newest_queued(environment).await? else {
            return self.end_interrupted(environment, observer).await;
        };
        let begun = self.take_over(environment, next.id, observer).await?;
        let inputs = self.inputs_of(&next).await?;
        if next.cause == Cause::Down {
            return self.tear_down(next.id, inputs, observer).await.map(Some);
        }
        let runtime = self.runtime(inputs).await?;
        self.store.begin(next.id).await?;
        let outcome = self.run(&runtime, next.id, begun, observer).await?;
        Ok(Some(outcome))
    }

    /// Ends what an interrupted deployment began: carries it on, or restores
    /// what worked before where it was failing. `None` where there is none.
    ///
    /// # Errors
    /// As [`Engine::deploy`].
    pub async fn resume(
        &self,
        environment: &EnvironmentId,
        observer: &dyn Observer,
    ) -> Result<Option<Outcome>, EngineError> {
        let Some(_turn) = self.store.try_lock_environment(environment).await? else {
            return Ok(None);
        };
        self.end_interrupted(environment, observer).await
    }

    async fn end_interrupted(
        &self,
        environment: &EnvironmentId,
        observer: &dyn Observer,
    ) -> Result<Option<Outcome>, EngineError> {
        let unfinished = self.store.unfinished(environment).await?;
        let Some(interrupted) = unfinished.into_iter().max_by_key(|d| d.id) else {
            return Ok(None);
        };
        observer.event(Event::TakenOver {
            deployment: interrupted.id,
        });
        let inputs = self.inputs_of(&interrupted).await?;
        if interrupted.cause == Cause::Down {
            return self
                .tear_down(interrupted.id, inputs, observer)
                .await
                .map(Some);
        }
        let runtime = self.runtime(inputs).await?;
        if interrupted.state == DeploymentState::RollingBack {
            let id = interrupted.id;
            let why = interrupted.error;
            let why = (why.unwrap_or_else(interrupted_while_restoring), Vec::new());
            return Err(self.restore(&runtime, id, why, observer).await?);
        }
        let outcome = self.run(&runtime, interrupted.id, Begun::Before, observer);
        outcome.await.map(Some)
    }

    /// Whether what runs is what should run and no deployment is half-way.
    async fn is_in_place(&self, runtime: &Runtime<'_>) -> Result<bool, EngineError> {
        let environment = runtime.environment();
        let current = self.current(environment).await?;
        let is_current = current.is_some_and(|d| d.version == runtime.desired.version);
        let before = self.last_inputs(environment).await?;
        let left = before.map(|inputs| inputs.left).unwrap_or_default();
        Ok(is_current
            && left == runtime.bound.inputs.left
            && self.store.unfinished(environment).await?.is_empty()
            && plan_now(runtime).await?.steps.is_empty())
    }

    async fn wait_for_turn(
        &self,
        environment: &EnvironmentId,
        id: DeploymentId,
        observer: &dyn Observer,
    ) -> Result<EnvironmentLock, EngineError> {
        if let Some(turn) = self.store.try_lock_environment(environment).await? {
            return Ok(turn);
        }
        observer.event(Event::Queued { deployment: id });
        Ok(self.store.lock_environment(environment).await?)
    }

    /// Whoever holds the lock finds only dead deployments beside its own: they
    /// give way, and the plan made next includes what they left undone. Whether
    /// there was one.
    pub(crate) async fn take_over(
        &self,
        environment: &EnvironmentId,
        id: DeploymentId,
        observer: &dyn Observer,
    ) -> Result<Begun, EngineError> {
        let mut begun = Begun::Now;
        self.store.supersede_older_queued(environment, id).await?;
        for dead in self.store.unfinished(environment).await? {
            if dead.id != id {
                begun = Begun::Before;
                observer.event(Event::TakenOver {
                    deployment: dead.id,
                });
                self.undo(&dead).await?;
                self.store
                    .set_state(dead.id, DeploymentState::Superseded, None)
                    .await?;
            }
        }
        Ok(begun)
    }

    async fn run(
        &self,
        runtime: &Runtime<'_>,
        id: DeploymentId,
        begun: Begun,
        observer: &dyn Observer,
    ) -> Result<Outcome, EngineError> {
        let since = Instant::now();
        let mut applied = self.empty_first(runtime, id, observer).await?;
        if applied.is_ok() {
            let plan = match (plan_now(runtime).await?, begun) {
                (plan, Begun::Now) => plan,
                (plan, Begun::Before) => with_all_smoke_tests(plan, &runtime.desired),
            };
            observer.event(Event::Planned {
                deployment: id,
                plan: plan.clone(),
            });
            applied = apply(runtime, &self.store, id, &plan, observer).await?;
        }
        match applied {
            Ok(()) => {
                self.store
                    .set_state(id, DeploymentState::Succeeded, None)
                    .await?;
                self.forget_aside(id);
                Ok(Outcome::Succeeded {
                    deployment: id,
                    version: runtime.desired.version.clone(),
                    took: since.elapsed(),
                })
            }
            Err(failure) => {
                self.store.explain(id, &failure.log).await?;
                self.store
                    .set_state(id, DeploymentState::RollingBack, Some(&failure.error))
                    .await?;
                let why = (failure.error, failure.log);
                Err(self.restore(runtime, id, why, observer).await?)
            }
        }
    }
}

/// Whether somebody took steps of a deployment, or of one that it takes the place of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Begun {
    /// Nobody did.
    Now,
    /// Somebody did and was killed.
    Before,
}

pub(crate) async fn plan_now(runtime: &Runtime<'_>) -> Result<Plan, EngineError> {
    let observed = observe(&runtime.targets, runtime.environment()).await?;
    Ok(plan(&runtime.desired, &observed))
}

pub(crate) fn encode(inputs: &Inputs) -> Result<Vec<u8>, EngineError> {
    serde_json::to_vec(inputs).map_err(|error| {
        EngineError::refused(message!(
            "the deployment can't be recorded: {error}",
            "no se puede registrar el despliegue: {error}"
        ))
    })
}
