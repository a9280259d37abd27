//! Traffic to instances, through the edge.

use std::collections::BTreeMap;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};

use estiba_edge::{ControlClient, ControlError, HttpRoute, OwnerRoutes, PortMode, ServicePort};
use estiba_model::{EnvironmentId, Name, Route, Traffic, message};
use estiba_target::Url;

use super::container::tcp_ports;
use super::{LocalTarget, blocking};
use crate::error::LocalError;
use crate::layout::{EnvironmentDir, make_private, short_hash};
use crate::ports::{self, Ports};
use crate::{edge, record, traffic};

impl LocalTarget {
    pub(super) async fn route_traffic(
        &self,
        environment: &EnvironmentId,
        workload: &Name,
        wanted: &Traffic,
    ) -> Result<(), LocalError> {
        let place = self.layout.environment(environment);
        let owner = traffic::owner(environment, workload);
        let _lock = traffic::lock_traffic(&place, workload).await?;
        if *wanted == Traffic::default() {
            return self.unroute(&place, workload, &owner).await;
        }
        let routes = self.routes(&place, environment, workload, wanted).await?;
        let edge_place = self.layout.edge();
        let edge = edge::ensure(&edge_place, self.helper(), self.config.edge_port).await?;
        record::write(&place.traffic(workload), wanted)?;
        // Who answers first, so that no route leads nowhere.
        traffic::publish(&place, &owner, wanted, &edge).await?;
        edge.set_routes(&owner, &routes.http, &routes.ports).await?;
        Ok(())
    }

    async fn unroute(
        &self,
        place: &EnvironmentDir,
        workload: &Name,
        owner: &str,
    ) -> Result<(), LocalError> {
        let edge_place = self.layout.edge();
        // An edge that does not run still has its routes on disk.
        if edge_place.table().exists() {
            let edge = edge::ensure(&edge_place, self.helper(), self.config.edge_port).await?;
            edge.remove_owner(owner).await?;
        }
        traffic::forget(place, workload)
    }

    /// What the edge is to have for a workload, without who answers.
    async fn routes(
        &self,
        place: &EnvironmentDir,
        environment: &EnvironmentId,
        workload: &Name,
        wanted: &Traffic,
    ) -> Result<OwnerRoutes, LocalError> {
        let http = http_routes(environment, workload, wanted)?;
        let mut listening = Vec::new();
        for port in tcp_ports(&wanted.exposure) {
            let number = self.service_port(place, workload.as_str(), port).await?;
            listening.push(ServicePort {
                listen: SocketAddr::from((Ipv4Addr::LOCALHOST, number)),
                service: port.clone(),
                mode: mode(port),
            });
        }
        Ok(OwnerRoutes {
            http,
            ports: listening,
            services: BTreeMap::new(),
        })
    }

    /// The stable loopback port of a workload's service, taken when it is first
    /// asked for.
    pub(super) async fn service_port(
        &self,
        place: &EnvironmentDir,
        workload: &str,
        port: &str,
    ) -> Result<u16, LocalError> {
        let (file, ports) = (place.service_port(workload, port), self.layout.ports());
        blocking(move || {
            let directory = place_of(&file);
            make_private(&directory)?;
            let lock_path = directory.join("lock");
            let lock = fs::File::create(&lock_path).map_err(LocalError::at(&lock_path))?;
            lock.lock().map_err(LocalError::at(&lock_path))?;
            if let Some(taken) = record::read::<Option<u16>>(&file)?.flatten() {
                return Ok(taken);
            }
            // It is the owner of the port, and has to be there before.
            record::write(&file, &None::<u16>)?;
            // The same one each time the environment is made anew, if possible.
            let hash = short_hash(&file.to_string_lossy());
            let hint = u64::from_str_radix(&hash, 16).unwrap_or_default();
            let taken = ports.take(&ports::SERVICES, hint, &file)?;
            record::write(&file, &Some(taken))?;
            Ok(taken)
        })
        .await
    }

