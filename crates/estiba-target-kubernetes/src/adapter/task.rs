//! Running a migration, tests or a probe to the end.

use std::time::Duration;

use estiba_model::{Message, message};
use estiba_target::{Progress, Redacted, Redactor, TargetError, Task, TaskSpec};
use futures::{AsyncBufReadExt, TryStreamExt};
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use kube::api::{Api, DeleteParams, LogParams};
use tokio::time::{Instant, sleep, timeout_at};

use super::KubernetesTarget;
use super::cluster::{Cluster, INTERVAL, persist, selecting, within_limit};
use super::pods::Instance;
use super::reasons::{self, Reason, ended, how_it_ended};
use super::records::Entry;
use crate::manifests::{Labels, Manifest, Manifests, Place};

/// How long a migration may take to start; once it runs, it has all the time.
const START_LIMIT: Duration = Duration::from_secs(120);
/// A reason that may pass has so long to.
const PASSING: Duration = Duration::from_secs(10);
const JOB: (&str, &str) = ("batch/v1", "Job");
const SECRET: (&str, &str) = ("v1", "Secret");

impl KubernetesTarget {
    pub(super) async fn carry_out_task(
        &self,
        spec: &TaskSpec,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let redactor = Redactor::new(&spec.secrets);
        self.migrate_once(
            spec,
            &Redacted {
                progress,
                redactor: &redactor,
            },
        )
        .await
        .map_err(|error| redactor.error(&error))
    }

    async fn migrate_once(
        &self,
        spec: &TaskSpec,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let cluster = self.cluster().await?;
        let manifests = Manifests {
            users: self
                .users(&spec.workload, std::slice::from_ref(&spec.container))
                .await?,
            ..self.manifests(&spec.environment).await?
        };
        let place = manifests.place();
        let records = cluster.records(&place).await?;
        let done = records.migrations.get(&spec.workload);
        if done.is_some_and(|done| done.contains(&spec.fingerprint)) {
            return Ok(());
        }
        self.prepare(&manifests).await?;
        // Later ones find the database that the first one found.
        let servers = if spec.task == Task::Migration && done.is_none() {
            cluster.servers(&place).await?
        } else {
            Vec::new()
        };
        let objects = manifests
            .migration(spec, &servers)
            .map_err(TargetError::new)?;
        let run = Run {
            cluster,
            place,
            spec,
        };
        if spec.task == Task::Preflight {
            cluster
                .tell_egress_policies(&run.place, &run.labels(), progress)
                .await;
            let ended = match run.start(&objects).await {
                Ok(()) => run.watch(progress).await,
                failed => failed,
            };
            let removed = run.remove(&run.name()).await;
            return ended.and(removed);
        }
        run.start(&objects).await?;
        run.watch(progress).await?;
        let entry = Entry::Migrated(&spec.workload, &spec.fingerprint, &spec.version);
        cluster.record(&manifests, &entry).await?;
        run.remove_others().await
    }
}

/// How a job stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    Well,
    Badly,
}

struct Run<'a> {
    cluster: &'a Cluster,
    place: Place,
    spec: &'a TaskSpec,
}

