//! Tokens: seen, made and ended.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use estiba_api::{CreatedToken, NewTokenBody};
use estiba_model::{Name, Role, Scope, Token, message};
use serde::Deserialize;

use super::frame::{Frame, shown};
use crate::auth::{Form, Refused, Visit};
use crate::extract::{Body, Path};
use crate::problem::Problem;
use crate::resources::tokens;
use crate::state::App;

#[derive(Template)]
#[template(path = "tokens.html")]
struct Tokens {
    p: Frame,
    all: Vec<Token>,
    made: Option<CreatedToken>,
    teams: Vec<Name>,
    roles: Vec<Role>,
}

/// The tokens of whoever looks.
pub(super) async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Refused> {
    page(&app, &visit, None).await
}

async fn page(app: &App, visit: &Visit, made: Option<CreatedToken>) -> Result<Response, Refused> {
    let all = tokens::list(State(app.clone()), visit.principal.clone()).await?;
    let me = visit.principal.me();
    let is_people = |role: &Role| {
        !matches!(role, Role::Bot | Role::Shipper) && (me.admin || *role != Role::Admin)
    };
    Ok(shown(&Tokens {
        p: Frame::of(app, visit).await?,
        all: all.0.items,
        made,
        teams: me.teams.into_iter().map(|one| one.team).collect(),
        roles: Role::ALL.into_iter().filter(is_people).collect(),
    })?)
}

#[derive(Deserialize)]
pub(super) struct Wanted {
    name: String,
    role: Role,
    #[serde(default)]
    team: String,
    days: String,
}

/// Makes a token, and shows its key this once.
pub(super) async fn create(
    State(app): State<App>,
    form: Form<Wanted>,
) -> Result<Response, Refused> {
    let Wanted {
        name,
        role,
        team,
        days,
    } = form.fields;
    let team = match team.as_str() {
        "" => None,
        team => Some(team.parse().map_err(|_| Problem::not_found())?),
    };
    let days = days
        .parse()
        .map_err(|_| Problem::invalid(message!("days are a number", "los días son un número")))?;
    let new = Body(NewTokenBody {
        name,
        scope: Scope {
            role,
            team,
            project: None,
            environments: Vec::new(),
        },
        days: Some(days),
        login: None,
        machine: false,
    });
    let visit = form.visit;
    let (_, Json(made)) = tokens::create(State(app.clone()), visit.principal.clone(), new).await?;
    page(&app, &visit, Some(made)).await
}

#[derive(Deserialize)]
pub(super) struct Nothing {}

/// Ends a token.
pub(super) async fn revoke(
    State(app): State<App>,
    id: Path<String>,
    form: Form<Nothing>,
) -> Result<Response, Refused> {
    let _ = tokens::revoke(State(app), form.visit.principal, id).await?;
    Ok(Redirect::to("/tokens").into_response())
}
