//! The one request of Heroku's data API that its command makes for `pg:info`. That API
//! is not of the Platform API, and has no public description: what is here is what the
//! command reads.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::find;
use crate::error::ApiError;
use crate::gate::has_key;
use crate::world::Shared;

pub(crate) async fn info(
    State(world): State<Shared>,
    Path(addon): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    if !has_key(&headers, &world.options.key) {
        let message = "Invalid credentials provided.";
        return Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            message,
        ));
    }
    let state = world.state();
    let addon = find(&state, &addon)?;
    let database = addon.database.as_ref();
    let database = database.ok_or_else(|| ApiError::not_found("database", "database"))?;
    Ok(Json(json!({
        "info": [
            { "name": "Plan", "values": [addon.plan] },
            { "name": "Status", "values": ["Available"] },
        ],
        "resource_url": database.url(),
    })))
}
