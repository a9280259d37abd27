//! What the workload needs.

use std::collections::BTreeMap;

use estiba_model::{Name, Resource, message};
use serde_json::Value;

use super::node::{Findings, Node};
use super::{named, order, references};
use crate::placeholder::{Root, Template};
use crate::suggest;

const DEFAULT_CLASS: &str = "default";

pub(super) fn read(root: &Node<'_>, found: &mut Findings<'_>) -> BTreeMap<Name, Resource> {
    conflicts(root, found);
    cycles(root, found);
    named(root.entries("resources"), |node| {
        let kind = node.text("type")?;
        match kind {
            "service-port" => service_port(node, found),
            "route" => route(root, node, found),
            _ => {}
        }
        Some(Resource {
            kind: kind.to_owned(),
            class: class(node).to_owned(),
            id: node.text("id").map(str::to_owned),
            metadata: node.map("metadata"),
            params: node.map("params"),
        })
    })
}

fn class<'d>(node: &Node<'d>) -> &'d str {
    node.text("class").unwrap_or(DEFAULT_CLASS)
}

/// Resources of one identity are one, and can't be made in two ways.
fn conflicts(root: &Node<'_>, found: &mut Findings<'_>) {
    let mut known: BTreeMap<(&str, &str, &str), (&str, Node<'_>)> = BTreeMap::new();
    for (name, node) in root.entries("resources") {
        let (Some(kind), Some(id)) = (node.text("type"), node.text("id")) else {
            continue;
        };
        let Some(params) = node.get("params") else {
            continue;
        };
        match known.get(&(kind, class(&node), id)) {
            None => {
                known.insert((kind, class(&node), id), (name, params));
            }
            Some((other, first)) if first.value != params.value => found.error(
                "conflicting-resource",
                found.key(&params),
                message!(
                    "\"{name}\" and \"{other}\" are one resource, id {id}, with different params",
                    "«{name}» y «{other}» son un mismo recurso, id {id}, con params distintos"
                ),
                message!(
                    "give both the same params, or leave them out of one, or give each an id of its own",
                    "dé a ambos los mismos params, o quítelos de uno, o dé a cada uno un id propio"
                ),
            ),
            Some(_) => {}
        }
    }
}

fn cycles(root: &Node<'_>, found: &mut Findings<'_>) {
    let resources: BTreeMap<&str, Node<'_>> = root.entries("resources").collect();
    let mut edges: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, node) in &resources {
        let Some(params) = node.get("params") else {
            continue;
        };
        let targets = edges.entry(name).or_default();
        references::each_text(&params, &mut |text| {
            let template = Template::parse(text.value.as_str().unwrap_or_default());
            let references = template.iter().flat_map(Template::references);
            let wanted = references.filter(|reference| reference.root == Root::Resources);
            targets.extend(wanted.filter_map(|wanted| {
                resources
                    .get_key_value(wanted.path[0].as_str())
                    .map(|(name, _)| *name)
            }));
        });
    }
    let Some(cycle) = order::cycle(&edges) else {
        return;
    };
    let path = cycle.join(" → ");
    let Some(params) = resources.get(cycle[0]).and_then(|node| node.get("params")) else {
        return;
    };
    found.error(
        "cycle",
        found.key(&params),
        message!(
            "the params of these resources need one another: {path}",
            "los params de estos recursos se necesitan entre sí: {path}"
        ),
        message!(
            "remove one of the placeholders",
            "quite uno de los marcadores"
        ),
    );
}

fn service_port(node: &Node<'_>, found: &mut Findings<'_>) {
    let params = node.get("params");
    let workload = params.as_ref().and_then(|params| params.get("workload"));
    if workload
        .as_ref()
        .and_then(|workload| workload.value.as_str())
        .is_none()
    {
        let place = workload.map_or_else(|| found.key(node), |workload| found.value(&workload));
        found.error(
            "incomplete-resource",
            place,
            message!(
                "a service-port says of which workload: `params.workload` is not a name",
                "un service-port dice de qué componente: `params.workload` no es un nombre"
            ),
            message!(
                "add `params: {{ workload: NAME, port: PORT }}`",
                "agregue `params: {{ workload: NOMBRE, port: PUERTO }}`"
            ),
        );
    }
    port_param(params.as_ref(), found);
}

fn route(root: &Node<'_>, node: &Node<'_>, found: &mut Findings<'_>) {
    let params = node.get("params");
    for key in ["host", "path"] {
        let Some(param) = params.as_ref().and_then(|params| params.get(key)) else {
            continue;
        };
        if !param.value.is_string() {
            found.error(
                "bad-param",
                found.value(&param),
                message!(
                    "the {key} of a route is a text",
                    "el {key} de un route es un texto"
                ),
                message!("put it in quotes", "póngalo entre comillas"),
            );
        }
    }
    if let Some(port) = port_param(params.as_ref(), found) {
        own_port(root, &port, found);
    }
}

/// The port that the params name, if it can be one.
fn port_param<'d>(params: Option<&Node<'d>>, found: &mut Findings<'_>) -> Option<Node<'d>> {
    let port = params?.get("port")?;
    let number = port
        .value
        .as_u64()
        .and_then(|number| u16::try_from(number).ok());
    if port.value.is_string() || number.is_some_and(|number| number > 0) {
        return Some(port);
    }
    found.error(
        "bad-param",
        found.value(&port),
        message!("this is not a port", "esto no es un puerto"),
        message!(
            "write a port's name, or a number from 1 to 65535",
            "escriba el nombre de un puerto, o un número de 1 a 65535"
        ),
    );
    None
}

/// A route leads to a port that this file offers.
fn own_port(root: &Node<'_>, port: &Node<'_>, found: &mut Findings<'_>) {
    let wanted = match port.value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if wanted.contains('$') {
        return;
    }
    let ports: Vec<(&str, Node<'_>)> = root
        .get("service")
        .iter()
        .flat_map(|s| s.entries("ports"))
        .collect();
    let number: Option<u64> = wanted.parse().ok();
    let is_it = |(name, node): &(&str, Node<'_>)| {
        let has = |key| number.is_some() && node.value.get(key).and_then(Value::as_u64) == number;
        *name == wanted || has("port") || has("targetPort")
    };
    if ports.iter().any(is_it) {
        return;
    }
    found.error(
        "unknown-port",
        found.value(port),
        message!(
            "the service of this file has no port {wanted}",
            "el servicio de este archivo no tiene un puerto {wanted}"
        ),
        if ports.is_empty() {
            message!(
                "add `service: {{ ports: {{ web: {{ port: {wanted} }} }} }}`",
                "agregue `service: {{ ports: {{ web: {{ port: {wanted} }} }} }}`"
            )
        } else {
            suggest::instead(&wanted, ports.iter().map(|(name, _)| *name))
        },
    );
}
