//! Features of apps: of Heroku's list, `preboot`.
//!
//! Sources: <https://devcenter.heroku.com/articles/platform-api-reference#app-feature>,
//! <https://devcenter.heroku.com/articles/preboot>: for Standard and Performance dynos.
//! Without it, old dynos stop before new ones start, as apps on Eco and Basic have it.

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{App, stable_id};
use crate::error::ApiError;
use crate::formation::sizes;
use crate::world::Shared;

const PREBOOT: &str = "preboot";

fn view(app: &App) -> Value {
    json!({
        "created_at": app.created_at,
        "description": "Provide seamless web dyno deploys",
        "display_name": "Preboot",
        "doc_url": "https://devcenter.heroku.com/articles/preboot",
        "enabled": app.preboot,
        "feedback_email": "features@example.edu",
        "id": stable_id(PREBOOT),
        "name": PREBOOT,
        "state": "general",
        "updated_at": app.updated_at,
    })
}

fn known(feature: &str) -> Result<(), ApiError> {
    if feature == PREBOOT || feature == stable_id(PREBOOT) {
        return Ok(());
    }
    Err(ApiError::not_found("feature", "app feature"))
}

pub(crate) async fn list(
    State(world): State<Shared>,
    Path(identity): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let state = world.state();
    let app = state.app(&identity)?;
    Ok(Json(json!([view(app)])))
}

pub(crate) async fn info(
    State(world): State<Shared>,
    Path((identity, feature)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    known(&feature)?;
    let state = world.state();
    Ok(Json(view(state.app(&identity)?)))
}

#[derive(Debug, Deserialize)]
pub(crate) struct Change {
    enabled: bool,
}

pub(crate) async fn update(
    State(world): State<Shared>,
    Path((identity, feature)): Path<(String, String)>,
    Json(change): Json<Change>,
) -> Result<Json<Value>, ApiError> {
    known(&feature)?;
    let mut state = world.state();
    let app = state.app_mut(&identity)?;
    let web = app.formation.get("web").map(|web| web.size);
    if change.enabled && !web.is_some_and(sizes::Size::is_professional) {
        let message = "Preboot is only available to apps on Standard or Performance dynos.";
        return Err(ApiError::invalid(message));
    }
    app.preboot = change.enabled;
    Ok(Json(view(app)))
}
