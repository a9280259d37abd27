//! What there is, a file for each kind of resource.

pub(crate) mod acceptance;
pub(crate) mod alerts;
pub(crate) mod approvals;
pub(crate) mod audit;
pub(crate) mod blobs;
pub(crate) mod chats;
pub(crate) mod config;
pub(crate) mod database;
pub(crate) mod deployments;
pub(crate) mod environments;
pub(crate) mod events;
pub(crate) mod exec;
pub(crate) mod figures;
pub(crate) mod logs;
pub(crate) mod mails;
pub(crate) mod me;
pub(crate) mod preflight;
pub(crate) mod projects;
pub(crate) mod releases;
pub(crate) mod secrets;
pub(crate) mod stored_logs;
pub(crate) mod system;
pub(crate) mod teams;
pub(crate) mod tokens;
pub(crate) mod trusts;

use std::sync::Arc;

use estiba_model::{EnvironmentId, Name, Project, ProjectId, Right, message};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::Principal;
use crate::problem::Problem;
use crate::state::App;

/// The team and name of a project, as a path has them.
pub(crate) type ProjectPath = (Name, Name);
/// The team and name of a project, and an environment, as a path has them.
pub(crate) type EnvironmentPath = (Name, Name, Name);

/// Which part of many is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Paging {
    /// How many at most.
    #[param(minimum = 1, maximum = 200, default = 50)]
    pub limit: Option<u32>,
    /// What `next` of the page before says.
    #[param(pattern = "^[0-9]{1,18}$")]
    pub cursor: Option<String>,
}

impl Paging {
    fn limit(&self) -> Result<u32, Problem> {
        match self.limit.unwrap_or(50) {
            limit @ 1..=200 => Ok(limit),
            limit => Err(Problem::invalid(message!(
                "`limit` is from 1 to 200; {limit} is not",
                "`limit` va de 1 a 200; {limit} no"
            ))),
        }
    }

    /// The number that a cursor is.
    fn before(&self) -> Result<Option<i64>, Problem> {
        let cursor = self.cursor.as_deref();
        let number = cursor.map(str::parse).transpose();
        number.map_err(|_| {
            Problem::invalid(message!(
                "`cursor` is not what `next` of a page said",
                "`cursor` no es lo que dijo `next` de una página"
            ))
        })
    }
}

fn project_id((team, project): ProjectPath) -> ProjectId {
    ProjectId { team, project }
}

fn environment_id((team, project, environment): EnvironmentPath) -> EnvironmentId {
    EnvironmentId {
        team,
        project,
        environment,
    }
}

/// A project that whoever asks may use so.
pub(crate) async fn project(
    app: &App,
    principal: &Principal,
    id: &ProjectId,
    right: Right,
) -> Result<Arc<Project>, Problem> {
    principal.need_project(&id.team, &id.project, right)?;
    Ok(app.descriptions.project(app.store(), id).await?.0)
}

/// The project of an environment that whoever asks may use so.
pub(crate) async fn environment(
    app: &App,
    principal: &Principal,
    id: &EnvironmentId,
    right: Right,
) -> Result<Arc<Project>, Problem> {
    principal.need_environment(id, right)?;
    let of = id.project_id();
    let (project, _) = app.descriptions.project(app.store(), &of).await?;
    if project.environments.contains_key(&id.environment) {
        Ok(project)
    } else if project.has_preview(&id.environment) {
        let project = Project::clone(&project);
        Ok(Arc::new(project.including(&id.environment)))
    } else {
        Err(Problem::not_found())
    }
}
