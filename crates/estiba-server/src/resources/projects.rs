//! Projects, as their files describe them.

use axum::Json;
use axum::extract::State;
use estiba_api::{Description, Page, Problem as Document, ProjectView};
use estiba_model::{Name, Project, ProjectId, Right, message};
use estiba_store::DescribedProject;
use http::StatusCode;
use serde_json::json;

use super::{ProjectPath, project_id};
use crate::auth::Principal;
use crate::extract::{Body, Path};
use crate::problem::Problem;
use crate::state::App;

/// The projects that you may see, of all teams.
#[utoipa::path(get, path = "/projects", tag = "projects", responses(
    (status = 200, body = Page<ProjectId>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn list_all(
    State(app): State<App>,
    principal: Principal,
) -> Result<Json<Page<ProjectId>>, Problem> {
    seen(&app, &principal, None).await
}

/// The projects of a team.
#[utoipa::path(get, path = "/teams/{team}/projects", tag = "projects", params(("team" = Name, Path)),
    responses((status = 200, body = Page<ProjectId>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(team): Path<Name>,
) -> Result<Json<Page<ProjectId>>, Problem> {
    principal.need(&team, Right::See)?;
    seen(&app, &principal, Some(&team)).await
}

async fn seen(
    app: &App,
    principal: &Principal,
    team: Option<&Name>,
) -> Result<Json<Page<ProjectId>>, Problem> {
    let mut all = app.store().projects(team).await?;
    all.retain(|id| {
        principal
            .need_project(&id.team, &id.project, Right::See)
            .is_ok()
    });
    Ok(Json(Page::whole(all)))
}

/// A project and its files.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}", tag = "projects",
    params(("team" = Name, Path), ("project" = Name, Path)),
    responses((status = 200, body = ProjectView),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<ProjectPath>,
) -> Result<Json<ProjectView>, Problem> {
    let id = project_id(path);
    principal.need_project(&id.team, &id.project, Right::See)?;
    let (project, described) = app.descriptions.project(app.store(), &id).await?;
    Ok(Json(view(&project, described)))
}

/// Describes a project, in place of what was described before. The files are
/// checked as `estiba check` does, without the sources.
#[utoipa::path(put, path = "/teams/{team}/projects/{project}", tag = "projects",
    params(("team" = Name, Path), ("project" = Name, Path)), request_body = Description,
    responses((status = 200, body = ProjectView),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn put(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<ProjectPath>,
    Body(description): Body<Description>,
) -> Result<Json<ProjectView>, Problem> {
    let id = project_id(path);
    principal.need_project(&id.team, &id.project, Right::Ship)?;
    if !app.store().has_team(&id.team).await? {
        let team = &id.team;
        return Err(Problem::invalid(message!(
            "there is no team {team}; an admin makes one: `estiba team add {team}`",
            "no hay un equipo {team}; un administrador lo crea: `estiba team add {team}`"
        )));
    }
    let before = app.store().project(&id).await?;
    let project = app.descriptions.read(&id, &description.files)?;
    let is_as_before = |before: &DescribedProject| before.files == description.files;
    if !before.as_ref().is_some_and(is_as_before) {
        // One that this server can't read any more guards nothing that it can tell.
        let was = before.and_then(|before| app.descriptions.read(&id, &before.files).ok());
        principal.may_describe(was.as_ref(), &project)?;
        app.store()
            .put_project(&id, &description.files, &principal.name)
            .await?;
        let files: Vec<&String> = description.files.keys().collect();
        principal
            .note(
                &app,
                "project.describe",
                id.to_string(),
                Some(&id.team),
                json!({ "files": files }),
            )
            .await?;
    }
    let described = app.store().project(&id).await?;
    let described = described.ok_or_else(Problem::not_found)?;
    Ok(Json(view(&project, described)))
}

/// Forgets a project that nothing runs of.
#[utoipa::path(delete, path = "/teams/{team}/projects/{project}", tag = "projects",
    params(("team" = Name, Path), ("project" = Name, Path)),
    responses((status = 204),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn remove(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<ProjectPath>,
) -> Result<StatusCode, Problem> {
    let id = project_id(path);
    let project = super::project(&app, &principal, &id, Right::Change).await?;
    for environment in project.environments.keys() {
        let of = app.engine.environment(&project, environment)?;
        if app.engine.current(&of).await?.is_some() {
            return Err(Problem::conflict(message!(
                "{environment} still runs; take it down first",
                "{environment} todavía está en marcha; elimínelo primero"
            )));
        }
    }
    app.store().remove_project(&id).await?;
    principal
        .note(
            &app,
            "project.remove",
            id.to_string(),
            Some(&id.team),
            json!({}),
        )
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

fn view(project: &Project, described: DescribedProject) -> ProjectView {
    ProjectView {
        id: project.id.clone(),
        workloads: project.workloads.keys().cloned().collect(),
        environments: project.environments.keys().cloned().collect(),
        files: described.files,
        updated_at: described.updated_at,
        updated_by: described.updated_by,
    }
}
