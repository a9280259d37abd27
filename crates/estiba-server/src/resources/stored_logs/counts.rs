//! How many lines there are: over time, and by the values of a field.

use axum::Json;
use axum::extract::State;
use estiba_api::{
    LogBars, LogBucket, LogHistogram, LogSelection, LogTerm, LogTerms, LogValues, Page,
    Problem as Document,
};
use estiba_log_store::{HistogramOf, TermsOf};
use estiba_model::{Name, message};
use jiff::SignedDuration;

use super::selection::selected;
use crate::auth::Principal;
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::resources::project_id;
use crate::state::App;

/// The most values of a field.
const MOST_VALUES: u32 = 1000;

/// How many lines there are over time.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/logs/histogram", tag = "logs",
    params(("team" = Name, Path), ("project" = Name, Path), LogSelection, LogBars),
    responses((status = 200, body = LogHistogram),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn histogram(
    State(app): State<App>,
    principal: Principal,
    Path((team, project)): Path<(Name, Name)>,
    Query(wanted): Query<LogSelection>,
    Query(bars): Query<LogBars>,
) -> Result<Json<LogHistogram>, Problem> {
    let project = project_id((team, project));
    let selected = selected(&app, &principal, &project, &wanted).await?;
    let histogram = HistogramOf {
        selection: selected.selection,
        by: bars.by.filter(|by| !by.is_empty()),
        interval: bars.interval.as_deref().map(interval).transpose()?,
    };
    let found = selected.lines.histogram(&selected.scope, histogram).await?;
    let buckets = found.buckets.into_iter().map(|bucket| LogBucket {
        from: bucket.from,
        lines: bucket.lines,
        by: bucket.by,
    });
    Ok(Json(LogHistogram {
        interval_ms: u64::try_from(found.interval.as_millis()).unwrap_or_default(),
        buckets: buckets.collect(),
    }))
}

fn interval(text: &str) -> Result<SignedDuration, Problem> {
    let interval = text.parse::<SignedDuration>().ok();
    interval.filter(SignedDuration::is_positive).ok_or_else(|| {
        Problem::invalid(message!(
            "`interval` is a span of time such as 10s, 5m or 1h; \"{text}\" is not",
            "`interval` es un lapso como 10s, 5m o 1h; «{text}» no"
        ))
    })
}

/// The most frequent values of a field.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/logs/terms", tag = "logs",
    params(("team" = Name, Path), ("project" = Name, Path), LogSelection, LogValues),
    responses((status = 200, body = LogTerms),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn terms(
    State(app): State<App>,
    principal: Principal,
    Path((team, project)): Path<(Name, Name)>,
    Query(wanted): Query<LogSelection>,
    Query(values): Query<LogValues>,
) -> Result<Json<LogTerms>, Problem> {
    let project = project_id((team, project));
    let selected = selected(&app, &principal, &project, &wanted).await?;
    if values.field.is_empty() {
        return Err(Problem::invalid(message!(
            "`field` is the field whose values are wanted, such as `workload`",
            "`field` es el campo cuyos valores se piden, como `workload`"
        )));
    }
    let limit = match values.limit.unwrap_or(10) {
        limit @ 1..=MOST_VALUES => limit as usize,
        limit => {
            return Err(Problem::invalid(message!(
                "`limit` is from 1 to {MOST_VALUES}; {limit} is not",
                "`limit` va de 1 a {MOST_VALUES}; {limit} no"
            )));
        }
    };
    let terms = TermsOf {
        selection: selected.selection,
        field: values.field,
        limit,
    };
    let found = selected.lines.terms(&selected.scope, terms).await?;
    let terms = found.terms.into_iter().map(|term| LogTerm {
        value: term.value,
        lines: term.lines,
    });
    Ok(Json(LogTerms {
        terms: terms.collect(),
        others: found.others,
    }))
}

/// The names of the fields that lines of a project have.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/logs/fields", tag = "logs",
    params(("team" = Name, Path), ("project" = Name, Path)),
    responses((status = 200, body = Page<String>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn fields(
    State(app): State<App>,
    principal: Principal,
    Path((team, project)): Path<(Name, Name)>,
) -> Result<Json<Page<String>>, Problem> {
    let project = project_id((team, project));
    let selected = selected(&app, &principal, &project, &LogSelection::default()).await?;
    let fields = selected.lines.fields(&selected.scope).await?;
    Ok(Json(Page::whole(fields)))
}
