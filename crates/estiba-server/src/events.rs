//! What happens, to everybody who follows it.
//!
//! One task reads the record and tells all streams of this server, so that a
//! thousand streams cost the database no more than one. A stream that begins, or
//! that fell behind, reads the record itself.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use estiba_engine::Observer;
use estiba_model::{Changes, DeploymentId, EnvironmentId, Event, Happening, Name, Version, What};
use estiba_store::{HappeningQuery, NewHappening, Store, StoreError};
use futures::Stream;
use tokio::sync::{Notify, broadcast};

/// How many happenings a stream may fall behind before it reads the record.
const MOST_BEHIND: usize = 1024;
/// How many are read at once.
const AT_ONCE: u32 = 256;
/// How often the record is looked at for what other servers wrote.
const EVERY: Duration = Duration::from_millis(500);
/// How many happenings wait to be recorded; lines of output beyond are dropped.
const MOST_WAITING: usize = 4096;
/// How often the end of a deployment is recorded anew: for a minute, all in all.
const MOST_ATTEMPTS: usize = 7;

/// Tells what happens.
pub(crate) struct Hub {
    store: Store,
    told: broadcast::Sender<Arc<Happening>>,
    written: Notify,
}

/// Whose happenings somebody may see.
#[derive(Debug, Clone)]
pub(crate) enum Seen {
    /// Everybody's.
    All,
    /// Of these teams.
    Teams(Vec<Name>),
    /// Of the projects of this name, of these teams or of all.
    Project(Option<Vec<Name>>, Name),
    /// Of a deployment, until it ends.
    Deployment(DeploymentId),
}

impl Seen {
    fn has(&self, happening: &Happening) -> bool {
        match self {
            Self::All => true,
            Self::Teams(teams) => teams.contains(&happening.environment.team),
            Self::Project(teams, project) => {
                let id = &happening.environment;
                id.project == *project && teams.as_ref().is_none_or(|all| all.contains(&id.team))
            }
            Self::Deployment(id) => happening.deployment == Some(*id),
        }
    }
}

impl Hub {
    pub fn new(store: Store) -> Self {
        Self {
            store,
            told: broadcast::Sender::new(MOST_BEHIND),
            written: Notify::new(),
        }
    }

    /// Records what happened, and tells it.
    pub async fn record(&self, new: &[NewHappening]) -> Result<(), StoreError> {
        self.store.record_happenings(new).await?;
        self.written.notify_one();
        Ok(())
    }

    /// Tells what is recorded, for ever.
    pub async fn run(&self) {
        let mut last = None;
        loop {
            match self.tell(&mut last).await {
                Ok(()) => {}
                Err(error) => tracing::warn!(%error, "what happened can't be read"),
            }
            let _ = tokio::time::timeout(EVERY, self.written.notified()).await;
        }
    }

    async fn tell(&self, last: &mut Option<i64>) -> Result<(), StoreError> {
        let mut after = match *last {
            Some(last) => last,
            None => self.store.last_happening().await?,
        };
        loop {
            let query = HappeningQuery {
                after,
                limit: AT_ONCE,
                ..HappeningQuery::default()
            };
            let found = self.store.happenings(&query).await?;
            let count = found.len();
            for happening in found {
                after = happening.id;
                // Nobody may be listening.
                let _ = self.told.send(Arc::new(happening));
            }
            *last = Some(after);
            if count < AT_ONCE as usize {
                return Ok(());
            }
        }
    }

    /// What happens after `after`, as far as it may be seen.
    pub fn follow(
        self: Arc<Self>,
        seen: Seen,
        mut after: i64,
    ) -> impl Stream<Item = Arc<Happening>> + Send {
        async_stream::stream! {
            let mut told = self.told.subscribe();
            let mut behind = true;
            loop {
                while behind {
                    let found = self.recorded(&seen, &mut after).await;
                    behind = !found.is_empty();
                    for happening in found {
                        yield happening;
                    }
                }
                match told.recv().await {
                    Ok(happening) if happening.id <= after => {}
                    Ok(happening) => {
                        after = happening.id;
                        if seen.has(&happening) {
                            yield happening;
                        }
                    }
                    Err(broadcast::error::RecvError::Lagged(_)) => behind = true,
                    Err(broadcast::error::RecvError::Closed) => break,
                }
            }
        }
    }

