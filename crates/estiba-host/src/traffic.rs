//! What was routed last, for those who look or change who answers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::path::PathBuf;

use estiba_edge::{ControlClient, ControlError, OwnerRoutes, RouteTable, Upstream};
use estiba_model::{EnvironmentId, Name, Traffic};
use tokio::task::spawn_blocking;

use crate::directory::make_private;
use crate::error::HostError;
use crate::{record, routes};

/// Who answers for each of a workload's services, by port name.
pub type Answering = BTreeMap<String, Vec<Upstream>>;

/// Who owns a workload's routes at the edge.
#[must_use]
pub fn owner(environment: &EnvironmentId, workload: &Name) -> String {
    format!("{environment}/{workload}")
}

/// The directory of an environment's traffic.
#[derive(Debug, Clone)]
pub struct TrafficDir(pub PathBuf);

impl TrafficDir {
    /// What the last routing of a workload said.
    fn file(&self, workload: &Name) -> PathBuf {
        self.0.join(format!("{workload}.json"))
    }

    /// Keeps others from changing a workload's traffic until it is dropped.
    ///
    /// # Errors
    /// When the lock's file can't be made.
    pub async fn lock(&self, workload: &Name) -> Result<File, HostError> {
        let (directory, path) = (self.0.clone(), self.0.join(format!("{workload}.lock")));
        let locked = spawn_blocking(move || {
            make_private(&directory)?;
            let file = File::create(&path).map_err(HostError::at(&path))?;
            file.lock().map_err(HostError::at(&path))?;
            Ok(file)
        });
        locked
            .await
            .map_err(|error| HostError::system("a thread")(std::io::Error::other(error)))?
    }

    /// Keeps what a routing says.
    ///
    /// # Errors
    /// When it can't be written.
    pub fn record(&self, workload: &Name, traffic: &Traffic) -> Result<(), HostError> {
        record::write(&self.file(workload), traffic)
    }

    /// What the last routing of a workload said.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn of(&self, workload: &Name) -> Result<Option<Traffic>, HostError> {
        record::read(&self.file(workload))
    }

    /// The workloads whose traffic was recorded, and what was.
    ///
    /// # Errors
    /// When it can't be read.
    pub fn recorded(&self) -> Result<BTreeMap<Name, Traffic>, HostError> {
        let mut all = BTreeMap::new();
        for file in record::names(&self.0)? {
            let workload: Option<Name> = file
                .strip_suffix(".json")
                .and_then(|name| name.parse().ok());
            if let Some(workload) = workload
                && let Some(traffic) = self.of(&workload)?
            {
                all.insert(workload, traffic);
            }
        }
        Ok(all)
    }

    /// Forgets what was recorded of a workload.
    ///
    /// # Errors
    /// When it can't be removed.
    pub fn forget(&self, workload: &Name) -> Result<(), HostError> {
        record::remove(&self.file(workload))
    }
}

/// Tells the edge who answers for a workload. The caller has the traffic's lock.
///
/// # Errors
/// When the edge refuses or does not answer.
pub async fn publish(
    edge: &ControlClient,
    owner: &str,
    answering: &Answering,
) -> Result<(), HostError> {
    for (service, upstreams) in answering {
        edge.update_service(owner, service, upstreams).await?;
    }
    Ok(())
}

/// Takes a workload's routes from the edge; not those that another target of this
/// machine has put in their place, which lead to `ports` other than these.
///
/// # Errors
/// When the edge refuses or does not answer.
pub async fn unroute(
    edge: &ControlClient,
    owner: &str,
    ports: &BTreeSet<u16>,
) -> Result<(), HostError> {
    let table = edge.table().await?;
    let is_own = |has: &OwnerRoutes| {
        let mut listening = has.ports.iter().map(|port| port.listen.port());
        listening.all(|port| ports.contains(&port))
    };
    if table.owners.get(owner).is_some_and(is_own) {
        edge.remove_owner(owner).await?;
    }
    Ok(())
}

/// The table in force; none where no edge runs.
///
/// # Errors
/// When the edge does not answer.
pub async fn table(edge: &ControlClient) -> Result<Option<RouteTable>, HostError> {
    match edge.table().await {
        Ok(table) => Ok(Some(table)),
        Err(ControlError::NotRunning { .. }) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Whether the edge has these routes, and everybody who is to answer.
#[must_use]
pub fn is_in_force(
    table: &RouteTable,
    owner: &str,
    routes: &OwnerRoutes,
    answering: &Answering,
) -> bool {
    table.owners.get(owner).is_some_and(|has| {
        let has_services = answering.iter().all(|(service, upstreams)| {
            let known = has.services.get(service);
            known.is_some_and(|known| upstreams.iter().all(|one| known.contains(one)))
        });
        has_services && routes::are_same(&has.http, &routes.http) && has.ports == routes.ports
    })
}
