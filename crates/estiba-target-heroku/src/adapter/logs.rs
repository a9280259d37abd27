//! What dynos wrote, by log sessions
//! (<https://devcenter.heroku.com/articles/logging>). Heroku keeps the last 1500 lines
//! of an app, those of all its dynos together.

use std::time::Duration;

use estiba_model::{EnvironmentId, Message, Name};
use estiba_target::{LogLine, LogQuery, LogStream, Redactor, TargetError};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use reqwest::Response;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::apps::OurApp;
use super::{HerokuTarget, RELEASE, WEB, WORKER, app_named};
use crate::client::types::LogSession;
use crate::client::{Client, lines_of};
use crate::log_lines::{DynoLine, dyno_line, instance, started};
use crate::marks::variable_of;
use crate::{database_url, secret_places};

/// All that Heroku keeps.
const MOST_LINES: u32 = 1500;
/// Lines that explain a failure.
const EXPLAINING_LINES: usize = 20;
/// Heroku may be silent for long before lines that were there have come.
const THERE_LIMIT: Duration = Duration::from_secs(10);
/// Lines that wait to be read; a full queue makes Heroku wait.
const QUEUE: usize = 1024;
/// The pause before a session that ended is followed by another.
const PAUSE: Duration = Duration::from_secs(1);

/// Whose last lines are wanted.
#[derive(Clone, Copy)]
pub(super) enum LastOf<'d> {
    /// A dyno, by its name.
    Dyno(&'d str),
    /// The newest dyno that tried a release.
    ReleasePhase,
}

impl HerokuTarget {
    pub(super) async fn logs_of(
        &self,
        environment: &EnvironmentId,
        workload: &Name,
        query: &LogQuery,
    ) -> Result<LogStream, TargetError> {
        let Some(app) = self.app_of(environment, workload).await? else {
            return Ok(stream::empty().boxed());
        };
        let client = self.client().await?;
        let Some(rollout) = &app.marks.rollout else {
            return Ok(stream::empty().boxed());
        };
        let reader = Reader {
            redactor: redactor(&app),
            workload: workload.clone(),
            container: rollout.container.clone(),
            since: query.since,
        };
        let session = app.log_session(client, &written(false)).await?;
        let mut there = Vec::new();
        let mut lines = lines_of(session);
        while let Ok(Ok(Some(line))) = tokio::time::timeout(THERE_LIMIT, lines.next_line()).await {
            there.extend(reader.read(&line));
        }
        there.sort_by_key(|line: &LogLine| line.at);
        let last = there.last().map(|line| line.at);
        let skipped = query
            .tail
            .map_or(0, |tail| there.len().saturating_sub(tail));
        let there = stream::iter(there.into_iter().skip(skipped).map(Ok));
        if !query.follow {
            return Ok(there.boxed());
        }
        let (sender, receiver) = mpsc::channel(QUEUE);
        tokio::spawn(follow(client.clone(), app, reader, last, sender));
        let new = stream::unfold(receiver, |mut receiver| async {
            receiver.recv().await.map(|line| (line, receiver))
        });
        Ok(there.chain(new).boxed())
    }
}

impl OurApp {
    async fn log_session(&self, client: &Client, wanted: &Value) -> Result<Response, TargetError> {
        let at = |fault: crate::client::fault::Fault| fault.at(&app_named(self.name()));
        let session = client.post(&self.path("/log-sessions"), wanted).await;
        let session: LogSession = session.map_err(at)?;
        client.stream(&session.logplex_url).await.map_err(at)
    }

