//! By a server. What is built is built here, and brought to it.

mod deployments;
mod instances;
mod releases;
mod settings;

use estiba_api::{ApiError, Client};
use estiba_engine::Engine;
use estiba_model::{EnvironmentId, Name, Project, ProjectId, message};

use crate::failure::Failure;

/// A server, and an engine that only builds.
pub struct There {
    client: Client,
    builder: Engine,
}

impl There {
    /// The server that `client` reaches; `builder` builds what it is to run.
    pub fn new(client: Client, builder: Engine) -> Self {
        Self { client, builder }
    }
}

/// The environment's id, or a refusal that names those there are.
fn environment_id(project: &Project, name: &Name) -> Result<EnvironmentId, Failure> {
    Ok(estiba_engine::environment_id(project, name)?)
}

/// The server answers alike where a project is not there and where it is another's.
pub(super) fn unknown(id: &ProjectId, error: ApiError) -> Failure {
    if error.code() != Some("not-found") {
        return error.into();
    }
    Failure::because(message!(
        "the server knows no project {id}, or it is not of a team of yours: `estiba up` makes it known, and whoever runs the server admits you to the team",
        "el servidor no conoce el proyecto {id}, o no es de un equipo suyo: `estiba up` lo da a conocer, y quien administra el servidor lo admite en el equipo"
    ))
}
