//! By the engine in this process.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use async_trait::async_trait;
use estiba_api::DeploymentView;
use estiba_engine::{Engine, Observer, Outcome, Preflight, Request};
use estiba_model::{
    Carried, Cause, DeploymentId, EnvironmentStatus, LogLine, Losses, Mail, MailContent, Name,
    Plan, Project, ProjectId, Release, SecretString, Tried, Url, Version,
};
use estiba_preflight::Compared;
use estiba_target::{ExecIo, LogQuery};
use futures::StreamExt;
use futures::stream::BoxStream;
use jiff::Timestamp;

use super::{Backend, Done, FoundLines, ListedRelease, Wanted, WantedLogs, logs};
use crate::failure::Failure;

/// The engine over this user's state.
pub struct Here(pub Engine);

#[async_trait]
impl Backend for Here {
    async fn status(&self, project: &Project) -> Result<Vec<EnvironmentStatus>, Failure> {
        Ok(self.0.status(project).await?)
    }

    async fn releases(&self, project: &Project) -> Result<Vec<ListedRelease>, Failure> {
        let mut running = Vec::new();
        for environment in project.environments.keys() {
            let id = self.0.environment(project, environment)?;
            if let Some(current) = self.0.current(&id).await? {
                running.push((environment.clone(), current.version));
            }
        }
        let releases = self.0.store().releases(&project.id).await?.into_iter();
        let listed = releases.map(|release| {
            let places = running
                .iter()
                .filter(|(_, version)| *version == release.version);
            ListedRelease {
                environments: places.map(|(environment, _)| environment.clone()).collect(),
                version: release.version,
                commit: release.commit,
                created_at: release.created_at,
            }
        });
        Ok(listed.collect())
    }

    async fn history(
        &self,
        project: &Project,
        environment: &Name,
        limit: u32,
        with_steps: bool,
    ) -> Result<Vec<DeploymentView>, Failure> {
        let id = self.0.environment(project, environment)?;
        let store = self.0.store();
        let mut history = Vec::new();
        let deployments = store.deployments(&id, limit).await?;
        let changes = self.0.changes(&deployments).await?;
        for (deployment, changes) in deployments.into_iter().zip(changes) {
            let steps = match with_steps {
                true => store.steps(deployment.id).await?,
                false => Vec::new(),
            };
            history.push(DeploymentView {
                deployment,
                steps,
                changes,
            });
        }
        Ok(history)
    }

    async fn describe(&self, _: &Project) -> Result<(), Failure> {
        Ok(())
    }

    async fn assemble(
        &self,
        project: &Project,
        version: Option<&Version>,
        observer: &dyn Observer,
    ) -> Result<Release, Failure> {
        let version = version.map(Version::as_str);
        Ok(self.0.assemble(project, version, observer).await?)
    }

    async fn keep(
        &self,
        _: &Project,
        release: &Release,
        observer: &dyn Observer,
    ) -> Result<Version, Failure> {
        self.0.keep(release, observer).await?;
        Ok(release.version.clone())
    }

