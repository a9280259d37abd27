//! What a deployment that fails leaves: what worked before, with the values of then.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{
    DeploymentId, DeploymentState, Desired, Event, InstanceName, Message, Name, Plan, Step,
    StepRecord, StepState, message,
};
use estiba_planner::ObservedByTarget;

use crate::apply::{apply, join};
use crate::engine::Engine;
use crate::error::{EngineError, FailedDeployment, Left};
use crate::observer::Observer;
use crate::reach::{Asked, ask, plan_without};
use crate::runtime::Runtime;

/// Deployments that are looked through for what this Estiba began itself.
const LOOKED_THROUGH: u32 = 100;

impl Engine {
    /// Brings back what worked before, with the values of then, and says how the
    /// deployment failed.
    pub(crate) async fn restore(
        &self,
        attempt: &Runtime<'_>,
        id: DeploymentId,
        (error, log): (Message, Vec<String>),
        observer: &dyn Observer,
    ) -> Result<EngineError, EngineError> {
        let environment = attempt.environment();
        let before = self.last_inputs(environment).await?;
        let to = before.as_ref().map(|inputs| inputs.version.clone());
        observer.event(Event::RollingBack { to: to.clone() });
        let not_put_back = self.put_back(attempt, id, observer).await?;
        let Lost { silent, failed } = match before {
            Some(mut inputs) => {
                inputs.know_targets_of(&attempt.bound.inputs);
                let runtime = self.runtime(inputs).await?;
                let wanted = unverified(&runtime.desired);
                self.bring_back(&runtime, &wanted, &BTreeSet::new(), id, observer)
                    .await?
            }
            None => {
                let nothing = Desired {
                    workloads: Vec::new(),
                    resources: Vec::new(),
                    acceptance: Vec::new(),
                    ..attempt.desired.clone()
                };
                let found = &attempt.bound.inputs.found;
                self.bring_back(attempt, &nothing, found, id, observer)
                    .await?
            }
        };
        // What is restored only in part stays to be resumed.
        if silent.is_empty() {
            self.store
                .set_state(id, DeploymentState::Failed, Some(&error))
                .await?;
        }
        let waiting = silent
            .into_values()
            .map(|why| to_be_resumed(&environment.environment, &why));
        let lost = not_put_back.into_iter().chain(failed.into_values());
        let lost: Vec<Message> = lost.chain(waiting).collect();
        let left = match (lost.is_empty(), to) {
            (false, _) => Left::Broken(join(lost)),
            (true, Some(version)) => Left::Restored(version),
            (true, None) if !attempt.bound.inputs.found.is_empty() => Left::AsFound,
            (true, None) => Left::Nothing,
        };
        Ok(EngineError::Failed(Box::new(FailedDeployment {
            deployment: id,
            error,
            log,
            left,
        })))
    }

    /// Brings back what is `wanted` on every target where that is possible: one
    /// that fails does not keep the others from it. Workloads that were `found`
    /// running are left as they are.
    async fn bring_back(
        &self,
        runtime: &Runtime<'_>,
        wanted: &Desired,
        found: &BTreeSet<Name>,
        id: DeploymentId,
        observer: &dyn Observer,
    ) -> Result<Lost, EngineError> {
        let mut failed = BTreeMap::new();
        loop {
            let Asked { observed, silent } = ask(&runtime.targets, runtime.environment()).await;
            let lost = silent.keys().chain(failed.keys()).collect();
            let mut plan = plan_without(&lost, wanted, &observed);
            self.spare(found, id, &observed, &mut plan).await?;
            match apply(runtime, &self.store, id, &plan, observer).await? {
                Ok(()) => return Ok(Lost { silent, failed }),
                Err(failure) => drop(failed.insert(failure.target, failure.error)),
            }
        }
    }

    /// The workloads of an environment that run without this Estiba having deployed
    /// them: another one did, with a state of its own. What worked before is not
    /// known of them, so a failure must not touch them.
    pub(crate) async fn found(&self, attempt: &Runtime<'_>) -> Result<BTreeSet<Name>, EngineError> {
        let environment = attempt.environment();
        if self.last_inputs(environment).await?.is_some() {
            return Ok(BTreeSet::new());
        }
        let earlier = self.store.deployments(environment, LOOKED_THROUGH).await?;
        let mut found = match earlier.first() {
            Some(deployment) => self.inputs_of(deployment).await?.found,
            None => BTreeSet::new(),
        };
        let mut own = Begun::default();
        for deployment in &earlier {
            own.add(self.store.steps(deployment.id).await?);
        }
        for observed in ask(&attempt.targets, environment).await.observed.values() {
            let instances = observed.instances.iter();
            let others = instances.filter(|one| !own.instances.contains(&one.name));
            found.extend(others.map(|one| one.workload.clone()));
            let rollouts = observed.rollouts.keys();
            found.extend(rollouts.filter(|one| !own.rollouts.contains(*one)).cloned());
        }
        Ok(found)
    }

    /// Leaves workloads that were found running as they are, but for newcomers of
    /// this deployment that nobody is sent to.
    async fn spare(
        &self,
        found: &BTreeSet<Name>,
        id: DeploymentId,
        observed: &ObservedByTarget,
        plan: &mut Plan,
    ) -> Result<(), EngineError> {
        let mut own = Begun::default();
        own.add(self.store.steps(id).await?);
        let answers = |workload: &Name, instance: &InstanceName| {
            observed.values().any(|target| {
                let traffic = target.traffic.get(workload);
                traffic.is_some_and(|traffic| traffic.instances.contains(instance))
            })
        };
        plan.steps.retain(|step| match step {
            Step::Stop {
                workload, instance, ..
            } if found.contains(workload) => {
                own.instances.contains(instance) && !answers(workload, instance)
            }
            step => step.workload().is_none_or(|one| !found.contains(one)),
        });
        Ok(())
    }
}

/// What was begun by this Estiba.
#[derive(Default)]
struct Begun {
    instances: BTreeSet<InstanceName>,
    rollouts: BTreeSet<Name>,
}

impl Begun {
    fn add(&mut self, steps: Vec<StepRecord>) {
        let begun = steps
            .into_iter()
            .filter(|one| one.state != StepState::Pending);
        for record in begun {
            match record.step {
                Step::Start { instance, .. } => drop(self.instances.insert(instance)),
                Step::RollOut { workload, .. } => drop(self.rollouts.insert(workload)),
                _ => {}
            }
        }
    }
}

/// What worked before is brought back also where it would not pass now.
fn unverified(desired: &Desired) -> Desired {
    let mut desired = desired.clone();
    desired.acceptance.clear();
    for workload in &mut desired.workloads {
        workload.smoke = false;
    }
    desired
}

/// Targets that were not restored, and why.
struct Lost {
    /// Those that did not answer.
    silent: BTreeMap<Name, Message>,
    /// Those on which a step failed.
    failed: BTreeMap<Name, Message>,
}

fn to_be_resumed(environment: &Name, why: &Message) -> Message {
    let Message { en, es } = why;
    message!(
        "{en}; when it answers again, `estiba resume --env {environment}` restores what ran there",
        "{es}; cuando vuelva a responder, `estiba resume --env {environment}` restaura lo que corría allí"
    )
}

pub(crate) fn interrupted_while_restoring() -> Message {
    message!(
        "it was interrupted while it restored what worked before",
        "se interrumpió mientras restauraba lo anterior"
    )
}
