//! Lines that this server has stored: found, counted, followed.

pub(crate) mod counts;
mod lines;
pub(crate) mod selection;
pub(crate) mod tail;

use axum::Json;
use axum::extract::State;
use estiba_api::{LogHit, LogOrder, LogPaging, LogRecord, LogSelection, Page, Problem as Document};
use estiba_log_store::{Cursor, Hit, Order, ReadError, Search};
use estiba_model::{Name, message};
use serde::Deserialize;
use utoipa::IntoParams;

use super::project_id;
use crate::auth::Principal;
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::state::App;

use selection::selected;

/// The most lines of a page.
const MOST_LINES: u32 = 1000;
/// The most lines of a page where others around them are wanted too.
const MOST_WITH_CONTEXT: u32 = 100;
/// The most lines before a line, or after it.
const MOST_AROUND: u32 = 50;

/// Lines of a project, of all its environments, that this server has stored.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/logs", tag = "logs",
    params(("team" = Name, Path), ("project" = Name, Path), LogSelection, LogPaging),
    responses((status = 200, body = Page<LogHit>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn search(
    State(app): State<App>,
    principal: Principal,
    Path((team, project)): Path<(Name, Name)>,
    Query(wanted): Query<LogSelection>,
    Query(paging): Query<LogPaging>,
) -> Result<Json<Page<LogHit>>, Problem> {
    let project = project_id((team, project));
    let selected = selected(&app, &principal, &project, &wanted).await?;
    let around = Around {
        before: paging.before,
        after: paging.after,
    };
    let (lines_before, lines_after) = around.lines()?;
    let most = match lines_before + lines_after {
        0 => MOST_LINES,
        _ => MOST_WITH_CONTEXT,
    };
    let limit = match paging.limit.unwrap_or(100) {
        limit @ 1..=MOST_LINES => limit.min(most) as usize,
        limit => {
            return Err(Problem::invalid(message!(
                "`limit` is from 1 to {MOST_LINES}; {limit} is not",
                "`limit` va de 1 a {MOST_LINES}; {limit} no"
            )));
        }
    };
    let search = Search {
        query: selected.selection.query,
        from: selected.selection.from,
        until: selected.selection.until,
        order: match paging.order {
            LogOrder::Newest => Order::NewestFirst,
            LogOrder::Oldest => Order::OldestFirst,
        },
        limit,
        after: paging.cursor.as_deref().map(cursor).transpose()?,
        lines_before,
        lines_after,
    };
    let found = selected.lines.search(&selected.scope, search).await?;
    Ok(Json(Page {
        items: found.hits.into_iter().map(hit).collect(),
        next: found.next.map(|next| next.to_string()),
    }))
}

/// How many lines around one are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Around {
    /// How many lines of the same instance before it.
    #[param(minimum = 0, maximum = 50, default = 0)]
    before: Option<u32>,
    /// How many lines of the same instance after it.
    #[param(minimum = 0, maximum = 50, default = 0)]
    after: Option<u32>,
}

impl Around {
    /// So many before it and after it.
    pub(crate) fn of(lines: u32) -> Self {
        Self {
            before: Some(lines),
            after: Some(lines),
        }
    }

    fn lines(&self) -> Result<(usize, usize), Problem> {
        let (before, after) = (self.before.unwrap_or(0), self.after.unwrap_or(0));
        if before.max(after) > MOST_AROUND {
            return Err(Problem::invalid(message!(
                "`before` and `after` are {MOST_AROUND} at most",
                "`before` y `after` son {MOST_AROUND} como máximo"
            )));
        }
        Ok((before as usize, after as usize))
    }
}

/// One line by its place, which never changes: what a link to a line leads to.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/logs/lines/{cursor}", tag = "logs",
    params(("team" = Name, Path), ("project" = Name, Path), ("cursor" = String, Path), Around),
    responses((status = 200, body = LogHit),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn line(
    State(app): State<App>,
    principal: Principal,
    Path((team, project, place)): Path<(Name, Name, String)>,
    Query(around): Query<Around>,
) -> Result<Json<LogHit>, Problem> {
    let project = project_id((team, project));
    let selected = selected(&app, &principal, &project, &LogSelection::default()).await?;
    let place = cursor(&place)?;
    let (lines_before, lines_after) = around.lines()?;
    let found = selected
        .lines
        .line(&selected.scope, place, lines_before, lines_after)
        .await?;
    Ok(Json(hit(found.ok_or_else(Problem::not_found)?)))
}

fn cursor(text: &str) -> Result<Cursor, Problem> {
    text.parse().map_err(Problem::invalid)
}

fn hit(hit: Hit) -> LogHit {
    let records = |records: Vec<_>| records.into_iter().map(LogRecord::from).collect();
    LogHit {
        cursor: hit.cursor.to_string(),
        record: hit.record.into(),
        before: records(hit.before),
        after: records(hit.after),
    }
}

impl From<ReadError> for Problem {
    fn from(error: ReadError) -> Self {
        let message = error.message();
        match error {
            ReadError::Wrong(_) => Self::invalid(message),
            ReadError::Elsewhere(_) => Self::elsewhere(message),
            ReadError::TooManyFollowers(_) | ReadError::Closed => {
                Self::unavailable("logs-unavailable", message)
            }
            _ => {
                tracing::error!(%error, "logs can't be read");
                Self::internal()
            }
        }
    }
}
