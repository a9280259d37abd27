//! Targets that don't answer: which of them a deployment needs, which it may
//! leave behind, and what can be done meanwhile on the others.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{Desired, EnvironmentId, Event, Message, Name, Plan, TargetConfig, message};
use estiba_planner::{ObservedByTarget, plan};
use estiba_target::TargetError;
use futures::future::join_all;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::inputs::Inputs;
use crate::observer::Observer;
use crate::runtime::Targets;

/// What targets answered.
#[derive(Debug, Default)]
pub struct Asked {
    /// What runs, from those that answered.
    pub observed: ObservedByTarget,
    /// Those that did not, and why.
    pub silent: BTreeMap<Name, Message>,
}

/// What runs of an environment, from the targets themselves.
pub async fn ask(targets: &Targets, environment: &EnvironmentId) -> Asked {
    let all = targets.iter().map(|(name, target)| async move {
        let observed = target.observe(environment).await;
        (name.clone(), observed)
    });
    let mut asked = Asked::default();
    for (name, answer) in join_all(all).await {
        match answer {
            Ok(observed) => drop(asked.observed.insert(name, observed)),
            Err(error) => {
                let why = silent(&name, error.message());
                asked.silent.insert(name, why);
            }
        }
    }
    asked
}

/// The same where every target has to answer.
///
/// # Errors
/// All that don't.
pub async fn observe(
    targets: &Targets,
    environment: &EnvironmentId,
) -> Result<ObservedByTarget, EngineError> {
    let Asked { observed, silent } = ask(targets, environment).await;
    match silent.is_empty() {
        true => Ok(observed),
        false => Err(EngineError::Refused(silent.into_values().collect())),
    }
}

/// The part of a plan that can be carried out without the targets that are
/// `lost`. A workload that belongs on one of them stays wherever it runs.
#[must_use]
pub fn plan_without(
    lost: &BTreeSet<&Name>,
    desired: &Desired,
    observed: &ObservedByTarget,
) -> Plan {
    let homes: BTreeMap<&Name, &Name> = desired
        .workloads
        .iter()
        .map(|workload| (&workload.name, &workload.target))
        .collect();
    let mut plan = plan(desired, observed);
    plan.steps.retain(|step| {
        let home = step.workload().and_then(|workload| homes.get(workload));
        !lost.contains(step.target()) && home.is_none_or(|home| !lost.contains(home))
    });
    plan
}

impl Engine {
    /// Asks the targets that are only remembered, since what is left there has to
    /// be ended. Those that don't answer are left behind, but not forgotten,
    /// where `without` says so or an earlier deployment did; those that are
    /// `needed` never.
    ///
    /// # Errors
    /// Every remembered target that does not answer and may not be left behind.
    pub(crate) async fn leave_behind(
        &self,
        inputs: &mut Inputs,
        needed: &BTreeSet<Name>,
        without: &BTreeSet<Name>,
        observer: &dyn Observer,
    ) -> Result<(), EngineError> {
        let known =
            |name: &&Name| inputs.targets.contains_key(*name) || inputs.left.contains_key(*name);
        let environment = inputs.environment.clone();
        let mut problems: Vec<Message> = without
            .iter()
            .filter(|name| needed.contains(*name) || !known(name))
            .map(|name| not_to_leave(name, &environment.environment, needed.contains(name)))
            .collect();
        let before = std::mem::take(&mut inputs.left);
        let remembered: BTreeMap<Name, TargetConfig> = inputs
            .targets
            .clone()
            .into_iter()
            .chain(before.clone())
            .filter(|(name, _)| !needed.contains(name))
            .collect();
        for (name, config) in remembered {
            match self.answers(&name, &config, inputs).await {
                Ok(()) => drop(inputs.targets.entry(name).or_insert(config)),
                Err(why) if before.contains_key(&name) || without.contains(&name) => {
                    let notice = left_behind(&name, &why);
                    observer.event(Event::Notice { notice });
                    inputs.targets.remove(&name);
                    inputs.left.insert(name, config);
                }
                Err(why) => problems.push(how_to_go_on(&name, &environment.environment, &why)),
            }
        }
        match problems.is_empty() {
            true => Ok(()),
            false => Err(EngineError::Refused(problems)),
        }
    }

    async fn answers(
        &self,
        name: &Name,
        config: &TargetConfig,
        inputs: &Inputs,
    ) -> Result<(), Message> {
        let target = self.adapter(name, config, inputs.registry.as_deref())?;
        let observed = target.observe(&inputs.environment).await;
        observed.map_err(|error: TargetError| error.message().clone())?;
        Ok(())
    }
}

fn silent(name: &Name, why: &Message) -> Message {
    let Message { en, es } = why;
    message!(
        "target {name} can't be asked: {en}",
        "no se puede consultar la plataforma {name}: {es}"
    )
}

/// What is still on targets that an earlier deployment left behind.
pub fn left_behind(name: &Name, why: &Message) -> Message {
    let Message { en, es } = silent(name, why);
    message!(
        "{en}; what is left there is ended by the first deployment that reaches it",
        "{es}; lo que quedó allí lo termina el primer despliegue que la alcance"
    )
}

fn how_to_go_on(name: &Name, environment: &Name, why: &Message) -> Message {
    let Message { en, es } = silent(name, why);
    message!(
        "{en}; {environment} ran there before, and what is left there has to be ended. Deploy when {name} answers again, or go on now with `--without {name}`: what is left there may run on until a deployment reaches it",
        "{es}; {environment} corría allí antes y hay que terminar lo que quedó. Despliegue cuando {name} vuelva a responder, o siga ahora con `--without {name}`: lo que quedó allí puede seguir en marcha hasta que un despliegue la alcance"
    )
}

fn not_to_leave(name: &Name, environment: &Name, is_needed: bool) -> Message {
    if is_needed {
        message!(
            "`--without {name}`: {environment} places workloads on {name}; place them on another target in estiba.yaml first",
            "`--without {name}`: {environment} ubica componentes en {name}; primero ubíquelos en otra plataforma en estiba.yaml"
        )
    } else {
        message!(
            "`--without {name}`: nothing of {environment} was deployed to a target {name}",
            "`--without {name}`: nada de {environment} se desplegó en una plataforma {name}"
        )
    }
}
