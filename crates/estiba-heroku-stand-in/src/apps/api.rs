//! Requests for apps.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::{App, REGIONS, USUAL_STACK, check_name, check_stack, has_port};
use crate::addons;
use crate::dynos::stop_all;
use crate::error::ApiError;
use crate::ids::{letters, now};
use crate::range;
use crate::releases::{self, Change};
use crate::router;
use crate::world::Shared;

/// What a request has for an app.
#[derive(Debug, Deserialize)]
pub(crate) struct New {
    name: Option<String>,
    region: Option<String>,
    stack: Option<String>,
}

/// Nothing of a new app is there before all of it is right.
pub(crate) async fn create(
    State(world): State<Shared>,
    Json(new): Json<New>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let stack = new.stack.unwrap_or_else(|| USUAL_STACK.to_owned());
    let region = new.region.unwrap_or_else(|| REGIONS[0].to_owned());
    let name = new
        .name
        .unwrap_or_else(|| format!("{}-{}", letters(8), letters(5)));
    check_name(&name)?;
    check_stack(&stack)?;
    if !REGIONS.contains(&region.as_str()) {
        return Err(ApiError::not_found("region", "region"));
    }
    let mut app = App::new(name.clone(), region, stack);
    if has_port(&world) {
        let opened = router::open_port(&world, &app).await;
        app.port = Some(opened.map_err(|error| ApiError::internal(&error))?);
    }
    let mut state = world.state();
    if state.is_taken(&name) {
        app.life.cancel();
        return Err(ApiError::invalid(format!("Name {name} is already taken")));
    }
    let id = app.id.clone();
    state.apps.push(app);
    for description in ["Initial release", "Enable Logplex"] {
        releases::create(&world, &mut state, &id, Change::described(description))?;
    }
    let view = state.app(&id)?.view(&world);
    Ok((StatusCode::CREATED, Json(view)))
}

pub(crate) async fn list(
    State(world): State<Shared>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let views = world
        .state()
        .apps
        .iter()
        .map(|app| app.view(&world))
        .collect();
    range::respond(&headers, views, &["name", "id", "updated_at"])
}

pub(crate) async fn info(
    State(world): State<Shared>,
    Path(identity): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let view = world.state().app(&identity)?.view(&world);
    Ok(Json(view))
}

/// What a request changes of an app.
#[derive(Debug, Deserialize)]
pub(crate) struct Changes {
    build_stack: Option<String>,
    maintenance: Option<bool>,
    name: Option<String>,
}

pub(crate) async fn update(
    State(world): State<Shared>,
    Path(identity): Path<String>,
    Json(changes): Json<Changes>,
) -> Result<Json<Value>, ApiError> {
    let mut state = world.state();
    state.app(&identity)?;
    if let Some(name) = &changes.name {
        check_name(name)?;
        if state.is_taken(name) {
            return Err(ApiError::invalid(format!("Name {name} is already taken")));
        }
    }
    if let Some(stack) = &changes.build_stack {
        check_stack(stack)?;
    }
    let app = state.app_mut(&identity)?;
    app.name = changes.name.unwrap_or_else(|| app.name.clone());
    app.build_stack = changes
        .build_stack
        .unwrap_or_else(|| app.build_stack.clone());
    app.maintenance = changes.maintenance.unwrap_or(app.maintenance);
    app.updated_at = now();
    Ok(Json(app.view(&world)))
}

/// An app goes with its dynos, its add-ons and their data.
pub(crate) async fn delete(
    State(world): State<Shared>,
    Path(identity): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let (app, gone, dropped) = {
        let mut state = world.state();
        let id = state.app(&identity)?.id.clone();
        let at = state.apps.iter().position(|app| app.id == id);
        let app = state
            .apps
            .remove(at.ok_or_else(|| ApiError::not_found("app", "app"))?);
        let dropped = addons::leave(&mut state, &id);
        app.life.cancel();
        let gone = stop_all(&app);
        (app, gone, dropped)
    };
    let view = app.view(&world);
    gone.await;
    addons::drop_databases(&world, dropped).await;
    Ok(Json(view))
}
