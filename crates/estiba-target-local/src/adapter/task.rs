//! Running a migration, tests or a probe to the end.

use std::collections::BTreeMap;
use std::time::Duration;

use estiba_model::{Exposure, InstanceName, Message};
use estiba_target::{Progress, TargetError, Task, TaskSpec};

use super::await_ready::EXPLAINING_LINES;
use super::instances::{Identity, Parts};
use super::{LocalTarget, blocking};
use crate::logs::{self, Merge};
use crate::process;
use crate::supervisor::{Labels, Purpose, Status};
use crate::watch::Watch;
use estiba_host::HostError;
use estiba_host::Process;
use estiba_host::directory::make_private;
use estiba_host::{lock, record};
use tokio::time::Instant;

/// What takes too long may say so before it is killed.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// Lines taken from the log at one time.
const BATCH: usize = 512;

impl LocalTarget {
    pub(super) async fn carry_out_task(
        &self,
        spec: &TaskSpec,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let ended = self.run_to_its_end(spec, progress).await;
        if spec.task == Task::Preflight {
            self.remove_traces(spec)?;
        }
        ended
    }

    fn remove_traces(&self, spec: &TaskSpec) -> Result<(), HostError> {
        let place = self.layout.environment(&spec.environment);
        let record = place.migration_record(&spec.workload, &spec.fingerprint);
        let directory = place.migration_run(&spec.workload, &spec.fingerprint);
        let logs = place.logs(&spec.workload);
        let logs = logs.join(instance_name(spec)?.as_str());
        for trace in [record, directory.0, logs] {
            record::remove(&trace)?;
            // The workload's folder, unless there is something else in it.
            if let Some(folder) = trace.parent() {
                let _ = std::fs::remove_dir(folder);
            }
        }
        Ok(())
    }

    async fn run_to_its_end(
        &self,
        spec: &TaskSpec,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let place = self.layout.environment(&spec.environment);
        let record = place.migration_record(&spec.workload, &spec.fingerprint);
        if record.exists() {
            return Ok(());
        }
        let directory = place.migration_run(&spec.workload, &spec.fingerprint);
        let instance = instance_name(spec)?;
        let logs = place.logs(&spec.workload);
        let own_logs = logs.join(instance.as_str());
        make_private(&directory.0)?;
        make_private(&own_logs)?;
        let lock = directory.lock();
        // One that an Estiba started which was killed then goes on.
        if !lock::is_held(&lock).map_err(HostError::at(&lock))? {
            record::remove(&own_logs)?;
            make_private(&own_logs)?;
            let description = {
                let (spec, place, directory) = (spec.clone(), place.clone(), directory.clone());
                let (images, helper) = (self.config.images.clone(), self.config.helper.clone());
                let edge_socket = self.layout.edge().socket();
                let (record, logs) = (record.clone(), own_logs.clone());
                blocking(move || {
                    let instance = instance_name(&spec)?;
                    let identity = Identity {
                        environment: &spec.environment,
                        workload: &spec.workload,
                        instance: &instance,
                        version: &spec.version,
                    };
                    let variables = identity.variables();
                    let labels = Labels {
                        environment: spec.environment,
                        workload: spec.workload,
                        version: spec.version,
                        fingerprint: spec.fingerprint,
                        instance,
                        containers: Vec::new(),
                        ports: BTreeMap::new(),
                    };
                    Parts {
                        images: &images,
                        place: &place,
                        directory: &directory,
                        exposure: &Exposure::default(),
                        containers: &[spec.container],
                        variables,
                        secrets: &spec.secrets,
                        purpose: Purpose::Migrate { record },
                        helper,
                        edge_socket,
                        logs,
                    }
                    .describe(labels)
                })
                .await?
            };
            self.supervise(&description).await?;
        }
        let watch = Watch::new().map_err(HostError::system("inotify"))?;
        watch.add(&own_logs).map_err(HostError::at(&own_logs))?;
        let mut lines = Merge::of_instance(&logs, &instance);
        let mut is_late = false;
        if let Some(holder) = lock::holder(&lock).map_err(HostError::at(&lock))?
            && let Ok(supervisor) = Process::open(holder.pid)
        {
            let deadline = spec.time_limit.map(|limit| Instant::now() + limit);
            loop {
                tell(&mut lines, progress)?;
                tokio::select! {
                    changed = watch.changed() => changed.map_err(HostError::system("inotify"))?,
                    ended = process::ended(&supervisor) => break ended.map_err(HostError::system("a supervisor's end"))?,
                    () = reached(deadline) => {
                        self.end_supervisor(&directory, STOP_GRACE).await?;
                        is_late = true;
                        break;
                    }
                }
            }
        }
        tell(&mut lines, progress)?;
        if is_late {
            // It may have ended well when it was told to end.
            record::remove(&record)?;
        }
        if record.exists() {
            record::remove(&directory.0)?;
            return Ok(());
        }
        let status: Option<Status> = record::read(&directory.status())?;
        record::remove(&directory.0)?;
        let why = match spec.time_limit {
            Some(limit) if is_late => Some(TaskSpec::took_too_long(limit)),
            _ => status.and_then(why),
        };
        let failed = spec.task.failed(&spec.workload, &spec.version);
        let failed = why.map_or(failed.clone(), |why| failed.because(&why));
        Err(TargetError::new(failed).with_log(logs::last_lines(&logs, &instance, EXPLAINING_LINES)))
    }
}

fn tell(lines: &mut Merge, progress: &dyn Progress) -> Result<(), HostError> {
    lines.find_more()?;
    loop {
        let batch = lines.take(BATCH)?;
        if batch.is_empty() {
            return Ok(());
        }
        batch.iter().for_each(|line| progress.line(&line.text));
    }
}

/// Ends at `deadline`; never, where there is none.
async fn reached(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

/// How its container ended.
fn why(status: Status) -> Option<Message> {
    let container = status.containers.into_iter().next()?;
    container
        .error
        .or(container.end.map(crate::supervisor::End::message))
}

/// The name that a migration's lines go by.
fn instance_name(spec: &TaskSpec) -> Result<InstanceName, HostError> {
    let name = format!("{}-migration-{}", spec.workload, spec.fingerprint.short());
    name.parse()
        .map_err(|error: estiba_model::NameError| HostError::Told(error.message().clone()))
}
