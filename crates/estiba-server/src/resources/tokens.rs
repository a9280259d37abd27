//! Keys to the API.

use axum::Json;
use axum::extract::State;
use estiba_api::{CreatedToken, NewTokenBody, Page, Problem as Document};
use estiba_model::{Name, Right, Role, Scope, Token, message};
use http::StatusCode;
use jiff::{Timestamp, ToSpan};
use serde_json::json;

use crate::auth::Principal;
use crate::extract::{Body, Path};
use crate::problem::Problem;
use crate::state::App;

/// The longest life of a token, in days.
const LONGEST_DAYS: u32 = 3650;

/// Your tokens; all of them, for admins.
#[utoipa::path(get, path = "/tokens", tag = "people", responses(
    (status = 200, body = Page<Token>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
) -> Result<Json<Page<Token>>, Problem> {
    let tokens = match (&principal.person, principal.is_admin()) {
        (_, true) => app.store().tokens(None).await?,
        (Some(person), false) => app.store().tokens(Some(person)).await?,
        (None, false) => Vec::new(),
    };
    Ok(Json(Page::whole(tokens)))
}

/// Makes a token. Its key is in the answer and never shown again.
#[utoipa::path(post, path = "/tokens", tag = "people", request_body = NewTokenBody, responses(
    (status = 201, body = CreatedToken),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn create(
    State(app): State<App>,
    principal: Principal,
    Body(new): Body<NewTokenBody>,
) -> Result<(StatusCode, Json<CreatedToken>), Problem> {
    let name = new.name.trim();
    if name.is_empty() || name.len() > 100 {
        return Err(Problem::invalid(message!(
            "a token has a name of 1 to 100 bytes",
            "un token tiene un nombre de 1 a 100 bytes"
        )));
    }
    let for_others = new.machine || new.login.is_some();
    if for_others || new.scope.role == Role::Bot {
        principal.need_admin()?;
    }
    if !principal.may_give(&new.scope) {
        return Err(Problem::forbidden(message!(
            "a token can't reach more than you do",
            "un token no puede alcanzar más que usted"
        )));
    }
    if new.scope.project.is_some() && new.scope.team.is_none() {
        return Err(Problem::invalid(message!(
            "a token for one project names its team too",
            "un token para un proyecto nombra también su equipo"
        )));
    }
    if let Some(team) = &new.scope.team {
        principal.need(team, Right::See)?;
        if !app.store().has_team(team).await? {
            return Err(Problem::not_found());
        }
    }
    if new.scope.role == Role::Shipper {
        may_ship_logs(&principal, &new.scope)?;
    }
    let person = match (&new.login, new.machine) {
        (_, true) => None,
        (Some(login), false) => Some(app.store().person_of_login(login.trim()).await?.id),
        (None, false) => principal.person.clone(),
    };
    if person.is_none() && !new.machine {
        return Err(Problem::forbidden(message!(
            "the token of a machine makes no tokens",
            "el token de una máquina no crea tokens"
        )));
    }
    let expires_at = new.days.map(expiry).transpose()?;
    // It does not outlive the token that made it.
    let expires_at = expires_at.into_iter().chain(principal.ends).min();
    let made = app
        .store()
        .add_token(name, person.as_deref(), new.scope.clone(), expires_at)
        .await?;
    let detail = json!({ "name": name, "scope": new.scope, "login": made.token.login });
    principal
        .note(
            &app,
            "token.create",
            &made.token.id,
            new.scope.team.as_ref(),
            detail,
        )
        .await?;
    let created = CreatedToken {
        token: made.token,
        key: made.key.expose().to_owned(),
    };
    Ok((StatusCode::CREATED, Json(created)))
}

/// A shipper's lines are all of one team, and of one environment where it names one.
fn may_ship_logs(principal: &Principal, scope: &Scope) -> Result<(), Problem> {
    let is_one = |name: &Name| !name.stands_for_previews();
    match (&scope.team, scope.environments.as_slice()) {
        (Some(team), []) => principal.need(team, Right::Ship),
        (Some(team), [one]) if is_one(one) => principal.need(team, Right::Ship),
        _ => Err(Problem::invalid(message!(
            "the token of a shipper names a team, and one environment or none",
            "el token de un recolector nombra un equipo, y un ambiente o ninguno"
        ))),
    }
}

fn expiry(days: u32) -> Result<Timestamp, Problem> {
    let hours = i64::from(days) * 24;
    let at = Timestamp::now().checked_add(hours.hours());
    match at {
        Ok(at) if (1..=LONGEST_DAYS).contains(&days) => Ok(at),
        _ => Err(Problem::invalid(message!(
            "`days` is from 1 to {LONGEST_DAYS}",
            "`days` va de 1 a {LONGEST_DAYS}"
        ))),
    }
}

/// Ends a token: yours, or anybody's for admins.
#[utoipa::path(delete, path = "/tokens/{id}", tag = "people", params(("id" = String, Path)),
    responses((status = 204),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn revoke(
    State(app): State<App>,
    principal: Principal,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    let Json(Page { items: mine, .. }) = list(State(app.clone()), principal.clone()).await?;
    let token = mine.into_iter().find(|token| token.id == id);
    let token = token.ok_or_else(Problem::not_found)?;
    app.store().revoke_token(&id).await?;
    let detail = json!({ "name": token.name });
    principal
        .note(&app, "token.revoke", id, token.scope.team.as_ref(), detail)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
