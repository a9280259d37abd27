//! The route table made ready for fast look-ups.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::table::{PortMode, RouteTable, Upstream};
use crate::upstream::{InFlight, UpstreamState};

/// A [`RouteTable`] in force. Never changed: a change makes another.
#[derive(Default)]
pub(crate) struct Routing {
    /// By lower-case host; within a host, longest prefix first.
    hosts: BTreeMap<String, Vec<Rule>>,
    ports: HashMap<SocketAddr, (PortMode, Arc<Service>)>,
    services: BTreeMap<String, BTreeMap<String, Arc<Service>>>,
}

pub(crate) struct Rule {
    pub(crate) path_prefix: String,
    pub(crate) strip_prefix: bool,
    pub(crate) service: Arc<Service>,
}

pub(crate) struct Service {
    pub(crate) owner: String,
    pub(crate) name: String,
    upstreams: Vec<Arc<UpstreamState>>,
    turn: AtomicUsize,
}

/// Who takes a request.
pub(crate) enum Pick {
    Upstream(InFlight),
    /// Nobody is there: wait for a change.
    Nobody,
    /// The table changed just now: look the service up again.
    Outdated,
}

impl Service {
    pub(crate) fn upstreams(&self) -> usize {
        self.upstreams.len()
    }

    /// The same service with nobody to answer for it.
    pub(crate) fn emptied(&self) -> Self {
        Self {
            owner: self.owner.clone(),
            name: self.name.clone(),
            upstreams: Vec::new(),
            turn: AtomicUsize::new(0),
        }
    }

    /// The upstream with the least in flight, other than `avoid` if there is
    /// another; those with the same take turns.
    pub(crate) fn pick(&self, lane: usize, avoid: Option<SocketAddr>) -> Pick {
        let chosen = match self.upstreams.as_slice() {
            [] => return Pick::Nobody,
            [only] => only,
            many => {
                let first = self.turn.fetch_add(1, Relaxed) % many.len();
                let (before, after) = many.split_at(first);
                let in_turn = after.iter().chain(before);
                let cost = |u: &&Arc<UpstreamState>| (Some(u.address()) == avoid, u.in_flight());
                match in_turn.min_by_key(cost) {
                    Some(least) => least,
                    None => return Pick::Nobody,
                }
            }
        };
        match InFlight::begin(chosen, lane) {
            Some(begun) => Pick::Upstream(begun),
            None => Pick::Outdated,
        }
    }
}

impl Routing {
    /// `state_of` gives the one state that an upstream keeps across tables.
    pub(crate) fn new(
        table: &RouteTable,
        mut state_of: impl FnMut(&Upstream) -> Arc<UpstreamState>,
    ) -> Self {
        let mut routing = Self::default();
        for (owner, rules) in &table.owners {
            let services = routing.services.entry(owner.clone()).or_default();
            let mut service = |name: &str| {
                let made = services.entry(name.to_owned()).or_insert_with(|| {
                    let upstreams = rules.services.get(name).into_iter().flatten();
                    Arc::new(Service {
                        owner: owner.clone(),
                        name: name.to_owned(),
                        upstreams: upstreams.map(&mut state_of).collect(),
                        turn: AtomicUsize::new(0),
                    })
                });
                Arc::clone(made)
            };
            for route in &rules.http {
                let rule = Rule {
                    path_prefix: route.path_prefix.clone(),
                    strip_prefix: route.strip_prefix,
                    service: service(&route.service),
                };
                let host = route.host.to_ascii_lowercase();
                routing.hosts.entry(host).or_default().push(rule);
            }
            for port in &rules.ports {
                let target = (port.mode, service(&port.service));
                routing.ports.insert(port.listen, target);
            }
        }
        for rules in routing.hosts.values_mut() {
            rules.sort_by_key(|rule| std::cmp::Reverse(rule.path_prefix.len()));
        }
        routing
    }

    pub(crate) fn hosts(&self) -> impl Iterator<Item = &str> {
        self.hosts.keys().map(String::as_str)
    }

    /// The rules of `host`, whatever its case; `None` if there is no such host.
    pub(crate) fn rules(&self, host: &str) -> Option<&[Rule]> {
        let found = if host.bytes().any(|b| b.is_ascii_uppercase()) {
            self.hosts.get(&host.to_ascii_lowercase())
        } else {
            self.hosts.get(host)
        };
        found.map(Vec::as_slice)
    }

    pub(crate) fn port(&self, listen: SocketAddr) -> Option<&(PortMode, Arc<Service>)> {
        self.ports.get(&listen)
    }

    pub(crate) fn service(&self, owner: &str, name: &str) -> Option<&Arc<Service>> {
        self.services.get(owner)?.get(name)
    }
}

/// The rule with the longest prefix that `path` is under.
pub(crate) fn longest_match<'a>(rules: &'a [Rule], path: &str) -> Option<&'a Rule> {
    rules.iter().find(|rule| is_under(path, &rule.path_prefix))
}

/// Whether `path` is `prefix` or goes on from it with a new segment.
fn is_under(path: &str, prefix: &str) -> bool {
    match path.strip_prefix(prefix) {
        Some(rest) => rest.is_empty() || prefix == "/" || rest.starts_with('/'),
        None => false,
    }
}

#[cfg(test)]
#[path = "routing_tests.rs"]
mod tests;