impl Run<'_> {
    fn name(&self) -> String {
        self.place
            .migration(&self.spec.workload, &self.spec.fingerprint)
    }

    fn jobs(&self) -> Api<Job> {
        Api::namespaced(self.cluster.client.clone(), &self.place.namespace)
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.cluster.client.clone(), &self.place.namespace)
    }

    fn labels(&self) -> Labels {
        self.place.selector(&self.spec.workload, "migration")
    }

    async fn job(&self) -> Result<Option<Job>, TargetError> {
        let (jobs, name) = (self.jobs(), self.name());
        let what = format!("Job {name}");
        persist(&what, || jobs.get_opt(&name)).await
    }

    /// Starts it. One that an Estiba started which was killed then goes on; one
    /// that failed makes room.
    async fn start(&self, objects: &[Manifest]) -> Result<(), TargetError> {
        match self.job().await?.as_ref().map(how_it_stands) {
            Some(Some(Ended::Badly)) => self.remove(&self.name()).await?,
            Some(_) => return Ok(()),
            None => {}
        }
        let owner = self.place.labels();
        for object in objects {
            self.cluster.apply(object, &owner).await?;
        }
        Ok(())
    }

    async fn watch(&self, progress: &dyn Progress) -> Result<(), TargetError> {
        let begun = Instant::now();
        let mut told = 0;
        let mut passing: Option<Instant> = None;
        let mut started: Option<Instant> = None;
        loop {
            let job = self.job().await?;
            let state = job.as_ref().and_then(how_it_stands);
            let pod = self.pod().await?;
            if let Some(pod) = &pod {
                if self.has_started(pod) {
                    let since = *started.get_or_insert_with(Instant::now);
                    let told = self.tell(pod, &mut told, progress);
                    if self.is_late(since, told).await {
                        return Err(self.too_late(pod).await);
                    }
                } else if let Some(reason) = reasons::of_instance(Instance(pod)) {
                    let since = *passing.get_or_insert_with(Instant::now);
                    if !reason.may_pass || since.elapsed() > PASSING {
                        let reason = self.cluster.explained(pod, reason).await;
                        return Err(self.given_up(Some(pod), reason.message).await);
                    }
                } else if begun.elapsed() > START_LIMIT {
                    let reason = reasons::when_late(Instance(pod), None);
                    return Err(self.given_up(Some(pod), reason.message).await);
                }
            }
            match state {
                Some(Ended::Well) => return Ok(()),
                Some(Ended::Badly) => {
                    let why = pod.as_ref().and_then(|pod| ended(self.main(pod)?));
                    let why = why.map(how_it_ended);
                    let why =
                        why.unwrap_or_else(|| message!("it did not end well", "no terminó bien"));
                    return Err(self.failure(pod.as_ref(), why).await);
                }
                None if pod.is_none() && begun.elapsed() > PASSING => {
                    if let Some(reason) = self.refused().await {
                        return Err(self.given_up(None, reason.message).await);
                    }
                }
                None => {}
            }
            if pod.is_none() && begun.elapsed() > START_LIMIT {
                let why = message!("it was not started", "no se inició");
                return Err(self.given_up(None, why).await);
            }
            sleep(INTERVAL).await;
        }
    }

    fn main<'p>(&self, pod: &'p Pod) -> Option<&'p ContainerStatus> {
        let name = self.spec.container.name.as_str();
        Instance(pod).containers().find(|it| it.name == name)
    }

    fn has_started(&self, pod: &Pod) -> bool {
        let state = self.main(pod).and_then(|main| main.state.as_ref());
        state.is_some_and(|state| state.running.is_some() || state.terminated.is_some())
    }

    /// Goes on with `told` for what is left of the time since it `started`; whether
    /// that is over.
    async fn is_late(&self, started: Instant, told: impl Future<Output = ()>) -> bool {
        match self.spec.time_limit {
            Some(limit) => timeout_at(started + limit, told).await.is_err(),
            None => {
                told.await;
                false
            }
        }
    }

    async fn too_late(&self, pod: &Pod) -> TargetError {
        let limit = self.spec.time_limit.unwrap_or_default();
        self.given_up(Some(pod), TaskSpec::took_too_long(limit))
            .await
    }

    /// Why the job's pod may not be made.
    async fn refused(&self) -> Option<Reason> {
        let name = self.name();
        let namespace = &self.place.namespace;
        let said = self
            .cluster
            .last_event_of("Job", &name, namespace, "FailedCreate");
        said.await.map(|said| reasons::of_refused_pod(&said))
    }

    /// The newest pod of the job.
    async fn pod(&self) -> Result<Option<Pod>, TargetError> {
        let mut labels = self.labels();
        labels.insert("job-name".to_owned(), self.name());
        let (pods, selected) = (self.pods(), selecting(&labels));
        let found = persist("Pods", || pods.list(&selected)).await?.items;
        Ok(found
            .into_iter()
            .max_by_key(|pod| pod.metadata.creation_timestamp.as_ref().map(|t| t.0)))
    }

    /// Tells what it writes until it ends, or until the connection is lost; then
    /// the next call goes on after the lines that were told.
    async fn tell(&self, pod: &Pod, told: &mut usize, progress: &dyn Progress) {
        let params = LogParams {
            follow: true,
            ..LogParams::default()
        };
        let pods = self.pods();
        let stream = within_limit(pods.log_stream(Instance(pod).name(), &params)).await;
        let Ok(stream) = stream else {
            return;
        };
        let mut lines = stream.lines();
        let mut index = 0;
        while let Ok(Some(line)) = lines.try_next().await {
            index += 1;
            if index > *told {
                progress.line(&line);
                *told = index;
            }
        }
    }

    /// It must not go on, or start, when nobody waits for it any more.
    async fn given_up(&self, pod: Option<&Pod>, why: Message) -> TargetError {
        let failure = self.failure(pod, why).await;
        // Why it failed matters more than what is left of it.
        let _ = self.remove(&self.name()).await;
        failure
    }

    async fn failure(&self, pod: Option<&Pod>, why: Message) -> TargetError {
        let failed = self
            .spec
            .task
            .failed(&self.spec.workload, &self.spec.version);
        let log = match pod {
            Some(pod) => {
                self.cluster
                    .last_lines(pod, self.spec.container.name.as_str())
                    .await
            }
            None => Vec::new(),
        };
        let reason = Reason::new(why).informed(&log);
        TargetError::new(failed.because(&reason.message)).with_log(log)
    }

    async fn remove(&self, name: &str) -> Result<(), TargetError> {
        let namespace = Some(self.place.namespace.as_str());
        self.cluster
            .delete(JOB, namespace, name, &DeleteParams::foreground())
            .await?;
        let mut labels = self.labels();
        labels.insert("job-name".to_owned(), name.to_owned());
        self.cluster
            .await_no_pods(&self.place, &labels, Duration::ZERO)
            .await?;
        let jobs = self.jobs();
        let deadline = Instant::now() + START_LIMIT;
        while persist("Job", || jobs.get_metadata_opt(name))
            .await?
            .is_some()
            && Instant::now() < deadline
        {
            sleep(INTERVAL).await;
        }
        let params = DeleteParams::background();
        self.cluster.delete(SECRET, namespace, name, &params).await
    }

    /// The last migration stays to be looked at; those before it go.
    async fn remove_others(&self) -> Result<(), TargetError> {
        let labels = self.place.workload_labels(&self.spec.workload);
        for job in self
            .cluster
            .list(JOB, &self.place.namespace, &labels)
            .await?
        {
            let name = job.metadata.name.unwrap_or_default();
            if name != self.name() {
                self.remove(&name).await?;
            }
        }
        Ok(())
    }
}

fn how_it_stands(job: &Job) -> Option<Ended> {
    let conditions = job.status.as_ref()?.conditions.as_ref()?;
    conditions
        .iter()
        .filter(|condition| condition.status == "True")
        .find_map(|condition| match condition.type_.as_str() {
            "Complete" => Some(Ended::Well),
            "Failed" => Some(Ended::Badly),
            _ => None,
        })
}
