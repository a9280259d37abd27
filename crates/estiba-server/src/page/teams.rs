//! A team: its projects, its people, how it delivers.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use estiba_api::{Figures, NewMember, NewTeam};
use estiba_model::{Member, Name, Right, Role};
use serde::Deserialize;

use super::frame::{Frame, shown};
use super::overview::{Row, rows};
use crate::auth::{Form, Refused, Visit};
use crate::extract::{Body, Path, Query};
use crate::problem::Problem;
use crate::resources::{figures, projects, teams};
use crate::state::App;

#[derive(Template)]
#[template(path = "team.html")]
struct Team {
    p: Frame,
    team: Name,
    rows: Vec<Row>,
    members: Vec<Member>,
    figures: Figures,
    /// Whether whoever looks decides who is in it.
    administers: bool,
}

/// A team.
pub(super) async fn show(
    State(app): State<App>,
    visit: Visit,
    Path(team): Path<Name>,
) -> Result<Response, Refused> {
    let principal = &visit.principal;
    let state = || State(app.clone());
    // An admin may see every team, so that only the list tells which there are.
    let known = teams::list(state(), principal.clone()).await?;
    if !known.0.items.iter().any(|known| known.name == team) {
        return Err(Problem::not_found().into());
    }
    let members = teams::members(state(), principal.clone(), Path(team.clone())).await?;
    let all = projects::list(state(), principal.clone(), Path(team.clone())).await?;
    let span = Query(figures::Span { days: None });
    let figures = figures::show(state(), principal.clone(), Path(team.clone()), span).await?;
    Ok(shown(&Team {
        p: Frame::of(&app, &visit).await?,
        rows: rows(&app, principal, all.0.items).await,
        members: members.0.items,
        figures: figures.0,
        administers: principal.need(&team, Right::Administer).is_ok(),
        team,
    })?)
}

#[derive(Deserialize)]
pub(super) struct Named {
    name: Name,
}

/// Makes a team.
pub(super) async fn create(State(app): State<App>, form: Form<Named>) -> Result<Response, Refused> {
    let new = Body(NewTeam {
        name: form.fields.name,
    });
    let (_, Json(team)) = teams::create(State(app), form.visit.principal, new).await?;
    Ok(Redirect::to(&format!("/teams/{}", team.name)).into_response())
}

#[derive(Deserialize)]
pub(super) struct Newcomer {
    login: String,
    role: Role,
}

/// Puts a person into a team.
pub(super) async fn admit(
    State(app): State<App>,
    Path(team): Path<Name>,
    form: Form<Newcomer>,
) -> Result<Response, Refused> {
    let Newcomer { login, role } = form.fields;
    let new = Body(NewMember { login, role });
    let to = format!("/teams/{team}");
    let _ = teams::add_member(State(app), form.visit.principal, Path(team), new).await?;
    Ok(Redirect::to(&to).into_response())
}

#[derive(Deserialize)]
pub(super) struct Nothing {}

/// Takes a person out of a team.
pub(super) async fn remove(
    State(app): State<App>,
    Path((team, person)): Path<(Name, String)>,
    form: Form<Nothing>,
) -> Result<Response, Refused> {
    let to = format!("/teams/{team}");
    let path = Path((team, person));
    let _ = teams::remove_member(State(app), form.visit.principal, path).await?;
    Ok(Redirect::to(&to).into_response())
}
