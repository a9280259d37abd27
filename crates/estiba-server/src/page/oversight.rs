//! What is looked over: requests that wait, who changed what, how teams deliver.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use estiba_api::{ApprovalDecision, Asked, Figures, Page};
use estiba_model::{Approval, AuditEntry, Name, Right};
use serde::Deserialize;

use super::frame::{Frame, shown};
use crate::auth::{Form, Principal, Refused, Visit};
use crate::extract::{Body, Path, Query};
use crate::resources::{Paging, approvals as requests, audit as log, figures as dora, teams};
use crate::state::App;

#[derive(Template)]
#[template(path = "approvals.html")]
struct Approvals {
    p: Frame,
    waiting: Vec<Waiting>,
}

struct Waiting {
    approval: Approval,
    /// Whether whoever looks may agree to it.
    may_agree: bool,
    /// Whether they may refuse it.
    may_refuse: bool,
}

/// The requests that wait.
pub(super) async fn approvals(State(app): State<App>, visit: Visit) -> Result<Response, Refused> {
    // Before what is shown, so that nothing is missed after it.
    let p = Frame::of(&app, &visit).await?;
    let all = requests::list(State(app.clone()), visit.principal.clone()).await?;
    let waiting = all.0.items.into_iter().map(|approval| {
        let may_refuse = visit
            .principal
            .need_environment(&approval.environment, Right::Change)
            .is_ok();
        Waiting {
            may_agree: may_refuse && approval.requested_by != visit.principal.name,
            may_refuse,
            approval,
        }
    });
    let waiting = waiting.collect();
    Ok(shown(&Approvals { p, waiting })?)
}

#[derive(Deserialize)]
pub(super) struct Decision {
    approve: bool,
}

/// Agrees to a request, or not.
pub(super) async fn decide(
    State(app): State<App>,
    Path(id): Path<i64>,
    form: Form<Decision>,
) -> Result<Response, Refused> {
    let approve = form.fields.approve;
    let decision = Body(ApprovalDecision { approve });
    let asked = requests::decide(State(app), form.visit.principal, Path(id), decision).await?;
    let to = match asked.0 {
        Asked::Queued { deployment } => {
            let of = &deployment.environment;
            let id = deployment.id.0;
            format!(
                "/teams/{}/projects/{}/deployments/{id}",
                of.team, of.project
            )
        }
        Asked::Unchanged { .. } | Asked::Waiting { .. } => "/approvals".to_owned(),
    };
    Ok(Redirect::to(&to).into_response())
}

#[derive(Template)]
#[template(path = "figures.html")]
struct AllFigures {
    p: Frame,
    days: u32,
    all: Vec<Figures>,
}

/// How all teams deliver.
pub(super) async fn figures(
    State(app): State<App>,
    visit: Visit,
    Query(span): Query<dora::Span>,
) -> Result<Response, Refused> {
    let mut all = Vec::new();
    let teams = teams::list(State(app.clone()), visit.principal.clone()).await?;
    for team in teams.0.items {
        let span = Query(dora::Span { days: span.days });
        let (state, principal) = (State(app.clone()), visit.principal.clone());
        all.push(dora::show(state, principal, Path(team.name), span).await?.0);
    }
    let days = span.days.unwrap_or(30).clamp(1, 366);
    let p = Frame::of(&app, &visit).await?;
    Ok(shown(&AllFigures { p, days, all })?)
}

#[derive(Template)]
#[template(path = "audit.html")]
struct Audit {
    p: Frame,
    team: Option<Name>,
    page: Page<AuditEntry>,
}

impl Audit {
    /// Whether there is more to tell of a change.
    fn has_more(&self, entry: &AuditEntry) -> bool {
        let detail = entry.detail.as_object();
        detail.is_none_or(|detail| !detail.is_empty())
    }
}

/// Who changed what, of all teams.
pub(super) async fn audit(
    State(app): State<App>,
    visit: Visit,
    Query(paging): Query<Paging>,
) -> Result<Response, Refused> {
    let page = log::list_all(State(app.clone()), visit.principal.clone(), Query(paging)).await?;
    audit_page(&app, &visit, None, page).await
}

/// Who changed what, of a team.
pub(super) async fn audit_of_team(
    State(app): State<App>,
    visit: Visit,
    Path(team): Path<Name>,
    Query(paging): Query<Paging>,
) -> Result<Response, Refused> {
    let (state, principal): (_, Principal) = (State(app.clone()), visit.principal.clone());
    let page = log::list(state, principal, Path(team.clone()), Query(paging)).await?;
    audit_page(&app, &visit, Some(team), page).await
}

async fn audit_page(
    app: &App,
    visit: &Visit,
    team: Option<Name>,
    Json(page): Json<Page<AuditEntry>>,
) -> Result<Response, Refused> {
    let p = Frame::of(app, visit).await?;
    Ok(shown(&Audit { p, team, page })?)
}
