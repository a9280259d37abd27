//! The mails that the sink of an environment took.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use estiba_api::Problem as Document;
use estiba_model::{Mail, MailContent, Name, Right};
use http::{StatusCode, header};
use serde_json::json;

use super::{EnvironmentPath, environment_id};
use crate::auth::Principal;
use crate::extract::Path;
use crate::problem::Problem;
use crate::state::App;

/// All of them, the oldest first; a sink keeps 1000.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/environments/{environment}/mails",
    tag = "instances",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path)),
    responses((status = 200, body = Vec<Mail>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<EnvironmentPath>,
) -> Result<Json<Vec<Mail>>, Problem> {
    let id = environment_id(path);
    let project = super::environment(&app, &principal, &id, Right::See).await?;
    Ok(Json(app.engine.mails(&project, &id.environment).await?))
}

/// Forgets all of them.
#[utoipa::path(delete, path = "/teams/{team}/projects/{project}/environments/{environment}/mails",
    tag = "instances",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path)),
    responses((status = 204),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn clear(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<EnvironmentPath>,
) -> Result<StatusCode, Problem> {
    let id = environment_id(path);
    let project = super::environment(&app, &principal, &id, Right::Change).await?;
    app.engine.clear_mails(&project, &id.environment).await?;
    principal
        .note(
            &app,
            "mails.clear",
            id.to_string(),
            Some(&id.team),
            json!({}),
        )
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// One with what is in it.
#[utoipa::path(get,
    path = "/teams/{team}/projects/{project}/environments/{environment}/mails/{mail}",
    tag = "instances",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path),
        ("mail" = u64, Path)),
    responses((status = 200, body = MailContent),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path((team, project, environment, mail)): Path<(Name, Name, Name, u64)>,
) -> Result<Json<MailContent>, Problem> {
    let id = environment_id((team, project, environment));
    let project = super::environment(&app, &principal, &id, Right::See).await?;
    let content = app.engine.mail(&project, &id.environment, mail).await?;
    Ok(Json(content))
}

/// One as it came.
#[utoipa::path(get,
    path = "/teams/{team}/projects/{project}/environments/{environment}/mails/{mail}/raw",
    tag = "instances",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path),
        ("mail" = u64, Path)),
    responses((status = 200, body = Vec<u8>, content_type = "message/rfc822"),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn raw(
    State(app): State<App>,
    principal: Principal,
    Path((team, project, environment, mail)): Path<(Name, Name, Name, u64)>,
) -> Result<Response, Problem> {
    let id = environment_id((team, project, environment));
    let project = super::environment(&app, &principal, &id, Right::See).await?;
    let content = app.engine.raw_mail(&project, &id.environment, mail).await?;
    let kind = [(header::CONTENT_TYPE, "message/rfc822")];
    Ok((kind, content).into_response())
}
