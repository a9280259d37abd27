//! What instances wrote, as the nodes keep it.
//!
//! Kubernetes keeps the log of a pod for as long as the pod, and of a container's
//! runs the last two. It does not tell the standard output from the standard
//! error.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use estiba_model::{EnvironmentId, FileLogs, InstanceName, Name, SecretString};
use estiba_target::{LogLine, LogQuery, LogStream, Redactor, TargetError};
use futures::{AsyncBufReadExt, StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event, Pod, Secret};
use kube::api::{Api, ListParams, LogParams};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::KubernetesTarget;
use super::cluster::{Cluster, persist, selecting, within_limit};
use super::error::failed;
use super::pods::Instance;
use super::reasons::Reason;
use crate::manifests::{Labels, Place, REDACTED_KEY, annotation};

/// Lines of an instance's log that explain a failure.
const EXPLAINING_LINES: i64 = 20;
/// How often new instances are looked for.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// Lines that wait to be read; a full queue makes the nodes wait.
const QUEUE: usize = 1024;
/// Pieces of long lines are so long, or several times that.
const PIECE_BYTES: usize = 4 << 10;
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

/// A container whose log is read, and up to when it was.
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

    /// The lines that are there now, in order of time, and whose they are.
    async fn there(
        &self,
        query: &LogQuery,
    ) -> Result<(Vec<LogLine>, BTreeSet<Source>), TargetError> {
        let redactor = self.redactor().await?;
        let mut lines = Vec::new();
        let mut read = BTreeSet::new();
        for pod in self.cluster.instances(&self.place, &self.labels).await? {
            let has_restarted = Instance(&pod).has_restarted();
            for source in sources(&pod) {
                for previous in [true, false] {
                    if previous && !has_restarted {
                        continue;
                    }
                    let text = self.text(&source, query, previous).await?;
                    let of_source = text
                        .lines()
                        .filter_map(|line| read_line(&source, line, &redactor));
                    lines.extend(of_source);
                }
                read.insert(source);
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

    /// A container that has not started yet has no log.
    async fn text(
        &self,
        source: &Source,
        query: &LogQuery,
        previous: bool,
    ) -> Result<String, TargetError> {
        let params = LogParams {
            container: Some(source.container.to_string()),
            since_time: query.since.map(whole_seconds),
            tail_lines: query
                .tail
                .map(|tail| i64::try_from(tail).unwrap_or(i64::MAX)),
            limit_bytes: query.tail.is_none().then_some(MOST_BYTES),
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
        mut known: BTreeSet<Source>,
        sender: mpsc::Sender<Result<LogLine, TargetError>>,
    ) {
        let begun = Timestamp::now();
        for source in &known {
            let task = self
                .clone()
                .follow_source(source.clone(), Some(begun), sender.clone());
            tokio::spawn(task);
        }
        while !sender.is_closed() {
            sleep(LOOK_INTERVAL).await;
            match self.cluster.instances(&self.place, &self.labels).await {
                Ok(pods) => {
                    for source in pods.iter().flat_map(sources) {
                        if known.insert(source.clone()) {
                            let task = self.clone().follow_source(source, None, sender.clone());
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
        since: Option<Timestamp>,
        sender: mpsc::Sender<Result<LogLine, TargetError>>,
    ) {
        let mut last = since;
        let redactor = self.redactor().await.unwrap_or_default();
        while !sender.is_closed() {
            let params = LogParams {
                container: Some(source.container.to_string()),
                follow: true,
                timestamps: true,
                since_time: last.map(whole_seconds),
                ..LogParams::default()
            };
            let pods = self.pods();
            match within_limit(pods.log_stream(source.instance.as_str(), &params)).await {
                Ok(stream) => {
                    let mut lines = stream.lines();
                    while let Ok(Some(text)) = lines.try_next().await {
                        let Some(line) = read_line(&source, &text, &redactor) else {
                            continue;
                        };
                        // It begins with the whole second.
                        if last.is_some_and(|last| line.at <= last) {
                            continue;
                        }
                        last = Some(line.at);
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
        let texts: Vec<SecretString> = found
            .items
            .iter()
            .filter_map(|secret| secret.data.as_ref()?.get(REDACTED_KEY))
            .filter_map(|texts| serde_json::from_slice::<Vec<SecretString>>(&texts.0).ok())
            .flatten()
            .collect();
        Ok(Redactor::new(&texts))
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

/// A line as the nodes keep it: an instant, a blank, the text.
fn read_line(source: &Source, line: &str, redactor: &Redactor) -> Option<LogLine> {
    let (at, text) = line.split_once(' ').unwrap_or((line, ""));
    let text = joined(text);
    Some(LogLine {
        at: at.parse().ok()?,
        instance: source.instance.clone(),
        container: source.container.clone(),
        stream: None,
        text: redactor.redact(&text).into_owned(),
    })
}

/// A long line is kept in pieces. Before Kubernetes 1.26 each of them has an
/// instant of its own in front of it
/// (<https://github.com/kubernetes/kubernetes/issues/77603>).
fn joined(text: &str) -> Cow<'_, str> {
    let Some((first, mut rest)) = split_piece(text) else {
        return Cow::Borrowed(text);
    };
    let mut whole = first.to_owned();
    while let Some((piece, after)) = split_piece(rest) {
        whole.push_str(piece);
        rest = after;
    }
    whole.push_str(rest);
    Cow::Owned(whole)
}

/// A piece, and what comes after the instant of the next.
fn split_piece(text: &str) -> Option<(&str, &str)> {
    let ends = (PIECE_BYTES..text.len()).step_by(PIECE_BYTES);
    let mut pieces = ends.filter_map(|end| text.split_at_checked(end));
    pieces.find_map(|(piece, after)| {
        let (at, after) = after.split_once(' ')?;
        at.parse::<Timestamp>().ok()?;
        Some((piece, after))
    })
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
        let found = events.list(&params).await;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_was_kept_in_pieces_is_whole() {
        let at = "2026-01-31T12:00:00.123456789Z";
        let piece = "y ".repeat(8 << 10);
        assert_eq!(joined(&piece), piece);
        let kept = format!("{piece}{at} {piece}{at} end");
        assert_eq!(joined(&kept), format!("{piece}{piece}end"));
        let own = format!("{at} is what it says");
        assert_eq!(joined(&own), own);
    }
}
