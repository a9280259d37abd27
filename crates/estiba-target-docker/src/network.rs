//! The network of an environment: its workloads and databases, and the gateway
//! at which this machine's edge serves them.

use std::collections::HashMap;
use std::net::IpAddr;

use bollard::models::{NetworkCreateRequest, NetworkInspect};
use bollard::query_parameters::ListNetworksOptions;
use estiba_host::HostError;
use estiba_model::{EnvironmentId, ProjectId, message};

use crate::engine::{Engine, status};
use crate::labels::{self, Role};

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

/// The gateway of the environment's network, which is made where it is missing.
/// Its traffic goes through the edge of one state folder: `home`.
pub(crate) async fn ensure(
    engine: &Engine,
    environment: &EnvironmentId,
    home: &str,
) -> Result<IpAddr, HostError> {
    if let Some(network) = find(engine, environment).await? {
        at_home(&network, environment, home)?;
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
    match engine.api().await?.create_network(request).await {
        // Somebody else was faster.
        Err(error) if status(&error) == Some(409) => {}
        other => drop(other.map_err(|error| engine.failed(error))?),
    }
    match find(engine, environment).await? {
        Some(network) => {
            at_home(&network, environment, home)?;
            gateway(&network)
        }
        None => Err(foreign("network", &name(environment))),
    }
}

/// Refuses the environment of another state folder: its edge would go on sending
/// requests to instances that this one has ended.
fn at_home(
    network: &NetworkInspect,
    environment: &EnvironmentId,
    home: &str,
) -> Result<(), HostError> {
    let labels = network.labels.as_ref();
    match labels.and_then(|labels| labels.get(&labels::name(labels::HOME))) {
        Some(other) if other != home => Err(HostError::Told(message!(
            "{environment} on this engine belongs to the state folder {other}: deploy with that one (ESTIBA_STATE_DIR), or take the environment down there first",
            "{environment} en este motor pertenece a la carpeta de estado {other}: despliegue con esa (ESTIBA_STATE_DIR), o termine antes el ambiente desde allí"
        ))),
        _ => Ok(()),
    }
}

/// Whether what there is of the environment is this state folder's to change.
pub(crate) async fn check_home(
    engine: &Engine,
    environment: &EnvironmentId,
    home: &str,
) -> Result<(), HostError> {
    let found = find(engine, environment).await?;
    found.map_or(Ok(()), |network| at_home(&network, environment, home))
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
    Err(foreign("network", &name))
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

/// A name of ours that something else has.
pub(crate) fn foreign(what: &str, name: &str) -> HostError {
    HostError::Told(message!(
        "the engine has a {what} {name} that this environment did not make: rename or remove it",
        "el motor tiene un objeto ({what}) {name} que este ambiente no creó: renómbrelo o elimínelo"
    ))
}

/// A filter of the engine's lists for labels.
pub(crate) fn by_labels(labels: &labels::Labels) -> HashMap<String, Vec<String>> {
    HashMap::from([("label".to_owned(), labels::filter(labels))])
}
