//! What the instances of a workload write, as they write it.

use std::convert::Infallible;

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::Event;
use axum::response::{IntoResponse, Response};
use estiba_model::{EnvironmentId, LogLine, Name};
use estiba_target::LogQuery;
use futures::{Stream, StreamExt, TryStreamExt};
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;

use super::frame::{Frame, shown};
use crate::auth::{Refused, Visit};
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::resources::events::{events, last_event};
use crate::resources::logs;
use crate::state::App;

/// How many lines are shown at first.
const FIRST: usize = 300;
/// How many lines are told at once.
const AT_ONCE: usize = 100;
/// A stream ends after this time, and the page asks for another one.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(300);

#[derive(Template)]
#[template(path = "logs.html")]
struct Logs {
    p: Frame,
    id: EnvironmentId,
    workload: Name,
    lines: Vec<LogLine>,
    /// The moment of the last line, in microseconds.
    after: i64,
}

/// The last lines of some.
#[derive(Template)]
#[template(path = "log_lines.html")]
struct Lines<'a> {
    lines: &'a [LogLine],
}

/// The last lines.
pub(super) async fn show(
    State(app): State<App>,
    visit: Visit,
    Path((team, project, environment, workload)): Path<(Name, Name, Name, Name)>,
) -> Result<Response, Refused> {
    let id = EnvironmentId {
        team,
        project,
        environment,
    };
    let now = Timestamp::now();
    let query = LogQuery {
        since: None,
        tail: Some(FIRST),
        follow: false,
    };
    let lines = logs::lines(&app, &visit.principal, &id, &workload, &query).await?;
    let lines: Vec<LogLine> = lines
        .take(FIRST)
        .try_collect()
        .await
        .map_err(|error| Problem::from(estiba_engine::EngineError::from(error)))?;
    let last = lines.last().map_or(now, |line| line.at);
    Ok(shown(&Logs {
        p: Frame::of(&app, &visit).await?,
        id,
        workload,
        after: last.as_microsecond(),
        lines,
    })?)
}

#[derive(Deserialize)]
pub(super) struct After {
    after: i64,
}

/// The lines that come after.
pub(super) async fn lines(
    State(app): State<App>,
    visit: Visit,
    Path((team, project, environment, workload)): Path<(Name, Name, Name, Name)>,
    Query(After { after }): Query<After>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Refused> {
    let id = EnvironmentId {
        team,
        project,
        environment,
    };
    let after = last_event(&headers)?.unwrap_or(after);
    let since = Timestamp::from_microsecond(after)
        .and_then(|at| at.checked_add(1.microsecond()))
        .map_err(|_| Problem::not_found())?;
    let query = LogQuery {
        since: Some(since),
        tail: None,
        follow: true,
    };
    let lines = logs::lines(&app, &visit.principal, &id, &workload, &query).await?;
    Ok(events(&app, told(lines)))
}

fn told(lines: estiba_target::LogStream) -> impl Stream<Item = Result<Event, Infallible>> + Send {
    lines
        .filter_map(|line| std::future::ready(line.ok()))
        .ready_chunks(AT_ONCE)
        .filter_map(|lines| {
            let last = lines.last().map_or(0, |line| line.at.as_microsecond());
            let text = Lines { lines: &lines }.render().unwrap_or_default();
            // A carriage return would end a line of the stream.
            let text = text.replace('\r', "");
            std::future::ready(Some(Ok(Event::default().id(last.to_string()).data(text))))
        })
        .take_until(tokio::time::sleep(LONGEST))
}
