//! Acceptance tests that were run from outside.

use axum::Json;
use axum::extract::State;
use estiba_api::{Problem as Document, Recorded};
use estiba_model::{Name, Right, Tried};
use serde_json::json;

use super::{EnvironmentPath, environment_id};
use crate::auth::Principal;
use crate::extract::{Body, Path};
use crate::problem::Problem;
use crate::state::App;

/// Keeps what came of trying what the environment runs. A failure stands in the way of the
/// environments that come after it.
#[utoipa::path(post, path = "/teams/{team}/projects/{project}/environments/{environment}/acceptance",
    tag = "deployments",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path)),
    request_body = Tried,
    responses((status = 200, body = Recorded),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn record(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<EnvironmentPath>,
    Body(tried): Body<Tried>,
) -> Result<Json<Recorded>, Problem> {
    let id = environment_id(path);
    let project = super::environment(&app, &principal, &id, Right::Ship).await?;
    let deployment = app
        .engine
        .record_acceptance(&project, &id.environment, &tried)
        .await?;
    let detail = json!({ "deployment": tried.deployment, "ended": tried.ended });
    principal
        .note(
            &app,
            "acceptance.record",
            id.to_string(),
            Some(&id.team),
            detail,
        )
        .await?;
    Ok(Json(Recorded { deployment }))
}
