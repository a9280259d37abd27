//! Follows what the instances of one workload write, and stores it.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use estiba_log_store::{AppendError, LogStore};
use estiba_logs::{Origin, Record};
use estiba_model::{EnvironmentId, LogLine, Message, Name, Project, message};
use estiba_target::LogQuery;
use futures::StreamExt;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::marks::Marks;
use super::releases::Releases;
use super::stored;
use crate::state::App;

/// So many lines are stored at once, where they are there.
const AT_ONCE: usize = 500;
/// So many bytes of text are stored at once. A longer line is cut.
const MOST_BYTES: usize = 1 << 20;
/// The wait after a first failure; it doubles.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// Who followed for so long has not failed again.
const WELL: Duration = Duration::from_secs(60);

/// A workload of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Place {
    pub environment: EnvironmentId,
    pub workload: Name,
}

/// Follows one workload, for ever.
pub(super) struct Follower {
    app: App,
    store: Arc<LogStore>,
    place: Place,
    marks: Marks,
    releases: Releases,
    again: Arc<Notify>,
}

impl Follower {
    /// Follows `place`; anew when `again` is notified, since a deployment changes which
    /// secrets are hidden and perhaps the target.
    pub fn new(app: App, store: Arc<LogStore>, place: Place, again: Arc<Notify>) -> Self {
        Self {
            app,
            store,
            place,
            marks: Marks::default(),
            releases: Releases::default(),
            again,
        }
    }

    /// Stores what comes, for ever. What fails is tried again, with growing pauses.
    pub async fn run(mut self) {
        let mut waits = waits();
        let environment = &self.place.environment;
        self.app.logs.settled().await;
        self.marks = loop {
            match stored::marks(&self.store, environment, &self.place.workload).await {
                Ok(marks) => break marks,
                Err(error) => {
                    tracing::warn!(%error, %environment, "what is stored can't be read");
                    tokio::time::sleep(waits.next().unwrap_or(LONGEST_WAIT)).await;
                }
            }
        };
        loop {
            let begun = Instant::now();
            let followed = self.follow().await;
            if begun.elapsed() >= WELL {
                waits = self::waits();
            }
            let (environment, workload) = (&self.place.environment, &self.place.workload);
            match followed {
                Ok(Followed::Told) => {
                    waits = self::waits();
                    continue;
                }
                Ok(Followed::Ended) => {}
                Err(error) => {
                    metrics::counter!("estiba_logs_collecting_failures_total").increment(1);
                    let why = &error.en;
                    tracing::warn!(why, %environment, %workload, "logs can't be followed; trying again");
                }
            }
            let wait = waits.next().unwrap_or(LONGEST_WAIT);
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.again.notified() => {}
            }
        }
    }

    async fn follow(&mut self) -> Result<Followed, Message> {
        let project = self.project().await?;
        let (environment, workload) = (&self.place.environment.environment, &self.place.workload);
        let query = LogQuery {
            since: self.marks.since(),
            tail: None,
            follow: true,
        };
        let lines = self
            .app
            .engine
            .logs(&project, environment, workload, &query);
        let lines = lines.await.map_err(|error| joined(&error.messages()))?;
        let mut replay = self.marks.replay();
        let mut chunks = lines.ready_chunks(AT_ONCE);
        loop {
            // Only here may it begin anew: lines that are being stored are marked first.
            let chunk = tokio::select! {
                chunk = chunks.next() => chunk,
                () = self.again.notified() => return Ok(Followed::Told),
            };
            let Some(chunk) = chunk else {
                return Ok(Followed::Ended);
            };
            let mut new = Vec::new();
            let mut failed = None;
            for line in chunk {
                match line {
                    Ok(line) if replay.is_new(&line) => new.push(line),
                    Ok(_) => {}
                    Err(error) => failed = Some(error.message().clone()),
                }
            }
            for part in parts(&new) {
                self.keep(&project, part).await?;
            }
            if let Some(failed) = failed {
                return Err(failed);
            }
        }
    }

    async fn project(&self) -> Result<Arc<Project>, Message> {
        let id = &self.place.environment;
        let of = id.project_id();
        let found = self.app.descriptions.project(self.app.store(), &of);
        let (project, _) = found.await.map_err(|_| {
            message!(
                "the project is not known any more",
                "el proyecto ya no se conoce"
            )
        })?;
        if project.environments.contains_key(&id.environment) {
            return Ok(project);
        }
        let project = Project::clone(&project);
        Ok(Arc::new(project.including(&id.environment)))
    }

    /// Stores lines, however long it takes: nothing more is read meanwhile, so that the
    /// target keeps it.
    async fn keep(&mut self, project: &Project, lines: &[LogLine]) -> Result<(), Message> {
        let mut waits = waits();
        loop {
            let records = self.records(project, lines).await;
            match self.store.append(records).await {
                Ok(_) => break,
                Err(AppendError::Closed) => return Err(AppendError::Closed.message()),
                Err(error) => {
                    metrics::counter!("estiba_logs_delayed_total").increment(1);
                    let environment = &self.place.environment;
                    tracing::warn!(%error, %environment, "lines are not stored yet");
                    tokio::time::sleep(waits.next().unwrap_or(LONGEST_WAIT)).await;
                }
            }
        }
        for line in lines {
            self.marks.note(line);
        }
        let bytes = lines.iter().map(|line| line.text.len() as u64).sum();
        metrics::counter!("estiba_logs_collected_lines_total").increment(lines.len() as u64);
        metrics::counter!("estiba_logs_collected_bytes_total").increment(bytes);
        Ok(())
    }

    async fn records(&mut self, project: &Project, lines: &[LogLine]) -> Vec<Record> {
        let id = &self.place.environment;
        let mut place = Origin {
            team: Some(id.team.to_string()),
            project: Some(id.project.to_string()),
            environment: Some(id.environment.to_string()),
            workload: Some(self.place.workload.to_string()),
            ..Origin::default()
        };
        let mut records = Vec::with_capacity(lines.len());
        for line in lines {
            let release = self.releases.of(&self.app, project, id, &line.instance);
            place.release = release.await.map(|version| version.to_string());
            records.push(match line.text.len() {
                0..=MOST_BYTES => Record::from_line(line, &place),
                _ => Record::from_line(&cut(line), &place),
            });
        }
        records
    }
}

