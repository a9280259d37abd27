//! What people do with running workloads: read, run a command, restart, scale.

use std::collections::BTreeSet;
use std::sync::Arc;

use estiba_model::{Cause, EnvironmentId, InstanceState, Name, Project, SecretString, message};
use estiba_target::{ExecIo, ExecRequest, LogLine, LogQuery, LogStream, Redactor, Target, Url};
use futures::StreamExt;

use crate::deploy::Request;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::reach::ask;

impl Engine {
    /// What the instances of a workload wrote, with the environment's secrets
    /// hidden.
    ///
    /// # Errors
    /// When there is no such workload, or its logs can't be read.
    pub async fn logs(
        &self,
        project: &Project,
        environment: &Name,
        workload: &Name,
        query: &LogQuery,
    ) -> Result<LogStream, EngineError> {
        let (id, target) = self.home(project, environment, workload).await?;
        let secrets: Vec<SecretString> = self.secrets_of(&id).await?;
        let redactor = Redactor::new(&secrets);
        let lines = target.logs(&id, workload, query).await?;
        Ok(Box::pin(lines.map(move |line| {
            line.map(|line| LogLine {
                text: redactor.redact(&line.text).into_owned(),
                ..line
            })
        })))
    }

    /// Runs a command in the first healthy instance of a workload and returns
    /// its exit code.
    ///
    /// # Errors
    /// When no instance runs, or the command can't be run.
    pub async fn exec(
        &self,
        project: &Project,
        environment: &Name,
        workload: &Name,
        container: Option<Name>,
        command: Vec<String>,
        io: ExecIo,
    ) -> Result<i32, EngineError> {
        let (id, target) = self.home(project, environment, workload).await?;
        let observed = target.observe(&id).await?;
        let instance = observed
            .instances
            .into_iter()
            .filter(|i| i.workload == *workload && i.state != InstanceState::Stopped)
            .min_by_key(|i| (i.state != InstanceState::Ready, i.name.clone()))
            .ok_or_else(|| {
                EngineError::refused(message!(
                    "no instance of {workload} runs in {environment}",
                    "no hay ninguna instancia de {workload} en marcha en {environment}"
                ))
            })?;
        let request = ExecRequest {
            environment: id,
            instance: instance.name,
            container,
            command,
        };
        Ok(target.exec(&request, io).await?)
    }

    /// Notes that workloads are to have new instances; what is returned brings
    /// them.
    ///
    /// # Errors
    /// When nothing runs, or there is no such workload.
    pub async fn restart_request(
        &self,
        project: &Project,
        environment: &Name,
        workloads: &[Name],
    ) -> Result<Request, EngineError> {
        let id = self.environment(project, environment)?;
        let version = self.current_version(&id).await?;
        let release = self.existing_release(&project.id, &version).await?;
        let all: Vec<Name> = release.workloads.keys().cloned().collect();
        let chosen = if workloads.is_empty() {
            &all
        } else {
            workloads
        };
        check_known(chosen, &all)?;
        for workload in chosen {
            self.store.bump_restart(&id, workload).await?;
        }
        Ok(Request {
            environment: environment.clone(),
            version,
            cause: Cause::Restart,
            without: BTreeSet::new(),
        })
    }

    /// Keeps another number of copies; what is returned brings it about.
    ///
    /// # Errors
    /// When nothing runs, or there is no such workload.
    pub async fn scale_request(
        &self,
        project: &Project,
        environment: &Name,
        replicas: &[(Name, u32)],
    ) -> Result<Request, EngineError> {
        let id = self.environment(project, environment)?;
        let version = self.current_version(&id).await?;
        let release = self.existing_release(&project.id, &version).await?;
        let all: Vec<Name> = release.workloads.keys().cloned().collect();
        let named: Vec<Name> = replicas.iter().map(|(name, _)| name.clone()).collect();
        check_known(&named, &all)?;
        for (workload, count) in replicas {
            self.store.set_replicas(&id, workload, Some(*count)).await?;
        }
        Ok(Request {
            environment: environment.clone(),
            version,
            cause: Cause::Scale,
            without: BTreeSet::new(),
        })
    }

    /// Where people reach an environment's workloads.
    ///
    /// # Errors
    /// When a target can't be asked.
    pub async fn urls(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Vec<Url>, EngineError> {
        let id = self.environment(project, environment)?;
        let used: BTreeSet<_> = project.environments[environment]
            .placement
            .values()
            .collect();
        let targets = self.targets(project, environment).await?;
        let mut urls = Vec::new();
        for (_, target) in targets.iter().filter(|(name, _)| used.contains(name)) {
            urls.extend(target.urls(&id).await?);
        }
        urls.sort();
        Ok(urls)
    }

    /// The target on which a workload runs, or would.
    async fn home(
        &self,
        project: &Project,
        environment: &Name,
        workload: &Name,
    ) -> Result<(EnvironmentId, Arc<dyn Target>), EngineError> {
        let id = self.environment(project, environment)?;
        let targets = self.targets(project, environment).await?;
        let asked = ask(&targets, &id).await;
        let running = asked
            .observed
            .iter()
            .find(|(_, state)| state.instances.iter().any(|i| i.workload == *workload))
            .map(|(name, _)| name);
        let placed = project.environments[environment].placement.get(workload);
        let target = running.or(placed).and_then(|name| targets.get(name));
        match target {
            Some(target) => Ok((id, Arc::clone(target))),
            None => {
                let all: Vec<Name> = project.workloads.keys().cloned().collect();
                check_known(std::slice::from_ref(workload), &all)?;
                Err(EngineError::refused(message!(
                    "{workload} has no target in {environment}",
                    "{workload} no tiene plataforma en {environment}"
                )))
            }
        }
    }
}

fn check_known(named: &[Name], all: &[Name]) -> Result<(), EngineError> {
    let known: Vec<&str> = all.iter().map(Name::as_str).collect();
    let known = known.join(", ");
    let problems: Vec<_> = named
        .iter()
        .filter(|name| !all.contains(name))
        .map(|name| {
            message!(
                "there is no workload {name}; there is: {known}",
                "no hay un componente {name}; hay: {known}"
            )
        })
        .collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(EngineError::Refused(problems))
    }
}
