//! A project: its environments, its releases, and what it is made of.

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use estiba_api::ReleaseView;
use estiba_model::{EnvironmentStatus, Name, ProjectId, Right};
use serde::Deserialize;

use super::frame::{Frame, shown};
use super::overview::rows;
use super::picture::Picture;
use crate::auth::{Refused, Visit};
use crate::extract::{Path, Query};
use crate::resources::{self, releases};
use crate::state::App;

#[derive(Template)]
#[template(path = "project.html")]
struct ProjectPage {
    p: Frame,
    id: ProjectId,
    /// None where it was not told in time.
    environments: Option<Vec<EnvironmentStatus>>,
    names: Vec<Name>,
    releases: Vec<ReleaseView>,
    /// The environment that is drawn.
    drawn: Option<Name>,
    picture: Option<Picture>,
    ships: bool,
    /// Whether this server stores logs.
    searches: bool,
}

#[derive(Deserialize)]
pub(super) struct Drawn {
    draw: Option<Name>,
}

/// A project.
pub(super) async fn show(
    State(app): State<App>,
    visit: Visit,
    Path((team, project)): Path<(Name, Name)>,
    Query(Drawn { draw }): Query<Drawn>,
) -> Result<Response, Refused> {
    // Before what is shown, so that nothing is missed after it.
    let p = Frame::of(&app, &visit).await?;
    let principal = &visit.principal;
    let id = ProjectId { team, project };
    let described = resources::project(&app, principal, &id, Right::See).await?;
    let path = Path((id.team.clone(), id.project.clone()));
    let releases = releases::list(State(app.clone()), principal.clone(), path).await?;
    let mut asked = rows(&app, principal, vec![id.clone()]).await;
    let environments = asked.pop().and_then(|row| row.environments);
    let names: Vec<Name> = described.environments.keys().cloned().collect();
    let drawn = draw
        .filter(|name| names.contains(name))
        .or_else(|| names.first().cloned());
    let status = environments
        .iter()
        .flatten()
        .find(|status| Some(&status.environment) == drawn.as_ref());
    let picture = drawn
        .as_ref()
        .map(|name| Picture::of(&described, name, status, visit.lang));
    Ok(shown(&ProjectPage {
        p,
        ships: principal
            .need_project(&id.team, &id.project, Right::Ship)
            .is_ok(),
        searches: app.logs.store().is_ok(),
        environments,
        names,
        releases: releases.0.items,
        drawn,
        picture,
        id,
    })?)
}
