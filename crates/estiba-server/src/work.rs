//! Carries out what was asked for. Several servers on one state share the work:
//! each environment's lock is a lease that ends with its holder.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use estiba_engine::{EngineError, Outcome};
use estiba_model::{Changes, DeploymentState, EnvironmentId, What, message};
use estiba_store::StoreError;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use crate::events::Recorder;
use crate::state::App;

/// How often what other servers left undone is looked for.
const EVERY: Duration = Duration::from_secs(2);
/// Environments that are worked on at once.
const AT_ONCE: usize = 8;

/// Carries out what was asked for, for ever. What has begun goes on in `tasks`.
pub(crate) async fn run(app: App, tasks: TaskTracker) {
    let busy: Arc<Mutex<HashSet<EnvironmentId>>> = Arc::default();
    let places = Arc::new(Semaphore::new(AT_ONCE));
    loop {
        let open = match app.store().environments_with_work().await {
            Ok(open) => open,
            Err(error) => {
                tracing::warn!(%error, "what is to be done can't be read");
                Vec::new()
            }
        };
        for environment in open {
            let is_new = lock(&busy).insert(environment.clone());
            if !is_new {
                continue;
            }
            let (app, busy, places) = (app.clone(), Arc::clone(&busy), Arc::clone(&places));
            tasks.spawn(async move {
                if let Ok(_place) = places.acquire().await
                    && let Err(error) = environment_work(&app, &environment).await
                {
                    tracing::warn!(%error, %environment, "a deployment can't be recorded");
                }
                lock(&busy).remove(&environment);
            });
        }
        let _ = tokio::time::timeout(EVERY, app.work.notified()).await;
    }
}

fn lock(busy: &Mutex<HashSet<EnvironmentId>>) -> std::sync::MutexGuard<'_, HashSet<EnvironmentId>> {
    busy.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn environment_work(app: &App, environment: &EnvironmentId) -> Result<(), StoreError> {
    let store = app.store();
    let Some(next) = store.next_work(environment).await? else {
        return Ok(());
    };
    let before = store.last_succeeded(environment).await?;
    let before = before.map(|deployment| deployment.version);
    let changes = app.engine.changes(std::slice::from_ref(&next)).await;
    let changes = changes.unwrap_or_else(|error| {
        tracing::warn!(%error, "what a deployment changes can't be read");
        vec![Changes::default()]
    });
    let changes = changes.into_iter().next().unwrap_or_default();
    let recorder = Recorder::new(environment.clone(), before, changes);
    let outcome = {
        let span = tracing::info_span!(
            "deployment",
            %environment,
            deployment = next.id.0,
            version = %next.version,
        );
        let working = app.engine.work(environment, &recorder).instrument(span);
        let recording = recorder.run(&app.hub);
        tokio::select! {
            outcome = working => outcome,
            () = recording => return Ok(()),
        }
    };
    recorder.belongs_to(next.id);
    match outcome {
        // Somebody else is at it.
        Ok(None) => return Ok(()),
        Ok(Some(Outcome::Succeeded { version, took, .. })) => recorder.note(What::Succeeded {
            version,
            took_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }),
        Ok(Some(Outcome::Unchanged | Outcome::Superseded { .. })) => {
            recorder.note(What::Superseded {
                version: next.version,
            });
        }
        Err(EngineError::Store(error)) => {
            recorder.finish(&app.hub).await;
            return Err(*error);
        }
        Err(error) => {
            // What could not even begin ends here: it would fail again for ever.
            let reasons = error.messages();
            if !matches!(error, EngineError::Failed(_)) {
                let why = reasons.first().cloned();
                let why = why.unwrap_or_else(|| message!("it failed", "falló"));
                store.explain(next.id, error.log()).await?;
                store
                    .set_state(next.id, DeploymentState::Failed, Some(&why))
                    .await?;
            }
            recorder.note(What::Failed {
                version: next.version,
                reasons,
                log: error.log().to_vec(),
            });
        }
    }
    recorder.finish(&app.hub).await;
    Ok(())
}
