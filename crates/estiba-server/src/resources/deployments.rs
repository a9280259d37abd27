//! Deployments: asked for, listed, followed.

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use estiba_api::{Asked, DeploymentView, Page, Problem as Document, WantedDeployment};
use estiba_engine::Request;
use estiba_model::{
    Cause, Deployment, DeploymentId, EnvironmentId, Happening, Name, Project, ProjectId, Right,
    What, message,
};
use estiba_store::NewHappening;
use http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use super::{EnvironmentPath, environment_id};
use crate::auth::Principal;
use crate::events::Seen;
use crate::extract::{Body, Path, Query};
use crate::problem::Problem;
use crate::state::App;

/// How much of what happened in a deployment is shown at once.
const MOST_HAPPENED: u32 = 500;

/// Which deployments are wanted.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
    /// What `next` of the page before says.
    pub cursor: Option<String>,
    /// With their steps.
    #[serde(default)]
    pub steps: bool,
}

/// The deployments to an environment, the newest first.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/environments/{environment}/deployments",
    tag = "deployments",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path), Wanted),
    responses((status = 200, body = Page<DeploymentView>),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn list(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<EnvironmentPath>,
    Query(wanted): Query<Wanted>,
) -> Result<Json<Page<DeploymentView>>, Problem> {
    let id = environment_id(path);
    super::environment(&app, &principal, &id, Right::See).await?;
    let paging = super::Paging {
        limit: wanted.limit,
        cursor: wanted.cursor,
    };
    let before = DeploymentId(paging.before()?.unwrap_or(i64::MAX));
    let limit = paging.limit()?;
    let found = app.store().deployments_before(&id, before, limit).await?;
    let is_full = found.len() == limit as usize;
    let next = found
        .last()
        .filter(|_| is_full)
        .map(|last| last.id.0.to_string());
    let mut items = Vec::new();
    let changes = app.engine.changes(&found).await?;
    for (deployment, changes) in found.into_iter().zip(changes) {
        let steps = match wanted.steps {
            true => app.store().steps(deployment.id).await?,
            false => Vec::new(),
        };
        items.push(DeploymentView {
            deployment,
            steps,
            changes,
        });
    }
    Ok(Json(Page { items, next }))
}

/// Asks for a deployment. 200 where nothing differs, 202 where it is carried out
/// or waits for a person to agree.
#[utoipa::path(post, path = "/teams/{team}/projects/{project}/environments/{environment}/deployments",
    tag = "deployments",
    params(("team" = Name, Path), ("project" = Name, Path), ("environment" = Name, Path),
        ("Idempotency-Key" = Option<String>, Header)),
    request_body = WantedDeployment,
    responses((status = 200, body = Asked), (status = 202, body = Asked),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn create(
    State(app): State<App>,
    principal: Principal,
    Path(path): Path<EnvironmentPath>,
    Body(wanted): Body<WantedDeployment>,
) -> Result<(StatusCode, Json<Asked>), Problem> {
    let id = environment_id(path);
    let right = match wanted {
        // What ships a preview also ends it.
        WantedDeployment::Down { .. } if is_preview(&app, &id).await? => Right::Ship,
        WantedDeployment::Down { .. } | WantedDeployment::Scale { .. } => Right::Change,
        _ => Right::Ship,
    };
    let project = super::environment(&app, &principal, &id, right).await?;
    let detail = serde_json::to_value(&wanted).unwrap_or_default();
    principal
        .note(
            &app,
            "deployment.ask",
            id.to_string(),
            Some(&id.team),
            detail,
        )
        .await?;
    let asked = ask(&app, &principal, &project, &id, wanted).await?;
    let status = match asked {
        Asked::Unchanged { .. } => StatusCode::OK,
        Asked::Queued { .. } | Asked::Waiting { .. } => StatusCode::ACCEPTED,
    };
    Ok((status, Json(asked)))
}

async fn ask(
    app: &App,
    principal: &Principal,
    project: &Project,
    id: &EnvironmentId,
    wanted: WantedDeployment,
) -> Result<Asked, Problem> {
    let engine = &app.engine;
    let environment = &id.environment;
    let request = |version, cause, without| Request {
        environment: environment.clone(),
        version,
        cause,
        without,
    };
    let request = match wanted {
        WantedDeployment::Deploy { version, without } => request(version, Cause::Deploy, without),
        WantedDeployment::Promote { from, without } => {
            let from = engine.environment(project, &from)?;
            request(
                engine.current_version(&from).await?,
                Cause::Promote,
                without,
            )
        }
        WantedDeployment::Rollback { to, without } => {
            let version = match to {
                Some(version) => version,
                None => engine.previous_version(id).await?,
            };
            request(version, Cause::Rollback, without)
        }
        WantedDeployment::Restart { workloads } => {
            engine
                .restart_request(project, environment, &workloads)
                .await?
        }
        WantedDeployment::Scale { replicas } => {
            let replicas: Vec<_> = replicas.into_iter().collect();
            engine
                .scale_request(project, environment, &replicas)
                .await?
        }
        WantedDeployment::Reset => engine.reset_request(project, environment).await?,
        WantedDeployment::Resume => return resume(app, id).await,
        WantedDeployment::Down { without } => {
            let deployment = engine.ask_down(project, environment, &without).await?;
            return queued(app, id, deployment, &principal.name).await;
        }
    };
    let is_for_approval = match request.cause {
        Cause::Deploy | Cause::Promote => true,
        // What never ran here was never agreed to.
        Cause::Rollback => !app.store().has_succeeded(id, &request.version).await?,
        _ => false,
    };
    if project.environments[environment].approve && is_for_approval {
        return wait(app, principal, project, id, &request).await;
    }
    deploy(app, project, id, &request, &principal.name).await
}

/// Takes a release to an environment, asked for by `by`.
pub(super) async fn deploy(
    app: &App,
    project: &Project,
    id: &EnvironmentId,
    request: &Request,
    by: &str,
) -> Result<Asked, Problem> {
    match app.engine.ask(project, request).await? {
        Some(deployment) => queued(app, id, deployment, by).await,
        None => Ok(Asked::Unchanged {
            version: Some(request.version.clone()),
        }),
    }
}

async fn queued(
    app: &App,
    id: &EnvironmentId,
    deployment: DeploymentId,
    by: &str,
) -> Result<Asked, Problem> {
    let deployment = app.store().deployment(deployment).await?;
    let asked = NewHappening {
        environment: id.clone(),
        deployment: Some(deployment.id),
        what: What::Asked {
            version: deployment.version.clone(),
            cause: deployment.cause,
            by: by.to_owned(),
        },
    };
    app.hub.record(&[asked]).await?;
    app.work.notify_one();
    Ok(Asked::Queued { deployment })
}

async fn resume(app: &App, id: &EnvironmentId) -> Result<Asked, Problem> {
    app.work.notify_one();
    match app.store().next_work(id).await? {
        Some(deployment) => Ok(Asked::Queued { deployment }),
        None => Ok(Asked::Unchanged {
            version: app.engine.current(id).await?.map(|current| current.version),
        }),
    }
}

/// Asks a person to agree, unless there is nothing to agree to.
async fn wait(
    app: &App,
    principal: &Principal,
    project: &Project,
    id: &EnvironmentId,
    request: &Request,
) -> Result<Asked, Problem> {
    app.engine.may_deploy(project, request).await?;
    let release = app.store().release(&project.id, &request.version).await?;
    let Some(release) = release else {
        let version = &request.version;
        return Err(Problem::conflict(message!(
            "there is no release {version}",
            "no hay una versión {version}"
        )));
    };
    let plan = app
        .engine
        .plan(project, &id.environment, release, &request.without)
        .await?;
    let current = app.engine.current(id).await?.map(|current| current.version);
    if plan.steps.is_empty() && current.as_ref() == Some(&request.version) {
        return Ok(Asked::Unchanged { version: current });
    }
    let approval = app
        .store()
        .ask_approval(
            id,
            &request.version,
            request.cause,
            &principal.name,
            &request.without,
        )
        .await?;
    let asked = NewHappening {
        environment: id.clone(),
        deployment: None,
        what: What::ApprovalAsked {
            approval: approval.clone(),
        },
    };
    app.hub.record(&[asked]).await?;
    Ok(Asked::Waiting { approval })
}

/// A deployment with its steps.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/deployments/{deployment}",
    tag = "deployments",
    params(("team" = Name, Path), ("project" = Name, Path), ("deployment" = i64, Path)),
    responses((status = 200, body = DeploymentView),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn show(
    State(app): State<App>,
    principal: Principal,
    Path((team, project, deployment)): Path<(Name, Name, i64)>,
) -> Result<Json<DeploymentView>, Problem> {
    let id = ProjectId { team, project };
    let deployment = seen(&app, &principal, &id, deployment).await?;
    let steps = app.store().steps(deployment.id).await?;
    let changes = app
        .engine
        .changes(std::slice::from_ref(&deployment))
        .await?;
    Ok(Json(DeploymentView {
        deployment,
        steps,
        changes: changes.into_iter().next().unwrap_or_default(),
    }))
}

async fn seen(
    app: &App,
    principal: &Principal,
    id: &ProjectId,
    deployment: i64,
) -> Result<Deployment, Problem> {
    super::project(app, principal, id, Right::See).await?;
    let deployment = app.store().deployment(DeploymentId(deployment)).await?;
    if deployment.environment.project_id() != *id {
        return Err(Problem::not_found());
    }
    Ok(deployment)
}

/// The last things that happened in a deployment, in their order.
pub(crate) async fn happened(
    app: &App,
    principal: &Principal,
    id: &ProjectId,
    deployment: i64,
) -> Result<Vec<Happening>, Problem> {
    let deployment = seen(app, principal, id, deployment).await?;
    Ok(app
        .store()
        .last_happenings(deployment.id, MOST_HAPPENED)
        .await?)
}

/// What happens in a deployment, as server-sent events, from its begin or from
/// `Last-Event-ID` on.
#[utoipa::path(get, path = "/teams/{team}/projects/{project}/deployments/{deployment}/events",
    tag = "deployments",
    params(("team" = Name, Path), ("project" = Name, Path), ("deployment" = i64, Path),
        ("Last-Event-ID" = Option<i64>, Header)),
    responses((status = 200, body = str, content_type = "text/event-stream"),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn events(
    State(app): State<App>,
    principal: Principal,
    Path((team, project, deployment)): Path<(Name, Name, i64)>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let id = ProjectId { team, project };
    let deployment = seen(&app, &principal, &id, deployment).await?;
    let seen = Seen::Deployment(deployment.id);
    let after = super::events::last_event(&headers)?.unwrap_or(0);
    Ok(super::events::stream(&app, seen, after))
}

/// Whether an environment is one that a merge request has. Nobody is told by it.
async fn is_preview(app: &App, id: &EnvironmentId) -> Result<bool, Problem> {
    let described = app.store().project(&id.project_id()).await?;
    if described.is_none() {
        return Ok(false);
    }
    let (project, _) = app
        .descriptions
        .project(app.store(), &id.project_id())
        .await?;
    Ok(project.has_preview(&id.environment))
}
