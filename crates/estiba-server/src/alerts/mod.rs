//! Tells people of lines of logs, as their projects ask.
//!
//! The environments that have alerts are followed by a task each, from memory, so that a
//! flood in one takes no line from another. Only the server that has the store does it.

mod watched;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use estiba_log_store::{Environment, LogStore, Scope, Tailed};
use estiba_logs::Query;
use estiba_model::{Alert, EnvironmentId, Name, What};
use estiba_store::{NewHappening, StoreError};
use jiff::{SignedDuration, Timestamp};
use tokio::time::MissedTickBehavior;
use tokio_util::task::AbortOnDropHandle;

use crate::state::App;
use watched::Watched;

/// How often it is looked for alerts that are new or different.
const EVERY: Duration = Duration::from_secs(5);
/// How often it is looked whether there is something to tell. What comes meanwhile is
/// told together: a stack trace has many lines.
const TOLD_EVERY: Duration = Duration::from_secs(2);
/// How often it is asked whether an alert is still muted.
const ASKED_EVERY: SignedDuration = SignedDuration::from_secs(5);
/// So many environments are followed at once. More are not, and that is told.
pub(crate) const MOST_FOLLOWED: usize = 256;

type Alerts = Vec<(Name, Alert)>;

/// An environment whose lines are followed.
struct Task {
    alerts: Alerts,
    running: AbortOnDropHandle<()>,
}

/// Looks for alerts and follows their lines, for ever.
pub(crate) async fn run(app: &App, store: &Arc<LogStore>) {
    let mut tasks: HashMap<EnvironmentId, Task> = HashMap::new();
    loop {
        match wanted(app).await {
            Ok(wanted) => follow(app, store, &mut tasks, wanted),
            Err(error) => tracing::warn!(%error, "alerts can't be read"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

/// The alerts of all environments.
async fn wanted(app: &App) -> Result<HashMap<EnvironmentId, Alerts>, StoreError> {
    let mut wanted = HashMap::new();
    for id in app.store().projects(None).await? {
        let Ok((project, _)) = app.descriptions.project(app.store(), &id).await else {
            continue;
        };
        if project.alerts.is_empty() {
            continue;
        }
        let described = project.environments.keys();
        let mut environments: Vec<EnvironmentId> = described
            .map(|name| EnvironmentId::new(&id, name))
            .collect();
        let deployed = app.store().environments_of(&id).await?.into_iter();
        environments.extend(deployed.filter(|one| project.has_preview(&one.environment)));
        for environment in environments {
            let alerts = project.alerts.iter();
            let alerts = alerts.filter(|(_, alert)| alert.is_about(&environment.environment));
            let alerts: Alerts = alerts
                .map(|(name, alert)| (name.clone(), alert.clone()))
                .collect();
            if !alerts.is_empty() {
                wanted.insert(environment, alerts);
            }
        }
    }
    Ok(wanted)
}

/// Begins to follow what is wanted, and ends to follow what is not.
fn follow(
    app: &App,
    store: &Arc<LogStore>,
    tasks: &mut HashMap<EnvironmentId, Task>,
    wanted: HashMap<EnvironmentId, Alerts>,
) {
    tasks.retain(|environment, task| {
        !task.running.is_finished() && wanted.get(environment) == Some(&task.alerts)
    });
    for (environment, alerts) in wanted {
        if tasks.contains_key(&environment) {
            continue;
        }
        if tasks.len() >= MOST_FOLLOWED {
            tracing::warn!(%environment, "too many environments have alerts: its alerts are not told");
            continue;
        }
        let follower = Follower {
            app: app.clone(),
            environment: environment.clone(),
            watched: Vec::new(),
        };
        let running = follower.run(Arc::clone(store), alerts.clone());
        let running = AbortOnDropHandle::new(tokio::spawn(running));
        tasks.insert(environment, Task { alerts, running });
    }
}

/// Follows the lines of an environment.
struct Follower {
    app: App,
    environment: EnvironmentId,
    watched: Vec<Watching>,
}

/// An alert that is watched.
struct Watching {
    name: Name,
    alert: Alert,
    query: Query,
    lines: Watched,
    /// It is muted at least until then.
    muted_until: Option<Timestamp>,
}

impl Follower {
    /// Follows until the store is closed.
    async fn run(mut self, store: Arc<LogStore>, alerts: Alerts) {
        let kept = match self.app.store().alerts(&self.environment).await {
            Ok(kept) => kept,
            Err(error) => {
                tracing::warn!(%error, environment = %self.environment, "alerts can't be read");
                return;
            }
        };
        for (name, alert) in alerts {
            // The project was checked.
            let Ok(query) = Query::parse(&alert.when) else {
                continue;
            };
            let told_at = kept.get(&name).and_then(|kept| kept.told_at);
            self.watched.push(Watching {
                lines: Watched::new(&alert, told_at),
                name,
                alert,
                query,
                muted_until: None,
            });
        }
        let id = &self.environment;
        let of = Environment::new(
            id.team.as_str(),
            id.project.as_str(),
            id.environment.as_str(),
        );
        let any = Query::any(self.watched.iter().map(|one| one.query.clone()));
        let mut tail = match store.tail(&Scope::environment(of), any) {
            Ok(tail) => tail,
            Err(error) => {
                tracing::warn!(%error, environment = %self.environment, "lines can't be followed");
                return;
            }
        };
        let mut tick = tokio::time::interval(TOLD_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                next = tail.next() => match next {
                    Some(Tailed::Line(record, _)) => {
                        let now = Timestamp::now();
                        for one in &mut self.watched {
                            if one.query.matches(&record) {
                                one.lines.line(record.at, &record.text, now);
                            }
                        }
                    }
                    // Those that were read are told of: a flood is one in any case.
                    Some(Tailed::Missed(_)) => {}
                    None => return,
                },
                _ = tick.tick() => {
                    if let Err(error) = self.tell(Timestamp::now()).await {
                        tracing::warn!(%error, environment = %self.environment, "an alert can't be told");
                    }
                }
            }
        }
    }

    /// Tells what is due and not muted.
    async fn tell(&mut self, now: Timestamp) -> Result<(), StoreError> {
        for one in &mut self.watched {
            let is_muted = one.muted_until.is_some_and(|until| now < until);
            if !one.lines.is_due(now) || is_muted {
                continue;
            }
            let kept = self.app.store().alerts(&self.environment).await?;
            let muted_until = kept.get(&one.name).and_then(|kept| kept.muted_until);
            if let Some(until) = muted_until.filter(|until| now < *until) {
                // It may be told again before.
                one.muted_until = Some(until.min(now + ASKED_EVERY));
                continue;
            }
            let happening = NewHappening {
                environment: self.environment.clone(),
                deployment: None,
                what: What::Alert {
                    alert: one.name.clone(),
                    when: one.alert.when.clone(),
                    over: one.alert.over,
                    within_seconds: one.alert.within.as_secs(),
                    log: one.lines.lines(),
                },
            };
            self.app.hub.record(&[happening]).await?;
            one.lines.told(now);
            let (environment, name) = (&self.environment, &one.name);
            metrics::counter!("estiba_alerts_told_total").increment(1);
            self.app
                .store()
                .set_alert_told(environment, name, now)
                .await?;
        }
        Ok(())
    }
}
