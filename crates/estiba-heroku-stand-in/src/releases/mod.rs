//! Releases: what an app's dynos run, with which config vars.
//!
//! Sources: <https://devcenter.heroku.com/articles/platform-api-reference#release>,
//! <https://devcenter.heroku.com/articles/releases>

pub(crate) mod api;
pub(crate) mod output;
mod phase;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use self::output::Output;
use crate::apps::{App, stable_id};
use crate::config;
use crate::dynos::manager;
use crate::error::ApiError;
use crate::ids::{new_id, now};
use crate::registry::images::Image;
use crate::world::{Shared, State, World};

/// The type of process that is tried before a release takes effect.
pub(crate) const RELEASE: &str = "release";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Pending,
    Succeeded,
    Failed,
}

impl Status {
    fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
        }
    }
}

#[derive(Debug)]
pub(crate) struct Release {
    pub(crate) id: String,
    pub(crate) version: u64,
    description: String,
    status: Status,
    pub(crate) images: BTreeMap<String, Image>,
    /// All config vars, as its dynos have them.
    pub(crate) config: BTreeMap<String, String>,
    /// The config vars that are not of add-ons, for a rollback.
    own_config: BTreeMap<String, String>,
    plans: Vec<String>,
    output: Option<(String, Arc<Output>)>,
    created_at: String,
    updated_at: String,
}

impl Release {
    pub(crate) fn has_images(&self) -> bool {
        !self.images.is_empty()
    }

    fn view(&self, app: &App, world: &World) -> Value {
        let artifact = |kind: &String| json!({ "type": "docker", "id": stable_id(kind) });
        let output = self.output.as_ref();
        json!({
            "addon_plan_names": self.plans,
            "app": app.reference(),
            "artifacts": self.images.keys().map(artifact).collect::<Vec<_>>(),
            "created_at": self.created_at,
            "current": app.current == Some(self.version),
            "description": self.description,
            "eligible_for_rollback": self.has_images() && self.status == Status::Succeeded,
            "id": self.id,
            "output_stream_url": output.map(|(id, _)| world.api_url(&format!("/streams/{id}"))),
            "slug": null,
            "status": self.status.name(),
            "updated_at": self.updated_at,
            "user": world.account.reference(),
            "version": self.version,
        })
    }
}

/// What a release changes.
#[derive(Debug)]
pub(crate) struct Change {
    description: String,
    images: BTreeMap<String, Image>,
    /// Whether images that it does not name stay.
    keeps_others: bool,
}

impl Change {
    /// Nothing of the images.
    pub(crate) fn described(description: &str) -> Self {
        Self {
            description: description.to_owned(),
            images: BTreeMap::new(),
            keeps_others: true,
        }
    }

    /// Some or all images.
    pub(crate) fn images(images: BTreeMap<String, Image>) -> Self {
        let of = |(kind, image): (&String, &Image)| format!("{kind} ({})", image.short());
        let all: Vec<_> = images.iter().map(of).collect();
        Self {
            description: format!("Deployed {}", all.join(", ")),
            images,
            keeps_others: true,
        }
    }
}

/// A release of an app by its version or identifier.
pub(crate) fn find<'a>(app: &'a App, identity: &str) -> Result<&'a Release, ApiError> {
    let number = identity.trim_start_matches('v').parse();
    let is = |one: &&Release| one.id == identity || Ok(one.version) == number;
    let found = app.releases.iter().find(is);
    found.ok_or_else(|| ApiError::not_found("release", "release"))
}

/// Makes a release of what the app has now. Without a release phase it takes effect at
/// once, otherwise when that has succeeded.
pub(crate) fn create(
    world: &Shared,
    state: &mut State,
    id: &str,
    change: Change,
) -> Result<u64, ApiError> {
    let config = config::all(state, id)?;
    let of_app = state.addons.iter().filter(|addon| addon.app == id);
    let plans = of_app.map(|addon| addon.plan_name()).collect();
    let app = state.app_mut(id)?;
    // What a release that failed brought is not kept.
    let before = app.current().filter(|_| change.keeps_others);
    let mut images = before.map(|one| one.images.clone()).unwrap_or_default();
    images.extend(change.images);
    let has_phase = images.contains_key(RELEASE);
    let version = app.releases.last().map_or(1, |last| last.version + 1);
    let output = has_phase.then(|| (new_id(), Arc::new(Output::default())));
    app.logs.write(
        "app",
        "api",
        &format!("Release v{version} created by user {}", world.account.email),
    );
    app.releases.push(Release {
        id: new_id(),
        version,
        description: change.description,
        status: if has_phase {
            Status::Pending
        } else {
            Status::Succeeded
        },
        images,
        config,
        own_config: app.config.clone(),
        plans,
        output: output.clone(),
        created_at: now(),
        updated_at: now(),
    });
    if let Some((stream, output)) = output {
        state.outputs.insert(stream, output);
        phase::begin(world, id, version);
    } else {
        take_effect(world, state, id, version);
    }
    Ok(version)
}

/// Makes a release that succeeded the one that dynos run, unless a later one is.
fn take_effect(world: &Shared, state: &mut State, id: &str, version: u64) {
    let Ok(app) = state.app_mut(id) else { return };
    if app.current.is_none_or(|current| current < version) {
        app.current = Some(version);
        app.released_at = Some(now());
        manager::settle(world, id);
    }
}

/// Notes how a release phase ended.
fn ended(world: &Shared, id: &str, version: u64, succeeded: bool) {
    let mut state = world.state();
    let Ok(app) = state.app_mut(id) else { return };
    let Some(release) = app.releases.iter_mut().find(|one| one.version == version) else {
        return;
    };
    release.status = if succeeded {
        Status::Succeeded
    } else {
        Status::Failed
    };
    release.updated_at = now();
    if succeeded {
        take_effect(world, &mut state, id, version);
    }
}

/// What an older release ran, as a new one.
fn roll_back(world: &Shared, state: &mut State, id: &str, to: &str) -> Result<u64, ApiError> {
    let app = state.app_mut(id)?;
    let release = find(app, to)?;
    if !release.has_images() || release.status != Status::Succeeded {
        return Err(ApiError::invalid(format!(
            "Cannot roll back to v{}: it is not eligible for rollback.",
            release.version
        )));
    }
    let change = Change {
        description: format!("Rollback to v{}", release.version),
        images: release.images.clone(),
        keeps_others: false,
    };
    app.config = release.own_config.clone();
    create(world, state, id, change)
}
