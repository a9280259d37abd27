//! Pipelines that ship with an identity token of their CI and no stored one.

use axum::Json;
use axum::extract::State;
use estiba_api::{Page, Problem as Document, TrustView};
use estiba_model::{Name, Right, Trust, message};
use http::StatusCode;
use serde_json::json;

use crate::auth::Principal;
use crate::extract::{Body, Path};
use crate::problem::Problem;
use crate::state::App;

/// The rules of a team.
#[utoipa::path(get, path = "/teams/{team}/trusts", tag = "teams", params(("team" = Name, Path)),
    responses((status = 200, body = Page<TrustView>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(team): Path<Name>,
) -> Result<Json<Page<TrustView>>, Problem> {
    principal.need(&team, Right::See)?;
    let trusts = app.store().trusts(Some(&team)).await?.into_iter();
    let views = trusts.map(|(id, trust)| TrustView { id, trust });
    Ok(Json(Page::whole(views.collect())))
}

/// Adds a rule. For admins.
#[utoipa::path(post, path = "/teams/{team}/trusts", tag = "teams", params(("team" = Name, Path)),
    request_body = Trust, responses((status = 201, body = TrustView),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn create(
    State(app): State<App>,
    principal: Principal,
    Path(team): Path<Name>,
    Body(trust): Body<Trust>,
) -> Result<(StatusCode, Json<TrustView>), Problem> {
    principal.need(&team, Right::Administer)?;
    if !app.store().has_team(&team).await? {
        return Err(Problem::not_found());
    }
    let is_secure =
        trust.issuer.starts_with("https://") || trust.issuer.starts_with("http://127.0.0.1:");
    if trust.team != team || !is_secure || trust.claims.is_empty() || trust.audience.is_empty() {
        return Err(Problem::invalid(message!(
            "a rule is of its team, has an issuer with https, an audience, and at least one claim: without a claim, everybody's pipelines would ship",
            "una regla es de su equipo, tiene un emisor con https, una audiencia y al menos una condición: sin condición, podrían desplegar los pipelines de cualquiera"
        )));
    }
    let id = app.store().add_trust(&trust).await?;
    let detail = json!({ "trust": trust });
    principal
        .note(&app, "trust.create", &id, Some(&team), detail)
        .await?;
    Ok((StatusCode::CREATED, Json(TrustView { id, trust })))
}

/// Ends a rule. For admins.
#[utoipa::path(delete, path = "/teams/{team}/trusts/{id}", tag = "teams",
    params(("team" = Name, Path), ("id" = String, Path)),
    responses((status = 204),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn remove(
    State(app): State<App>,
    principal: Principal,
    Path((team, id)): Path<(Name, String)>,
) -> Result<StatusCode, Problem> {
    principal.need(&team, Right::Administer)?;
    if !app.store().remove_trust(&team, &id).await? {
        return Err(Problem::not_found());
    }
    principal
        .note(&app, "trust.remove", id, Some(&team), json!({}))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
