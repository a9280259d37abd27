//! Emptying the databases of an environment, where it says that this may be done.
//!
//! A reset is a deployment of the release that runs. Whoever uses the databases is ended
//! first; then what is in each is kept aside in a file, and an empty backup is restored
//! in its place. From there on it is a first deployment: migrations run, and instances
//! start. Where that fails, or is taken over half-way, what was kept aside is put back
//! and what worked before is restored.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use estiba_model::{
    Cause, Deployment, DeploymentId, Desired, Event, Message, Name, Project, ResourceId, Step,
    StepState, message,
};
use estiba_planner::plan;
use estiba_target::Target;

use crate::apply::{StepFailure, apply};
use crate::database::POSTGRES;
use crate::deploy::Request;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::observer::{Observer, Silent};
use crate::reach::observe;
use crate::runtime::Runtime;

/// A backup of a database in which nothing is, as `pg_dump -Fc` of PostgreSQL 15 wrote
/// it: `pg_restore` reads what older ones wrote.
const EMPTY: &[u8] = include_bytes!("empty.dump");

impl Engine {
    /// The release that runs, over databases that are emptied; what is returned brings it
    /// about.
    ///
    /// # Errors
    /// When the environment does not say that this may be done, or runs nothing.
    pub async fn reset_request(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Request, EngineError> {
        let id = self.environment(project, environment)?;
        self.may_reset(project, environment)?;
        Ok(Request {
            environment: environment.clone(),
            version: self.current_version(&id).await?,
            cause: Cause::Reset,
            without: BTreeSet::new(),
        })
    }

    /// Refuses an environment whose data is not to be lost.
    pub(crate) fn may_reset(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<(), EngineError> {
        if !project.environments[environment].reset {
            return Err(EngineError::refused(message!(
                "{environment} may not be reset: only an environment with `reset: true` in estiba.yaml has its databases emptied",
                "{environment} no se puede vaciar: solo se vacían las bases de datos de un ambiente con `reset: true` en estiba.yaml"
            )));
        }
        if self.kept_aside.is_none() {
            return Err(EngineError::refused(message!(
                "there is no folder to keep data aside while databases are emptied",
                "no hay una carpeta para apartar los datos mientras se vacían las bases"
            )));
        }
        Ok(())
    }

    /// Where a reset keeps aside what was in databases.
    fn aside(&self, id: DeploymentId) -> Option<PathBuf> {
        let folder = self.kept_aside.as_ref()?;
        Some(folder.join(id.0.to_string()))
    }

    /// The part of a reset that comes before the deployment: ends whoever uses the
    /// databases, and empties those that are not empty by now. Of any other deployment
    /// there is no such part.
    pub(crate) async fn empty_first(
        &self,
        attempt: &Runtime<'_>,
        id: DeploymentId,
        observer: &dyn Observer,
    ) -> Result<Result<(), StepFailure>, EngineError> {
        if self.store.deployment(id).await?.cause != Cause::Reset {
            return Ok(Ok(()));
        }
        let taken = self.taken(id).await?;
        let left: Vec<Step> = databases(attempt)
            .filter(|(resource, _)| taken.get(*resource) != Some(&StepState::Done))
            .map(|(resource, target)| Step::Empty {
                resource: resource.clone(),
                target: target.clone(),
            })
            .collect();
        if left.is_empty() {
            return Ok(Ok(()));
        }
        let environment = attempt.environment();
        let Some(running) = self.last_inputs(environment).await? else {
            return Err(Self::nothing_deployed(&environment.environment));
        };
        // As it was deployed: what ends is what runs.
        let mut runtime = self.runtime(running).await?;
        let users = users(attempt);
        pause(&mut runtime.desired, &users);
        runtime.aside = self.aside(id);
        let observed = observe(&runtime.targets, environment).await?;
        let mut plan = plan(&runtime.desired, &observed);
        plan.steps.retain(|step| ends_one_of(step, &users));
        plan.steps.extend(left);
        observer.event(Event::Planned {
            deployment: id,
            plan: plan.clone(),
        });
        apply(&runtime, &self.store, id, &plan, observer).await
    }

    /// Puts back what a reset has kept aside; what of it could not be.
    pub(crate) async fn put_back(
        &self,
        attempt: &Runtime<'_>,
        id: DeploymentId,
        observer: &dyn Observer,
    ) -> Result<Option<Message>, EngineError> {
        let taken = self.taken(id).await?;
        let Some(folder) = self.aside(id).filter(|_| !taken.is_empty()) else {
            return Ok(None);
        };
        let (mut steps, mut lost) = (Vec::new(), Vec::new());
        for (resource, target) in databases(attempt) {
            let file = file_of(&folder, resource);
            if file.is_file() {
                steps.push(Step::PutBack {
                    resource: resource.clone(),
                    target: target.clone(),
                });
            } else if taken.get(resource) == Some(&StepState::Done) {
                lost.push(kept_elsewhere(resource, &file));
            }
        }
        let mut runtime = self.runtime(attempt.bound.inputs.clone()).await?;
        runtime.aside = Some(folder.clone());
        let mut plan = estiba_model::Plan {
            environment: attempt.environment().clone(),
            version: None,
            steps,
            kept: Vec::new(),
        };
        // One that fails does not keep the others from it.
        while !plan.steps.is_empty() {
            match apply(&runtime, &self.store, id, &plan, observer).await? {
                Ok(()) => plan.steps.clear(),
                Err(failure) => {
                    lost.push(not_put_back(&failure.error, &folder));
                    plan.steps.drain(..=failure.index);
                }
            }
        }
        if lost.is_empty() {
            forget(&folder);
            return Ok(None);
        }
        Ok(Some(crate::apply::join(lost)))
    }

    /// Undoes a reset that was interrupted and is not carried on, before another
    /// deployment takes its place.
    pub(crate) async fn undo(&self, dead: &Deployment) -> Result<(), EngineError> {
        if dead.cause != Cause::Reset {
            return Ok(());
        }
        let runtime = self.runtime(self.inputs_of(dead).await?).await?;
        match self.put_back(&runtime, dead.id, &Silent).await? {
            None => Ok(()),
            Some(why) => Err(EngineError::refused(why)),
        }
    }

    /// Forgets what was kept aside: all is well.
    pub(crate) fn forget_aside(&self, id: DeploymentId) {
        if let Some(folder) = self.aside(id) {
            forget(&folder);
        }
    }

    /// The databases that a deployment is to empty, and how far it is with each.
    async fn taken(
        &self,
        id: DeploymentId,
    ) -> Result<BTreeMap<ResourceId, StepState>, EngineError> {
        let steps = self.store.steps(id).await?.into_iter();
        Ok(steps
            .filter_map(|record| match record.step {
                Step::Empty { resource, .. } => Some((resource, record.state)),
                _ => None,
            })
            .collect())
    }
}

impl Runtime<'_> {
    /// Keeps aside what is in a database, once, and empties it.
    pub(crate) async fn empty(
        &self,
        target: &dyn Target,
        resource: &ResourceId,
    ) -> Result<(), EngineError> {
        let folder = self.aside_folder()?;
        let database = self.resource(resource).await?;
        let file = file_of(&folder, resource);
        if !file.is_file() {
            let part = file.with_extension("part");
            remove(&part).map_err(|error| unusable(&part, &error))?;
            target.backup(self.environment(), &database, &part).await?;
            settle(&part, &file, &folder).map_err(|error| unusable(&file, &error))?;
        }
        let empty = folder.join("empty.dump");
        write(&empty, EMPTY).map_err(|error| unusable(&empty, &error))?;
        Ok(target
            .restore(self.environment(), &database, &empty)
            .await?)
    }

    /// Puts back what was in a database before it was emptied.
    pub(crate) async fn refill(
        &self,
        target: &dyn Target,
        resource: &ResourceId,
    ) -> Result<(), EngineError> {
        let file = file_of(&self.aside_folder()?, resource);
        let database = self.resource(resource).await?;
        Ok(target.restore(self.environment(), &database, &file).await?)
    }

    fn aside_folder(&self) -> Result<PathBuf, EngineError> {
        let Some(folder) = self.aside.clone() else {
            return Err(EngineError::refused(message!(
                "there is no folder to keep data aside",
                "no hay una carpeta para apartar los datos"
            )));
        };
        let made = fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder);
        made.map_err(|error| unusable(&folder, &error))?;
        Ok(folder)
    }
}

