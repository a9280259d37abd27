//! What instances wrote, as the nodes keep it.
//!
//! Kubernetes keeps the log of a pod for as long as the pod, and of a container's
//! runs the last two. It does not tell the standard output from the standard
//! error.

mod hidden;
mod line;
mod mark;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use estiba_model::{EnvironmentId, FileLogs, InstanceName, Name};
use estiba_target::{LogLine, LogQuery, LogStream, Redactor, TargetError};
use futures::{AsyncBufReadExt, StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod, Secret};
use kube::api::{Api, ListParams, LogParams};
use tokio::sync::mpsc;
use tokio::time::sleep;

use self::hidden::hidden;
use self::line::{read_line, take_open};
use self::mark::Mark;
use super::KubernetesTarget;
use super::cluster::{Cluster, persist, selecting, within_limit};
use super::error::failed;
use super::pods::Instance;
use super::reasons::Reason;
use crate::manifests::{Labels, Place, annotation};

/// Lines of an instance's log that explain a failure.
const EXPLAINING_LINES: i64 = 20;
/// How often new instances are looked for.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// Lines that wait to be read; a full queue makes the nodes wait.
const QUEUE: usize = 1024;
/// Bytes of one container's log that are read where no number of lines is asked
/// for.
const MOST_BYTES: i64 = 64 << 20;

impl KubernetesTarget {
    pub(super) async fn logs_of(
        &self,
        environment: &EnvironmentId,
        workload: &Name,
        query: &LogQuery,
    ) -> Result<LogStream, TargetError> {
        let place = self.manifests(environment).await?.place();
        let reader = Reader {
            cluster: self.cluster().await?.clone(),
            labels: place.workload_labels(workload),
            place,
        };
        let (lines, sources) = reader.there(query).await?;
        let there = stream::iter(lines.into_iter().map(Ok));
        if !query.follow {
            return Ok(there.boxed());
        }
        let (sender, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(reader.follow(sources, sender));
        let new = stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|line| (line, receiver))
        });
        Ok(there.chain(new).boxed())
    }
}

/// A container whose log is read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    instance: InstanceName,
    container: Name,
}

#[derive(Clone)]
struct Reader {
    cluster: Cluster,
    place: Place,
    labels: Labels,
}

