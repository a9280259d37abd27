//! The clusters that lines of logs are forwarded to, and found in: of single projects, as
//! their `estiba.yaml` says, and of all others, as whoever runs the server says.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use estiba_log_cluster::{Authorities, Cluster, Destination, SinkLogin};
use estiba_model::{EnvironmentId, LogsLogin, LogsTo, Message, Project, ProjectId, message};
use estiba_store::{Store, StoreError};

use crate::problem::Problem;

/// A cluster of a project, or why there is none.
pub(crate) type Found = Result<Arc<Cluster>, Message>;

/// All clusters.
pub(crate) struct Clusters {
    /// That of the projects that name none.
    of_server: Option<Found>,
    of_projects: RwLock<BTreeMap<ProjectId, OfProject>>,
}

#[derive(Clone)]
struct OfProject {
    said: LogsTo,
    login: Option<SinkLogin>,
    found: Found,
}

impl Clusters {
    /// `of_server` is where the lines go of projects that name no cluster.
    pub fn new(of_server: Option<Destination>) -> Self {
        Self {
            of_server: of_server.map(cluster),
            of_projects: RwLock::default(),
        }
    }

    /// The cluster of the server.
    pub fn of_server(&self) -> Option<&Found> {
        self.of_server.as_ref()
    }

    /// The cluster that has the lines of a project, where one has.
    ///
    /// # Errors
    /// When it can't be used, and why.
    pub async fn of(
        &self,
        store: &Store,
        project: &Project,
    ) -> Result<Option<Arc<Cluster>>, Problem> {
        let found = match &project.logs {
            None => self.of_server.clone(),
            Some(said) => {
                let known = self.known(&project.id).filter(|known| known.said == *said);
                Some(match known {
                    Some(known) => known.found,
                    None => self.look(store, project, said).await?,
                })
            }
        };
        found.transpose().map_err(Problem::elsewhere)
    }

    /// Looks anew where the lines of a project go: a secret may have changed.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn look(
        &self,
        store: &Store,
        project: &Project,
        said: &LogsTo,
    ) -> Result<Found, StoreError> {
        let login = login(store, project, said).await?;
        if let Some(known) = self.known(&project.id)
            && known.said == *said
            && login.as_ref().is_ok_and(|login| known.login == *login)
            && known.found.is_ok()
        {
            return Ok(known.found);
        }
        let (login, found) = match login {
            Err(why) => (None, Err(why)),
            Ok(login) => {
                let found = destination(said, login.clone()).and_then(cluster);
                (login, found)
            }
        };
        let of_project = OfProject {
            said: said.clone(),
            login,
            found: found.clone(),
        };
        let of_projects = self.of_projects.write();
        let mut of_projects = of_projects.unwrap_or_else(PoisonError::into_inner);
        of_projects.insert(project.id.clone(), of_project);
        Ok(found)
    }

    fn known(&self, id: &ProjectId) -> Option<OfProject> {
        let of_projects = self.of_projects.read();
        let of_projects = of_projects.unwrap_or_else(PoisonError::into_inner);
        of_projects.get(id).cloned()
    }
}

fn destination(said: &LogsTo, login: Option<SinkLogin>) -> Result<Destination, Message> {
    let destination = Destination::new(&said.to, &said.index, login)
        .map_err(|(what, hint)| what.because(&hint))?;
    let Some(pem) = &said.ca else {
        return Ok(destination);
    };
    let authorities = Authorities::of(pem).ok_or_else(|| {
        message!(
            "`logs.ca` in estiba.yaml has no certificate in PEM that can be used",
            "`logs.ca` en estiba.yaml no tiene un certificado en PEM que se pueda usar"
        )
    })?;
    Ok(destination.trusting(authorities))
}

fn cluster(destination: Destination) -> Found {
    Cluster::new(destination)
        .map(Arc::new)
        .map_err(|error| error.message())
}

/// Who the server is at the cluster of a project: what its secret says in the first of its
/// environments that has it.
async fn login(
    store: &Store,
    project: &Project,
    said: &LogsTo,
) -> Result<Result<Option<SinkLogin>, Message>, StoreError> {
    let name = match &said.login {
        None => return Ok(Ok(None)),
        Some(LogsLogin::Token(name) | LogsLogin::Basic { password: name, .. }) => name,
    };
    for environment in project.environments.keys() {
        let id = EnvironmentId {
            team: project.id.team.clone(),
            project: project.id.project.clone(),
            environment: environment.clone(),
        };
        let Some(secret) = store.secrets(&id).await?.remove(name) else {
            continue;
        };
        return Ok(Ok(Some(match &said.login {
            Some(LogsLogin::Basic { user, .. }) => SinkLogin::Basic {
                user: user.clone(),
                password: secret,
            },
            _ => SinkLogin::Token(secret),
        })));
    }
    Ok(Err(message!(
        "estiba.yaml names the secret {name} for the cluster of the logs, and no environment has it: `estiba secret set {name}`",
        "estiba.yaml nombra el secreto {name} para el clúster de los registros, y ningún ambiente lo tiene: `estiba secret set {name}`"
    )))
}
