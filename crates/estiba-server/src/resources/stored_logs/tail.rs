//! Lines as they come.

use std::collections::HashSet;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use estiba_api::{LogHit, LogSelection, LogTailed, Problem as Document};
use estiba_log_store::{Cursor, Hit, Order, Search, Selection, Tail, Tailed};
use estiba_model::{Name, ProjectId};
use futures::{Stream, StreamExt};
use http::header;
use jiff::{SignedDuration, Timestamp};

use super::{hit, selection::selected};
use crate::auth::Principal;
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::resources::logs::json_line;
use crate::resources::project_id;
use crate::state::App;

/// How many stored lines are read at once.
const AT_ONCE: usize = 1000;
/// Lines that come while stored ones are read say that they are not older than this,
/// unless a clock is wrong.
const LATELY: SignedDuration = SignedDuration::from_mins(1);
/// So many of them are known again; more are told twice.
const MOST_TOLD: usize = 100_000;

/// Lines of a project as they come, after those of `from` on that are stored already.
/// Does not end by itself.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/logs/tail", tag = "logs",
    params(("team" = Name, Path), ("project" = Name, Path), LogSelection),
    responses((status = 200, body = LogTailed, content_type = "application/x-ndjson"),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn follow(
    State(app): State<App>,
    principal: Principal,
    Path((team, project)): Path<(Name, Name)>,
    Query(wanted): Query<LogSelection>,
) -> Result<Response, Problem> {
    let project = project_id((team, project));
    let lines = lines(&app, &principal, &project, &wanted).await?;
    let lines = lines.map(|line| json_line(&line.map_err(std::io::Error::other)?));
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, Body::from_stream(lines)).into_response())
}

/// What [`follow`] answers, for whoever may see the project. Ends with the server, and
/// with an error where stored lines can't be read.
///
/// # Errors
/// As [`selected`], and when too many follow already.
pub(crate) async fn lines(
    app: &App,
    principal: &Principal,
    project: &ProjectId,
    wanted: &LogSelection,
) -> Result<
    impl Stream<Item = Result<LogTailed, estiba_log_store::ReadError>> + Send + use<>,
    Problem,
> {
    let selected = selected(app, principal, project, wanted).await?;
    let query = selected.selection.query.clone();
    let tail = selected.store.tail(&selected.scope, query)?;
    let store = Arc::clone(app.logs.store()?);
    let app = app.clone();
    let (scope, selection) = (selected.scope, selected.selection);
    let ending = app.ending.clone();
    let lines = async_stream::try_stream! {
        let mut told = HashSet::new();
        let lately = Timestamp::now() - LATELY;
        if selection.from.is_some() {
            app.logs.settled().await;
            let mut after = None;
            loop {
                let search = page(&selection, after);
                let found = store.search(&scope, search).await?;
                after = found.next;
                for one in found.hits {
                    if one.record.at >= lately && told.len() < MOST_TOLD {
                        told.insert(one.cursor);
                    }
                    yield LogTailed::Line(Box::new(hit(one)));
                }
                if after.is_none() {
                    break;
                }
            }
        }
        let mut tail = tail;
        while let Some(next) = next(&mut tail, &mut told).await {
            yield next;
        }
    };
    Ok(lines.take_until(async move { ending.cancelled().await }))
}

fn page(selection: &Selection, after: Option<Cursor>) -> Search {
    Search {
        query: selection.query.clone(),
        from: selection.from,
        order: Order::OldestFirst,
        limit: AT_ONCE,
        after,
        ..Search::default()
    }
}

/// The next line that was not told: lines that come while stored ones are read are
/// among both.
async fn next(tail: &mut Tail, told: &mut HashSet<Cursor>) -> Option<LogTailed> {
    loop {
        match tail.next().await? {
            Tailed::Missed(lines) => return Some(LogTailed::Missed(lines)),
            Tailed::Line(_, cursor) if told.remove(&cursor) => {}
            Tailed::Line(record, cursor) => {
                return Some(LogTailed::Line(Box::new(line(*record, cursor))));
            }
        }
    }
}

fn line(record: estiba_logs::Record, cursor: Cursor) -> LogHit {
    hit(Hit {
        cursor,
        record,
        before: Vec::new(),
        after: Vec::new(),
    })
}
