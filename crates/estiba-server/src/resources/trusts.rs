//! Pipelines that ship with an identity token of their CI and no stored one.

use axum::Json;
use axum::extract::State;
use estiba_api::{Page, Problem as Document, TrustView};
use estiba_model::{Name, Right, Trust, message};
use http::StatusCode;
use reqwest::Url;
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
    if trust.team != team || !is_issuer(&trust.issuer) || trust.audience.is_empty() {
        return Err(Problem::invalid(message!(
            "a rule is of its team, and has an issuer with https and an audience",
            "una regla es de su equipo, y tiene un emisor con https y una audiencia"
        )));
    }
    if !says_whose(&trust) {
        let known = WHOSE.join(", ");
        return Err(Problem::invalid(message!(
            "a rule has a claim that says whose pipelines it is for ({known}), with more than a `*`: without one, everybody's would ship",
            "una regla tiene una condición que dice de quién son los pipelines ({known}), con algo más que un `*`: sin ella, podrían desplegar los de cualquiera"
        )));
    }
    let id = app.store().add_trust(&trust).await?;
    let detail = json!({ "trust": trust });
    principal
        .note(&app, "trust.create", &id, Some(&team), detail)
        .await?;
    Ok((StatusCode::CREATED, Json(TrustView { id, trust })))
}

/// Claims that say whose a pipeline is
/// (<https://docs.gitlab.com/ci/secrets/id_token_authentication/>,
/// <https://docs.github.com/en/actions/reference/security/oidc>).
const WHOSE: [&str; 12] = [
    "project_path",
    "project_id",
    "namespace_path",
    "namespace_id",
    "user_login",
    "user_id",
    "sub",
    "repository",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "job_project_path",
];

fn says_whose(trust: &Trust) -> bool {
    let says = |name: &&str| {
        trust
            .claims
            .get(*name)
            .is_some_and(|is| !is.trim_end_matches('*').is_empty())
    };
    WHOSE.iter().any(says)
}

/// An address with https, or of this machine, and nothing hidden in it.
fn is_issuer(text: &str) -> bool {
    let Ok(url) = text.parse::<Url>() else {
        return false;
    };
    let is_secure = match url.scheme() {
        "https" => url.has_host(),
        "http" => url.host_str() == Some("127.0.0.1"),
        _ => false,
    };
    is_secure && url.username().is_empty() && url.password().is_none() && url.query().is_none()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_is_an_address_that_nobody_can_stand_in_for() {
        for (text, is) in [
            ("https://gitlab.com", true),
            ("https://git.example.edu/sub", true),
            ("http://127.0.0.1:9000", true),
            ("http://git.example.edu", false),
            ("http://127.0.0.1:9000@evil.example/", false),
            ("https://u:p@gitlab.com", false),
            ("gitlab.com", false),
        ] {
            assert_eq!(is_issuer(text), is, "{text}");
        }
    }

    #[test]
    fn a_rule_says_whose_pipelines_it_is_for() {
        for (claim, value, says) in [
            ("project_path", "memo2/moria", true),
            ("project_path", "memo2/*", true),
            ("project_path", "*", false),
            ("ref_type", "tag", false),
        ] {
            let claims = [(claim.to_owned(), value.to_owned())];
            let trust = Trust {
                team: "moria".parse().unwrap(),
                project: None,
                environments: Vec::new(),
                issuer: "https://gitlab.com".to_owned(),
                audience: "estiba".to_owned(),
                claims: claims.into_iter().collect(),
            };
            assert_eq!(says_whose(&trust), says, "{claim}: {value}");
        }
    }
}
