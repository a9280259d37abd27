//! Config vars. A change of any number of them is one release.
//!
//! Sources: <https://devcenter.heroku.com/articles/platform-api-reference#config-vars>,
//! <https://devcenter.heroku.com/articles/config-vars>

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use crate::addons;
use crate::error::ApiError;
use crate::releases::{self, Change};
use crate::world::{Shared, State as Everything};

/// The most that names and values of an app have together.
const MOST_BYTES: usize = 64 << 10;

/// The config vars of an app, with those of its add-ons.
pub(crate) fn all(state: &Everything, app: &str) -> Result<BTreeMap<String, String>, ApiError> {
    let app = state.app(app)?;
    let mut all = app.config.clone();
    all.extend(addons::config_vars(state, &app.id));
    Ok(all)
}

pub(crate) async fn of_app(
    State(world): State<Shared>,
    Path(identity): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let all = all(&world.state(), &identity)?;
    Ok(Json(json!(all)))
}

pub(crate) async fn of_release(
    State(world): State<Shared>,
    Path((identity, release)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let state = world.state();
    let release = releases::find(state.app(&identity)?, &release)?;
    Ok(Json(json!(release.config)))
}

pub(crate) async fn update(
    State(world): State<Shared>,
    Path(identity): Path<String>,
    Json(changes): Json<BTreeMap<String, Option<String>>>,
) -> Result<Json<Value>, ApiError> {
    let mut state = world.state();
    let id = state.app(&identity)?.id.clone();
    let of_addons = addons::config_names(&state, &id);
    for name in changes.keys() {
        if of_addons.contains(name) {
            return Err(ApiError::invalid(format!(
                "Cannot overwrite attachment values {name}."
            )));
        }
        let is_word = name
            .chars()
            .all(|one| one.is_ascii_alphanumeric() || one == '_');
        if name.is_empty() || !is_word || name.starts_with("__") {
            return Err(ApiError::invalid(format!(
                "Config var name {name} is invalid."
            )));
        }
    }
    let mut config = state.app(&id)?.config.clone();
    let (mut set, mut removed) = (Vec::new(), Vec::new());
    for (name, value) in changes {
        match value {
            Some(value) => {
                config.insert(name.clone(), value);
                set.push(name);
            }
            None => {
                if config.remove(&name).is_some() {
                    removed.push(name);
                }
            }
        }
    }
    let bytes: usize = config
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if bytes > MOST_BYTES {
        return Err(ApiError::invalid(
            "Config vars are limited to 64kb per app.",
        ));
    }
    state.app_mut(&id)?.config = config;
    if !(set.is_empty() && removed.is_empty()) {
        let change = Change::described(&description(&set, &removed));
        releases::create(&world, &mut state, &id, change)?;
    }
    Ok(Json(json!(all(&state, &id)?)))
}

fn description(set: &[String], removed: &[String]) -> String {
    let part = |verb: &str, names: &[String]| {
        (!names.is_empty()).then(|| format!("{verb} {} config vars", names.join(", ")))
    };
    let parts: Vec<_> = [part("Set", set), part("Remove", removed)]
        .into_iter()
        .flatten()
        .collect();
    parts.join(", ")
}
