//! A document to a workload, by the rules that a schema can't say.
//!
//! Everything here goes on after a mistake, and takes what the schema refuses
//! for absent, so that all mistakes are found at once.

mod annotations;
mod container;
mod files;
mod node;
mod order;
pub(crate) mod quantity;
mod references;
mod resources;

use std::collections::BTreeMap;

use estiba_model::{Diagnostic, Name, Protocol, ServicePort, Workload, message};

use crate::yaml::Document;
use node::{Findings, Node};

/// The workload, where enough of it is there, and what breaks the rules.
pub(crate) fn read(document: &Document) -> (Option<Workload>, Vec<Diagnostic>) {
    let root = Node::root(document);
    let mut found = Findings {
        document,
        list: Vec::new(),
    };

    references::check(&root, &mut found);
    annotations::check(&root, &mut found);
    order::check(&root, &mut found);
    let ports = ports(&root, &mut found);
    let resources = resources::read(&root, &mut found);
    let containers = named(root.entries("containers"), |node| {
        container::read(node, &mut found)
    });

    let metadata = root.map("metadata");
    let annotations = root
        .get("metadata")
        .map(|node| annotations::read(&node))
        .unwrap_or_default();
    let name = root
        .get("metadata")
        .and_then(|metadata| metadata.text("name")?.parse().ok());
    let workload = name.map(|name| Workload {
        name,
        annotations,
        metadata,
        ports,
        containers,
        resources,
    });
    (workload, found.list)
}

/// What `read` makes of each entry with a valid name.
fn named<'d, T>(
    entries: impl Iterator<Item = (&'d str, Node<'d>)>,
    mut read: impl FnMut(&Node<'d>) -> Option<T>,
) -> BTreeMap<Name, T> {
    entries
        .filter_map(|(name, node)| {
            let read = read(&node)?;
            Some((name.parse().ok()?, read))
        })
        .collect()
}

fn ports(root: &Node<'_>, found: &mut Findings<'_>) -> BTreeMap<String, ServicePort> {
    let mut ports = BTreeMap::new();
    let mut taken: BTreeMap<(u16, bool), &str> = BTreeMap::new();
    let service = root.get("service");
    for (name, node) in service.iter().flat_map(|service| service.entries("ports")) {
        let Some(port) = port(&node) else { continue };
        let number = port.port;
        let other = taken.insert((number, port.protocol == Protocol::Udp), name);
        if let (Some(other), Some(node)) = (other, node.get("port")) {
            found.error(
                "duplicate-port",
                found.value(&node),
                message!(
                    "port {number} is the port \"{other}\" already",
                    "el puerto {number} ya es el puerto «{other}»"
                ),
                message!(
                    "give \"{name}\" another `port`; the same `targetPort` is fine",
                    "dé a «{name}» otro `port`; el mismo `targetPort` está bien"
                ),
            );
        }
        ports.insert(name.to_owned(), port);
    }
    ports
}

fn port(node: &Node<'_>) -> Option<ServicePort> {
    let port = number(node, "port")?;
    let protocol = match node.text("protocol") {
        Some("UDP") => Protocol::Udp,
        _ => Protocol::Tcp,
    };
    Some(ServicePort {
        port,
        target_port: number(node, "targetPort").unwrap_or(port),
        protocol,
    })
}

/// A port's number. A schema's integer may be written with a fraction of zero.
fn number(node: &Node<'_>, key: &str) -> Option<u16> {
    let value = node.value.get(key)?;
    let whole = value.as_f64().filter(|number| number.fract() == 0.0);
    value
        .as_u64()
        .or_else(|| whole.map(|number| number as u64))?
        .try_into()
        .ok()
}
