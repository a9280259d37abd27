//! Requests for add-ons.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use rand::Rng;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{AddOn, Attachment, PLANS, Provision, SERVICE, drop_databases, find, provision};
use crate::error::ApiError;
use crate::ids::{letters, new_id, now};
use crate::range;
use crate::releases::{self, Change};
use crate::world::{Shared, State as Everything};

#[derive(Debug, Deserialize)]
pub(crate) struct New {
    plan: Value,
    name: Option<String>,
    attachment: Option<NewAttachment>,
}

#[derive(Debug, Deserialize)]
struct NewAttachment {
    name: Option<String>,
}

fn plan(given: &Value) -> Result<&'static str, ApiError> {
    let text = given
        .as_str()
        .or_else(|| given["name"].as_str())
        .unwrap_or_default();
    let (service, name) = text.split_once(':').unwrap_or((text, PLANS[0].0));
    let found = PLANS
        .iter()
        .find(|(plan, _)| *plan == name)
        .filter(|_| service == SERVICE);
    found.map(|(plan, _)| *plan).ok_or_else(|| {
        let message =
            format!("Couldn't find either the add-on service or the add-on plan of \"{text}\".");
        ApiError::new(StatusCode::NOT_FOUND, "not_found", message)
    })
}

/// The first database of an app is `DATABASE`, others have a colour.
fn attachment_name(
    state: &Everything,
    app: &str,
    asked: Option<String>,
) -> Result<String, ApiError> {
    const COLOURS: [&str; 6] = ["ROSE", "AMBER", "IVORY", "OLIVE", "TEAL", "CYAN"];
    let is_free = |name: &str| {
        let config = format!("{name}_URL");
        let of_user = state
            .app(app)
            .is_ok_and(|app| app.config.contains_key(&config));
        !of_user && !super::config_names(state, app).contains(&config)
    };
    if let Some(asked) = asked {
        return match is_free(&asked) {
            true => Ok(asked),
            false => Err(ApiError::invalid(format!(
                "The attachment name {asked} is already in use."
            ))),
        };
    }
    let coloured = COLOURS
        .iter()
        .map(|colour| format!("HEROKU_POSTGRESQL_{colour}"));
    let mut names = std::iter::once("DATABASE".to_owned()).chain(coloured);
    let free = names.find(|name| is_free(name));
    free.ok_or_else(|| ApiError::invalid("This app has too many databases."))
}

pub(crate) async fn create(
    State(world): State<Shared>,
    Path(identity): Path<String>,
    headers: HeaderMap,
    Json(new): Json<New>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let mut state = world.state();
    let app = state.app(&identity)?.id.clone();
    let plan = plan(&new.plan)?;
    let number = rand::rng().random_range(10_000..100_000);
    let name = new
        .name
        .unwrap_or_else(|| format!("postgresql-{}-{number}", letters(6)));
    if state.addons.iter().any(|addon| addon.name == name) {
        return Err(ApiError::invalid(format!("Name {name} is already taken")));
    }
    let attached = attachment_name(&state, &app, new.attachment.and_then(|one| one.name))?;
    let addon = AddOn {
        id: new_id(),
        name: name.clone(),
        app: app.clone(),
        plan,
        state: Provision::Running,
        database: None,
        created_at: now(),
        updated_at: now(),
    };
    let id = addon.id.clone();
    state
        .attachments
        .push(Attachment::new(&id, &app, attached.clone()));
    state.addons.push(addon);
    let change = Change::described(&format!("Attach {attached} (@ref:{name})"));
    releases::create(&world, &mut state, &app, change)?;
    provision::begin(&world, &id);
    let mut view = view(&state, find(&state, &id)?, &headers)?;
    view["provision_message"] = json!("Your database is being created.");
    Ok((StatusCode::CREATED, Json(view)))
}

fn view(state: &Everything, addon: &AddOn, headers: &HeaderMap) -> Result<Value, ApiError> {
    let expanded = headers.contains_key("accept-expansion");
    Ok(addon.view(state.app(&addon.app)?, state, expanded))
}

fn list(
    state: &Everything,
    headers: &HeaderMap,
    which: impl Fn(&AddOn) -> bool,
) -> Result<Response, ApiError> {
    let chosen = state.addons.iter().filter(|addon| which(addon));
    let views: Result<Vec<_>, _> = chosen.map(|addon| view(state, addon, headers)).collect();
    range::respond(headers, views?, &["name", "id"])
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
    list(&state, &headers, |addon| addon.app == app)
}

pub(crate) async fn info(
    State(world): State<Shared>,
    Path(addon): Path<String>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let state = world.state();
    Ok(Json(view(&state, find(&state, &addon)?, &headers)?))
}

pub(crate) async fn info_of_app(
    State(world): State<Shared>,
    Path((identity, addon)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    world.state().app(&identity)?;
    info(State(world), Path(addon), headers).await
}

/// Goes with its data.
pub(crate) async fn delete(
    State(world): State<Shared>,
    Path((identity, addon)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Json<Value>, ApiError> {
    let (view, database) = {
        let mut state = world.state();
        state.app(&identity)?;
        let id = find(&state, &addon)?.id.clone();
        let mut gone_view = view(&state, find(&state, &id)?, &headers)?;
        gone_view["state"] = json!("deprovisioned");
        let at = state.addons.iter().position(|one| one.id == id);
        let addon = state
            .addons
            .remove(at.ok_or_else(|| ApiError::not_found("add_on", "add-on"))?);
        let (gone, kept) = std::mem::take(&mut state.attachments)
            .into_iter()
            .partition::<Vec<_>, _>(|one| one.addon == id);
        state.attachments = kept;
        for attachment in gone {
            let change =
                Change::described(&format!("Detach {} (@ref:{})", attachment.name, addon.name));
            releases::create(&world, &mut state, &attachment.app, change)?;
        }
        (gone_view, addon.database)
    };
    drop_databases(&world, database.into_iter().collect()).await;
    Ok(Json(view))
}

#[derive(Debug, Deserialize)]
pub(crate) struct Resolution {
    addon: String,
    app: Option<String>,
    addon_service: Option<String>,
}

/// Add-ons by an identifier, a name, or that of an attachment in an app.
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
    let is_attached = |addon: &AddOn| {
        state.attachments.iter().any(|one| {
            let in_app = app.is_some_and(|app| app.id == one.app);
            let named = one.name == wanted.addon || one.config_name() == wanted.addon;
            one.addon == addon.id && in_app && named
        })
    };
    let is_service = wanted
        .addon_service
        .as_deref()
        .is_none_or(|service| service == SERVICE);
    let by_service = |_: &AddOn| app.is_some() && wanted.addon == SERVICE;
    let is = |addon: &&AddOn| {
        let in_app = app.is_none_or(|app| app.id == addon.app);
        is_service
            && (in_app && (addon.is(&wanted.addon) || by_service(addon)) || is_attached(addon))
    };
    let found: Result<Vec<_>, _> = state
        .addons
        .iter()
        .filter(is)
        .map(|addon| view(&state, addon, &headers))
        .collect();
    match found? {
        none if none.is_empty() => Err(ApiError::not_found("add_on", "add-on")),
        found => Ok(Json(found.into())),
    }
}
