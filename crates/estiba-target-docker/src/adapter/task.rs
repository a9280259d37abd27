//! Running a migration, tests or a probe to the end.

use std::collections::{BTreeMap, BTreeSet};

use bollard::container::LogOutput;
use bollard::models::RestartPolicyNameEnum;
use bollard::query_parameters::LogsOptions;
use estiba_host::HostError;
use estiba_model::{EnvironmentId, Exposure, Fingerprint, InstanceName, Name, message};
use estiba_target::{Progress, Redactor, TargetError, Task, TaskSpec};
use futures::StreamExt;
use tokio::time::timeout;

use super::DockerTarget;
use super::await_ready::EXPLAINING_LINES;
use crate::container::{Making, Place};
use crate::engine::Engine;
use crate::files::Files;
use crate::labels::{self, Labels, Role};
use crate::layout::EnvironmentDir;
use crate::{files, network, volumes};

impl DockerTarget {
    pub(super) async fn carry_out_task(
        &self,
        spec: &TaskSpec,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let name = mark_name(spec);
        if volumes::find(&self.engine, &name).await?.is_some() {
            return Ok(());
        }
        let instance = instance_name(spec)?;
        let place = self.own_layout(&spec.environment).await?;
        let place = place.environment(&spec.environment);
        let container = self.migrating(spec, &place, &instance).await?;
        self.engine.start(&container).await?;
        let mut lines = Vec::new();
        let told = self.tell(spec, &container, progress, &mut lines);
        let is_late = match spec.time_limit {
            Some(limit) => timeout(limit, told)
                .await
                .map_or(Ok(true), |told| told.map(|()| false))?,
            None => told.await.map(|()| false)?,
        };
        let state = self.engine.inspect(&container).await?;
        let state = state.and_then(|found| found.state).unwrap_or_default();
        // It may still be ending when its output has ended.
        let code = match state.running {
            Some(true) if is_late => -1,
            Some(true) => self.code(&container).await?,
            _ => state.exit_code.unwrap_or(-1),
        };
        let was_out_of_memory = state.oom_killed == Some(true);
        if code == 0 && spec.task != Task::Preflight {
            volumes::ensure(&self.engine, &name, mark(spec)).await?;
        }
        self.engine.remove(&container).await?;
        files::remove(&place, &instance)?;
        if code == 0 {
            return Ok(());
        }
        let why = match spec.time_limit {
            Some(limit) if is_late => TaskSpec::took_too_long(limit),
            _ if was_out_of_memory => message!(
                "it needed more memory than its limit",
                "necesitó más memoria que su límite"
            ),
            _ => message!("it ended with code {code}", "terminó con código {code}"),
        };
        let failed = spec.task.failed(&spec.workload, &spec.version);
        Err(TargetError::new(failed.because(&why)).with_log(lines))
    }

    /// The container that migrates: one that an Estiba started which was killed
    /// then goes on.
    async fn migrating(
        &self,
        spec: &TaskSpec,
        place: &EnvironmentDir,
        instance: &InstanceName,
    ) -> Result<String, HostError> {
        let labels = of_fingerprint(&spec.environment, Role::Migration, spec);
        for found in self.engine.containers(labels::filter(&labels)).await? {
            let id = found.id.unwrap_or_default();
            let state = self
                .engine
                .inspect(&id)
                .await?
                .and_then(|found| found.state);
            if state.is_some_and(|state| state.running == Some(true)) {
                return Ok(id);
            }
            self.engine.remove(&id).await?;
        }
        let making = Making {
            environment: &spec.environment,
            workload: &spec.workload,
            instance,
            version: &spec.version,
            exposure: &Exposure::default(),
            spec: &spec.container,
            labels,
            restart: RestartPolicyNameEnum::NO,
            place: Place::Own {
                ports: BTreeMap::new(),
                hosts: self.hosts(&spec.environment).await?,
            },
            files: Files {
                place,
                instance,
                secrets: &spec.secrets,
            },
        };
        making.make(&self.engine, &self.config.images).await
    }

    /// Tells what it writes until it ends, and keeps the last lines.
    async fn tell(
        &self,
        spec: &TaskSpec,
        container: &str,
        progress: &dyn Progress,
        lines: &mut Vec<String>,
    ) -> Result<(), HostError> {
        let redactor = Redactor::new(&spec.secrets);
        let options = LogsOptions {
            follow: true,
            stdout: true,
            stderr: true,
            ..LogsOptions::default()
        };
        let mut output = Box::pin(self.engine.api().await?.logs(container, Some(options)));
        while let Some(piece) = output.next().await {
            let text = match piece.map_err(|error| self.engine.failed(error))? {
                LogOutput::StdIn { .. } => continue,
                output => output.to_string(),
            };
            let text = redactor.redact(text.trim_end_matches(['\n', '\r']));
            progress.line(&text);
            if lines.len() == EXPLAINING_LINES {
                lines.remove(0);
            }
            lines.push(text.into_owned());
        }
        Ok(())
    }

    async fn code(&self, container: &str) -> Result<i64, HostError> {
        let mut waiting = Box::pin(self.engine.api().await?.wait_container(container, None));
        match waiting.next().await {
            Some(Ok(ended)) => Ok(ended.status_code),
            // That is how a code other than 0 is told.
            Some(Err(bollard::errors::Error::DockerContainerWaitError { code, .. })) => Ok(code),
            Some(Err(error)) => Err(self.engine.failed(error)),
            None => Ok(-1),
        }
    }
}

/// The migrations that ended well.
pub(super) async fn done(
    engine: &Engine,
    environment: &EnvironmentId,
) -> Result<BTreeMap<Name, BTreeSet<Fingerprint>>, HostError> {
    let mut done: BTreeMap<Name, BTreeSet<Fingerprint>> = BTreeMap::new();
    for mark in volumes::all(engine, &labels::of(environment, Role::Migrated)).await? {
        let workload = labels::parse(&mark.labels, labels::WORKLOAD);
        let fingerprint = labels::parse(&mark.labels, labels::FINGERPRINT);
        if let (Some(workload), Some(fingerprint)) = (workload, fingerprint) {
            done.entry(workload).or_default().insert(fingerprint);
        }
    }
    Ok(done)
}

fn of_fingerprint(environment: &EnvironmentId, role: Role, spec: &TaskSpec) -> Labels {
    let mut labels = labels::of(environment, role);
    labels.insert(labels::name(labels::WORKLOAD), spec.workload.to_string());
    let fingerprint = spec.fingerprint.to_string();
    labels.insert(labels::name(labels::FINGERPRINT), fingerprint);
    labels
}

fn mark(spec: &TaskSpec) -> Labels {
    of_fingerprint(&spec.environment, Role::Migrated, spec)
}

fn mark_name(spec: &TaskSpec) -> String {
    let environment = network::name(&spec.environment);
    let (workload, fingerprint) = (&spec.workload, &spec.fingerprint);
    format!("{environment}_{workload}_migrated_{fingerprint}")
}

/// The name that the container goes by.
fn instance_name(spec: &TaskSpec) -> Result<InstanceName, HostError> {
    let name = format!("{}-migration-{}", spec.workload, spec.fingerprint.short());
    name.parse()
        .map_err(|error: estiba_model::NameError| HostError::Told(error.message().clone()))
}