enum Followed {
    /// It is to begin anew.
    Told,
    /// There are no more lines for now.
    Ended,
}

fn waits() -> ExponentialBackoff {
    ExponentialBuilder::default()
        .with_jitter()
        .with_min_delay(FIRST_WAIT)
        .with_max_delay(LONGEST_WAIT)
        .without_max_times()
        .build()
}

fn cut(line: &LogLine) -> LogLine {
    let end = line.text.floor_char_boundary(MOST_BYTES);
    LogLine {
        text: line.text[..end].to_owned(),
        ..line.clone()
    }
}

/// Lines in parts that a store takes at once.
fn parts(lines: &[LogLine]) -> Vec<&[LogLine]> {
    let mut parts = Vec::new();
    let (mut begin, mut bytes) = (0, 0);
    for (number, line) in lines.iter().enumerate() {
        let more = line.text.len().min(MOST_BYTES);
        if bytes + more > MOST_BYTES && number > begin {
            parts.push(&lines[begin..number]);
            (begin, bytes) = (number, 0);
        }
        bytes += more;
    }
    if begin < lines.len() {
        parts.push(&lines[begin..]);
    }
    parts
}

fn joined(messages: &[Message]) -> Message {
    let join = |text: fn(&Message) -> &str| {
        let texts: Vec<&str> = messages.iter().map(text).collect();
        texts.join("; ")
    };
    Message {
        en: join(|message| &message.en),
        es: join(|message| &message.es),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(bytes: usize) -> LogLine {
        LogLine {
            at: jiff::Timestamp::UNIX_EPOCH,
            instance: "api-12345678-0".parse().unwrap(),
            container: "main".parse().unwrap(),
            stream: None,
            text: "ñ".repeat(bytes / 2),
        }
    }

    #[test]
    fn parts_are_all_lines_in_their_order() {
        for (sizes, expected) in [
            (vec![], vec![]),
            (vec![10, 10], vec![2]),
            (vec![MOST_BYTES, 2, MOST_BYTES], vec![1, 1, 1]),
            (vec![4 * MOST_BYTES], vec![1]),
            (vec![MOST_BYTES / 2, MOST_BYTES / 2, 2], vec![2, 1]),
        ] {
            let lines: Vec<_> = sizes.iter().map(|bytes| line(*bytes)).collect();
            let parts = parts(&lines);
            let lengths: Vec<_> = parts.iter().map(|part| part.len()).collect();
            assert_eq!(lengths, expected);
            assert_eq!(parts.concat(), lines);
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_cut_between_characters() {
        let cut = cut(&LogLine {
            text: format!("x{}", "ñ".repeat(MOST_BYTES)),
            ..line(0)
        });
        assert_eq!(cut.text.len(), MOST_BYTES - 1);
    }
}
