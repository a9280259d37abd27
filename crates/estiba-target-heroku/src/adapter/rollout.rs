//! Making a workload run as it should, and waiting until it does.
//!
//! Config vars come first, all in one request, then the image: each is a release, for
//! which Heroku starts dynos again by itself. A workload that is replaced has no dyno
//! meanwhile. When the new one does not come up, the release before comes back.

use std::collections::BTreeSet;
use std::time::Duration;

use estiba_image::DockerImage;
use estiba_model::{HttpProbe, Quantities, Strategy, message};
use estiba_target::{ContainerSpec, Progress, Redacted, Redactor, RolloutSpec, TargetError};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::apps::OurApp;
use super::watch::Wanted;
use super::{HerokuTarget, WEB, WORKER, app_named};
use crate::client::Client;
use crate::client::types::{Process, Release, ReleaseStatus};
use crate::marks::{self, RolledOut, Vars};
use crate::release_history::{Runs, runs};
use crate::{secret_places, sizes};

impl HerokuTarget {
    pub(super) async fn roll_out_workload(
        &self,
        spec: &RolloutSpec,
        timeout: Duration,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let redactor = Redactor::new(&spec.of.secrets);
        let progress = Redacted {
            progress,
            redactor: &redactor,
        };
        self.roll_out(spec, timeout, &progress)
            .await
            .map_err(|error| redactor.error(&error))
    }

    async fn roll_out(
        &self,
        spec: &RolloutSpec,
        timeout: Duration,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let of = &spec.of;
        let client = self.client().await?;
        let [container] = of.containers.as_slice() else {
            let workload = &of.workload;
            return Err(TargetError::new(message!(
                "{workload} has several containers, and an app of Heroku runs one: make a workload of its own of each",
                "{workload} tiene varios contenedores, y una aplicación de Heroku ejecuta uno: haga de cada uno un componente propio"
            )));
        };
        let setting = self.config.settings.size.as_deref();
        let memory = container.limits.memory_bytes;
        let size = sizes::choose(setting, memory, spec.replicas).map_err(TargetError::new)?;
        if container.limits != Quantities::default() {
            let workload = &of.workload;
            progress.notice(&message!(
                "{workload}: a dyno of size {size} has limits of its own; those of the Score file are not enforced",
                "{workload}: un dyno de tamaño {size} tiene sus propios límites; los del archivo Score no se aplican"
            ));
        }
        let image = self.docker_image(&of.workload, container, None).await?;
        let mut app = self.ensure_app(&of.environment, &of.workload).await?;
        if let Some(left) = client.remaining().filter(|left| *left < FEW_REQUESTS) {
            progress.notice(&message!(
                "only {left} requests to Heroku are left for now, for all who use the key",
                "por ahora quedan solo {left} pedidos a Heroku, para todos los que usan la clave"
            ));
        }
        self.await_pending(&app, progress).await?;
        self.attach_databases(&mut app, &of.environment, container)
            .await?;
        let mut rollout = Rollout {
            client,
            spec,
            kind: if of.exposure.ports.is_empty() {
                WORKER
            } else {
                WEB
            },
            size,
            image: &image,
            probe: probe(container),
            deadline: Instant::now() + timeout,
        };
        let wanted = rollout.wanted_vars(&app, container);
        let ours = ours(&app);
        let change = marks::difference(&app.vars, &wanted, &ours);
        let releases = app.releases(client).await?;
        let runs_image = runs(&releases, rollout.kind, image.id.hex()) == Runs::This;
        if change.is_empty() && runs_image {
            // Nothing but how many there are.
            let since = releases.iter().find(|one| one.current);
            rollout.scale(&app, spec.replicas).await?;
            let since = since.map_or(0, |current| current.version);
            return rollout.settle(&app, since, progress).await;
        }
        if !runs_image {
            self.push(&app, rollout.kind, &image).await?;
            // However long that took.
            rollout.deadline = Instant::now() + timeout;
        }
        let before = rollout.before(&app, &releases).await?;
        let carried = rollout.carry_out(&mut app, &change, !runs_image, progress);
        match carried.await {
            Ok(()) => Ok(()),
            Err(error) => {
                if let Some(before) = before {
                    rollout.go_back(&mut app, &before, progress).await;
                }
                Err(error)
            }
        }
    }
}

