//! Alerts of an environment, and their silence.

use axum::Json;
use axum::extract::State;
use estiba_api::{AlertView, MuteAlert, Page, Problem as Document};
use estiba_model::{Alert, EnvironmentId, Name, Right, message};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::{EnvironmentPath, environment_id};
use crate::auth::Principal;
use crate::extract::{Body, Path};
use crate::problem::Problem;
use crate::state::App;

/// The longest silence, in minutes: 30 days.
const MOST_MINUTES: u32 = 30 * 24 * 60;

/// The alerts of an environment, and how long they are muted.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/environments/{environment}/alerts",
    tag = "logs",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path)),
    responses((status = 200, body = Page<AlertView>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<EnvironmentPath>,
) -> Result<Json<Page<AlertView>>, Problem> {
    let id = environment_id(path);
    let project = super::environment(&app, &principal, &id, Right::See).await?;
    let kept = app.store().alerts(&id).await?;
    let now = Timestamp::now();
    let alerts = project.alerts.iter();
    let alerts = alerts.filter(|(_, alert)| alert.is_about(&id.environment));
    let view = |(name, alert): (&Name, &Alert)| {
        let kept = kept.get(name).copied().unwrap_or_default();
        AlertView {
            name: name.clone(),
            when: alert.when.clone(),
            over: alert.over,
            within_seconds: alert.within.as_secs(),
            pause_seconds: alert.pause.as_secs(),
            told_at: kept.told_at,
            muted_until: kept.muted_until.filter(|until| *until > now),
        }
    };
    Ok(Json(Page::whole(alerts.map(view).collect())))
}

/// Tells nobody of an alert for a while.
#[utoipa::path(put,
    path = "/teams/{team}/projects/{project}/environments/{environment}/alerts/{alert}/mute",
    tag = "logs",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path),
        ("alert" = Name, Path)),
    request_body = MuteAlert, responses((status = 204),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn mute(
    State(app): State<App>,
    principal: Principal,
    Path((team, project, environment, alert)): Path<(Name, Name, Name, Name)>,
    Body(body): Body<MuteAlert>,
) -> Result<StatusCode, Problem> {
    let id = environment_id((team, project, environment));
    need(&app, &principal, &id, &alert).await?;
    if !(1..=MOST_MINUTES).contains(&body.minutes) {
        return Err(Problem::invalid(message!(
            "`minutes` is from 1 to {MOST_MINUTES}",
            "`minutes` va de 1 a {MOST_MINUTES}"
        )));
    }
    let until = Timestamp::now()
        .checked_add(SignedDuration::from_mins(i64::from(body.minutes)))
        .map_err(|_| Problem::internal())?;
    app.store().mute_alert(&id, &alert, Some(until)).await?;
    let detail = json!({ "minutes": body.minutes });
    let object = format!("{id}/{alert}");
    principal
        .note(&app, "alert.mute", object, Some(&id.team), detail)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Tells of an alert again.
#[utoipa::path(delete,
    path = "/teams/{team}/projects/{project}/environments/{environment}/alerts/{alert}/mute",
    tag = "logs",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path),
        ("alert" = Name, Path)),
    responses((status = 204),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn unmute(
    State(app): State<App>,
    principal: Principal,
    Path((team, project, environment, alert)): Path<(Name, Name, Name, Name)>,
) -> Result<StatusCode, Problem> {
    let id = environment_id((team, project, environment));
    need(&app, &principal, &id, &alert).await?;
    app.store().mute_alert(&id, &alert, None).await?;
    let object = format!("{id}/{alert}");
    principal
        .note(&app, "alert.unmute", object, Some(&id.team), json!({}))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// An alert that whoever asks may silence.
async fn need(
    app: &App,
    principal: &Principal,
    id: &EnvironmentId,
    alert: &Name,
) -> Result<(), Problem> {
    let project = super::environment(app, principal, id, Right::Ship).await?;
    let is_there = project.alerts.get(alert);
    is_there
        .filter(|alert| alert.is_about(&id.environment))
        .map(drop)
        .ok_or_else(Problem::not_found)
}
