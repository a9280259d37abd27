//! What instances write.

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use estiba_api::Problem as Document;
use estiba_model::{EnvironmentId, LogLine, Name, Right};
use estiba_target::{LogQuery, LogStream};
use futures::StreamExt;
use http::header;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::IntoParams;

use super::environment_id;
use crate::auth::Principal;
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::state::App;

/// Which lines are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// Only lines at or after this moment.
    since: Option<Timestamp>,
    /// Only the last so many.
    tail: Option<usize>,
    /// Go on with new lines.
    #[serde(default)]
    follow: bool,
}

/// What the instances of a workload wrote: one JSON object a line.
#[utoipa::path(get,
    path = "/teams/{team}/projects/{project}/environments/{environment}/workloads/{workload}/logs",
    tag = "instances",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path),
        ("workload" = Name, Path), Wanted),
    responses((status = 200, body = LogLine, content_type = "application/x-ndjson"),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path((team, project, environment, workload)): Path<(Name, Name, Name, Name)>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Problem> {
    let id = environment_id((team, project, environment));
    let query = LogQuery {
        since: wanted.since,
        tail: wanted.tail,
        follow: wanted.follow,
    };
    let lines = lines(&app, &principal, &id, &workload, &query).await?;
    let ending = app.ending.clone();
    let lines = lines
        .map(|line| {
            let line = line.map_err(std::io::Error::other)?;
            json_line(&line)
        })
        .take_until(async move { ending.cancelled().await });
    let kind = [(header::CONTENT_TYPE, "application/x-ndjson")];
    Ok((kind, Body::from_stream(lines)).into_response())
}

/// The lines of a workload, for whoever may see its environment.
pub(crate) async fn lines(
    app: &App,
    principal: &Principal,
    id: &EnvironmentId,
    workload: &Name,
    query: &LogQuery,
) -> Result<LogStream, Problem> {
    let project = super::environment(app, principal, id, Right::See).await?;
    let lines = app.engine.logs(&project, &id.environment, workload, query);
    Ok(lines.await?)
}

/// A value as a line of its own.
pub(super) fn json_line<T: serde::Serialize>(value: &T) -> std::io::Result<Bytes> {
    let mut text = serde_json::to_vec(value)?;
    text.push(b'\n');
    Ok(text.into())
}
