//! Traffic to instances, through the edge of this machine.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::path::Path;

use estiba_edge::{ControlClient, OwnerRoutes, ServicePort};
use estiba_host::traffic::{Answering, is_in_force, owner, publish, table, unroute};
use estiba_host::{HostError, edge, record, routes};
use estiba_model::{EnvironmentId, Name, Traffic, message};
use estiba_target::Url;

use crate::engine::Engine;
use crate::instance::{Instance, Standing};
use crate::layout::{EnvironmentDir, Layout};
use crate::network;

/// Who routes, and how.
pub(crate) struct Router<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) layout: &'a Layout,
    pub(crate) helper: &'a Path,
    pub(crate) port: Option<u16>,
    /// Where other machines find this one.
    pub(crate) outside: IpAddr,
}

impl Router<'_> {
    pub(crate) async fn route(
        &self,
        environment: &EnvironmentId,
        workload: &Name,
        wanted: &Traffic,
    ) -> Result<(), HostError> {
        let place = self.layout.environment(environment);
        let owner = owner(environment, workload);
        let dir = place.traffic();
        let _lock = dir.lock(workload).await?;
        let edge_place = self.layout.edge();
        if *wanted == Traffic::default() {
            // An edge that does not run still has its routes on disk.
            if edge_place.table().exists() {
                let edge = edge::ensure(&edge_place, self.helper, self.port).await?;
                let ports = place.service_ports().of(workload.as_str())?;
                unroute(&edge, &owner, &ports).await?;
            }
            return dir.forget(workload);
        }
        let gateway = network::ensure(self.engine, environment, &self.layout.home()).await?;
        let routes = self
            .routes(&place, environment, workload, wanted, gateway)
            .await?;
        if routes
            .ports
            .iter()
            .any(|port| port.listen.ip() == self.outside)
        {
            require_own(self.outside)?;
        }
        let edge = edge::ensure(&edge_place, self.helper, self.port).await?;
        dir.record(workload, wanted)?;
        // Who answers first, so that no route leads nowhere.
        let answering = answering(self.engine, &place, environment, wanted).await?;
        publish(&edge, &owner, &answering).await?;
        edge.set_routes(&owner, &routes.http, &routes.ports).await?;
        Ok(())
    }

    /// What the edge is to have for a workload, without who answers.
    async fn routes(
        &self,
        place: &EnvironmentDir,
        environment: &EnvironmentId,
        workload: &Name,
        wanted: &Traffic,
        gateway: IpAddr,
    ) -> Result<OwnerRoutes, HostError> {
        let services = place.service_ports();
        let mut ports = Vec::new();
        for port in routes::tcp_ports(&wanted.exposure) {
            let number = services.take(workload.as_str(), port).await?;
            let is_used_outside = wanted.exposure.outside.contains(port);
            let outside = is_used_outside.then_some(self.outside);
            let addresses = std::iter::once(gateway).chain(outside);
            ports.extend(addresses.map(|address| ServicePort {
                listen: SocketAddr::new(address, number),
                service: port.clone(),
                mode: routes::mode(port),
            }));
        }
        Ok(OwnerRoutes {
            http: routes::http(environment, workload, &wanted.exposure)?,
            ports,
            services: BTreeMap::new(),
        })
    }

    /// The traffic that was routed and that the edge has in force.
    pub(crate) async fn observe(
        &self,
        environment: &EnvironmentId,
    ) -> Result<BTreeMap<Name, Traffic>, HostError> {
        let place = self.layout.environment(environment);
        let recorded = place.traffic().recorded()?;
        let mut observed = BTreeMap::new();
        if recorded.is_empty() {
            return Ok(observed);
        }
        let edge = ControlClient::new(self.layout.edge().socket());
        let gateway = network::existing_gateway(self.engine, environment).await?;
        let (Some(table), Some(gateway)) = (table(&edge).await?, gateway) else {
            return Ok(observed);
        };
        for (workload, recorded) in recorded {
            let owner = owner(environment, &workload);
            let routes = self
                .routes(&place, environment, &workload, &recorded, gateway)
                .await?;
            let answering = answering(self.engine, &place, environment, &recorded).await?;
            if is_in_force(&table, &owner, &routes, &answering) {
                observed.insert(workload, recorded);
            }
        }
        Ok(observed)
    }

    pub(crate) fn urls(&self, environment: &EnvironmentId) -> Result<Vec<Url>, HostError> {
        let place = self.layout.environment(environment);
        let Some(port) = edge::port(&self.layout.edge()) else {
            return Ok(Vec::new());
        };
        let mut urls = Vec::new();
        for (workload, traffic) in place.traffic().recorded()? {
            let routes = routes::http(environment, &workload, &traffic.exposure)?;
            urls.extend(routes::urls(&workload, &routes, port));
        }
        Ok(urls)
    }
}

/// The upstreams of each of a workload's services: what routing said, less the
/// instances that are not ready.
async fn answering(
    engine: &Engine,
    place: &EnvironmentDir,
    environment: &EnvironmentId,
    traffic: &Traffic,
) -> Result<Answering, HostError> {
    let mut ready = Vec::new();
    for name in &traffic.instances {
        let instance = Instance::find(engine, environment, name).await?;
        if instance.standing(place)?.ready && instance.stands() {
            ready.push(instance);
        }
    }
    let upstreams = |name: &String| {
        let port = traffic.exposure.ports[name].target_port;
        ready.iter().filter_map(|one| one.upstream(port)).collect()
    };
    Ok(routes::tcp_ports(&traffic.exposure)
        .into_iter()
        .map(|name| (name.clone(), upstreams(name)))
        .collect())
}

/// Records how an instance stands and tells the edge, in one go, if the last routing
/// named it and an edge runs. Where it does not stand as `before` any more, what was
/// found meanwhile is newer: nothing is done.
///
/// Returns whether it was recorded.
pub(crate) async fn settle(
    engine: &Engine,
    layout: &Layout,
    instance: &Instance,
    before: Option<&Standing>,
    standing: &Standing,
) -> Result<bool, HostError> {
    let Some(workload) = instance.workload() else {
        return Ok(false);
    };
    let environment = &instance.environment;
    let place = layout.environment(environment);
    let dir = place.traffic();
    let _lock = dir.lock(workload).await?;
    let path = place.standing(&instance.name);
    if let Some(before) = before
        && (!path.exists() || instance.standing(&place)? != *before)
    {
        return Ok(false);
    }
    record::write(&path, standing)?;
    let recorded = dir.of(workload)?;
    let Some(traffic) = recorded.filter(|traffic| traffic.instances.contains(&instance.name))
    else {
        return Ok(true);
    };
    let edge = ControlClient::new(layout.edge().socket());
    if table(&edge).await?.is_some() {
        let answering = answering(engine, &place, environment, &traffic).await?;
        publish(&edge, &owner(environment, workload), &answering).await?;
    }
    Ok(true)
}

/// Refuses an address that this machine does not have: the edge would listen there
/// and hear nothing.
fn require_own(address: IpAddr) -> Result<(), HostError> {
    TcpListener::bind((address, 0)).map(drop).map_err(|error| {
        HostError::Told(message!(
            "`address` of the target is {address}, which is not this machine's ({error})",
            "`address` de la plataforma es {address}, que no es de esta máquina ({error})"
        ))
    })
}
