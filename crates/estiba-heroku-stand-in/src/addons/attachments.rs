//! Requests for attachments.
//!
//! Source: <https://devcenter.heroku.com/articles/platform-api-reference#add-on-attachment>

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::{Attachment, config_names, find};
use crate::error::ApiError;
use crate::range;
use crate::releases::{self, Change};
use crate::world::{Shared, State as Everything};

fn view(state: &Everything, one: &Attachment, headers: &HeaderMap) -> Result<Value, ApiError> {
    let addon = find(state, &one.addon)?;
    let more = headers.contains_key("accept-inclusion");
    Ok(one.view(addon, state.app(&addon.app)?, state.app(&one.app)?, more))
}

fn list(
    state: &Everything,
    headers: &HeaderMap,
    which: impl Fn(&Attachment) -> bool,
) -> Result<Response, ApiError> {
    let chosen = state.attachments.iter().filter(|one| which(one));
    let views: Result<Vec<_>, _> = chosen.map(|one| view(state, one, headers)).collect();
    range::respond(headers, views?, &["name", "id"])
}

fn missing() -> ApiError {
    ApiError::not_found("add_on attachment", "add-on attachment")
}

pub(crate) async fn list_all(
    State(world): State<Shared>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    list(&world.state(), &headers, |_| true)
}

pub(crate) async fn list_of_app(
    State(world): State<Shared>,
    Path(identity): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let state = world.state();
    let app = state.app(&identity)?.id.clone();
    list(&state, &headers, |one| one.app == app)
}

pub(crate) async fn list_of_addon(
    State(world): State<Shared>,
    Path(addon): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let state = world.state();
    let addon = find(&state, &addon)?.id.clone();
    list(&state, &headers, |one| one.addon == addon)
}

pub(crate) async fn info(
    State(world): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let state = world.state();
    let one = state
        .attachments
        .iter()
        .find(|one| one.id == id)
        .ok_or_else(missing)?;
    Ok(Json(view(&state, one, &headers)?))
}

#[derive(Debug, Deserialize)]
pub(crate) struct New {
    addon: String,
    app: String,
    name: Option<String>,
}

pub(crate) async fn create(
    State(world): State<Shared>,
    headers: HeaderMap,
    Json(new): Json<New>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let mut state = world.state();
    let app = state.app(&new.app)?.id.clone();
    let addon = find(&state, &new.addon)?;
    let (addon, named) = (addon.id.clone(), addon.name.clone());
    let name = new
        .name
        .unwrap_or_else(|| named.replace('-', "_").to_uppercase());
    let attachment = Attachment::new(&addon, &app, name.clone());
    let config = attachment.config_name();
    let of_user = state.app(&app)?.config.contains_key(&config);
    if of_user || config_names(&state, &app).contains(&config) {
        return Err(ApiError::invalid(format!(
            "The attachment name {name} is already in use."
        )));
    }
    let view = view(&state, &attachment, &headers)?;
    state.attachments.push(attachment);
    let change = Change::described(&format!("Attach {name} (@ref:{named})"));
    releases::create(&world, &mut state, &app, change)?;
    Ok((StatusCode::CREATED, Json(view)))
}

pub(crate) async fn delete(
    State(world): State<Shared>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let mut state = world.state();
    let at = state
        .attachments
        .iter()
        .position(|one| one.id == id)
        .ok_or_else(missing)?;
    let one = &state.attachments[at];
    if state
        .attachments
        .iter()
        .filter(|other| other.addon == one.addon)
        .count()
        == 1
    {
        let message = "Cannot destroy last attachment to billing app for resource.";
        return Err(ApiError::invalid(message));
    }
    let view = view(&state, one, &headers)?;
    let gone = state.attachments.remove(at);
    let change = Change::described(&format!("Detach {}", gone.name));
    releases::create(&world, &mut state, &gone.app, change)?;
    Ok(Json(view))
}

#[derive(Debug, Deserialize)]
pub(crate) struct Resolution {
    addon_attachment: String,
    app: Option<String>,
}

pub(crate) async fn resolve(
    State(world): State<Shared>,
    headers: HeaderMap,
    Json(wanted): Json<Resolution>,
) -> Result<Json<Value>, ApiError> {
    let state = world.state();
    let app = wanted
        .app
        .as_deref()
        .map(|app| state.app(app))
        .transpose()?;
    let is = |one: &&Attachment| {
        let name = &wanted.addon_attachment;
        let in_app = app.is_none_or(|app| app.id == one.app);
        in_app && (one.name == *name || one.config_name() == *name || one.id == *name)
    };
    let found: Result<Vec<_>, _> = state
        .attachments
        .iter()
        .filter(is)
        .map(|one| view(&state, one, &headers))
        .collect();
    match found? {
        none if none.is_empty() => Err(missing()),
        found => Ok(Json(found.into())),
    }
}
