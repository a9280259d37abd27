//! Host names of apps.
//!
//! Source: <https://devcenter.heroku.com/articles/platform-api-reference#domain>

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{App, host};
use crate::error::ApiError;
use crate::ids::{letters, new_id, now};
use crate::range;
use crate::world::Shared;

#[derive(Debug)]
pub(crate) struct Domain {
    id: String,
    pub(crate) hostname: String,
    kind: &'static str,
    cname: Option<String>,
    created_at: String,
}

impl Domain {
    /// The one that every app has.
    pub(super) fn of_heroku(name: &str) -> Self {
        Self {
            id: new_id(),
            hostname: host(name),
            kind: "heroku",
            cname: None,
            created_at: now(),
        }
    }

    fn view(&self, app: &App) -> Value {
        json!({
            "acm_status": null,
            "acm_status_reason": null,
            "app": app.reference(),
            "cname": self.cname,
            "created_at": self.created_at,
            "hostname": self.hostname,
            "id": self.id,
            "kind": self.kind,
            "sni_endpoint": null,
            "status": "none",
            "updated_at": self.created_at,
        })
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct New {
    hostname: String,
}

pub(crate) async fn create(
    State(world): State<Shared>,
    Path(identity): Path<String>,
    Json(new): Json<New>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let mut state = world.state();
    state.app(&identity)?;
    let hostname = new.hostname.to_ascii_lowercase();
    let all = state.apps.iter().flat_map(|app| &app.domains);
    if all.into_iter().any(|one| one.hostname == hostname) {
        let message = format!("{hostname} is currently in use by another app.");
        return Err(ApiError::invalid(message));
    }
    let app = state.app_mut(&identity)?;
    let domain = Domain {
        id: new_id(),
        cname: Some(format!("{}.herokudns.com", letters(20))),
        hostname,
        kind: "custom",
        created_at: now(),
    };
    let view = domain.view(app);
    app.domains.push(domain);
    Ok((StatusCode::CREATED, Json(view)))
}

pub(crate) async fn list(
    State(world): State<Shared>,
    Path(identity): Path<String>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let state = world.state();
    let app = state.app(&identity)?;
    let views = app.domains.iter().map(|one| one.view(app)).collect();
    range::respond(&headers, views, &["hostname", "id"])
}

fn position(app: &App, identity: &str) -> Result<usize, ApiError> {
    let is = |one: &Domain| one.id == identity || one.hostname == identity;
    let at = app.domains.iter().position(is);
    at.ok_or_else(|| ApiError::not_found("domain", "domain name"))
}

pub(crate) async fn info(
    State(world): State<Shared>,
    Path((identity, domain)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let state = world.state();
    let app = state.app(&identity)?;
    let at = position(app, &domain)?;
    Ok(Json(app.domains[at].view(app)))
}

pub(crate) async fn delete(
    State(world): State<Shared>,
    Path((identity, domain)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let mut state = world.state();
    let app = state.app_mut(&identity)?;
    let at = position(app, &domain)?;
    if app.domains[at].kind == "heroku" {
        return Err(ApiError::invalid(
            "Cannot remove the Heroku domain of an app.",
        ));
    }
    let domain = app.domains.remove(at);
    Ok(Json(domain.view(app)))
}
