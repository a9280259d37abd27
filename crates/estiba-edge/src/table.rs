//! What goes where: plain data and the pure rules that a change must keep.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use crate::error::ChangeError;

/// Everything that an edge routes.
///
/// Routes are grouped by *owner* (an environment): changes made for one owner
/// cannot touch those of another, and service names are private to the owner.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteTable {
    /// Goes up by one with every change that changes something.
    pub generation: u64,
    /// The routes of each owner, by the owner's name.
    #[serde(default)]
    pub owners: BTreeMap<String, OwnerRoutes>,
}

/// The routes and the services of one owner.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnerRoutes {
    /// Routes on the edge's own HTTP address.
    #[serde(default)]
    pub http: Vec<HttpRoute>,
    /// Ports of their own.
    #[serde(default)]
    pub ports: Vec<ServicePort>,
    /// Who answers for each service. A service that is routed to and has no
    /// upstream makes its requests wait for one.
    #[serde(default)]
    pub services: BTreeMap<String, Vec<Upstream>>,
}

/// Requests for a host, under a path, go to a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpRoute {
    /// The exact host name, with no port; case does not matter.
    pub host: String,
    /// Starts with `/`, and matches whole path segments: `/api` takes `/api`
    /// and `/api/x`, not `/apis`. The longest prefix wins.
    pub path_prefix: String,
    /// The service sees the path without the prefix, which it gets as
    /// `X-Forwarded-Prefix`.
    #[serde(default)]
    pub strip_prefix: bool,
    /// The name of one of the owner's services.
    pub service: String,
}

/// A port whose connections all go to one service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServicePort {
    /// Where to listen; a loopback address unless it is meant to be public.
    pub listen: SocketAddr,
    /// The name of one of the owner's services.
    pub service: String,
    /// What is spoken on the port.
    pub mode: PortMode,
}

/// What is spoken on a [`ServicePort`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PortMode {
    /// HTTP/1: each request is routed, so a swap of instances loses none.
    Http,
    /// Bytes: each connection is routed, and keeps its instance until it ends.
    Tcp,
}

/// An instance that answers for a service.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// The instance's name, for people.
    pub name: String,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Upstream {
    /// The instance `name`, listening on `address`.
    pub fn new(name: impl Into<String>, address: SocketAddr) -> Self {
        Self {
            name: name.into(),
            address,
        }
    }
}

/// A change to a [`RouteTable`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// The whole table, if its generation is still the current one.
    Replace(RouteTable),
    SetRoutes {
        owner: String,
        http: Vec<HttpRoute>,
        ports: Vec<ServicePort>,
    },
    SetUpstreams {
        owner: String,
        service: String,
        upstreams: Vec<Upstream>,
    },
    RemoveOwner {
        owner: String,
    },
}

impl RouteTable {
    /// The table after `change`: the same generation if nothing differs.
    pub(crate) fn with(&self, change: Change) -> Result<Self, ChangeError> {
        let mut next = self.clone();
        match change {
            Change::Replace(table) => {
                if table.generation != self.generation {
                    return Err(ChangeError::Stale {
                        expected: table.generation,
                        actual: self.generation,
                    });
                }
                next = table;
            }
            Change::SetRoutes { owner, http, ports } => {
                let routes = next.owners.entry(owner).or_default();
                routes.http = http;
                routes.ports = ports;
            }
            Change::SetUpstreams {
                owner,
                service,
                upstreams,
            } => {
                let routes = next.owners.entry(owner).or_default();
                routes.services.insert(service, upstreams);
            }
            Change::RemoveOwner { owner } => {
                next.owners.remove(&owner);
            }
        }
        next.normalize();
        next.check()?;
        if next != *self {
            next.generation += 1;
        }
        Ok(next)
    }

    fn normalize(&mut self) {
        for route in self.owners.values_mut().flat_map(|owner| &mut owner.http) {
            route.host.make_ascii_lowercase();
            let kept = route.path_prefix.trim_end_matches('/').len();
            route.path_prefix.truncate(kept.max(1));
        }
    }

    pub(crate) fn check(&self) -> Result<(), ChangeError> {
        let mut routes = HashMap::new();
        let mut ports = HashMap::new();
        for (owner, rules) in &self.owners {
            for route in &rules.http {
                check_route(owner, route)?;
                let place = (route.host.as_str(), route.path_prefix.as_str());
                if let Some(by) = routes.insert(place, owner) {
                    return Err(ChangeError::RouteTaken {
                        host: route.host.clone(),
                        path_prefix: route.path_prefix.clone(),
                        owner: owner.clone(),
                        by: by.clone(),
                    });
                }
            }
            for port in &rules.ports {
                if let Some(by) = ports.insert(port.listen, owner) {
                    return Err(ChangeError::PortTaken {
                        listen: port.listen,
                        owner: owner.clone(),
                        by: by.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Every service port, of all owners.
    pub(crate) fn ports(&self) -> impl Iterator<Item = &ServicePort> {
        self.owners.values().flat_map(|owner| &owner.ports)
    }
}

fn check_route(owner: &str, route: &HttpRoute) -> Result<(), ChangeError> {
    let host_char = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if route.host.is_empty() || !route.host.chars().all(host_char) {
        return Err(ChangeError::HostInvalid {
            owner: owner.to_owned(),
            host: route.host.clone(),
        });
    }
    let path = route.path_prefix.as_str();
    let path_char = |c: char| c.is_ascii_graphic() && !matches!(c, '?' | '#' | '"' | '<' | '>');
    if !path.starts_with('/') || !path.chars().all(path_char) {
        return Err(ChangeError::PathInvalid {
            owner: owner.to_owned(),
            path_prefix: route.path_prefix.clone(),
        });
    }
    Ok(())
}
