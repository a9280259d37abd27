//! Forwards what the store of logs has to the clusters of projects, and to that of the
//! server.
//!
//! A task for each cluster of a project, and one for all projects that name none. Where
//! each stands is noted by the store. A project whose cluster can't be used yet keeps its
//! lines for it all the same.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use estiba_log_cluster::{Cluster, Figures, Forwarder, Watch};
use estiba_log_store::{Environment, LogStore, Scope};
use estiba_model::{LogsTo, ProjectId};
use estiba_store::StoreError;
use tokio_util::task::AbortOnDropHandle;

use crate::clusters::Found;
use crate::logs::as_figure;
use crate::state::App;

/// How often it is looked what projects say, and what their secrets are.
const EVERY: Duration = Duration::from_secs(5);

/// A team and a project, as lines have them.
type Names = (String, String);

/// What forwarders did and do, for Prometheus.
#[derive(Default)]
pub(crate) struct Forwarding(Mutex<State>);

#[derive(Default)]
struct State {
    running: Vec<(Arc<Figures>, Watch)>,
    /// Of those that have ended.
    before: Totals,
}

#[derive(Default, Clone, Copy)]
struct Totals {
    sent: u64,
    refused: u64,
    failures: u64,
}

impl Totals {
    fn add(&mut self, figures: &Figures, watch: &Watch) {
        self.sent += figures.sent();
        self.refused += figures.refused();
        self.failures += watch.failed_requests() + figures.unprepared();
    }
}

impl Forwarding {
    fn begin(&self, forwarder: &Forwarder) -> Arc<Figures> {
        let figures = forwarder.figures();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state
            .running
            .push((Arc::clone(&figures), forwarder.watch()));
        figures
    }

    fn end(&self, of: &Arc<Figures>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        let before = &mut state.before;
        state.running.retain(|(figures, watch)| {
            let goes_on = !Arc::ptr_eq(figures, of);
            if !goes_on {
                before.add(figures, watch);
            }
            goes_on
        });
    }

    /// Tells Prometheus.
    pub async fn measure(&self, store: &LogStore) {
        let (totals, down, is_used) = {
            let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let mut totals = state.before;
            let running = &state.running;
            running
                .iter()
                .for_each(|(figures, watch)| totals.add(figures, watch));
            let is_down =
                |figures: &Figures, watch: &Watch| watch.is_down() || figures.is_unprepared();
            let down = running
                .iter()
                .filter(|(figures, watch)| is_down(figures, watch));
            let down = down.count();
            (totals, down, !running.is_empty())
        };
        let forwarded = match store.forwarding(&Scope::everything()).await {
            Ok(forwarded) => forwarded,
            Err(error) => {
                tracing::debug!(%error, "what waits to be forwarded can't be counted");
                return;
            }
        };
        if !is_used && forwarded.is_empty() {
            return;
        }
        let waiting = forwarded.iter().map(|one| one.waiting).sum();
        let lost = forwarded.iter().map(|one| one.lost).sum();
        metrics::gauge!("estiba_logs_forward_waiting_lines").set(as_figure(waiting));
        metrics::gauge!("estiba_logs_forward_down_clusters").set(as_figure(down as u64));
        metrics::counter!("estiba_logs_forward_sent_lines_total").absolute(totals.sent);
        metrics::counter!("estiba_logs_forward_refused_lines_total").absolute(totals.refused);
        metrics::counter!("estiba_logs_forward_failures_total").absolute(totals.failures);
        metrics::counter!("estiba_logs_forward_lost_lines_total").absolute(lost);
    }
}

/// A forwarder that runs.
struct Task {
    cluster: Arc<Cluster>,
    figures: Arc<Figures>,
    _running: AbortOnDropHandle<()>,
}

/// The projects that name a cluster, each with what came of it.
type Wanted = BTreeMap<ProjectId, (LogsTo, Found)>;

