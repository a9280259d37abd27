//! Teams and their members.

use axum::Json;
use axum::extract::State;
use estiba_api::{NewMember, NewTeam, Page, Problem as Document};
use estiba_model::{Member, Name, Right, Role, Team, message};
use http::StatusCode;
use serde_json::json;

use crate::auth::Principal;
use crate::extract::{Body, Path};
use crate::problem::Problem;
use crate::state::App;

/// The teams that you may see.
#[utoipa::path(get, path = "/teams", tag = "teams", responses(
    (status = 200, body = Page<Team>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
) -> Result<Json<Page<Team>>, Problem> {
    let mut teams = app.store().teams().await?;
    if let Some(seen) = principal.seen_teams() {
        teams.retain(|team| seen.contains(&team.name));
    }
    Ok(Json(Page::whole(teams)))
}

/// Makes a team. For admins.
#[utoipa::path(post, path = "/teams", tag = "teams", request_body = NewTeam, responses(
    (status = 201, body = Team),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn create(
    State(app): State<App>,
    principal: Principal,
    Body(new): Body<NewTeam>,
) -> Result<(StatusCode, Json<Team>), Problem> {
    principal.need_admin()?;
    let name = new.name;
    if !app.store().add_team(&name).await? {
        return Err(Problem::conflict(message!(
            "there is a team {name} already",
            "ya hay un equipo {name}"
        )));
    }
    principal
        .note(&app, "team.create", name.as_str(), Some(&name), json!({}))
        .await?;
    let teams = app.store().teams().await?;
    let team = teams.into_iter().find(|team| team.name == name);
    let team = team.ok_or_else(Problem::not_found)?;
    Ok((StatusCode::CREATED, Json(team)))
}

/// The members of a team.
#[utoipa::path(get, path = "/teams/{team}/members", tag = "teams", params(("team" = Name, Path)),
    responses((status = 200, body = Page<Member>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn members(
    State(app): State<App>,
    principal: Principal,
    Path(team): Path<Name>,
) -> Result<Json<Page<Member>>, Problem> {
    principal.need(&team, Right::See)?;
    Ok(Json(Page::whole(app.store().members(&team).await?)))
}

/// Puts a person into a team, or gives a member another role. For admins.
#[utoipa::path(post, path = "/teams/{team}/members", tag = "teams", params(("team" = Name, Path)),
    request_body = NewMember, responses((status = 200, body = Member),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn add_member(
    State(app): State<App>,
    principal: Principal,
    Path(team): Path<Name>,
    Body(new): Body<NewMember>,
) -> Result<Json<Member>, Problem> {
    principal.need(&team, Right::Administer)?;
    if !app.store().has_team(&team).await? {
        return Err(Problem::not_found());
    }
    let login = new.login.trim();
    let is_role_of_people = matches!(new.role, Role::Viewer | Role::Member | Role::Admin);
    if login.is_empty() || login.len() > 200 || !is_role_of_people {
        return Err(Problem::invalid(message!(
            "a member has a login of 1 to 200 bytes and is a viewer, member or admin",
            "un integrante tiene un nombre de 1 a 200 bytes y es viewer, member o admin"
        )));
    }
    let person = app.store().person_of_login(login).await?;
    app.store().set_member(&team, &person.id, new.role).await?;
    let object = format!("{team}/{login}");
    principal
        .note(
            &app,
            "member.set",
            object,
            Some(&team),
            json!({ "role": new.role }),
        )
        .await?;
    Ok(Json(Member {
        person: person.id,
        login: person.login,
        role: new.role,
    }))
}

/// Takes a person out of a team. For admins.
#[utoipa::path(delete, path = "/teams/{team}/members/{person}", tag = "teams",
    params(("team" = Name, Path), ("person" = String, Path)),
    responses((status = 204),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn remove_member(
    State(app): State<App>,
    principal: Principal,
    Path((team, person)): Path<(Name, String)>,
) -> Result<StatusCode, Problem> {
    principal.need(&team, Right::Administer)?;
    if !app.store().remove_member(&team, &person).await? {
        return Err(Problem::not_found());
    }
    let object = format!("{team}/{person}");
    principal
        .note(&app, "member.remove", object, Some(&team), json!({}))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