    /// Some of what is recorded after `after`; nothing where there is no more.
    async fn recorded(&self, seen: &Seen, after: &mut i64) -> Vec<Arc<Happening>> {
        loop {
            let mut query = HappeningQuery {
                after: *after,
                limit: AT_ONCE,
                ..HappeningQuery::default()
            };
            match seen {
                Seen::Deployment(id) => query.deployment = Some(*id),
                Seen::Teams(teams) if teams.len() == 1 => query.team = teams.first().cloned(),
                Seen::All | Seen::Teams(_) | Seen::Project(..) => {}
            }
            let found = match self.store.happenings(&query).await {
                Ok(found) => found,
                Err(error) => {
                    tracing::warn!(%error, "what happened can't be read");
                    return Vec::new();
                }
            };
            let Some(last) = found.last() else {
                return Vec::new();
            };
            *after = last.id;
            let seen: Vec<_> = found.into_iter().filter(|one| seen.has(one)).collect();
            if !seen.is_empty() {
                return seen.into_iter().map(Arc::new).collect();
            }
        }
    }
}

/// Takes note of what the engine tells of a deployment, to be recorded.
pub(crate) struct Recorder {
    environment: EnvironmentId,
    /// The release that ran before.
    before: Option<Version>,
    /// What the next one changes over that.
    changes: Changes,
    waiting: Mutex<Waiting>,
    filled: Notify,
}

#[derive(Default)]
struct Waiting {
    deployment: Option<DeploymentId>,
    happenings: Vec<NewHappening>,
}

impl Recorder {
    pub fn new(environment: EnvironmentId, before: Option<Version>, changes: Changes) -> Self {
        Self {
            environment,
            before,
            changes,
            waiting: Mutex::default(),
            filled: Notify::new(),
        }
    }

    /// Notes something.
    pub fn note(&self, what: What) {
        let mut waiting = self.lock();
        let is_line = matches!(
            &what,
            What::Progress {
                progress: Event::Line { .. }
            }
        );
        if is_line && waiting.happenings.len() >= MOST_WAITING {
            return;
        }
        let happening = NewHappening {
            environment: self.environment.clone(),
            deployment: waiting.deployment,
            what,
        };
        waiting.happenings.push(happening);
        drop(waiting);
        self.filled.notify_one();
    }

    /// The deployment that notes belong to from now on.
    pub fn belongs_to(&self, deployment: DeploymentId) {
        self.lock().deployment = Some(deployment);
    }

    /// Records notes as they come, for ever.
    pub async fn run(&self, hub: &Hub) {
        loop {
            self.filled.notified().await;
            while let Err(error) = self.flush(hub).await {
                tracing::warn!(%error, "what happened can't be recorded yet");
                tokio::time::sleep(EVERY).await;
            }
        }
    }

    /// Records what is noted. What can't be recorded now is noted still.
    async fn flush(&self, hub: &Hub) -> Result<(), StoreError> {
        let mut noted = std::mem::take(&mut self.lock().happenings);
        let recorded = hub.record(&noted).await;
        if recorded.is_err() {
            let mut waiting = self.lock();
            noted.append(&mut waiting.happenings);
            waiting.happenings = noted;
        }
        recorded
    }

    /// Records the last that is noted: how a deployment ended is what people and bots wait
    /// for, so a database that is away for a while is waited for.
    pub async fn finish(&self, hub: &Hub) {
        let pauses = ExponentialBuilder::default()
            .with_min_delay(EVERY)
            .with_max_times(MOST_ATTEMPTS);
        let recorded = (|| self.flush(hub)).retry(pauses).await;
        if let Err(error) = recorded {
            tracing::warn!(%error, "what happened can't be recorded");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Recorder {
    fn event(&self, event: Event) {
        if let Event::Planned { deployment, plan } = &event {
            self.belongs_to(*deployment);
            self.note(What::Started {
                version: plan.version.clone(),
                before: self.before.clone(),
                changes: self.changes.clone(),
            });
        }
        self.note(What::Progress { progress: event });
    }
}
