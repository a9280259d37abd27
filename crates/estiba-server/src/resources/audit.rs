//! Who changed what.

use axum::Json;
use axum::extract::State;
use estiba_api::{Page, Problem as Document};
use estiba_model::{AuditEntry, Name, Right};

use super::Paging;
use crate::auth::Principal;
use crate::extract::{Path, Query};
use crate::problem::Problem;
use crate::state::App;

/// Everything that was changed, the newest first. For admins.
#[utoipa::path(get, path = "/audit", tag = "audit", params(Paging),
    responses((status = 200, body = Page<AuditEntry>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn list_all(
    State(app): State<App>,
    principal: Principal,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    principal.need_admin()?;
    page(&app, None, &paging).await
}

/// What was changed of a team's, the newest first.
#[utoipa::path(get, path = "/teams/{team}/audit", tag = "audit",
    params(("team" = Name, Path), Paging),
    responses((status = 200, body = Page<AuditEntry>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(team): Path<Name>,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    principal.need(&team, Right::See)?;
    page(&app, Some(&team), &paging).await
}

async fn page(
    app: &App,
    team: Option<&Name>,
    paging: &Paging,
) -> Result<Json<Page<AuditEntry>>, Problem> {
    let limit = paging.limit()?;
    let items = app.store().audit(team, paging.before()?, limit).await?;
    let is_full = items.len() == limit as usize;
    let next = items
        .last()
        .filter(|_| is_full)
        .map(|last| last.id.to_string());
    Ok(Json(Page { items, next }))
}
