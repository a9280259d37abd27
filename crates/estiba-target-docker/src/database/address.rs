//! Where databases are found by name.
//!
//! Docker resolves names in its networks. Podman does only with plugins that not
//! every machine has, but gives a container the address that it is asked for: there
//! a database has one that stays, and is told to whoever may need it.

use std::net::{IpAddr, Ipv4Addr};

use estiba_host::HostError;
use estiba_model::{EnvironmentId, ResourceId};

use super::host;
use crate::engine::Engine;
use crate::labels::{self, Labels, Role};
use crate::network;

/// A free address for a database, where its engine needs one.
pub(super) async fn choose(
    engine: &Engine,
    environment: &EnvironmentId,
) -> Result<Option<Ipv4Addr>, HostError> {
    if !engine.is_podman().await? {
        return Ok(None);
    }
    let taken = hosts(engine, environment).await?;
    let mut candidates = network::last_addresses(engine, environment).await?;
    Ok(candidates.find(|one| !taken.iter().any(|(_, of)| *of == IpAddr::V4(*one))))
}

pub(super) fn write(labels: &mut Labels, address: Ipv4Addr) {
    labels.insert(labels::name(labels::ADDRESS), address.to_string());
}

/// The names of an environment's databases that have addresses of their own.
pub(crate) async fn hosts(
    engine: &Engine,
    environment: &EnvironmentId,
) -> Result<Vec<(String, IpAddr)>, HostError> {
    let own = labels::filter(&labels::of(environment, Role::Resource));
    let databases = engine.containers(own).await?.into_iter();
    let named = databases.filter_map(|one| {
        let labels = one.labels.unwrap_or_default();
        let resource = labels.get(&labels::name(labels::RESOURCE))?;
        let address = labels::parse(&labels, labels::ADDRESS)?;
        Some((host(&ResourceId(resource.clone())), address))
    });
    Ok(named.collect())
}