    async fn deployed(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Option<Version>, Failure> {
        let id = self.0.environment(project, environment)?;
        let current = self.0.current(&id).await?;
        Ok(current.map(|current| current.version))
    }

    async fn distance(
        &self,
        project: &Project,
        environment: &Name,
        release: &Release,
    ) -> Result<Option<usize>, Failure> {
        let without = BTreeSet::new();
        let release = release.clone();
        let plan = self.0.plan(project, environment, release, &without).await?;
        Ok(Some(plan.steps.len()))
    }

    async fn projects(&self) -> Result<Vec<ProjectId>, Failure> {
        Ok(self.0.store().released_projects().await?)
    }

    async fn existing_release(
        &self,
        project: &Project,
        version: &Version,
    ) -> Result<Option<Release>, Failure> {
        Ok(self.0.store().release(&project.id, version).await?)
    }

    async fn plan(
        &self,
        project: &Project,
        environment: &Name,
        version: Option<&Version>,
        without: &BTreeSet<Name>,
        observer: &dyn Observer,
    ) -> Result<Plan, Failure> {
        let existing = match version {
            Some(version) => self.0.store().release(&project.id, version).await?,
            None => None,
        };
        let release = match existing {
            Some(release) => release,
            None => {
                let version = version.map(Version::as_str);
                self.0.assemble(project, version, observer).await?
            }
        };
        let plan = self.0.plan(project, environment, release, without);
        Ok(plan.await?)
    }

    async fn current_version(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Version, Failure> {
        let id = self.0.environment(project, environment)?;
        Ok(self.0.current_version(&id).await?)
    }

    async fn deploy(
        &self,
        project: &Project,
        environment: &Name,
        wanted: Wanted<'_>,
        without: &BTreeSet<Name>,
        observer: &dyn Observer,
    ) -> Result<Done, Failure> {
        let engine = &self.0;
        let request = |version, cause| Request {
            environment: environment.clone(),
            version,
            cause,
            without: without.clone(),
        };
        let request = match wanted {
            Wanted::Release(version) => request(version.clone(), Cause::Deploy),
            Wanted::Promote(from) => {
                request(self.current_version(project, from).await?, Cause::Promote)
            }
            Wanted::Rollback(Some(version)) => request(version.clone(), Cause::Rollback),
            Wanted::Rollback(None) => {
                let id = engine.environment(project, environment)?;
                request(engine.previous_version(&id).await?, Cause::Rollback)
            }
            Wanted::Restart(workloads) => {
                engine
                    .restart_request(project, environment, workloads)
                    .await?
            }
            Wanted::Reset => engine.reset_request(project, environment).await?,
            Wanted::Scale(replicas) => engine.scale_request(project, environment, replicas).await?,
        };
        let outcome = engine.deploy(project, &request, observer).await?;
        Ok(Done::Ended(outcome))
    }

    async fn resume(
        &self,
        project: &Project,
        environment: &Name,
        observer: &dyn Observer,
    ) -> Result<Option<Outcome>, Failure> {
        let id = self.0.environment(project, environment)?;
        Ok(self.0.resume(&id, observer).await?)
    }

    async fn losses(&self, project: &Project, environment: &Name) -> Result<Losses, Failure> {
        Ok(self.0.losses(project, environment).await?)
    }

    async fn down(
        &self,
        project: &Project,
        environment: &Name,
        without: &BTreeSet<Name>,
        observer: &dyn Observer,
    ) -> Result<(), Failure> {
        Ok(self.0.down(project, environment, without, observer).await?)
    }

    async fn carried(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Vec<Carried>, Failure> {
        Ok(self.0.carried(project, environment).await?)
    }

    async fn preflight(
        &self,
        project: &Project,
        environment: &Name,
        wanted: &Preflight,
        observer: &dyn Observer,
    ) -> Result<Vec<Compared>, Failure> {
        let engine = &self.0;
        Ok(engine
            .preflight(project, environment, wanted, observer)
            .await?)
    }

    async fn urls(&self, project: &Project, environment: &Name) -> Result<Vec<Url>, Failure> {
        Ok(self.0.urls(project, environment).await?)
    }

    async fn config(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<BTreeMap<String, String>, Failure> {
        Ok(self.0.config(project, environment).await?)
    }

    async fn replicas(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<BTreeMap<Name, u32>, Failure> {
        Ok(self.0.replicas(project, environment).await?)
    }

    async fn set_config(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
        value: Option<&str>,
    ) -> Result<(), Failure> {
        Ok(self.0.set_config(project, environment, name, value).await?)
    }

    async fn secrets(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Vec<(String, Timestamp)>, Failure> {
        let id = self.0.environment(project, environment)?;
        let names = self.0.store().secret_names(&id).await?;
        Ok(names.into_iter().collect())
    }

    async fn set_secret(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
        value: SecretString,
    ) -> Result<(), Failure> {
        Ok(self.0.set_secret(project, environment, name, value).await?)
    }

    async fn unset_secret(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
    ) -> Result<bool, Failure> {
        let id = self.0.environment(project, environment)?;
        Ok(self.0.store().unset_secret(&id, name).await?)
    }

    async fn logs(
        &self,
        project: &Project,
        environment: &Name,
        workload: &Name,
        query: &LogQuery,
    ) -> Result<BoxStream<'static, Result<LogLine, Failure>>, Failure> {
        let lines = self.0.logs(project, environment, workload, query).await?;
        let failed = |error: estiba_target::TargetError| Failure::because(error.message().clone());
        Ok(lines.map(move |line| line.map_err(failed)).boxed())
    }

    async fn search_logs<'a>(
        &'a self,
        project: &'a Project,
        wanted: &'a WantedLogs,
    ) -> Result<FoundLines<'a>, Failure> {
        logs::read(self, project, wanted).await
    }

    async fn exec(
        &self,
        project: &Project,
        environment: &Name,
        workload: &Name,
        container: Option<Name>,
        command: Vec<String>,
        io: ExecIo,
    ) -> Result<i32, Failure> {
        let code = self
            .0
            .exec(project, environment, workload, container, command, io);
        Ok(code.await?)
    }

    async fn record_acceptance(
        &self,
        project: &Project,
        environment: &Name,
        tried: &Tried,
    ) -> Result<DeploymentId, Failure> {
        let recorded = self.0.record_acceptance(project, environment, tried);
        Ok(recorded.await?)
    }

    async fn mails(&self, project: &Project, environment: &Name) -> Result<Vec<Mail>, Failure> {
        Ok(self.0.mails(project, environment).await?)
    }

    async fn mail(
        &self,
        project: &Project,
        environment: &Name,
        id: u64,
    ) -> Result<MailContent, Failure> {
        Ok(self.0.mail(project, environment, id).await?)
    }

    async fn raw_mail(
        &self,
        project: &Project,
        environment: &Name,
        id: u64,
    ) -> Result<Vec<u8>, Failure> {
        Ok(self.0.raw_mail(project, environment, id).await?)
    }

    async fn clear_mails(&self, project: &Project, environment: &Name) -> Result<(), Failure> {
        Ok(self.0.clear_mails(project, environment).await?)
    }

    async fn backup(
        &self,
        project: &Project,
        environment: &Name,
        resource: Option<&str>,
        to: &Path,
    ) -> Result<(), Failure> {
        Ok(self.0.backup(project, environment, resource, to).await?)
    }

    async fn restore(
        &self,
        project: &Project,
        environment: &Name,
        resource: Option<&str>,
        from: &Path,
    ) -> Result<(), Failure> {
        Ok(self
            .0
            .restore_backup(project, environment, resource, from)
            .await?)
    }
}
