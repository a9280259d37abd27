//! Collects what the instances of all environments write.
//!
//! Each workload that is deployed is followed by a task of its own, from where its
//! stored lines end. Tasks begin and end with deployments.

mod follow;
mod marks;
mod releases;
mod stored;

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use estiba_log_store::LogStore;
use estiba_model::{Cause, DeploymentState, EnvironmentId, Happening, What};
use estiba_store::StoreError;
use futures::StreamExt;
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

use crate::events::Seen;
use crate::state::App;
use follow::{Follower, Place};

/// How often it is looked for deployments that nobody told of: commands without a
/// server, on the same state.
const EVERY: Duration = Duration::from_secs(30);
/// So many workloads are followed at once. More are not, and that is told.
const MOST_FOLLOWED: usize = 1000;

/// Collects, for ever.
pub(crate) async fn run(app: &App, store: &Arc<LogStore>) {
    let mut tasks: HashMap<Place, Task> = HashMap::new();
    // What happened before is seen by looking.
    let after = app.store().last_happening().await.unwrap_or(i64::MAX);
    let mut happenings = pin!(Arc::clone(&app.hub).follow(Seen::All, after));
    loop {
        match deployed(app).await {
            Ok(places) => follow(app, store, &mut tasks, places),
            Err(error) => tracing::warn!(%error, "what is deployed can't be read"),
        }
        let look = tokio::time::sleep(EVERY);
        tokio::pin!(look);
        loop {
            tokio::select! {
                () = &mut look => break,
                happening = happenings.next() => {
                    if let Some(of) = happening.as_deref().and_then(changed) {
                        begin_anew(&tasks, of);
                        break;
                    }
                }
            }
        }
    }
}

/// A follower that runs.
struct Task {
    again: Arc<Notify>,
    _running: AbortOnDropHandle<()>,
}

/// The environment whose instances a happening may have changed.
fn changed(happening: &Happening) -> Option<&EnvironmentId> {
    let is_change = matches!(happening.what, What::Started { .. }) || happening.what.is_end();
    is_change.then_some(&happening.environment)
}

fn begin_anew(tasks: &HashMap<Place, Task>, environment: &EnvironmentId) {
    let of_it = tasks
        .iter()
        .filter(|(place, _)| place.environment == *environment);
    of_it.for_each(|(_, task)| task.again.notify_one());
}

/// Begins to follow `places`, and ends to follow others.
fn follow(
    app: &App,
    store: &Arc<LogStore>,
    tasks: &mut HashMap<Place, Task>,
    places: HashSet<Place>,
) {
    tasks.retain(|place, _| places.contains(place));
    for place in places {
        if tasks.contains_key(&place) {
            continue;
        }
        if tasks.len() >= MOST_FOLLOWED {
            let (environment, workload) = (&place.environment, &place.workload);
            tracing::warn!(%environment, %workload, "too many workloads: its logs are not collected");
            continue;
        }
        let again = Arc::new(Notify::new());
        let follower = Follower::new(
            app.clone(),
            Arc::clone(store),
            place.clone(),
            Arc::clone(&again),
        );
        let running = AbortOnDropHandle::new(tokio::spawn(follower.run()));
        tasks.insert(
            place,
            Task {
                again,
                _running: running,
            },
        );
    }
    metrics::gauge!("estiba_logs_followed_workloads")
        .set(crate::logs::as_figure(tasks.len() as u64));
}

/// The workloads that are deployed, or are being deployed.
async fn deployed(app: &App) -> Result<HashSet<Place>, StoreError> {
    let mut places = HashSet::new();
    for id in app.store().projects(None).await? {
        let Ok((project, _)) = app.descriptions.project(app.store(), &id).await else {
            continue;
        };
        for environment in app.store().environments_of(&id).await? {
            let name = &environment.environment;
            let is_known = project.environments.contains_key(name) || project.has_preview(name);
            if !is_known || !is_there(app, &environment).await? {
                continue;
            }
            places.extend(project.workloads.keys().map(|workload| Place {
                environment: environment.clone(),
                workload: workload.clone(),
            }));
        }
    }
    Ok(places)
}

/// Whether an environment was not taken down.
async fn is_there(app: &App, environment: &EnvironmentId) -> Result<bool, StoreError> {
    let last = app.store().deployments(environment, 1).await?;
    let last = last.into_iter().next();
    Ok(last
        .is_some_and(|last| last.cause != Cause::Down || last.state != DeploymentState::Succeeded))
}
