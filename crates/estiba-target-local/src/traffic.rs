//! Which instances answer for a workload: what routing said, less those that
//! are not ready.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use estiba_edge::{ControlClient, ControlError, Upstream};
use estiba_model::{EnvironmentId, InstanceName, InstanceState, Name, Protocol, Traffic};
use tokio::task::spawn_blocking;

use crate::error::LocalError;
use crate::layout::EnvironmentDir;
use crate::supervisor::{Labels, Status};
use crate::{lock, record};

/// Who owns a workload's routes at the edge.
pub(crate) fn owner(environment: &EnvironmentId, workload: &Name) -> String {
    format!("{environment}/{workload}")
}

/// Keeps others from changing a workload's traffic until it is dropped.
pub(crate) async fn lock_traffic(
    place: &EnvironmentDir,
    workload: &Name,
) -> Result<File, LocalError> {
    let (directory, path) = (place.traffic_of_all(), place.traffic_lock(workload));
    let locked = spawn_blocking(move || {
        crate::layout::make_private(&directory)?;
        let file = File::create(&path).map_err(LocalError::at(&path))?;
        file.lock().map_err(LocalError::at(&path))?;
        Ok(file)
    });
    locked
        .await
        .map_err(|error| LocalError::system("a thread")(std::io::Error::other(error)))?
}

/// The upstreams of each of a workload's services, by port name.
pub(crate) fn upstreams(
    place: &EnvironmentDir,
    traffic: &Traffic,
) -> Result<BTreeMap<String, Vec<Upstream>>, LocalError> {
    let ready = traffic
        .instances
        .iter()
        .filter_map(|name| ready_instance(place, name).transpose())
        .collect::<Result<Vec<Labels>, _>>()?;
    let tcp = traffic.exposure.ports.iter();
    let tcp = tcp.filter(|(_, port)| port.protocol == Protocol::Tcp);
    Ok(tcp
        .map(|(name, _)| {
            let of_port = ready.iter().filter_map(|labels| upstream(labels, name));
            (name.clone(), of_port.collect())
        })
        .collect())
}

/// Where an instance listens for a port.
pub(crate) fn upstream(labels: &Labels, port: &str) -> Option<Upstream> {
    let allocated = labels.ports.get(port)?.allocated;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, allocated));
    Some(Upstream::new(unique_name(labels), address))
}

/// Instances of two environments may have equal names.
fn unique_name(labels: &Labels) -> String {
    format!("{}/{}", labels.environment, labels.instance)
}

fn ready_instance(
    place: &EnvironmentDir,
    name: &InstanceName,
) -> Result<Option<Labels>, LocalError> {
    let directory = place.instance(name);
    let status: Option<Status> = record::read(&directory.status())?;
    let is_ready = status.is_some_and(|status| status.state == InstanceState::Ready);
    let path = directory.lock();
    if !is_ready || !lock::is_held(&path).map_err(LocalError::at(&path))? {
        return Ok(None);
    }
    record::read(&directory.labels())
}

/// Tells the edge who answers for a workload. The caller has the traffic's lock.
pub(crate) async fn publish(
    place: &EnvironmentDir,
    owner: &str,
    traffic: &Traffic,
    edge: &ControlClient,
) -> Result<(), LocalError> {
    for (service, upstreams) in upstreams(place, traffic)? {
        edge.update_service(owner, &service, &upstreams).await?;
    }
    Ok(())
}

/// As [`publish`], if the instance of `labels` was named by the last routing
/// and an edge runs.
pub(crate) async fn publish_if_named(
    place: &EnvironmentDir,
    labels: &Labels,
    edge_socket: &Path,
) -> Result<(), LocalError> {
    let _lock = lock_traffic(place, &labels.workload).await?;
    let recorded: Option<Traffic> = record::read(&place.traffic(&labels.workload))?;
    let Some(traffic) = recorded.filter(|traffic| traffic.instances.contains(&labels.instance))
    else {
        return Ok(());
    };
    let edge = ControlClient::new(edge_socket);
    match edge.ping().await {
        Err(ControlError::NotRunning { .. }) => return Ok(()),
        other => other?,
    }
    let owner = owner(&labels.environment, &labels.workload);
    publish(place, &owner, &traffic, &edge).await
}

/// The workloads whose traffic was recorded, and what was.
pub(crate) fn recorded(place: &EnvironmentDir) -> Result<BTreeMap<Name, Traffic>, LocalError> {
    let directory = place.traffic_of_all();
    let mut all = BTreeMap::new();
    for file in record::names(&directory)? {
        let workload: Option<Name> = file
            .strip_suffix(".json")
            .and_then(|name| name.parse().ok());
        if let Some(workload) = workload
            && let Some(traffic) = record::read(&place.traffic(&workload))?
        {
            all.insert(workload, traffic);
        }
    }
    Ok(all)
}

/// Forgets what was recorded of a workload.
pub(crate) fn forget(place: &EnvironmentDir, workload: &Name) -> Result<(), LocalError> {
    match fs::remove_file(place.traffic(workload)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(LocalError::at(&place.traffic(workload))(error))
        }
        _ => Ok(()),
    }
}
