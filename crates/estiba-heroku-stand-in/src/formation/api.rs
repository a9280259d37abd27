//! Requests for formations; container releases are among them.
//!
//! Source of `docker_image`:
//! <https://devcenter.heroku.com/articles/container-registry-and-runtime#api>

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use serde::Deserialize;
use serde_json::Value;

use super::sizes::Size;
use super::{Process, quantity};
use crate::apps::{App, CONTAINER};
use crate::dynos::manager;
use crate::error::ApiError;
use crate::ids::now;
use crate::range;
use crate::registry::images::Image;
use crate::releases::{self, Change};
use crate::world::Shared;

/// Says that `docker_image` is meant.
const DOCKER_RELEASES: &str = "version=3.docker-releases";

fn views(app: &App) -> Vec<Value> {
    let view = |(kind, process): (&String, &Process)| process.view(kind, app);
    app.formation.iter().map(view).collect()
}

pub(crate) async fn list(
    State(world): State<Shared>,
    Path(identity): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let views = views(world.state().app(&identity)?);
    range::respond(&headers, views, &["type", "id"])
}

pub(crate) async fn info(
    State(world): State<Shared>,
    Path((identity, kind)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let state = world.state();
    let app = state.app(&identity)?;
    match app.formation.get(&kind) {
        Some(process) => Ok(Json(process.view(&kind, app))),
        None => Err(unknown_type()),
    }
}

fn unknown_type() -> ApiError {
    ApiError::not_found("formation", "process type")
}

#[derive(Debug, Deserialize)]
pub(crate) struct Batch {
    updates: Vec<Update>,
}

#[derive(Debug, Deserialize)]
struct Update {
    #[serde(rename = "type")]
    kind: String,
    #[serde(flatten)]
    change: ProcessChange,
    docker_image: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ProcessChange {
    quantity: Option<Value>,
    size: Option<String>,
    dyno_size: Option<Value>,
}

impl ProcessChange {
    fn size(&self) -> Result<Option<Size>, ApiError> {
        let of = |given: &Value| {
            let text = [given, &given["name"], &given["id"]]
                .into_iter()
                .find_map(Value::as_str);
            text.map(str::to_owned)
        };
        let name = self
            .size
            .clone()
            .or_else(|| self.dyno_size.as_ref().and_then(of));
        name.as_deref().map(Size::find).transpose()
    }

    fn apply(&self, process: &mut Process) -> Result<(), ApiError> {
        let size = self.size()?.unwrap_or(process.size);
        let quantity = match &self.quantity {
            Some(given) => quantity(given, process.quantity)?,
            None => process.quantity,
        };
        if quantity > 1 && !size.is_professional() {
            let name = size.name;
            let message =
                format!("Cannot update to more than 1 {name} size dynos per process type.");
            return Err(ApiError::invalid(message));
        }
        process.size = size;
        process.quantity = quantity;
        process.updated_at = now();
        Ok(())
    }
}

/// All of it is done, or nothing: images become one release.
pub(crate) async fn update_all(
    State(world): State<Shared>,
    Path(identity): Path<String>,
    headers: HeaderMap,
    Json(batch): Json<Batch>,
) -> Result<Json<Value>, ApiError> {
    let name = world.state().app(&identity)?.name.clone();
    let images = images(&world, &name, &headers, &batch).await?;
    let mut state = world.state();
    let app = state.app_mut(&identity)?;
    if !images.is_empty() && app.build_stack != CONTAINER && app.stack != CONTAINER {
        return Err(ApiError::invalid(
            "This app's stack is not container: set its build_stack to container first.",
        ));
    }
    let mut changed: BTreeMap<String, Process> = BTreeMap::new();
    for Update { kind, change, .. } in &batch.updates {
        let before = app.formation.get(kind);
        let command = images.get(kind).map(|image| image.command());
        let mut process = match (before, command) {
            (Some(before), command) => before.with_command(command),
            (None, Some(command)) => Process::new(kind, command),
            (None, None) => return Err(unknown_type()),
        };
        change.apply(&mut process)?;
        changed.insert(kind.clone(), process);
    }
    app.formation.extend(changed);
    let id = app.id.clone();
    if images.is_empty() {
        manager::settle(&world, &id);
    } else {
        app.stack = CONTAINER.to_owned();
        let change = Change::images(images);
        releases::create(&world, &mut state, &id, change)?;
    }
    Ok(Json(views(state.app(&id)?).into()))
}

/// The images that a batch names, from the registry.
async fn images(
    world: &Shared,
    app: &str,
    headers: &HeaderMap,
    batch: &Batch,
) -> Result<BTreeMap<String, Image>, ApiError> {
    let accepts = headers
        .get(header::ACCEPT)
        .and_then(|one| one.to_str().ok());
    let may = accepts.is_some_and(|accepts| accepts.contains(DOCKER_RELEASES));
    let mut images = BTreeMap::new();
    for Update {
        kind, docker_image, ..
    } in &batch.updates
    {
        let Some(digest) = docker_image else { continue };
        if !may {
            let message = format!("docker_image needs the accept header {DOCKER_RELEASES}.");
            return Err(ApiError::invalid(message));
        }
        let found = world.images.find(app, kind, digest).await;
        let found = found.map_err(|error| ApiError::internal(&error))?;
        let image = found.ok_or_else(|| {
            ApiError::invalid(format!("No image {digest} of {kind} was pushed for {app}."))
        })?;
        if !image.has_command() {
            let message = format!("No command specified for process type {kind}");
            return Err(ApiError::invalid(message));
        }
        images.insert(kind.clone(), image);
    }
    Ok(images)
}

pub(crate) async fn update(
    State(world): State<Shared>,
    Path((identity, kind)): Path<(String, String)>,
    Json(change): Json<ProcessChange>,
) -> Result<Json<Value>, ApiError> {
    let mut state = world.state();
    let app = state.app_mut(&identity)?;
    let process = app.formation.get_mut(&kind).ok_or_else(unknown_type)?;
    change.apply(process)?;
    let id = app.id.clone();
    manager::settle(&world, &id);
    let app = state.app(&id)?;
    match app.formation.get(&kind) {
        Some(process) => Ok(Json(process.view(&kind, app))),
        None => Err(unknown_type()),
    }
}
