//! An environment: what runs there, with which values, and what came before.

use std::collections::BTreeMap;

use askama::Template;
use axum::extract::State;
use axum::response::Response;
use estiba_api::{AlertView, DeploymentView, Page, SecretName};
use estiba_model::{EnvironmentId, EnvironmentStatus, Name, Project, Right, StepState};

use super::frame::{Frame, shown};
use crate::auth::{Refused, Visit};
use crate::extract::{Path, Query};
use crate::resources::deployments::Wanted;
use crate::resources::{self, alerts, config, deployments, environments, secrets};
use crate::state::App;

/// How many deployments are shown with an environment.
const RECENT: u32 = 10;

#[derive(Template)]
#[template(path = "environment.html")]
struct Environment {
    p: Frame,
    id: EnvironmentId,
    status: EnvironmentStatus,
    config: BTreeMap<String, String>,
    secrets: Vec<SecretName>,
    alerts: Vec<AlertView>,
    resources: Vec<Resource>,
    workloads: Vec<Name>,
    recent: Vec<DeploymentView>,
    /// The environment whose release comes here next.
    after: Option<Name>,
    approve: bool,
    ships: bool,
    /// Whether this server stores logs.
    searches: bool,
}

/// Something that a workload needs.
struct Resource {
    name: String,
    kind: String,
    workload: Name,
    target: Name,
}

/// An environment.
pub(super) async fn show(
    State(app): State<App>,
    visit: Visit,
    Path(path): Path<(Name, Name, Name)>,
) -> Result<Response, Refused> {
    // Before what is shown, so that nothing is missed after it.
    let p = Frame::of(&app, &visit).await?;
    let principal = &visit.principal;
    let state = || State(app.clone());
    let (team, project, environment) = path.clone();
    let id = EnvironmentId {
        team,
        project,
        environment,
    };
    let described = resources::environment(&app, principal, &id, Right::See).await?;
    let who = || principal.clone();
    let status = environments::show(state(), who(), Path(path.clone())).await?;
    let config = config::list(state(), who(), Path(path.clone())).await?;
    let secrets = secrets::list(state(), who(), Path(path.clone())).await?;
    let alerts = alerts::list(state(), who(), Path(path.clone())).await?;
    let recent = Query(Wanted {
        limit: Some(RECENT),
        ..Wanted::default()
    });
    let recent = deployments::list(state(), who(), Path(path), recent).await?;
    let rules = &described.environments[&id.environment];
    Ok(shown(&Environment {
        p,
        status: status.0,
        config: config.0,
        secrets: secrets.0.items,
        alerts: alerts.0.items,
        resources: needed(&described, &id.environment),
        workloads: rules.placement.keys().cloned().collect(),
        recent: recent.0.items,
        after: rules.after.clone(),
        approve: rules.approve,
        ships: principal.need_environment(&id, Right::Ship).is_ok(),
        searches: app.logs.store().is_ok(),
        id,
    })?)
}

/// What the workloads of an environment need, by workload.
fn needed(project: &Project, environment: &Name) -> Vec<Resource> {
    let placement = &project.environments[environment].placement;
    let placed = project.workloads.iter().filter_map(|(name, workload)| {
        let target = placement.get(name)?;
        Some((name, target, &workload.workload))
    });
    placed
        .flat_map(|(name, target, workload)| {
            let all = workload.resources.iter();
            all.map(move |(key, resource)| Resource {
                name: resource.id.clone().unwrap_or_else(|| key.to_string()),
                kind: resource.kind.clone(),
                workload: name.clone(),
                target: target.clone(),
            })
        })
        .collect()
}

#[derive(Template)]
#[template(path = "history.html")]
struct History {
    p: Frame,
    id: EnvironmentId,
    page: Page<DeploymentView>,
}

/// All deployments to an environment.
pub(super) async fn history(
    State(app): State<App>,
    visit: Visit,
    Path(path): Path<(Name, Name, Name)>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, Refused> {
    let (team, project, environment) = path.clone();
    let (state, principal) = (State(app.clone()), visit.principal.clone());
    let wanted = Query(Wanted {
        steps: true,
        ..wanted
    });
    let page = deployments::list(state, principal, Path(path), wanted).await?;
    Ok(shown(&History {
        p: Frame::of(&app, &visit).await?,
        id: EnvironmentId {
            team,
            project,
            environment,
        },
        page: page.0,
    })?)
}

impl History {
    /// How many steps of a deployment are done, of how many.
    fn progress(&self, view: &DeploymentView) -> String {
        let done = view.steps.iter();
        let done = done.filter(|step| step.state == StepState::Done).count();
        format!("{done}/{}", view.steps.len())
    }
}
