//! What there is, from the Platform API.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{
    Digest, EnvironmentId, InstanceState, Name, Observed, ObservedInstance, ObservedResource,
    ObservedRollout, WholeWorkload,
};
use estiba_target::{TargetError, Url};
use futures::future::try_join_all;
use futures::try_join;

use super::apps::OurApp;
use super::{HerokuTarget, WEB, WORKER, app_named};
use crate::client::Client;
use crate::client::types::{Attachment, Dyno, Process, Release, ReleaseStatus};
use crate::log_lines::{instance, is_one_off};
use crate::marks::{self, Provided, ProvidedKind, RolledOut};
use crate::release_history::{Runs, runs};

/// Everything about an app.
struct Seen {
    app: OurApp,
    workload: Name,
    processes: Vec<Process>,
    dynos: Vec<Dyno>,
    releases: Vec<Release>,
    attachments: BTreeSet<String>,
}

impl HerokuTarget {
    pub(super) async fn observe_environment(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Observed, TargetError> {
        let client = self.client().await?;
        let apps = self.apps_of(environment).await?;
        let seen = try_join_all(apps.into_iter().map(|app| look(client, app))).await?;
        let mut observed = Observed::default();
        for seen in seen {
            observed.resources.extend(seen.resources());
            observed.instances.extend(seen.instances());
            let migrations: BTreeSet<_> = seen.app.marks.migrations.iter().cloned().collect();
            if !migrations.is_empty() {
                observed
                    .migrations
                    .insert(seen.workload.clone(), migrations);
            }
            if let Some(rollout) = seen.rollout() {
                observed.images.extend(seen.image());
                observed.rollouts.insert(seen.workload.clone(), rollout);
            }
        }
        Ok(observed)
    }

    pub(super) async fn urls_of(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Vec<Url>, TargetError> {
        let apps = self.apps_of(environment).await?;
        let served = apps.into_iter().filter_map(|app| {
            let rollout = app.marks.rollout.as_ref()?;
            let url = app.app.web_url.as_ref()?.trim_end_matches('/').to_owned();
            let workload = app.marks.owner.as_ref()?.workload.clone();
            (!rollout.exposure.ports.is_empty()).then_some(Url { workload, url })
        });
        Ok(served.collect())
    }
}

async fn look(client: &Client, app: OurApp) -> Result<Seen, TargetError> {
    let at = |fault: crate::client::fault::Fault| fault.at(&app_named(app.name()));
    let (formation, dynos) = (app.path("/formation"), app.path("/dynos"));
    let attached = app.path("/addon-attachments");
    let attachments = async {
        match app.marks.attachments().next() {
            Some(_) => client.list::<Attachment>(&attached).await.map_err(at),
            None => Ok(Vec::new()),
        }
    };
    let (processes, dynos, releases, attachments) = try_join!(
        async { client.list::<Process>(&formation).await.map_err(at) },
        async {
            let mut all = client.list::<Dyno>(&dynos).await.map_err(at)?;
            all.retain(|dyno| !is_one_off(&dyno.name));
            Ok(all)
        },
        app.releases(client),
        attachments,
    )?;
    let owner = app.marks.owner.as_ref();
    let workload = owner.map(|owner| owner.workload.clone());
    let Some(workload) = workload else {
        return Err(at(crate::client::fault::Fault::Odd("no owner".to_owned())));
    };
    Ok(Seen {
        workload,
        processes,
        dynos,
        releases,
        attachments: attachments.into_iter().map(|one| one.name).collect(),
        app,
    })
}

impl Seen {
    fn resources(&self) -> impl Iterator<Item = (estiba_model::ResourceId, ObservedResource)> + '_ {
        let is_there = |provided: &&Provided| match &provided.kind {
            ProvidedKind::Postgres { attachment } => self.attachments.contains(attachment),
            _ => true,
        };
        let there = self.app.marks.resources.iter().filter(is_there);
        there.map(|provided| {
            let resource = ObservedResource {
                fingerprint: provided.fingerprint.clone(),
                holds_data: matches!(provided.kind, ProvidedKind::Postgres { .. }),
            };
            (provided.id.clone(), resource)
        })
    }

    fn kind(rollout: &RolledOut) -> &'static str {
        if rollout.exposure.ports.is_empty() {
            WORKER
        } else {
            WEB
        }
    }

    fn instances(&self) -> Vec<ObservedInstance> {
        let marks = &self.app.marks;
        let (Some(rollout), Some(version)) = (&marks.rollout, &marks.version) else {
            return Vec::new();
        };
        let of_formation = |dyno: &&Dyno| matches!(dyno.kind.as_str(), WEB | WORKER);
        self.dynos
            .iter()
            .filter(of_formation)
            .filter_map(|dyno| {
                Some(ObservedInstance {
                    name: instance(self.workload.as_str(), &dyno.name)?,
                    workload: self.workload.clone(),
                    version: version.clone(),
                    fingerprint: rollout.fingerprint.clone(),
                    state: state(&dyno.state),
                    restarts: 0,
                })
            })
            .collect()
    }

    fn rollout(&self) -> Option<ObservedRollout> {
        let rollout = self.app.marks.rollout.as_ref()?;
        let kind = Self::kind(rollout);
        let process = self.processes.iter().find(|process| process.kind == kind);
        let replicas = process.map_or(0, |process| process.quantity);
        let wanted = WholeWorkload {
            fingerprint: rollout.fingerprint.clone(),
            replicas,
            exposure: rollout.exposure.clone(),
        };
        let settled = self.runs_image(rollout, kind)
            && self.runs_dynos(kind, replicas)
            && marks::hash(&self.app.vars, &rollout.variables) == rollout.values;
        Some(ObservedRollout { wanted, settled })
    }

    /// What the running image was made from.
    fn image(&self) -> Option<Digest> {
        let rollout = self.app.marks.rollout.as_ref()?;
        self.runs_image(rollout, Self::kind(rollout))
            .then(|| rollout.source.clone())
    }

    /// Whether the image is the one that was rolled out, and no release is under way.
    fn runs_image(&self, rollout: &RolledOut, kind: &str) -> bool {
        let newest = self.releases.first();
        newest.is_some_and(|newest| newest.status != ReleaseStatus::Pending)
            && match runs(&self.releases, kind, rollout.image.hex()) {
                Runs::This => true,
                Runs::Another => false,
                // Long ago, or told in other words: then it was released, at least.
                Runs::Unknown => self.processes.iter().any(|process| process.kind == kind),
            }
    }

    /// Whether there are as many dynos as there should be, and all are up.
    fn runs_dynos(&self, kind: &str, replicas: u32) -> bool {
        let of_kind = self.dynos.iter().filter(|dyno| dyno.kind == kind);
        let states: Vec<_> = of_kind.map(|dyno| state(&dyno.state)).collect();
        let strangers: BTreeMap<_, _> = self
            .processes
            .iter()
            .filter(|process| process.kind != kind && process.quantity > 0)
            .filter(|process| matches!(process.kind.as_str(), WEB | WORKER))
            .map(|process| (&process.kind, process.quantity))
            .collect();
        strangers.is_empty()
            && u32::try_from(states.len()).is_ok_and(|count| count == replicas)
            && states.iter().all(|state| *state == InstanceState::Ready)
    }
}

/// <https://devcenter.heroku.com/articles/platform-api-reference#dyno>. One that sleeps
/// wakes up when it is asked.
fn state(word: &str) -> InstanceState {
    match word {
        "up" | "idle" => InstanceState::Ready,
        "starting" => InstanceState::Starting,
        "crashed" => InstanceState::Crashing,
        _ => InstanceState::Stopped,
    }
}