/// What worked before a rollout.
struct Before {
    release: Release,
    vars: Vars,
    processes: Vec<Process>,
}

/// A rollout that is under way.
struct Rollout<'a> {
    client: &'a Client,
    spec: &'a RolloutSpec,
    kind: &'static str,
    size: String,
    image: &'a DockerImage,
    probe: Option<&'a HttpProbe>,
    deadline: Instant,
}

impl Rollout<'_> {
    /// The config vars of the workload, and the marks of the rollout.
    fn wanted_vars(&self, app: &OurApp, container: &ContainerSpec) -> Vars {
        let of = &self.spec.of;
        let own = container.variables.iter();
        let mut wanted: Vars = own
            .filter(|(name, _)| !marks::is_reserved(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        let variables: BTreeSet<String> = wanted.keys().cloned().collect();
        let mut all = app.vars.clone();
        all.extend(wanted.clone());
        let rolled_out = RolledOut {
            fingerprint: of.fingerprint.clone(),
            exposure: of.exposure.clone(),
            container: container.name.clone(),
            image: self.image.id.clone(),
            source: container.image.clone(),
            has_entry_point: self.image.has_entry_point,
            values: marks::hash(&all, &variables),
            secrets: secret_places::find(&wanted, &of.secrets),
            variables,
        };
        wanted.extend(marks::rolled_out(&of.version, &rolled_out));
        wanted
    }

    /// What to go back to, where something of Estiba's runs.
    async fn before(
        &self,
        app: &OurApp,
        releases: &[Release],
    ) -> Result<Option<Before>, TargetError> {
        let current = releases.iter().find(|release| release.current);
        let (Some(release), Some(_)) = (current, &app.marks.rollout) else {
            return Ok(None);
        };
        let processes = self.processes(app).await?;
        let runs = processes.iter().any(|process| process.quantity > 0);
        Ok(runs.then(|| Before {
            release: release.clone(),
            vars: app.vars.clone(),
            processes,
        }))
    }

    async fn carry_out(
        &self,
        app: &mut OurApp,
        change: &marks::Change,
        brings_image: bool,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        if self.spec.strategy == Strategy::Replace || self.spec.replicas == 0 {
            self.scale(app, 0).await?;
            app.await_none(self.client, self.kind, self.deadline)
                .await?;
        }
        app.change(self.client, change).await?;
        // A release phase holds a changed config var back too.
        app.await_newest(self.client, progress).await?;
        if brings_image {
            let images = [(self.kind, self.image)];
            app.release_images(self.client, &images, progress).await?;
        }
        let mut releases = app.releases(self.client).await?;
        let is_pending = |one: &&Release| one.status == ReleaseStatus::Pending;
        // A changed config var takes effect when its release phase has ended.
        if let Some(pending) = releases.first().filter(is_pending).cloned() {
            app.await_release(self.client, &pending, progress).await?;
            releases = app.releases(self.client).await?;
        }
        let current = releases.iter().find(|release| release.current);
        let since = current.map_or(0, |current| current.version);
        self.scale(app, self.spec.replicas).await?;
        self.settle(app, since, progress).await
    }

    /// Waits until the wanted dynos run.
    async fn settle(
        &self,
        app: &OurApp,
        since: u64,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let wanted = Wanted {
            kind: self.kind,
            copies: self.spec.replicas,
            since,
            command: self.command(),
            probe: self.probe,
            deadline: self.deadline,
        };
        app.await_dynos(self.client, &wanted, progress).await
    }

    fn command(&self) -> &[String] {
        let container = self.spec.of.containers.first();
        container.map_or(&[], |container| &container.command)
    }

    async fn processes(&self, app: &OurApp) -> Result<Vec<Process>, TargetError> {
        let processes = self.client.list(&app.path("/formation")).await;
        processes.map_err(|fault| fault.at(&app_named(app.name())))
    }

    /// So many dynos of the process type, and none of the other one that a workload may
    /// have had before.
    async fn scale(&self, app: &OurApp, copies: u32) -> Result<(), TargetError> {
        let update = |process: &Process| -> Option<Value> {
            let kind = process.kind.as_str();
            if kind == self.kind {
                let differs =
                    process.quantity != copies || !sizes::is_same(&process.size, &self.size);
                let size = json!({ "name": self.size });
                return differs
                    .then(|| json!({ "type": kind, "quantity": copies, "dyno_size": size }));
            }
            let is_other = matches!(kind, WEB | WORKER) && process.quantity > 0;
            is_other.then(|| json!({ "type": kind, "quantity": 0 }))
        };
        let updates = self.processes(app).await?;
        let updates: Vec<Value> = updates.iter().filter_map(update).collect();
        self.update(app, updates).await
    }

    async fn update(&self, app: &OurApp, updates: Vec<Value>) -> Result<(), TargetError> {
        if updates.is_empty() {
            return Ok(());
        }
        let body = json!({ "updates": updates });
        let updated: Result<Vec<Process>, _> =
            self.client.patch(&app.path("/formation"), &body).await;
        updated
            .map(drop)
            .map_err(|fault| fault.at(&app_named(app.name())))
    }

    /// What worked before comes back, with its image, config vars and copies. That the
    /// new one failed is told in any case.
    async fn go_back(&self, app: &mut OurApp, before: &Before, progress: &dyn Progress) {
        let version = before.release.version;
        progress.notice(&message!(
            "{}: going back to release v{version}",
            "{}: se vuelve a la versión v{version}",
            app.name()
        ));
        if let Err(error) = self.restore(app, before, progress).await {
            progress.notice(error.message());
        }
    }

    async fn restore(
        &self,
        app: &mut OurApp,
        before: &Before,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        if self.spec.strategy == Strategy::Replace {
            self.scale(app, 0).await?;
            let deadline = Instant::now() + GO_BACK_LIMIT;
            app.await_none(self.client, self.kind, deadline).await?;
        }
        let releases = app.releases(self.client).await?;
        let is_current = |one: &&Release| one.current && one.version == before.release.version;
        if !releases.iter().any(|one| is_current(&one)) {
            app.roll_back_to(self.client, &before.release, progress)
                .await?;
        }
        let vars = self.client.get(&app.path("/config-vars")).await;
        app.vars = vars.map_err(|fault| fault.at(&app_named(app.name())))?;
        app.marks = marks::Marks::read(&app.vars);
        let ours = ours(app);
        let set_then = marks::of_rollout(&before.vars);
        let change = marks::difference(&app.vars, &set_then, &ours);
        app.change(self.client, &change).await?;
        app.await_newest(self.client, progress).await?;
        let updates = before.processes.iter().map(|process| {
            let size = json!({ "name": process.size.to_lowercase() });
            json!({ "type": process.kind, "quantity": process.quantity, "dyno_size": size })
        });
        self.update(app, updates.collect()).await
    }
}

/// Fewer than a deployment may need.
const FEW_REQUESTS: u64 = 100;
/// How long what did not come up may take to go.
const GO_BACK_LIMIT: Duration = Duration::from_secs(60);

/// The config vars that Estiba set, marks of a rollout included.
fn ours(app: &OurApp) -> BTreeSet<String> {
    let rollout = app.marks.rollout.iter();
    rollout
        .flat_map(|rollout| rollout.variables.iter().cloned())
        .collect()
}

/// What tells that a workload serves: Heroku itself asks nothing.
fn probe(container: &ContainerSpec) -> Option<&HttpProbe> {
    let probes = [&container.readiness, &container.liveness];
    probes
        .into_iter()
        .flatten()
        .find_map(|probe| probe.http.as_ref())
}
