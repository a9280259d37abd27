//! Who asks.

use axum::Json;
use estiba_api::{Me, Problem as Document};

use crate::auth::Principal;

/// Who asks, and what they are in which team.
#[utoipa::path(get, path = "/me", tag = "people", responses(
    (status = 200, body = Me),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn show(principal: Principal) -> Json<Me> {
    Json(principal.me())
}
