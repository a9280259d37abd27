//! Which instances answer for a workload: what routing said, less those that
//! are not ready.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use estiba_edge::{ControlClient, ControlError, Upstream};
use estiba_host::traffic::{Answering, owner, publish};
use estiba_host::{lock, record};
use estiba_model::{InstanceName, InstanceState, Protocol, Traffic};

use crate::layout::EnvironmentDir;
use crate::supervisor::{Labels, Status};
use estiba_host::HostError;

/// The upstreams of each of a workload's services, by port name.
pub(crate) fn upstreams(place: &EnvironmentDir, traffic: &Traffic) -> Result<Answering, HostError> {
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
) -> Result<Option<Labels>, HostError> {
    let directory = place.instance(name);
    let status: Option<Status> = record::read(&directory.status())?;
    let is_ready = status.is_some_and(|status| status.state == InstanceState::Ready);
    let path = directory.lock();
    if !is_ready || !lock::is_held(&path).map_err(HostError::at(&path))? {
        return Ok(None);
    }
    record::read(&directory.labels())
}

/// Tells the edge who answers for a workload, if the instance of `labels` was named by the last routing
/// and an edge runs.
pub(crate) async fn publish_if_named(
    place: &EnvironmentDir,
    labels: &Labels,
    edge_socket: &Path,
) -> Result<(), HostError> {
    let dir = place.traffic();
    let _lock = dir.lock(&labels.workload).await?;
    let recorded = dir.of(&labels.workload)?;
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
    publish(&edge, &owner, &upstreams(place, &traffic)?).await
}