/// Forwards, for ever. `folder` is for what clusters refuse for good.
pub(crate) async fn run(app: &App, store: &Arc<LogStore>, folder: &Path) {
    let mut tasks: BTreeMap<Option<ProjectId>, Task> = BTreeMap::new();
    let mut left_out: BTreeSet<ProjectId> = BTreeSet::new();
    loop {
        match wanted(app).await {
            Ok(wanted) => {
                let named: BTreeSet<_> = wanted.keys().cloned().collect();
                if named != left_out {
                    // What that of the server covers has changed.
                    end(app, &mut tasks, &None);
                    left_out = named;
                }
                of_projects(app, store, folder, &mut tasks, &wanted);
                of_server(app, store, folder, &mut tasks, &wanted);
                keep(app, store, &wanted);
            }
            Err(error) => tracing::warn!(%error, "where logs are forwarded to can't be read"),
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn wanted(app: &App) -> Result<Wanted, StoreError> {
    let mut wanted = Wanted::new();
    for id in app.store().projects(None).await? {
        let Ok((project, _)) = app.descriptions.project(app.store(), &id).await else {
            continue;
        };
        if let Some(said) = &project.logs {
            let found = app.clusters.look(app.store(), &project, said).await?;
            wanted.insert(id, (said.clone(), found));
        }
    }
    Ok(wanted)
}

fn of_projects(
    app: &App,
    store: &Arc<LogStore>,
    folder: &Path,
    tasks: &mut BTreeMap<Option<ProjectId>, Task>,
    wanted: &Wanted,
) {
    let is_wanted = |id: &ProjectId, task: &Task| {
        let found = wanted.get(id).and_then(|(_, found)| found.as_ref().ok());
        found.is_some_and(|cluster| Arc::ptr_eq(cluster, &task.cluster))
    };
    let ended: Vec<_> = tasks
        .iter()
        .filter(|(id, task)| id.as_ref().is_some_and(|id| !is_wanted(id, task)))
        .map(|(id, _)| id.clone())
        .collect();
    for id in ended {
        end(app, tasks, &id);
    }
    for (id, (_, found)) in wanted {
        let key = Some(id.clone());
        let Ok(cluster) = found else { continue };
        if !tasks.contains_key(&key) {
            let of = names(id);
            let covers = move |one: &Environment| one.team == of.0 && one.project == of.1;
            let place = folder.join(id.team.as_str()).join(id.project.as_str());
            begin(app, store, tasks, key, cluster, Box::new(covers), &place);
        }
    }
}

fn of_server(
    app: &App,
    store: &Arc<LogStore>,
    folder: &Path,
    tasks: &mut BTreeMap<Option<ProjectId>, Task>,
    wanted: &Wanted,
) {
    let Some(Ok(cluster)) = app.clusters.of_server() else {
        return;
    };
    if tasks.contains_key(&None) {
        return;
    }
    let others: BTreeSet<Names> = wanted.keys().map(names).collect();
    let covers =
        move |one: &Environment| !others.contains(&(one.team.clone(), one.project.clone()));
    begin(app, store, tasks, None, cluster, Box::new(covers), folder);
}

/// What a cluster that can't be used yet is to have is kept for it, and nothing for one
/// that is not wanted any more.
fn keep(app: &App, store: &LogStore, wanted: &Wanted) {
    let of: BTreeMap<Names, &(LogsTo, Found)> =
        wanted.iter().map(|(id, what)| (names(id), what)).collect();
    for environment in store.all_environments() {
        let key = (environment.team.clone(), environment.project.clone());
        let kept = match of.get(&key) {
            Some((said, Err(_))) => {
                let to = format!("{}/{}", said.to.trim_end_matches('/'), said.index);
                store.forward(&environment, &to).map(drop)
            }
            Some((_, Ok(_))) => Ok(()),
            None if app.clusters.of_server().is_some() => Ok(()),
            None => store.stop_forwarding(&environment),
        };
        if let Err(error) = kept {
            tracing::warn!(%environment, %error, "how far logs are forwarded can't be noted");
        }
    }
}

fn begin(
    app: &App,
    store: &Arc<LogStore>,
    tasks: &mut BTreeMap<Option<ProjectId>, Task>,
    key: Option<ProjectId>,
    cluster: &Arc<Cluster>,
    covers: estiba_log_cluster::Covers,
    folder: &Path,
) {
    let forwarder = Forwarder::new(Arc::clone(store), Arc::clone(cluster), covers, folder);
    let forwarder = match forwarder {
        Ok(forwarder) => forwarder,
        Err(error) => {
            tracing::error!(%error, "logs can't be forwarded");
            return;
        }
    };
    let task = Task {
        cluster: Arc::clone(cluster),
        figures: app.forwarding.begin(&forwarder),
        _running: AbortOnDropHandle::new(tokio::spawn(forwarder.run())),
    };
    tasks.insert(key, task);
}

fn end(app: &App, tasks: &mut BTreeMap<Option<ProjectId>, Task>, key: &Option<ProjectId>) {
    if let Some(task) = tasks.remove(key) {
        app.forwarding.end(&task.figures);
    }
}

fn names(id: &ProjectId) -> Names {
    (id.team.to_string(), id.project.to_string())
}
