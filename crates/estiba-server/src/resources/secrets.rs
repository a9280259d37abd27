//! An environment's secrets: they go in and never come out.

use axum::Json;
use axum::extract::State;
use estiba_api::{Page, Problem as Document, SecretName, SecretValue};
use estiba_model::{Name, Right, SecretString, message};
use http::StatusCode;
use serde_json::json;

use super::{EnvironmentPath, environment_id};
use crate::auth::Principal;
use crate::extract::{Body, Path};
use crate::problem::Problem;
use crate::state::App;

/// The longest secret, in bytes.
const LONGEST: usize = 256 << 10;

/// The names of the secrets that are set.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/environments/{environment}/secrets",
    tag = "settings",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path)),
    responses((status = 200, body = Page<SecretName>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<EnvironmentPath>,
) -> Result<Json<Page<SecretName>>, Problem> {
    let id = environment_id(path);
    super::environment(&app, &principal, &id, Right::See).await?;
    let names = app.store().secret_names(&id).await?.into_iter();
    let names = names.map(|(name, updated_at)| SecretName { name, updated_at });
    Ok(Json(Page::whole(names.collect())))
}

/// Keeps a secret; the next deployment uses it.
#[utoipa::path(put,
    path = "/teams/{team}/projects/{project}/environments/{environment}/secrets/{name}",
    tag = "settings",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path),
        ("name" = String, Path)),
    request_body = SecretValue, responses((status = 204),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn put(
    State(app): State<App>,
    principal: Principal,
    Path((team, project, environment, name)): Path<(Name, Name, Name, String)>,
    Body(body): Body<SecretValue>,
) -> Result<StatusCode, Problem> {
    let value = SecretString::new(body.value);
    if value.expose().len() > LONGEST {
        return Err(Problem::invalid(message!(
            "a secret has at most {LONGEST} bytes",
            "un secreto tiene como máximo {LONGEST} bytes"
        )));
    }
    let id = environment_id((team, project, environment));
    let project = super::environment(&app, &principal, &id, Right::Change).await?;
    app.engine
        .set_secret(&project, &id.environment, &name, value)
        .await?;
    principal
        .note(
            &app,
            "secret.set",
            format!("{id}/{name}"),
            Some(&id.team),
            json!({}),
        )
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Forgets a secret.
#[utoipa::path(delete,
    path = "/teams/{team}/projects/{project}/environments/{environment}/secrets/{name}",
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
    super::environment(&app, &principal, &id, Right::Change).await?;
    if !app.store().unset_secret(&id, &name).await? {
        return Err(Problem::not_found());
    }
    principal
        .note(
            &app,
            "secret.unset",
            format!("{id}/{name}"),
            Some(&id.team),
            json!({}),
        )
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
