//! Services outside, tried from inside an environment.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use estiba_api::{PreflightBody, Problem as Document};
use estiba_engine::{Preflight, ProbeFrom, Silent};
use estiba_model::{Name, Right, message};
use estiba_preflight::Compared;
use http::StatusCode;
use serde_json::json;

use super::{EnvironmentPath, environment_id};
use crate::auth::Principal;
use crate::extract::{Body, Path};
use crate::problem::Problem;
use crate::state::App;

/// Tries every service outside that the environment uses, from inside it. Nothing is left
/// of that, and nothing has to be deployed there.
#[utoipa::path(post, path = "/teams/{team}/projects/{project}/environments/{environment}/preflight",
    tag = "environments",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path)),
    request_body = PreflightBody,
    responses((status = 200, body = Vec<Compared>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn run(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<EnvironmentPath>,
    Body(body): Body<PreflightBody>,
) -> Result<Json<Vec<Compared>>, Problem> {
    let id = environment_id(path);
    let project = super::environment(&app, &principal, &id, Right::Ship).await?;
    let most = PreflightBody::MOST_SECONDS;
    if !(1..=most).contains(&body.timeout_seconds) {
        return Err(Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bad-timeout",
            message!(
                "a service may take from 1 to {most} seconds where a server waits for it",
                "un servicio puede tardar de 1 a {most} segundos si lo espera un servidor"
            ),
        ));
    }
    let wanted = Preflight {
        from: ProbeFrom::Inside,
        timeout: Duration::from_secs(body.timeout_seconds),
    };
    let tried = app
        .engine
        .preflight(&project, &id.environment, &wanted, &Silent)
        .await?;
    principal
        .note(
            &app,
            "preflight.run",
            id.to_string(),
            Some(&id.team),
            json!({}),
        )
        .await?;
    Ok(Json(tried))
}
