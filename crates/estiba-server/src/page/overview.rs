//! What runs where, of all teams.

use std::time::Duration;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use estiba_model::{EnvironmentStatus, Name, ProjectId, Team};
use futures::{StreamExt, stream};

use super::frame::{Frame, shown};
use crate::auth::{Principal, Refused, Visit};
use crate::extract::Path;
use crate::resources::{environments, projects, teams};
use crate::state::App;

/// Projects that are asked at once.
const AT_ONCE: usize = 8;
/// What takes longer is not waited for: one silent cluster is not to hide all.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    p: Frame,
    columns: Vec<Name>,
    rows: Vec<Row>,
    /// Teams without a project.
    idle: Vec<Team>,
}

/// A project, and how its environments are.
pub(super) struct Row {
    pub id: ProjectId,
    /// None where it was not told in time.
    pub environments: Option<Vec<EnvironmentStatus>>,
}

impl Row {
    fn environment(&self, name: &Name) -> Option<&EnvironmentStatus> {
        let mut all = self.environments.as_deref().unwrap_or_default().iter();
        all.find(|status| status.environment == *name)
    }
}

/// What runs where.
pub(super) async fn show(State(app): State<App>, visit: Visit) -> Result<Response, Refused> {
    let p = Frame::of(&app, &visit).await?;
    let all = projects::list_all(State(app.clone()), visit.principal.clone()).await?;
    let rows = rows(&app, &visit.principal, all.0.items).await;
    let mut idle = teams::list(State(app.clone()), visit.principal.clone())
        .await?
        .0
        .items;
    idle.retain(|team| !rows.iter().any(|row| row.id.team == team.name));
    let mut columns: Vec<Name> = Vec::new();
    for status in rows
        .iter()
        .flat_map(|row| row.environments.iter().flatten())
    {
        if !columns.contains(&status.environment) {
            columns.push(status.environment.clone());
        }
    }
    Ok(shown(&Overview {
        p,
        columns,
        rows,
        idle,
    })?)
}

/// How the environments of projects are.
pub(super) async fn rows(app: &App, principal: &Principal, all: Vec<ProjectId>) -> Vec<Row> {
    let asked = all.into_iter().map(|id| async move {
        let path = Path((id.team.clone(), id.project.clone()));
        let asked = environments::list(State(app.clone()), principal.clone(), path);
        let told = tokio::time::timeout(PATIENCE, asked).await;
        Row {
            id,
            environments: told.ok().and_then(Result::ok).map(|told| told.0.items),
        }
    });
    stream::iter(asked).buffered(AT_ONCE).collect().await
}
