//! An environment's values in clear.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use estiba_api::{ConfigValue, Problem as Document};
use estiba_model::{EnvironmentId, Name, Right, message};
use http::StatusCode;
use serde_json::json;

use super::{EnvironmentPath, environment_id};
use crate::auth::Principal;
use crate::extract::{Body, Path};
use crate::problem::Problem;
use crate::state::App;

/// The longest value, in bytes.
const LONGEST: usize = 64 << 10;

/// The values, those that were set and those of the project's file.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/environments/{environment}/config",
    tag = "settings",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path)),
    responses((status = 200, body = BTreeMap<String, String>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<EnvironmentPath>,
) -> Result<Json<BTreeMap<String, String>>, Problem> {
    let id = environment_id(path);
    let project = super::environment(&app, &principal, &id, Right::See).await?;
    Ok(Json(app.engine.config(&project, &id.environment).await?))
}

/// Sets a value; the next deployment uses it.
#[utoipa::path(put, path = "/teams/{team}/projects/{project}/environments/{environment}/config/{name}",
    tag = "settings",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path),
        ("name" = String, Path)),
    request_body = ConfigValue, responses((status = 204),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn put(
    State(app): State<App>,
    principal: Principal,
    Path((team, project, environment, name)): Path<(Name, Name, Name, String)>,
    Body(body): Body<ConfigValue>,
) -> Result<StatusCode, Problem> {
    if body.value.len() > LONGEST {
        return Err(Problem::invalid(message!(
            "a value has at most {LONGEST} bytes",
            "un valor tiene como máximo {LONGEST} bytes"
        )));
    }
    let id = environment_id((team, project, environment));
    set(&app, &principal, &id, &name, Some(&body.value)).await
}

/// Forgets a value that was set; that of the project's file holds again.
#[utoipa::path(delete,
    path = "/teams/{team}/projects/{project}/environments/{environment}/config/{name}",
    tag = "settings",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path),
        ("name" = String, Path)),
    responses((status = 204),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn remove(
    State(app): State<App>,
    principal: Principal,
    Path((team, project, environment, name)): Path<(Name, Name, Name, String)>,
) -> Result<StatusCode, Problem> {
    let id = environment_id((team, project, environment));
    set(&app, &principal, &id, &name, None).await
}

async fn set(
    app: &App,
    principal: &Principal,
    id: &EnvironmentId,
    name: &str,
    value: Option<&str>,
) -> Result<StatusCode, Problem> {
    let project = super::environment(app, principal, id, Right::Change).await?;
    app.engine
        .set_config(&project, &id.environment, name, value)
        .await?;
    let action = match value {
        Some(_) => "config.set",
        None => "config.unset",
    };
    principal
        .note(
            app,
            action,
            format!("{id}/{name}"),
            Some(&id.team),
            json!({ "value": value }),
        )
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