/// The databases of a release, each with its target.
fn databases<'r>(runtime: &'r Runtime<'_>) -> impl Iterator<Item = (&'r ResourceId, &'r Name)> {
    let all = runtime.bound.resources.iter();
    let databases = all.filter(|one| one.resource.kind == POSTGRES);
    databases.map(|one| (&one.id, &one.target))
}

/// Whether a release has something to empty.
pub(crate) fn check_databases(runtime: &Runtime<'_>) -> Result<(), EngineError> {
    if databases(runtime).next().is_some() {
        return Ok(());
    }
    let environment = &runtime.environment().environment;
    Err(EngineError::refused(message!(
        "no workload of {environment} has a database, so there is nothing to empty",
        "ningún componente de {environment} tiene una base de datos, así que no hay nada que vaciar"
    )))
}

/// The workloads that use databases.
fn users(runtime: &Runtime<'_>) -> BTreeSet<Name> {
    let all = runtime.bound.resources.iter();
    let databases = all.filter(|one| one.resource.kind == POSTGRES);
    databases
        .flat_map(|one| one.users.iter().cloned())
        .collect()
}

/// What runs, with nobody at the databases.
fn pause(desired: &mut Desired, users: &BTreeSet<Name>) {
    desired.acceptance.clear();
    let mut workloads = desired.workloads.iter_mut();
    for workload in workloads.by_ref().filter(|one| users.contains(&one.name)) {
        workload.replicas = 0;
        workload.migration = None;
        workload.smoke = false;
    }
}

