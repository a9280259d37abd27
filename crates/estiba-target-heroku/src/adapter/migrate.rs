//! Running a migration to its end, once, in Heroku's release phase
//! (<https://devcenter.heroku.com/articles/release-phase>).
//!
//! The migration is released alone, as the process type `release`: Heroku runs it
//! before the release takes effect, and a failure leaves everything as it was. The
//! images of the workload come later, in a release of their own. Since Heroku would run
//! it again for every later release, also for a changed config var, an image that does
//! nothing then takes its place.

use std::collections::BTreeSet;

use estiba_model::{Fingerprint, message};
use estiba_target::{Progress, Redacted, Redactor, TargetError, Task, TaskSpec};

use super::apps::{OurApp, set};
use super::{HerokuTarget, RELEASE};
use crate::client::types::ReleaseStatus;
use crate::marks::{self, Migrating, Vars};
use crate::release_history::{Runs, bringing, runs};

/// Makes the image of a migration differ from that of any other, so that the releases
/// tell whether it ran.
const LABEL: &str = "dev.estiba.migration";

impl HerokuTarget {
    pub(super) async fn carry_out_task(
        &self,
        spec: &TaskSpec,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        require_migration(spec)?;
        let redactor = Redactor::new(&spec.secrets);
        let progress = Redacted {
            progress,
            redactor: &redactor,
        };
        self.migrate_once(spec, &progress)
            .await
            .map_err(|error| redactor.error(&error))
    }

    async fn migrate_once(
        &self,
        spec: &TaskSpec,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let mut app = self.ensure_app(&spec.environment, &spec.workload).await?;
        if app.marks.migrations.contains(&spec.fingerprint) {
            return Ok(());
        }
        let label = Some((LABEL, spec.fingerprint.to_string()));
        let image = self
            .docker_image(&spec.workload, &spec.container, label)
            .await?;
        let client = self.client().await?;
        // One that an Estiba began which was killed then goes on.
        self.await_pending(&app, progress).await?;
        let releases = app.releases(client).await?;
        let is_ours = |one: &&Migrating| one.fingerprint == spec.fingerprint;
        let begun = app.marks.migrating.as_ref().filter(is_ours);
        let begun = begun.and_then(|_| bringing(&releases, RELEASE, image.id.hex()));
        if begun.is_none_or(|begun| begun.status != ReleaseStatus::Succeeded) {
            let before = app.vars.clone();
            self.attach_databases(&mut app, &spec.environment, &spec.container)
                .await?;
            self.set_variables(&mut app, spec).await?;
            self.push(&app, RELEASE, &image).await?;
            let images = [(RELEASE, &image)];
            let released = app.release_images(client, &images, progress).await;
            if let Err(error) = released {
                self.undo(&mut app, spec, &before, progress).await;
                return Err(failed(spec, &error));
            }
        }
        self.retire(&app, progress).await?;
        self.note(&mut app, &spec.fingerprint).await
    }

    /// Gives the app the config vars that the migration needs, and the mark that it was
    /// begun.
    async fn set_variables(&self, app: &mut OurApp, spec: &TaskSpec) -> Result<(), TargetError> {
        let mut wanted = variables(spec);
        let new = wanted.keys().filter(|name| !app.vars.contains_key(*name));
        let left = app.marks.migrating.iter().flat_map(|one| &one.added);
        let migrating = Migrating {
            fingerprint: spec.fingerprint.clone(),
            added: new.chain(left).cloned().collect(),
        };
        wanted.extend(marks::migrating(&migrating));
        let change = marks::difference(&app.vars, &wanted, &BTreeSet::new());
        app.change(self.client().await?, &change).await
    }

    /// The config vars are as before it; why it failed matters more than that.
    async fn undo(
        &self,
        app: &mut OurApp,
        spec: &TaskSpec,
        before: &Vars,
        progress: &dyn Progress,
    ) {
        let mut change = marks::not_migrating(app.marks.migrating.as_ref());
        let earlier = variables(spec).into_keys().filter_map(|name| {
            let value = before.get(&name)?;
            (app.vars.get(&name) != Some(value)).then(|| (name, Some(value.clone())))
        });
        change.extend(earlier);
        let undone = match self.client().await {
            Ok(client) => app.change(client, &change).await,
            Err(error) => Err(error),
        };
        if let Err(error) = undone {
            progress.notice(error.message());
        }
    }

    /// Puts what does nothing in the place of what has been done.
    async fn retire(&self, app: &OurApp, progress: &dyn Progress) -> Result<(), TargetError> {
        let nothing = self.nothing().await?;
        let client = self.client().await?;
        let releases = app.releases(client).await?;
        if runs(&releases, RELEASE, nothing.id.hex()) == Runs::This {
            return Ok(());
        }
        self.push(app, RELEASE, &nothing).await?;
        app.release_images(client, &[(RELEASE, &nothing)], progress)
            .await
            .map(drop)
    }

    async fn note(&self, app: &mut OurApp, done: &Fingerprint) -> Result<(), TargetError> {
        let mut change = marks::not_migrating(app.marks.migrating.as_ref());
        change.extend(set(marks::migrated(&app.marks.migrations, done)));
        app.change(self.client().await?, &change).await
    }
}

fn variables(spec: &TaskSpec) -> Vars {
    let all = spec.container.variables.iter();
    all.filter(|(name, _)| !marks::is_reserved(name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn failed(spec: &TaskSpec, error: &TargetError) -> TargetError {
    let failed = spec.task.failed(&spec.workload, &spec.version);
    TargetError::new(failed.because(error.message())).with_log(error.log().to_vec())
}

/// The release phase is for what a release needs before it takes effect; what is run
/// beside it would be a release more, and make the dynos start again.
fn require_migration(spec: &TaskSpec) -> Result<(), TargetError> {
    if spec.task == Task::Migration {
        return Ok(());
    }
    let workload = &spec.workload;
    Err(TargetError::new(message!(
        "Heroku runs nothing beside an app: {workload} has to be placed on another target",
        "Heroku no ejecuta nada al lado de una aplicación: {workload} tiene que ubicarse en otra plataforma"
    )))
}
