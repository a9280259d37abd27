//! Carrying out a plan, each step recorded before and after.

use std::time::{Duration, Instant};

use estiba_model::{DeploymentId, Event, Message, Name, Plan, Step, message};
use estiba_store::Store;
use estiba_target::{Progress, Redactor, Runner, Task};
use tracing::Instrument;
use tracing::field::Empty;

use crate::error::EngineError;
use crate::observer::Observer;
use crate::runtime::Runtime;
use crate::smoke;

/// How long an instance may take to become ready. One that crashes again and
/// again is given up earlier.
pub const READY_TIMEOUT: Duration = Duration::from_secs(120);

/// How long an instance may take to end after it was asked to.
pub const STOP_GRACE: Duration = Duration::from_secs(10);

/// Why a plan was not carried out to its end.
#[derive(Debug)]
pub struct StepFailure {
    /// Where.
    pub target: Name,
    /// Its place in the plan.
    pub index: usize,
    /// Why.
    pub error: Message,
    /// The last lines that explain it.
    pub log: Vec<String>,
}

/// Carries out `plan` as the next steps of `deployment`.
///
/// # Errors
/// When a step fails, which leaves the ones after it undone; or when the state
/// can't be written.
pub async fn apply(
    runtime: &Runtime<'_>,
    store: &Store,
    deployment: DeploymentId,
    plan: &Plan,
    observer: &dyn Observer,
) -> Result<Result<(), StepFailure>, EngineError> {
    let first = store.plan_steps(deployment, &plan.steps).await?;
    let total = u32::try_from(plan.steps.len()).unwrap_or(u32::MAX);
    let redactor = Redactor::new(runtime.bound.inputs.secrets.values());
    let progress = ToObserver {
        observer,
        redactor: &redactor,
    };
    if total > 0 {
        store.begin_step(deployment, first).await?;
    }
    for (index, step) in (0..total).zip(&plan.steps) {
        let begun = Instant::now();
        observer.event(Event::StepStarted {
            index,
            total,
            step: step.clone(),
        });
        let span = tracing::info_span!(
            "step",
            "otel.name" = step.kind(),
            "otel.status_code" = Empty,
            target = %step.target(),
            workload = step.workload().map(|name| name.as_str()),
        );
        let taken = take(runtime, step, &progress).instrument(span.clone());
        let outcome = taken.await;
        if outcome.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        let failure = outcome
            .err()
            .map(|e| failure(index as usize, step, &e, &redactor));
        match &failure {
            None if index + 1 < total => store.advance(deployment, first + index).await?,
            None => store.finish_step(deployment, first + index, Ok(())).await?,
            Some(failed) => {
                let why = failed.error.clone();
                store
                    .finish_step(deployment, first + index, Err(why))
                    .await?;
            }
        }
        if let Some(failure) = failure {
            observer.event(Event::StepFailed {
                index,
                error: failure.error.clone(),
                log: failure.log.clone(),
            });
            return Ok(Err(failure));
        }
        let took = begun.elapsed();
        observer.event(Event::StepDone { index, took });
    }
    Ok(Ok(()))
}

