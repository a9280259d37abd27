//! Requests for dynos.
//!
//! Source: <https://devcenter.heroku.com/articles/platform-api-reference#dyno>

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Dyno, Launch, manager, one_off};
use crate::apps::App;
use crate::error::ApiError;
use crate::formation::sizes::Size;
use crate::ids::one_off_number;
use crate::range;
use crate::world::Shared;

type Accepted = (StatusCode, Json<Value>);

fn accepted() -> Accepted {
    (StatusCode::ACCEPTED, Json(json!({})))
}

pub(crate) async fn list(
    State(world): State<Shared>,
    Path(identity): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let state = world.state();
    let app = state.app(&identity)?;
    let views = app.dynos.iter().map(|one| one.view(app)).collect();
    range::respond(&headers, views, &["name", "id"])
}

fn find<'a>(app: &'a App, identity: &str) -> Result<&'a Dyno, ApiError> {
    let is = |one: &&Dyno| one.id == identity || one.launch.name == identity;
    app.dynos
        .iter()
        .find(is)
        .ok_or_else(|| ApiError::not_found("dyno", "dyno"))
}

pub(crate) async fn info(
    State(world): State<Shared>,
    Path((identity, dyno)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let state = world.state();
    let app = state.app(&identity)?;
    Ok(Json(find(app, &dyno)?.view(app)))
}

/// What a request has for a one-off dyno.
#[derive(Debug, Deserialize)]
pub(crate) struct New {
    command: String,
    #[serde(default)]
    attach: bool,
    #[serde(default)]
    env: BTreeMap<String, Value>,
    force_no_tty: Option<bool>,
    size: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
}

impl New {
    /// The image of its type runs it, or that of `web`.
    fn launch(&self, app: &App) -> Result<Launch, ApiError> {
        let kind = self.kind.clone().unwrap_or_else(|| "run".to_owned());
        let release = app.current().filter(|release| release.has_images());
        let image = release.and_then(|release| {
            let usual = release
                .images
                .get("web")
                .or_else(|| release.images.values().next());
            Some((release, release.images.get(&kind).or(usual)?))
        });
        let (release, image) = image.ok_or_else(|| {
            ApiError::invalid("No images have been released to this app: there is nothing to run.")
        })?;
        let size = self.size.as_deref().map_or(Ok(Size::USUAL), Size::find)?;
        let name = format!("{kind}.{}", one_off_number());
        let mut launch = Launch::new(app, release, &kind, name, size, image.clone());
        launch.command = Some(self.command.clone());
        launch.tty = self.attach && !self.force_no_tty.unwrap_or_default();
        for (name, value) in &self.env {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            launch.env.insert(name.clone(), value);
        }
        Ok(launch)
    }
}

pub(crate) async fn create(
    State(world): State<Shared>,
    Path(identity): Path<String>,
    Json(new): Json<New>,
) -> Result<Accepted, ApiError> {
    let state = world.state();
    let app = state.app(&identity)?;
    let (id, launch) = (app.id.clone(), new.launch(app)?);
    let logs = Arc::clone(&app.logs);
    let shown = launch.shown();
    logs.write(
        "heroku",
        &launch.name,
        &format!("Starting process with command `{shown}`"),
    );
    let view = if new.attach {
        let (url, visit) = world.rendezvous.arrange();
        let dyno = Dyno::new(launch, Some(url));
        let view = dyno.view(app);
        let (world, name) = (Arc::clone(&world), dyno.launch.name.clone());
        tokio::spawn(async move {
            if let Err(error) = one_off::run_attached(&world, &id, dyno, visit).await {
                logs.write("heroku", &name, &format!("Error: {error:#}"));
            }
        });
        view
    } else {
        let view = Dyno::new(launch.clone(), None).view(app);
        one_off::run_detached(&world, &id, launch);
        view
    };
    Ok((StatusCode::CREATED, Json(view)))
}

/// Tells some dynos to go. Those of the formation come back.
fn end(world: &Shared, identity: &str, which: impl Fn(&Dyno) -> bool) -> Result<usize, ApiError> {
    let state = world.state();
    let app = state.app(identity)?;
    let chosen: Vec<_> = app.dynos.iter().filter(|dyno| which(dyno)).collect();
    chosen.iter().for_each(|dyno| dyno.stop.cancel());
    manager::settle(world, &app.id);
    Ok(chosen.len())
}

pub(crate) async fn restart_all(
    State(world): State<Shared>,
    Path(identity): Path<String>,
) -> Result<Accepted, ApiError> {
    end(&world, &identity, Dyno::is_of_formation)?;
    Ok(accepted())
}

/// Restarts one, or stops it: in the Common Runtime that is the same for those of the
/// formation.
pub(crate) async fn restart(
    State(world): State<Shared>,
    Path((identity, dyno)): Path<(String, String)>,
) -> Result<Accepted, ApiError> {
    let is = |one: &Dyno| one.id == dyno || one.launch.name == dyno;
    match end(&world, &identity, is)? {
        0 => Err(ApiError::not_found("dyno", "dyno")),
        _ => Ok(accepted()),
    }
}

pub(crate) async fn restart_type(
    State(world): State<Shared>,
    Path((identity, kind)): Path<(String, String)>,
) -> Result<Accepted, ApiError> {
    end(&world, &identity, |one| one.launch.kind == kind)?;
    Ok(accepted())
}
