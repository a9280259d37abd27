//! A release to an environment: what it would do, and then the word to do it.

use askama::Template;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use estiba_api::{Asked, PlanBody, WantedDeployment};
use estiba_model::{EnvironmentId, Name, Plan, Right, Version, message};
use serde::{Deserialize, Serialize};

use super::frame::{Frame, shown};
use crate::auth::{Form, Principal, Refused, Visit};
use crate::extract::{Body, Path, Query};
use crate::problem::Problem;
use crate::resources::{self, deployments, environments};
use crate::state::App;

/// What is to be done.
#[derive(Clone, Copy, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Kind {
    Deploy,
    Promote,
    Rollback,
    Restart,
    Resume,
}

#[derive(Clone, Deserialize, Serialize)]
pub(super) struct Wish {
    kind: Kind,
    #[serde(default)]
    version: Option<Version>,
    #[serde(default)]
    from: Option<Name>,
}

#[derive(Template)]
#[template(path = "ship.html")]
struct Ship {
    p: Frame,
    id: EnvironmentId,
    wish: Wish,
    /// The release that runs now.
    now: Option<Version>,
    /// What would be done; none where it is what runs already, started anew.
    plan: Option<Plan>,
    approve: bool,
}

impl Ship {
    fn title(&self) -> String {
        let environment = &self.id.environment;
        let version = self.wish.version.as_ref().map_or("", |v| v.as_str());
        let title = match self.wish.kind {
            Kind::Deploy => message!(
                "Deploy {version} to {environment}",
                "Desplegar {version} en {environment}"
            ),
            Kind::Promote => message!(
                "Promote {version} to {environment}",
                "Promover {version} a {environment}"
            ),
            Kind::Rollback => message!(
                "Roll {environment} back to {version}",
                "Volver {environment} a {version}"
            ),
            Kind::Restart => message!("Restart {environment}", "Reiniciar {environment}"),
            Kind::Resume => message!(
                "End what was interrupted in {environment}",
                "Terminar lo interrumpido en {environment}"
            ),
        };
        self.p.m(&title)
    }

    fn kind(&self) -> &'static str {
        match self.wish.kind {
            Kind::Deploy => "deploy",
            Kind::Promote => "promote",
            Kind::Rollback => "rollback",
            Kind::Restart => "restart",
            Kind::Resume => "resume",
        }
    }

    /// Whether somebody else has to agree first.
    fn waits(&self) -> bool {
        self.approve && matches!(self.wish.kind, Kind::Deploy | Kind::Promote)
    }
}

fn environment_id((team, project, environment): (Name, Name, Name)) -> EnvironmentId {
    EnvironmentId {
        team,
        project,
        environment,
    }
}

/// What would be done.
pub(super) async fn ask(
    State(app): State<App>,
    visit: Visit,
    Path(path): Path<(Name, Name, Name)>,
    Query(mut wish): Query<Wish>,
) -> Result<Response, Refused> {
    let id = environment_id(path.clone());
    let principal = &visit.principal;
    let project = resources::environment(&app, principal, &id, Right::Ship).await?;
    wish.version = version(&app, principal, &id, &wish).await?;
    let now = running(&app, principal, &id, &id.environment).await?;
    let plan = match &wish.version {
        Some(version) => {
            let body = Body(PlanBody {
                version: Some(version.clone()),
                release: None,
                without: std::collections::BTreeSet::new(),
            });
            let (state, principal) = (State(app.clone()), principal.clone());
            Some(
                environments::plan(state, principal, Path(path), body)
                    .await?
                    .0,
            )
        }
        None => None,
    };
    Ok(shown(&Ship {
        p: Frame::of(&app, &visit).await?,
        wish,
        now,
        plan,
        approve: project.environments[&id.environment].approve,
        id,
    })?)
}

/// The release that a wish is about.
async fn version(
    app: &App,
    principal: &Principal,
    id: &EnvironmentId,
    wish: &Wish,
) -> Result<Option<Version>, Problem> {
    match (wish.kind, &wish.version, &wish.from) {
        (Kind::Deploy, Some(version), _) => Ok(Some(version.clone())),
        (Kind::Deploy, None, _) | (Kind::Promote, _, None) => Err(Problem::not_found()),
        (Kind::Promote, _, Some(from)) => {
            let version = running(app, principal, id, from).await?;
            version.map(Some).ok_or_else(|| {
                Problem::conflict(message!(
                    "nothing runs in {from} yet",
                    "todavía no hay nada en marcha en {from}"
                ))
            })
        }
        (Kind::Rollback, Some(version), _) => Ok(Some(version.clone())),
        (Kind::Rollback, None, _) => Ok(Some(app.engine.previous_version(id).await?)),
        (Kind::Restart | Kind::Resume, ..) => Ok(None),
    }
}

/// The release that an environment beside this one runs.
async fn running(
    app: &App,
    principal: &Principal,
    id: &EnvironmentId,
    environment: &Name,
) -> Result<Option<Version>, Problem> {
    let path = Path((id.team.clone(), id.project.clone(), environment.clone()));
    let status = environments::show(State(app.clone()), principal.clone(), path).await?;
    Ok(status.0.deployed.map(|deployed| deployed.version))
}

/// Does it.
pub(super) async fn go(
    State(app): State<App>,
    Path(path): Path<(Name, Name, Name)>,
    form: Form<Wish>,
) -> Result<Response, Refused> {
    let (wish, principal) = (form.fields, form.visit.principal);
    let id = environment_id(path.clone());
    let without = std::collections::BTreeSet::new();
    let wanted = match wish.kind {
        Kind::Deploy => WantedDeployment::Deploy {
            version: wish.version.ok_or_else(Problem::not_found)?,
            without,
        },
        Kind::Promote => {
            let now = version(&app, &principal, &id, &wish).await?;
            if now != wish.version {
                // Not what was read and agreed to.
                let again = serde_urlencoded::to_string(&wish).map_err(|_| Problem::internal())?;
                return Ok(Redirect::to(&format!("{}/ship?{again}", place(&id))).into_response());
            }
            WantedDeployment::Promote {
                from: wish.from.ok_or_else(Problem::not_found)?,
                without,
            }
        }
        Kind::Rollback => WantedDeployment::Rollback {
            to: wish.version,
            without,
        },
        Kind::Restart => WantedDeployment::Restart {
            workloads: Vec::new(),
        },
        Kind::Resume => WantedDeployment::Resume,
    };
    let path = Path(path);
    let (_, Json(asked)) = deployments::create(State(app), principal, path, Body(wanted)).await?;
    let to = match asked {
        Asked::Queued { deployment } => {
            let number = deployment.id.0;
            format!(
                "/teams/{}/projects/{}/deployments/{number}",
                id.team, id.project
            )
        }
        Asked::Waiting { .. } => "/approvals".to_owned(),
        Asked::Unchanged { .. } => place(&id),
    };
    Ok(Redirect::to(&to).into_response())
}

fn place(id: &EnvironmentId) -> String {
    let EnvironmentId {
        team,
        project,
        environment,
    } = id;
    format!("/teams/{team}/projects/{project}/environments/{environment}")
}