async fn take(
    runtime: &Runtime<'_>,
    step: &Step,
    progress: &dyn Progress,
) -> Result<(), EngineError> {
    let target = runtime.target(step.target())?;
    let environment = runtime.environment();
    match step {
        Step::Provision { resource, .. } => {
            let resource = runtime.resource(resource).await?;
            target.provision(environment, &resource, progress).await?;
        }
        Step::Fetch {
            workload, image, ..
        } => {
            let image = runtime.image(workload, image)?;
            target.fetch(&image, progress).await?;
        }
        Step::Migrate {
            workload,
            fingerprint,
            ..
        } => {
            let migration = runtime.task(Task::Migration, workload, fingerprint);
            target.run_task(&migration.await?, progress).await?;
        }
        Step::Accept {
            workload,
            fingerprint,
            ..
        } => {
            let tests = runtime.task(Task::Acceptance, workload, fingerprint);
            target.run_task(&tests.await?, progress).await?;
        }
        Step::Empty { resource, .. } => runtime.empty(target.as_ref(), resource).await?,
        Step::PutBack { resource, .. } => runtime.refill(target.as_ref(), resource).await?,
        Step::Smoke { workload, .. } => smoke::test(runtime, target.as_ref(), workload).await?,
        Step::Start { .. } | Step::Await { .. } | Step::Route { .. } | Step::Stop { .. } => {
            take_instance_step(runtime, step, progress).await?;
        }
        Step::RollOut { .. } | Step::Withdraw { .. } => {
            take_whole_step(runtime, step, progress).await?;
        }
        Step::Destroy { resource, .. } => target.destroy(environment, resource).await?,
    }
    Ok(())
}

async fn take_instance_step(
    runtime: &Runtime<'_>,
    step: &Step,
    progress: &dyn Progress,
) -> Result<(), EngineError> {
    let Runner::Stepwise(target) = runtime.target(step.target())?.runner() else {
        return Err(other_runner(step));
    };
    let environment = runtime.environment();
    match step {
        Step::Start {
            workload, instance, ..
        } => {
            let instance = runtime.instance(workload, instance).await?;
            target.start(&instance, progress).await?;
        }
        Step::Await { instance, .. } => {
            target
                .await_ready(environment, instance, READY_TIMEOUT)
                .await?;
        }
        Step::Route {
            workload, traffic, ..
        } => target.route(environment, workload, traffic).await?,
        Step::Stop { instance, .. } => target.stop(environment, instance, STOP_GRACE).await?,
        _ => {}
    }
    Ok(())
}

async fn take_whole_step(
    runtime: &Runtime<'_>,
    step: &Step,
    progress: &dyn Progress,
) -> Result<(), EngineError> {
    let Runner::Whole(target) = runtime.target(step.target())?.runner() else {
        return Err(other_runner(step));
    };
    match step {
        Step::RollOut { workload, .. } => {
            let rollout = runtime.rollout(workload).await?;
            target.roll_out(&rollout, READY_TIMEOUT, progress).await?;
        }
        Step::Withdraw { workload, .. } => {
            target
                .withdraw(runtime.environment(), workload, STOP_GRACE)
                .await?;
        }
        _ => {}
    }
    Ok(())
}

/// A target of one name was of another kind when the plan was made.
fn other_runner(step: &Step) -> EngineError {
    let target = step.target();
    EngineError::refused(message!(
        "target {target} can't take this step: it is of another kind than when the plan was made; deploy again",
        "la plataforma {target} no puede dar este paso: es de otro tipo que cuando se hizo el plan; despliegue de nuevo"
    ))
}

fn failure(index: usize, step: &Step, error: &EngineError, redactor: &Redactor) -> StepFailure {
    let clean = |text: String| redactor.redact(&text).into_owned();
    let error_message = join(error.messages()).map(clean);
    StepFailure {
        target: step.target().clone(),
        index,
        error: error_message,
        log: error.log().iter().cloned().map(clean).collect(),
    }
}

pub fn join(messages: impl IntoIterator<Item = Message>) -> Message {
    let mut messages = messages.into_iter();
    let first = messages.next().unwrap_or_else(|| Message::verbatim(""));
    messages.fold(first, |all, next| Message {
        en: format!("{}; {}", all.en, next.en),
        es: format!("{}; {}", all.es, next.es),
    })
}

struct ToObserver<'a> {
    observer: &'a dyn Observer,
    redactor: &'a Redactor,
}

impl Progress for ToObserver<'_> {
    fn line(&self, line: &str) {
        let text = self.redactor.redact(line).into_owned();
        self.observer.event(Event::Line { text });
    }

    fn notice(&self, notice: &Message) {
        let notice = notice.clone();
        self.observer.event(Event::Notice { notice });
    }
}