impl Reader {
    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.cluster.client.clone(), &self.place.namespace)
    }

    /// The lines that are there now, in order of time, and up to where each log was
    /// read.
    async fn there(
        &self,
        query: &LogQuery,
    ) -> Result<(Vec<LogLine>, BTreeMap<Source, Mark>), TargetError> {
        let redactor = self.redactor().await?;
        let mut lines = Vec::new();
        let mut read = BTreeMap::new();
        for pod in self.cluster.instances(&self.place, &self.labels).await? {
            let runs = match Instance(&pod).has_restarted() {
                true => &[true, false][..],
                false => &[false],
            };
            for source in sources(&pod) {
                let (own, mark) = self.read(&source, query, runs, &redactor).await?;
                lines.extend(own);
                read.insert(source, mark);
            }
        }
        // Stable: lines of one instant stay in the order in which they came.
        lines.sort_by_key(|line| line.at);
        if let Some(since) = query.since {
            lines.retain(|line| line.at >= since);
        }
        if let Some(tail) = query.tail {
            lines.drain(..lines.len().saturating_sub(tail));
        }
        Ok((lines, read))
    }

    /// The lines of a container's runs, where `true` is the one before, and up to where
    /// they were read.
    async fn read(
        &self,
        source: &Source,
        query: &LogQuery,
        runs: &[bool],
        redactor: &Redactor,
    ) -> Result<(Vec<LogLine>, Mark), TargetError> {
        // Where only new lines are wanted, the last one says which these are.
        let tail = query.tail.map(|tail| tail.max(1));
        let (mut lines, mut begin) = (Vec::new(), query.since);
        for previous in runs {
            let text = self.text(source, query.since, tail, *previous).await?;
            let read = text.lines();
            lines.extend(read.filter_map(|line| read_line(source, line, redactor)));
            if query.follow && !previous {
                begin = take_open(&mut lines, &text).or(begin);
            }
        }
        let mark = Mark::after(&lines, begin, tail);
        Ok((lines, mark))
    }

    /// A container that has not started yet has no log.
    async fn text(
        &self,
        source: &Source,
        since: Option<Timestamp>,
        tail: Option<usize>,
        previous: bool,
    ) -> Result<String, TargetError> {
        let params = LogParams {
            container: Some(source.container.to_string()),
            since_time: since.map(whole_seconds),
            tail_lines: tail.map(|tail| i64::try_from(tail).unwrap_or(i64::MAX)),
            limit_bytes: tail.is_none().then_some(MOST_BYTES),
            timestamps: true,
            previous,
            ..LogParams::default()
        };
        let pods = self.pods();
        match within_limit(pods.logs(source.instance.as_str(), &params)).await {
            Ok(text) => Ok(text),
            Err(kube::Error::Api(status)) if matches!(status.code, 400 | 404) => Ok(String::new()),
            Err(error) => Err(failed(&format!("Pod {}", source.instance), &error)),
        }
    }

    /// Goes on with new lines, also of instances that come later, until nobody
    /// reads them.
    async fn follow(
        self,
        read: BTreeMap<Source, Mark>,
        sender: mpsc::Sender<Result<LogLine, TargetError>>,
    ) {
        let mut known: BTreeSet<Source> = read.keys().cloned().collect();
        for (source, mark) in read {
            let task = self.clone().follow_source(source, mark, sender.clone());
            tokio::spawn(task);
        }
        while !sender.is_closed() {
            sleep(LOOK_INTERVAL).await;
            match self.cluster.instances(&self.place, &self.labels).await {
                Ok(pods) => {
                    for source in pods.iter().flat_map(sources) {
                        if known.insert(source.clone()) {
                            let all = Mark::default();
                            let task = self.clone().follow_source(source, all, sender.clone());
                            tokio::spawn(task);
                        }
                    }
                }
                Err(error) => {
                    let _ = sender.send(Err(error)).await;
                    return;
                }
            }
        }
    }

    /// A container's lines, over its restarts, until its pod is gone.
    async fn follow_source(
        self,
        source: Source,
        mut told: Mark,
        sender: mpsc::Sender<Result<LogLine, TargetError>>,
    ) {
        // Without it nothing may be shown.
        let redactor = match self.redactor().await {
            Ok(redactor) => redactor,
            Err(error) => {
                let _ = sender.send(Err(error)).await;
                return;
            }
        };
        while !sender.is_closed() {
            let params = LogParams {
                container: Some(source.container.to_string()),
                follow: true,
                timestamps: true,
                since_time: told.at.map(whole_seconds),
                ..LogParams::default()
            };
            let pods = self.pods();
            match within_limit(pods.log_stream(source.instance.as_str(), &params)).await {
                Ok(stream) => {
                    let mut lines = stream.lines();
                    // It begins with the whole second.
                    let mut again = told.again();
                    while let Ok(Some(text)) = lines.try_next().await {
                        let Some(line) = read_line(&source, &text, &redactor) else {
                            continue;
                        };
                        if !again.is_new(line.at) {
                            continue;
                        }
                        told.note(line.at);
                        if sender.send(Ok(line)).await.is_err() {
                            return;
                        }
                    }
                }
                Err(kube::Error::Api(status)) if status.code == 404 => return,
                // Not started yet, or not heard: looked at again.
                Err(_) => {}
            }
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// What must not be shown, from the secrets that hold the workload's values.
    async fn redactor(&self) -> Result<Redactor, TargetError> {
        let secrets: Api<Secret> =
            Api::namespaced(self.cluster.client.clone(), &self.place.namespace);
        let selected = selecting(&self.labels);
        let found = persist("Secrets", || secrets.list(&selected)).await?;
        Ok(Redactor::new(&hidden(&found.items)?))
    }
}

/// The API server takes whole seconds alone; the client would take the nearest.
fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

fn sources(pod: &Pod) -> Vec<Source> {
    let instance = Instance(pod);
    let Ok(name) = instance.name().parse::<InstanceName>() else {
        return Vec::new();
    };
    let containers = instance.container_names().into_iter();
    containers
        .filter_map(|container| {
            Some(Source {
                instance: name.clone(),
                container: container.parse().ok()?,
            })
        })
        .collect()
}

impl Cluster {
    /// The last lines of a container, or of its run before where it has just
    /// been started again. What can't be read explains nothing.
    pub(super) async fn last_lines(&self, pod: &Pod, container: &str) -> Vec<String> {
        let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), namespace);
        for previous in [false, true] {
            let params = LogParams {
                container: Some(container.to_owned()),
                tail_lines: Some(EXPLAINING_LINES),
                previous,
                ..LogParams::default()
            };
            let text = within_limit(pods.logs(Instance(pod).name(), &params)).await;
            let text = text.unwrap_or_default();
            if !text.trim().is_empty() {
                return text.lines().map(str::to_owned).collect();
            }
        }
        Vec::new()
    }

    /// The same, and what the pod's containers logged to files behind it.
    pub(super) async fn explaining_lines(&self, pod: &Pod, container: &str) -> Vec<String> {
        let mut lines = self.last_lines(pod, container).await;
        if let Some(shipper) = Instance(pod).annotation(annotation::SHIPPER) {
            let of_files = self.last_lines(pod, shipper).await;
            let of_files = of_files
                .iter()
                .filter_map(|line| FileLogs::read_from_file(line));
            lines.extend(of_files.flat_map(|text| {
                let lines = text.lines().map(str::to_owned);
                lines.collect::<Vec<_>>()
            }));
        }
        lines
    }

    /// What the cluster said last about a pod, of one kind of event.
    pub(super) async fn last_event(&self, pod: &Pod, reason: &str) -> Option<String> {
        let namespace = pod.metadata.namespace.as_deref()?;
        self.last_event_of("Pod", Instance(pod).name(), namespace, reason)
            .await
    }

    /// The reason with what only events tell.
    pub(super) async fn explained(&self, pod: &Pod, reason: Reason) -> Reason {
        if reason.image.is_none() {
            return reason;
        }
        let namespace = pod.metadata.namespace.as_deref().unwrap_or_default();
        let found = self
            .events("Pod", Instance(pod).name(), namespace, "Failed")
            .await;
        let mut said = found.into_iter().filter_map(|event| event.message);
        match said.find(|said| said.starts_with("Failed to pull image")) {
            Some(said) => reason.with_pull_error(&said),
            None => reason,
        }
    }

    async fn events(&self, kind: &str, name: &str, namespace: &str, reason: &str) -> Vec<Event> {
        let events: Api<Event> = Api::namespaced(self.client.clone(), namespace);
        let selector =
            format!("involvedObject.kind={kind},involvedObject.name={name},reason={reason}");
        let params = ListParams::default().fields(&selector);
        let found = within_limit(events.list(&params)).await;
        found.map(|found| found.items).unwrap_or_default()
    }

    /// What the cluster said last about an object, of one kind of event.
    pub(super) async fn last_event_of(
        &self,
        kind: &str,
        name: &str,
        namespace: &str,
        reason: &str,
    ) -> Option<String> {
        let found = self.events(kind, name, namespace, reason).await;
        let last = found
            .into_iter()
            .max_by_key(|event| event.last_timestamp.as_ref().map(|time| time.0));
        last?.message
    }
}
