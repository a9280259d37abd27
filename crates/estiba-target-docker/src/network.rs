//! The network of an environment: its workloads and databases, and the gateway
//! at which this machine's edge serves them.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

use backon::{ConstantBuilder, Retryable};
use bollard::errors::Error;
use bollard::models::{NetworkCreateRequest, NetworkInspect};
use bollard::query_parameters::ListNetworksOptions;
use estiba_host::HostError;
use estiba_model::{EnvironmentId, ProjectId, message};

use crate::engine::{Engine, status};
use crate::labels::{self, Role};

/// Addresses of a network that are kept for databases.
const LAST_ADDRESSES: usize = 32;

/// The name of an environment's network, and the first part of all its names:
/// no part of an environment's name has an underscore.
pub(crate) fn name(environment: &EnvironmentId) -> String {
    let EnvironmentId {
        team,
        project,
        environment,
    } = environment;
    format!("estiba_{team}_{project}_{environment}")
}

/// The gateway of the environment's network, which is made where it is missing,
/// for the state folder `home`.
pub(crate) async fn ensure(
    engine: &Engine,
    environment: &EnvironmentId,
    home: &str,
) -> Result<IpAddr, HostError> {
    if let Some(network) = find(engine, environment).await? {
        return gateway(&network);
    }
    let mut own = labels::of(environment, Role::Network);
    own.insert(labels::name(labels::HOME), home.to_owned());
    let request = NetworkCreateRequest {
        name: name(environment),
        driver: Some("bridge".to_owned()),
        labels: Some(own),
        ..NetworkCreateRequest::default()
    };
    let api = engine.api().await?;
    let create = || api.create_network(request.clone());
    let created = create
        .retry(ConstantBuilder::default())
        .when(is_interface_race)
        .await;
    match created {
        // Somebody else was faster.
        Err(error) if status(&error) == Some(409) => {}
        other => drop(other.map_err(|error| engine.failed(error))?),
    }
    match find(engine, environment).await? {
        Some(network) => gateway(&network),
        None => Err(foreign(Object::Network, &name(environment))),
    }
}

/// Podman looks for free addresses among all interfaces of the machine, and fails where
/// one of them goes meanwhile, as those of containers do all the time.
fn is_interface_race(error: &Error) -> bool {
    let Error::DockerResponseServerError { message, .. } = error else {
        return false;
    };
    message.contains("no such network interface")
}

/// The state folder that the environment's network was made for: its traffic goes
/// through the edge of that one, whoever works on it.
pub(crate) async fn home(
    engine: &Engine,
    environment: &EnvironmentId,
) -> Result<Option<PathBuf>, HostError> {
    let network = find(engine, environment).await?;
    let labels = network.and_then(|network| network.labels);
    let home = labels.and_then(|mut labels| labels.remove(&labels::name(labels::HOME)));
    Ok(home.map(PathBuf::from))
}

/// The gateway of the environment's network, if there is one.
pub(crate) async fn existing_gateway(
    engine: &Engine,
    environment: &EnvironmentId,
) -> Result<Option<IpAddr>, HostError> {
    let found = find(engine, environment).await?;
    found.as_ref().map(gateway).transpose()
}

async fn find(
    engine: &Engine,
    environment: &EnvironmentId,
) -> Result<Option<NetworkInspect>, HostError> {
    let name = name(environment);
    let found = engine.api().await?.inspect_network(&name, None).await;
    let network: Option<NetworkInspect> =
        found.map(Some).or_else(|error| engine.unless_gone(error))?;
    let Some(network) = network else {
        return Ok(None);
    };
    let own = labels::of(environment, Role::Network);
    if labels::has_all(&network.labels.clone().unwrap_or_default(), &own) {
        return Ok(Some(network));
    }
    Err(foreign(Object::Network, &name))
}

/// The addresses of the environment's network that an engine gives last.
pub(crate) async fn last_addresses(
    engine: &Engine,
    environment: &EnvironmentId,
) -> Result<impl Iterator<Item = Ipv4Addr>, HostError> {
    let network = find(engine, environment).await?;
    let configs = network.iter().filter_map(|network| network.ipam.as_ref());
    let mut configs = configs.filter_map(|ipam| ipam.config.as_ref()).flatten();
    let subnet = configs.find_map(|one| subnet(one.subnet.as_deref()?));
    let (first, last) = subnet.unwrap_or((1, 0));
    // The very last one is the network's broadcast address.
    Ok((first..last).rev().take(LAST_ADDRESSES).map(Ipv4Addr::from))
}

/// The first and the last number of a subnet such as `10.89.0.0/24`.
fn subnet(text: &str) -> Option<(u32, u32)> {
    let (address, length) = text.split_once('/')?;
    let address: Ipv4Addr = address.parse().ok()?;
    let others = u32::MAX.checked_shr(length.parse().ok()?).unwrap_or(0);
    let first = u32::from(address) & !others;
    Some((first, first | others))
}

fn gateway(network: &NetworkInspect) -> Result<IpAddr, HostError> {
    let configs = network.ipam.iter().filter_map(|ipam| ipam.config.as_ref());
    let mut gateways = configs.flatten().filter_map(|one| one.gateway.as_deref());
    let parsed = gateways.find_map(|gateway| gateway.parse().ok());
    parsed.ok_or_else(|| {
        let name = network.name.as_deref().unwrap_or_default();
        HostError::Told(message!(
            "the network {name} has no gateway: remove it and deploy again",
            "la red {name} no tiene gateway: elimínela y despliegue de nuevo"
        ))
    })
}

/// Removes the environment's network; one that is gone is no error.
pub(crate) async fn remove(engine: &Engine, environment: &EnvironmentId) -> Result<(), HostError> {
    if find(engine, environment).await?.is_none() {
        return Ok(());
    }
    let removed = engine.api().await?.remove_network(&name(environment)).await;
    removed.or_else(|error| engine.unless_gone(error))
}

/// Whether any environment of a project has a network.
pub(crate) async fn has_any(engine: &Engine, project: &ProjectId) -> Result<bool, HostError> {
    let options = ListNetworksOptions {
        filters: Some(by_labels(&labels::of_project(project))),
    };
    let found = engine.api().await?.list_networks(Some(options)).await;
    Ok(!found.map_err(|error| engine.failed(error))?.is_empty())
}

/// A kind of thing that an engine has.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Object {
    Container,
    Network,
    Volume,
}

/// A name of ours that something else has.
pub(crate) fn foreign(what: Object, name: &str) -> HostError {
    let (en, es) = match what {
        Object::Container => ("container", "un contenedor"),
        Object::Network => ("network", "una red"),
        Object::Volume => ("volume", "un volumen"),
    };
    HostError::Told(message!(
        "the engine has a {en} {name} that this environment did not make: rename or remove it",
        "el motor tiene {es} {name} que este ambiente no creó: renombre o elimine ese objeto"
    ))
}

/// A filter of the engine's lists for labels.
pub(crate) fn by_labels(labels: &labels::Labels) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), labels::filter(labels))])
}
