//! Requests for releases.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::{find, roll_back};
use crate::error::ApiError;
use crate::range;
use crate::world::Shared;

pub(crate) async fn list(
    State(world): State<Shared>,
    Path(identity): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let state = world.state();
    let app = state.app(&identity)?;
    let views = app
        .releases
        .iter()
        .map(|one| one.view(app, &world))
        .collect();
    range::respond(&headers, views, &["version", "id"])
}

pub(crate) async fn info(
    State(world): State<Shared>,
    Path((identity, release)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let state = world.state();
    let app = state.app(&identity)?;
    Ok(Json(find(app, &release)?.view(app, &world)))
}

#[derive(Debug, Deserialize)]
pub(crate) struct New {
    release: Option<String>,
}

/// Rolls back. Slugs are for stacks without containers.
pub(crate) async fn create(
    State(world): State<Shared>,
    Path(identity): Path<String>,
    Json(new): Json<New>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let mut state = world.state();
    let id = state.app(&identity)?.id.clone();
    let Some(to) = new.release else {
        let message = "Slugs can't be released to an app of the container stack.";
        return Err(ApiError::invalid(message));
    };
    let version = roll_back(&world, &mut state, &id, &to)?;
    let app = state.app(&id)?;
    let view = find(app, &version.to_string())?.view(app, &world);
    Ok((StatusCode::CREATED, Json(view)))
}
