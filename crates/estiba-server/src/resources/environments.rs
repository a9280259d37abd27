//! Environments: how they are, and what a deployment would do.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use estiba_api::{Page, PlanBody, Problem as Document};
use estiba_model::{Carried, EnvironmentStatus, Losses, Name, Plan, Right, message};

use super::{EnvironmentPath, ProjectPath, environment_id, project_id};
use crate::auth::Principal;
use crate::extract::{Body, Path};
use crate::problem::Problem;
use crate::state::App;

/// How every environment of a project is, as the targets say.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/environments", tag = "environments",
    params(("team" = Name, Path), ("project" = Name, Path)),
    responses((status = 200, body = Page<EnvironmentStatus>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<ProjectPath>,
) -> Result<Json<Page<EnvironmentStatus>>, Problem> {
    let id = project_id(path);
    let project = super::project(&app, &principal, &id, Right::See).await?;
    Ok(Json(Page::whole(app.engine.status(&project).await?)))
}

/// How an environment is.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/environments/{environment}",
    tag = "environments",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path)),
    responses((status = 200, body = EnvironmentStatus),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<EnvironmentPath>,
) -> Result<Json<EnvironmentStatus>, Problem> {
    let id = environment_id(path);
    let project = super::environment(&app, &principal, &id, Right::See).await?;
    let status = app.engine.environment_status(&project, &id.environment);
    Ok(Json(status.await?))
}

/// What would go with an environment.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/environments/{environment}/losses",
    tag = "environments",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path)),
    responses((status = 200, body = Losses),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn losses(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<EnvironmentPath>,
) -> Result<Json<Losses>, Problem> {
    let id = environment_id(path);
    let project = super::environment(&app, &principal, &id, Right::See).await?;
    Ok(Json(app.engine.losses(&project, &id.environment).await?))
}

/// How many copies of workloads run, where the project's file or somebody says so.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/environments/{environment}/replicas",
    tag = "environments",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path)),
    responses((status = 200, body = BTreeMap<Name, u32>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn replicas(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<EnvironmentPath>,
) -> Result<Json<BTreeMap<Name, u32>>, Problem> {
    let id = environment_id(path);
    let project = super::environment(&app, &principal, &id, Right::See).await?;
    Ok(Json(app.engine.replicas(&project, &id.environment).await?))
}

/// The images that an environment runs, each found at its target.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/environments/{environment}/images",
    tag = "environments",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path)),
    responses((status = 200, body = Page<Carried>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn images(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<EnvironmentPath>,
) -> Result<Json<Page<Carried>>, Problem> {
    let id = environment_id(path);
    let project = super::environment(&app, &principal, &id, Right::See).await?;
    let carried = app.engine.carried(&project, &id.environment).await?;
    Ok(Json(Page::whole(carried)))
}

/// The steps that a deployment would take; nothing is done.
#[utoipa::path(post, path = "/teams/{team}/projects/{project}/environments/{environment}/plan",
    tag = "environments",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path)),
    request_body = PlanBody, responses((status = 200, body = Plan),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn plan(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<EnvironmentPath>,
    Body(body): Body<PlanBody>,
) -> Result<Json<Plan>, Problem> {
    let id = environment_id(path);
    let project = super::environment(&app, &principal, &id, Right::Ship).await?;
    let kept = match &body.version {
        Some(version) => app.store().release(&project.id, version).await?,
        None => None,
    };
    let release = kept.or(body.release.clone()).ok_or_else(|| {
        Problem::invalid(message!(
            "name a version that is kept, or send a release",
            "nombre una versión guardada, o envíe una"
        ))
    })?;
    if release.project != project.id {
        return Err(Problem::not_found());
    }
    let plan = app
        .engine
        .plan(&project, &id.environment, release, &body.without);
    Ok(Json(plan.await?))
}