    /// The traffic that was routed and that the edge has in force.
    pub(super) async fn observe_traffic(
        &self,
        environment: &EnvironmentId,
    ) -> Result<BTreeMap<Name, Traffic>, LocalError> {
        let place = self.layout.environment(environment);
        let recorded = traffic::recorded(&place)?;
        if recorded.is_empty() {
            return Ok(recorded);
        }
        let edge = ControlClient::new(self.layout.edge().socket());
        let table = match edge.table().await {
            Ok(table) => table,
            Err(ControlError::NotRunning { .. }) => return Ok(BTreeMap::new()),
            Err(error) => return Err(error.into()),
        };
        let mut observed = BTreeMap::new();
        for (workload, recorded) in recorded {
            let owner = traffic::owner(environment, &workload);
            let routes = self
                .routes(&place, environment, &workload, &recorded)
                .await?;
            let answering = traffic::upstreams(&place, &recorded)?;
            let in_force = table.owners.get(&owner).is_some_and(|has| {
                let has_services = answering.iter().all(|(service, upstreams)| {
                    let known = has.services.get(service);
                    known.is_some_and(|known| upstreams.iter().all(|one| known.contains(one)))
                });
                has_services && same_routes(&has.http, &routes.http) && has.ports == routes.ports
            });
            if in_force {
                observed.insert(workload, recorded);
            }
        }
        Ok(observed)
    }

    pub(super) async fn urls_of(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Vec<Url>, LocalError> {
        let place = self.layout.environment(environment);
        let Some(port) = edge::port(&self.layout.edge()) else {
            return Ok(Vec::new());
        };
        let mut urls = Vec::new();
        for (workload, traffic) in traffic::recorded(&place)? {
            for route in http_routes(environment, &workload, &traffic)? {
                let path = if route.path_prefix == "/" {
                    ""
                } else {
                    &route.path_prefix
                };
                urls.push(Url {
                    workload: workload.clone(),
                    url: format!("http://{}:{port}{path}", route.host),
                });
            }
        }
        Ok(urls)
    }
}

/// The host that a workload has without asking.
pub(super) fn own_host(environment: &EnvironmentId, workload: &str) -> String {
    let EnvironmentId {
        project,
        environment,
        ..
    } = environment;
    format!("{workload}.{environment}.{project}.localhost")
}

/// The service ports of an environment, free for others.
pub(super) fn release_service_ports(
    place: &EnvironmentDir,
    ports: &Ports,
) -> Result<(), LocalError> {
    let directory = place_of(&place.service_port("", ""));
    for name in record::names(&directory)? {
        let file = directory.join(name);
        if let Ok(Some(Some(port))) = record::read::<Option<u16>>(&file) {
            ports.give_back(port)?;
        }
    }
    Ok(())
}

fn place_of(file: &std::path::Path) -> std::path::PathBuf {
    file.parent().map(ToOwned::to_owned).unwrap_or_default()
}

fn http_routes(
    environment: &EnvironmentId,
    workload: &Name,
    traffic: &Traffic,
) -> Result<Vec<HttpRoute>, LocalError> {
    let ports = tcp_ports(&traffic.exposure);
    let own = own_host(environment, workload.as_str());
    let http = "http".to_owned();
    let main = if ports.contains(&http) {
        Some(&http)
    } else {
        ports.first().copied()
    };
    let mut routes = Vec::new();
    for Route { host, path, port } in &traffic.exposure.routes {
        if !ports.contains(port) {
            return Err(LocalError::Told(message!(
                "{workload} has a route to its port \"{port}\", but no TCP port of that name",
                "{workload} tiene una ruta a su puerto «{port}», pero ningún puerto TCP con ese nombre"
            )));
        }
        routes.push(HttpRoute {
            host: host.clone().unwrap_or_else(|| own.clone()),
            path_prefix: path.clone(),
            strip_prefix: false,
            service: port.clone(),
        });
    }
    let has_own_root = routes
        .iter()
        .any(|one| one.host == own && one.path_prefix == "/");
    if let Some(main) = main.filter(|_| !has_own_root) {
        let root = HttpRoute {
            host: own,
            path_prefix: "/".to_owned(),
            strip_prefix: false,
            service: main.clone(),
        };
        routes.insert(0, root);
    }
    Ok(routes)
}

/// The edge writes hosts and prefixes in its own way.
fn same_routes(in_force: &[HttpRoute], wanted: &[HttpRoute]) -> bool {
    let is_same = |(one, other): (&HttpRoute, &HttpRoute)| {
        let trimmed = other.path_prefix.trim_end_matches('/');
        let prefix = if trimmed.is_empty() { "/" } else { trimmed };
        one.host.eq_ignore_ascii_case(&other.host)
            && one.path_prefix == prefix
            && one.service == other.service
    };
    in_force.len() == wanted.len() && in_force.iter().zip(wanted).all(is_same)
}

/// HTTP where the name says so: then no request is lost when instances change.
fn mode(port: &str) -> PortMode {
    if ["http", "web", "api"]
        .iter()
        .any(|word| port.contains(word))
    {
        PortMode::Http
    } else {
        PortMode::Tcp
    }
}
