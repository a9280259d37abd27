//! Lines of a search as they come.

use std::convert::Infallible;
use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::Event;
use estiba_api::LogTailed;
use estiba_model::{Name, ProjectId};
use futures::{Stream, StreamExt};
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;

use super::Lines;
use super::marks::Row;
use super::wanted::{Wanted, written};
use crate::auth::{Refused, Visit};
use crate::extract::{Path, Query};
use crate::page::frame::Frame;
use crate::problem::Problem;
use crate::resources::events::{events, last_event};
use crate::resources::stored_logs::tail;
use crate::state::App;

/// How many lines are told at once.
const AT_ONCE: usize = 100;
/// A stream ends after this time, and the page asks for another one.
const LONGEST: Duration = Duration::from_secs(300);

#[derive(Deserialize)]
pub(in crate::page) struct After {
    /// The moment of the last line that is shown, in microseconds.
    after: Option<i64>,
}

/// The lines of a search that come after those that are shown.
pub(in crate::page) async fn follow(
    State(app): State<App>,
    visit: Visit,
    Path((team, project)): Path<(Name, Name)>,
    Query(wanted): Query<Wanted>,
    Query(After { after }): Query<After>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Refused> {
    let id = ProjectId { team, project };
    let mut selection = wanted.selection()?;
    let after = last_event(&headers)?.or(after);
    let from = after.map(|after| {
        Timestamp::from_microsecond(after).and_then(|at| at.checked_add(1.microsecond()))
    });
    let from = from.transpose().map_err(|_| Problem::not_found())?;
    selection.from = Some(written(from.unwrap_or_else(Timestamp::now)));
    selection.until = None;
    let lines = tail::lines(&app, &visit.principal, &id, &selection).await?;
    let lines = lines.filter_map(|line| std::future::ready(line.ok()));
    Ok(events(
        &app,
        told(lines, id, Frame::open(visit.lang, &visit.path)),
    ))
}

fn told(
    lines: impl Stream<Item = LogTailed> + Send + 'static,
    id: ProjectId,
    p: Frame,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    let event = move |some: Vec<LogTailed>| {
        let mut text = String::new();
        let mut last = None;
        for one in some {
            match one {
                LogTailed::Missed(lines) => text.push_str(&missed(lines, &p)),
                LogTailed::Line(hit) => {
                    last = Some(hit.record.at.as_microsecond());
                    let rows = [Row::Line(hit)];
                    let line = Lines {
                        p: &p,
                        id: &id,
                        rows: &rows,
                    };
                    text.push_str(&line.render().unwrap_or_default());
                }
            }
        }
        // A carriage return would end a line of the stream.
        let event = Event::default().data(text.replace('\r', ""));
        Ok(match last {
            Some(last) => event.id(last.to_string()),
            None => event,
        })
    };
    lines
        .ready_chunks(AT_ONCE)
        .map(event)
        .take_until(tokio::time::sleep(LONGEST))
}

fn missed(lines: u64, p: &Frame) -> String {
    let why = p.t(
        "lines came too fast to be shown; search for them",
        "líneas llegaron demasiado rápido para mostrarlas; búsquelas",
    );
    format!("<div class=\"mark\">… {lines} {why}</div>")
}
