//! Tells pages that something happened, so that they look again.

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::Event;
use estiba_model::{EnvironmentId, Happening, Name, ProjectId, Right, What};
use futures::{Stream, StreamExt};
use serde::Deserialize;

use crate::auth::{Refused, Visit};
use crate::events::{Hub, Seen};
use crate::extract::Query;
use crate::problem::Problem;
use crate::resources;
use crate::resources::events::{events, last_event};
use crate::state::App;

/// A stream ends after this time; the page asks for another one, and is told no more
/// than its reader may see by then.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(300);

/// What a page is about.
#[derive(Deserialize)]
pub(super) struct About {
    after: i64,
    team: Option<Name>,
    project: Option<Name>,
    environment: Option<Name>,
    /// Whether it shows every step. Others ask all targets how they are when they look
    /// again, and are not to do it for each line of output.
    #[serde(default)]
    steps: bool,
}

impl About {
    fn has(&self, happening: &Happening) -> bool {
        let EnvironmentId {
            team,
            project,
            environment,
        } = &happening.environment;
        let is = |wanted: &Option<Name>, name: &Name| wanted.as_ref().is_none_or(|w| w == name);
        let is_step = matches!(happening.what, What::Progress { .. });
        (self.steps || !is_step)
            && is(&self.team, team)
            && is(&self.project, project)
            && is(&self.environment, environment)
    }
}

/// Tells when something happened that the page is about.
pub(super) async fn follow(
    State(app): State<App>,
    visit: Visit,
    Query(about): Query<About>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Refused> {
    let principal = &visit.principal;
    let seen = match (&about.team, &about.project) {
        (Some(team), Some(project)) => {
            let id = ProjectId {
                team: team.clone(),
                project: project.clone(),
            };
            resources::project(&app, principal, &id, Right::See).await?;
            Seen::Teams(vec![team.clone()])
        }
        (Some(team), None) => {
            principal.need(team, Right::See)?;
            Seen::Teams(vec![team.clone()])
        }
        (None, Some(_)) => return Err(Problem::not_found().into()),
        (None, None) => principal.seen_happenings(),
    };
    let after = last_event(&headers)?.unwrap_or(about.after);
    let told = move |happening: &Happening| {
        let event = Event::default().id(happening.id.to_string()).event("told");
        about.has(happening).then(|| event.data("1"))
    };
    Ok(events(
        &app,
        bounded(Arc::clone(&app.hub), seen, after, told),
    ))
}

fn bounded(
    hub: Arc<Hub>,
    seen: Seen,
    after: i64,
    told: impl Fn(&Happening) -> Option<Event> + Send + 'static,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static {
    hub.follow(seen, after)
        .filter_map(move |happening| std::future::ready(told(&happening).map(Ok)))
        .take_until(tokio::time::sleep(LONGEST))
}
