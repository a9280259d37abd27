//! Traffic to instances, through the edge.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use estiba_edge::{ControlClient, OwnerRoutes, ServicePort};
use estiba_host::edge;
use estiba_host::routes::{self, tcp_ports};
use estiba_host::traffic::{is_in_force, owner, publish, table, unroute};
use estiba_model::{EnvironmentId, Name, Traffic};
use estiba_target::Url;

use super::LocalTarget;
use crate::layout::EnvironmentDir;
use crate::traffic;
use estiba_host::HostError;

impl LocalTarget {
    pub(super) async fn route_traffic(
        &self,
        environment: &EnvironmentId,
        workload: &Name,
        wanted: &Traffic,
    ) -> Result<(), HostError> {
        let place = self.layout.environment(environment);
        let owner = owner(environment, workload);
        let dir = place.traffic();
        let _lock = dir.lock(workload).await?;
        if *wanted == Traffic::default() {
            return self.unroute(&place, workload, &owner).await;
        }
        let routes = self.routes(&place, environment, workload, wanted).await?;
        let edge_place = self.layout.edge();
        let edge = edge::ensure(&edge_place, self.helper(), self.config.edge_port).await?;
        dir.record(workload, wanted)?;
        // Who answers first, so that no route leads nowhere.
        publish(&edge, &owner, &traffic::upstreams(&place, wanted)?).await?;
        edge.set_routes(&owner, &routes.http, &routes.ports).await?;
        Ok(())
    }

    async fn unroute(
        &self,
        place: &EnvironmentDir,
        workload: &Name,
        owner: &str,
    ) -> Result<(), HostError> {
        let edge_place = self.layout.edge();
        // An edge that does not run still has its routes on disk.
        if edge_place.table().exists() {
            let edge = edge::ensure(&edge_place, self.helper(), self.config.edge_port).await?;
            let ports = place.service_ports(self.layout.ports());
            unroute(&edge, owner, &ports.of(workload.as_str())?).await?;
        }
        place.traffic().forget(workload)
    }

    /// What the edge is to have for a workload, without who answers.
    async fn routes(
        &self,
        place: &EnvironmentDir,
        environment: &EnvironmentId,
        workload: &Name,
        wanted: &Traffic,
    ) -> Result<OwnerRoutes, HostError> {
        let http = routes::http(environment, workload, &wanted.exposure)?;
        let services = place.service_ports(self.layout.ports());
        let mut listening = Vec::new();
        for port in tcp_ports(&wanted.exposure) {
            let number = services.take(workload.as_str(), port).await?;
            let mut addresses = BTreeSet::from([IpAddr::from(Ipv4Addr::LOCALHOST)]);
            if wanted.exposure.outside.contains(port) {
                addresses.insert(self.outside());
            }
            listening.extend(addresses.into_iter().map(|address| ServicePort {
                listen: SocketAddr::new(address, number),
                service: port.clone(),
                mode: routes::mode(port),
            }));
        }
        Ok(OwnerRoutes {
            http,
            ports: listening,
            services: BTreeMap::new(),
        })
    }

    /// The traffic that was routed and that the edge has in force.
    pub(super) async fn observe_traffic(
        &self,
        environment: &EnvironmentId,
    ) -> Result<BTreeMap<Name, Traffic>, HostError> {
        let place = self.layout.environment(environment);
        let recorded = place.traffic().recorded()?;
        if recorded.is_empty() {
            return Ok(recorded);
        }
        let edge = ControlClient::new(self.layout.edge().socket());
        let Some(table) = table(&edge).await? else {
            return Ok(BTreeMap::new());
        };
        let mut observed = BTreeMap::new();
        for (workload, recorded) in recorded {
            let owner = owner(environment, &workload);
            let routes = self
                .routes(&place, environment, &workload, &recorded)
                .await?;
            let answering = traffic::upstreams(&place, &recorded)?;
            if is_in_force(&table, &owner, &routes, &answering) {
                observed.insert(workload, recorded);
            }
        }
        Ok(observed)
    }

    pub(super) async fn urls_of(&self, environment: &EnvironmentId) -> Result<Vec<Url>, HostError> {
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
