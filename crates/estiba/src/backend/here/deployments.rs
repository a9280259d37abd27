//! What environments run, and changing it.

use std::collections::BTreeSet;

use async_trait::async_trait;
use estiba_api::DeploymentView;
use estiba_engine::{Observer, Outcome, Preflight, Request};
use estiba_model::{
    Carried, Cause, DeploymentId, EnvironmentStatus, Losses, Name, Plan, Project, Release, Tried,
    Url, Version,
};
use estiba_preflight::Compared;

use super::Here;
use crate::backend::{Deployments, Done, Wanted};
use crate::failure::Failure;

#[async_trait]
impl Deployments for Here {
    async fn status(&self, project: &Project) -> Result<Vec<EnvironmentStatus>, Failure> {
        Ok(self.0.status(project).await?)
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

    async fn record_acceptance(
        &self,
        project: &Project,
        environment: &Name,
        tried: &Tried,
    ) -> Result<DeploymentId, Failure> {
        let recorded = self.0.record_acceptance(project, environment, tried);
        Ok(recorded.await?)
    }
}