    /// The last lines of a dyno since it started, without secrets.
    pub(super) async fn last_lines(&self, client: &Client, of: LastOf<'_>) -> Vec<String> {
        let wanted = json!({ "lines": MOST_LINES });
        let Ok(session) = self.log_session(client, &wanted).await else {
            return Vec::new();
        };
        let redactor = redactor(self);
        let mut all: Vec<DynoLine> = Vec::new();
        let mut lines = lines_of(session);
        while let Ok(Ok(Some(line))) = tokio::time::timeout(THERE_LIMIT, lines.next_line()).await {
            if let Some(dyno) = started(&line) {
                all.retain(|line| line.dyno != dyno);
            }
            all.extend(dyno_line(&line));
        }
        let release = all.iter().rev().find(|line| line.dyno.starts_with(RELEASE));
        let dyno = match of {
            LastOf::Dyno(name) => Some(name.to_owned()),
            LastOf::ReleasePhase => release.map(|line| line.dyno.clone()),
        };
        let of_dyno = all.iter().filter(|line| Some(&line.dyno) == dyno.as_ref());
        let mut found: Vec<String> = of_dyno
            .map(|line| redactor.redact(&line.text).into_owned())
            .collect();
        let skipped = found.len().saturating_sub(EXPLAINING_LINES);
        found.split_off(skipped)
    }
}

/// A session of what dynos write.
fn written(tail: bool) -> Value {
    json!({ "lines": MOST_LINES, "tail": tail, "source": "app" })
}

/// Goes on with new lines. Heroku ends a session after a while: then there is another,
/// from where the last one ended.
async fn follow(
    client: Client,
    app: OurApp,
    reader: Reader,
    mut last: Option<Timestamp>,
    sender: mpsc::Sender<Result<LogLine, TargetError>>,
) {
    while !sender.is_closed() {
        let session = match app.log_session(&client, &written(true)).await {
            Ok(session) => session,
            Err(error) => {
                tell_end(&sender, app.name(), &error).await;
                return;
            }
        };
        let mut lines = lines_of(session);
        let told = last;
        loop {
            let line = tokio::select! {
                line = lines.next_line() => line,
                () = sender.closed() => return,
            };
            let Ok(Some(line)) = line else { break };
            let Some(line) = reader.read(&line) else {
                continue;
            };
            if told.is_some_and(|told| line.at <= told) {
                continue;
            }
            last = Some(line.at);
            if sender.send(Ok(line)).await.is_err() {
                return;
            }
        }
        sleep(PAUSE).await;
    }
}

/// Tells whoever follows why there is no more.
async fn tell_end(
    sender: &mpsc::Sender<Result<LogLine, TargetError>>,
    app: &str,
    error: &TargetError,
) {
    let why = error.message();
    let ended = Message {
        en: format!(
            "the log of the app {app} can't be followed any more: {}",
            why.en
        ),
        es: format!(
            "no se puede seguir más el registro de la aplicación {app}: {}",
            why.es
        ),
    };
    // Whoever has left needs no reason.
    let _ = sender.send(Err(TargetError::new(ended))).await;
}

struct Reader {
    redactor: Redactor,
    workload: Name,
    container: Name,
    since: Option<Timestamp>,
}

impl Reader {
    /// A line of an instance of the workload.
    fn read(&self, line: &str) -> Option<LogLine> {
        let DynoLine { at, dyno, text } = dyno_line(line)?;
        let kind = dyno.split(['.', '-']).next()?;
        let is_wanted = matches!(kind, WEB | WORKER) && self.since.is_none_or(|since| at >= since);
        let name = instance(self.workload.as_str(), &dyno)?;
        is_wanted.then(|| LogLine {
            at,
            instance: name,
            container: self.container.clone(),
            stream: None,
            text: self.redactor.redact(&text).into_owned(),
        })
    }
}

/// What a log must not show: the secrets in the config vars, and the passwords of
/// databases.
fn redactor(app: &OurApp) -> Redactor {
    let rollout = app.marks.rollout.as_ref();
    let mut secrets = rollout
        .map(|rollout| secret_places::read(&app.vars, &rollout.secrets))
        .unwrap_or_default();
    for attachment in app.marks.attachments() {
        let url = app.vars.get(&variable_of(attachment));
        let outputs = url.and_then(database_url::outputs);
        secrets.extend(outputs.and_then(|mut outputs| outputs.remove("password")));
    }
    Redactor::new(&secrets)
}
