//! From how a workload is reached to what the edge routes.

use std::collections::BTreeSet;

use estiba_edge::{HttpRoute, PortMode};
use estiba_model::{EnvironmentId, Exposure, MAIL_SINK, Name, Protocol, Route, message};
use estiba_target::Url;

use crate::error::HostError;

/// The host that a workload has without asking.
#[must_use]
pub fn own_host(environment: &EnvironmentId, workload: &str) -> String {
    let EnvironmentId {
        team,
        project,
        environment,
    } = environment;
    format!("{workload}.{environment}.{project}.{team}.localhost")
}

/// The names of the TCP ports of an exposure.
#[must_use]
pub fn tcp_ports(exposure: &Exposure) -> BTreeSet<&String> {
    let tcp = exposure.ports.iter();
    tcp.filter(|(_, port)| port.protocol == Protocol::Tcp)
        .map(|(name, _)| name)
        .collect()
}

/// The port that stands for the workload: the one named `http`, or the first.
#[must_use]
pub fn main_port(exposure: &Exposure) -> Option<&String> {
    let ports = tcp_ports(exposure);
    let http = ports.iter().find(|name| **name == "http");
    http.or_else(|| ports.first()).copied()
}

/// The routes of a workload: its own, and its host's root to its main port.
///
/// # Errors
/// When a route names a port that there is not.
pub fn http(
    environment: &EnvironmentId,
    workload: &Name,
    exposure: &Exposure,
) -> Result<Vec<HttpRoute>, HostError> {
    let ports = tcp_ports(exposure);
    let own = own_host(environment, workload.as_str());
    let mut routes = Vec::new();
    // What takes mail is nobody's outside: workloads reach it at its ports.
    if workload.as_str() == MAIL_SINK {
        return Ok(routes);
    }
    for Route { host, path, port } in &exposure.routes {
        if !ports.contains(port) {
            return Err(HostError::Told(message!(
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
    if let Some(main) = main_port(exposure).filter(|_| !has_own_root) {
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

/// Where people reach these routes of a workload, at an edge that listens on
/// `port`.
#[must_use]
pub fn urls(workload: &Name, routes: &[HttpRoute], port: u16) -> Vec<Url> {
    let url = |route: &HttpRoute| {
        let path = if route.path_prefix == "/" {
            ""
        } else {
            &route.path_prefix
        };
        Url {
            workload: workload.clone(),
            url: format!("http://{}:{port}{path}", route.host),
        }
    };
    routes.iter().map(url).collect()
}

/// The edge writes hosts and prefixes in its own way.
pub(crate) fn are_same(in_force: &[HttpRoute], wanted: &[HttpRoute]) -> bool {
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
#[must_use]
pub fn mode(port: &str) -> PortMode {
    if ["http", "web", "api"]
        .iter()
        .any(|word| port.contains(word))
    {
        PortMode::Http
    } else {
        PortMode::Tcp
    }
}
