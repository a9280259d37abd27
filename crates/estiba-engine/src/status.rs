//! How the environments of a project are.

use estiba_model::{
    Activity, Cause, Deployed, Deployment, DeploymentState, EnvironmentId, EnvironmentStatus,
    InstanceStatus, Message, Name, Project, message,
};
use estiba_planner::ObservedByTarget;

use crate::engine::Engine;
use crate::error::EngineError;
use crate::reach::{Asked, ask, plan_without};

impl Engine {
    /// How every environment of a project is.
    ///
    /// # Errors
    /// When the state can't be read. What a target can't tell is said in the
    /// status.
    pub async fn status(&self, project: &Project) -> Result<Vec<EnvironmentStatus>, EngineError> {
        let project = &self.with_previews(project).await?;
        let all = project
            .environments
            .keys()
            .map(|environment| self.environment_status(project, environment));
        futures::future::try_join_all(all).await
    }

    /// The project with the previews that are there.
    async fn with_previews(&self, project: &Project) -> Result<Project, EngineError> {
        let mut project = project.clone();
        if project.previews.is_none() {
            return Ok(project);
        }
        for id in self.store.environments_of(&project.id).await? {
            let last = self.store.deployments(&id, 1).await?.into_iter().next();
            let is_there = last.is_some_and(|last| {
                last.cause != Cause::Down || last.state != DeploymentState::Succeeded
            });
            if is_there {
                project = project.including(&id.environment);
            }
        }
        Ok(project)
    }

    /// How an environment is.
    ///
    /// # Errors
    /// As [`Engine::status`].
    pub async fn environment_status(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<EnvironmentStatus, EngineError> {
        let id = self.environment(project, environment)?;
        let current = self.current(&id).await?;
        let last = self.store.deployments(&id, 1).await?.into_iter().next();
        let mut status = EnvironmentStatus {
            environment: environment.clone(),
            deployed: current.as_ref().map(|deployment| Deployed {
                version: deployment.version.clone(),
                deployment: deployment.id,
                cause: deployment.cause,
                since: deployment.finished_at,
            }),
            activity: self.activity(&id).await?,
            failed: last.filter(|d| d.state == DeploymentState::Failed),
            instances: Vec::new(),
            drift: Vec::new(),
            urls: Vec::new(),
            problems: Vec::new(),
        };
        if let Err(error) = self.look(project, &id, current, &mut status).await {
            status.problems.extend(error.messages());
        }
        Ok(status)
    }

    async fn activity(&self, id: &EnvironmentId) -> Result<Option<Activity>, EngineError> {
        let unfinished = self.store.unfinished(id).await?;
        let Some(deployment) = unfinished.into_iter().max_by_key(|d| d.id) else {
            return Ok(None);
        };
        let lock = self.store.try_lock_environment(id).await?;
        Ok(Some(Activity {
            deployment,
            interrupted: lock.is_some(),
        }))
    }

    async fn look(
        &self,
        project: &Project,
        id: &EnvironmentId,
        current: Option<Deployment>,
        status: &mut EnvironmentStatus,
    ) -> Result<(), EngineError> {
        let inputs = match &current {
            Some(current) => Some(self.inputs_of(current).await?),
            None => None,
        };
        let targets = self.targets_beside(project, &id.environment, inputs.as_ref())?;
        let Asked { observed, silent } = ask(&targets, id).await;
        status.instances = instances(&observed);
        for (_, target) in targets.iter().filter(|(t, _)| !silent.contains_key(*t)) {
            status.urls.extend(target.urls(id).await?);
        }
        status.urls.sort();
        if let Some(inputs) = inputs {
            let left = inputs
                .left
                .keys()
                .filter(|name| !targets.contains_key(*name));
            status.problems.extend(left.map(still_left));
            let runtime = self.runtime(inputs).await?;
            let plan = plan_without(&silent.keys().collect(), &runtime.desired, &observed);
            status.drift = plan.steps;
        }
        status.problems.extend(silent.into_values());
        Ok(())
    }
}

fn still_left(name: &Name) -> Message {
    message!(
        "{name} was left behind when it did not answer; what is left there is ended by the first deployment that reaches it",
        "{name} se dejó atrás cuando no respondía; lo que quedó allí lo termina el primer despliegue que la alcance"
    )
}

fn instances(observed: &ObservedByTarget) -> Vec<InstanceStatus> {
    let mut all: Vec<_> = observed
        .iter()
        .flat_map(|(target, state)| {
            state.instances.iter().map(|instance| InstanceStatus {
                name: instance.name.clone(),
                workload: instance.workload.clone(),
                target: target.clone(),
                version: instance.version.clone(),
                state: instance.state,
                restarts: instance.restarts,
            })
        })
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}