fn ends_one_of(step: &Step, users: &BTreeSet<Name>) -> bool {
    let is_end = matches!(
        step,
        Step::Route { .. } | Step::Stop { .. } | Step::RollOut { .. } | Step::Withdraw { .. }
    );
    is_end && step.workload().is_some_and(|one| users.contains(one))
}

fn file_of(folder: &Path, resource: &ResourceId) -> PathBuf {
    let name = estiba_model::Digest::of(resource.0.as_bytes());
    folder.join(format!("{}.dump", name.short()))
}

/// Gives a whole file its name. The database is emptied next, so it has to outlast a
/// power cut.
fn settle(part: &Path, file: &Path, folder: &Path) -> io::Result<()> {
    fs::File::open(part)?.sync_all()?;
    fs::rename(part, file)?;
    fs::File::open(folder)?.sync_all()
}

fn write(file: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = fs::OpenOptions::new();
    let options = options.write(true).create(true).truncate(true).mode(0o600);
    io::Write::write_all(&mut options.open(file)?, content)
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn forget(folder: &Path) {
    // What is left of it is in nobody's way.
    let _ = fs::remove_dir_all(folder);
}

fn unusable(path: &Path, error: &io::Error) -> EngineError {
    let path = path.display();
    EngineError::refused(message!(
        "{path} can't be written: {error}",
        "no se puede escribir {path}: {error}"
    ))
}

fn kept_elsewhere(resource: &ResourceId, file: &Path) -> Message {
    let file = file.display();
    message!(
        "what was in {resource} is not in {file}: the machine that emptied it has it there; `estiba db restore` puts it back",
        "lo que había en {resource} no está en {file}: lo tiene allí la máquina que la vació; `estiba db restore` lo repone"
    )
}

fn not_put_back(why: &Message, folder: &Path) -> Message {
    let Message { en, es } = why;
    let folder = folder.display();
    message!(
        "what was in a database before it was emptied could not be put back ({en}); it is in {folder}, and `estiba db restore` puts it back",
        "no se pudo reponer lo que había en una base de datos antes de vaciarla ({es}); está en {folder}, y `estiba db restore` lo repone"
    )
}
