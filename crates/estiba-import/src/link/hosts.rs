//! Host names of other workloads: resources of type service-port.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use estiba_model::{Place, message};
use indexmap::IndexMap;
use regex::Regex;

use super::databases::settings_mut;
use super::pattern::{self, WORD};
use crate::draft::{Draft, Port, Resource, Workload};
use crate::report::Report;
use crate::text::{Piece, Setting, Text};

/// A workload that others can call.
struct Provider {
    name: String,
    hosts: BTreeSet<String>,
    ports: IndexMap<String, Port>,
}

/// A port that a caller names and the provider did not declare.
struct Undeclared {
    provider: String,
    port: u16,
    place: Place,
}

/// Has addresses of other workloads refer to their ports.
pub(super) fn link(draft: &mut Draft, report: &mut Report) {
    let mut undeclared = Vec::new();
    // The second round finds the ports that the first one added.
    for round in 0..2 {
        let providers: Vec<Provider> = draft.workloads.iter().map(provider).collect();
        for workload in &mut draft.workloads {
            let own = workload.name.to_string();
            for other in providers.iter().filter(|other| other.name != own) {
                call(workload, other, &mut undeclared);
            }
        }
        if round == 0 {
            declare(draft, std::mem::take(&mut undeclared), report);
        }
    }
}

fn provider(workload: &Workload) -> Provider {
    Provider {
        name: workload.name.to_string(),
        hosts: workload.hosts.clone(),
        ports: workload.ports.clone(),
    }
}

/// Callers know of a port that the source need not declare.
fn declare(draft: &mut Draft, undeclared: Vec<Undeclared>, report: &mut Report) {
    for Undeclared {
        provider,
        port,
        place,
    } in undeclared
    {
        let found = draft.workloads.iter_mut();
        let mut found = found.filter(|workload| workload.name.as_str() == provider);
        let Some(workload) = found.next() else {
            continue;
        };
        let known = |known: &Port| known.target == port || known.port == port;
        if workload.ports.values().any(known) {
            continue;
        }
        crate::compose::add_port(workload, port);
        report.warn(
            "port-added",
            place,
            message!(
                "{provider} is called at port {port} here and does not declare it; the port was added",
                "aquí se llama a {provider} en el puerto {port}, que no declara; se agregó el puerto"
            ),
            message!(
                "see that {provider} listens on it",
                "compruebe que {provider} escuche en él"
            ),
        );
    }
}

static ADDRESS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(&format!(
        r"(?:([a-z][a-z0-9+.-]*)://)?(?:({WORD}*(?::[^\s/@]*)?)@)?({WORD}+)(?::([0-9]+))?"
    ))
    .ok()
});

/// The port of a scheme's usual server.
fn usual_port(scheme: &str) -> Option<u16> {
    Some(match scheme {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        "redis" => 6379,
        "amqp" => 5672,
        "mysql" => 3306,
        "mongodb" => 27017,
        _ => return None,
    })
}

fn call(workload: &mut Workload, other: &Provider, undeclared: &mut Vec<Undeclared>) {
    // The resource for each port that is called.
    let mut called: BTreeMap<String, String> = BTreeMap::new();
    let mut settings: Vec<&mut Setting> = Vec::new();
    let names = names_of(workload);
    settings.extend(settings_mut(workload));
    for (setting, name) in settings.into_iter().zip(names) {
        let place = setting.place.clone();
        for text in setting.texts_mut() {
            *text = in_text(text, &name, other, &mut |port| {
                let found = find_port(other, port);
                if found.is_none()
                    && let Some(port) = port
                {
                    undeclared.push(Undeclared {
                        provider: other.name.clone(),
                        port,
                        place: place.clone(),
                    });
                }
                let found = found?;
                let resource = match (called.is_empty(), called.get(&found)) {
                    (_, Some(known)) => known.clone(),
                    (true, None) => other.name.clone(),
                    (false, None) => format!("{}-{found}", other.name),
                };
                called.insert(found, resource.clone());
                Some(resource)
            });
        }
    }
    for (port, name) in &called {
        let resource = Resource::new("service-port")
            .with("workload", other.name.clone())
            .with("port", port.clone());
        workload.resources.insert(name.clone(), resource);
    }
    companions(workload, other, &called);
}

/// The names of the values, in the order of [`settings_mut`].
fn names_of(workload: &Workload) -> Vec<String> {
    let containers = workload.containers.values();
    containers
        .flat_map(|container| {
            let files = container.files.values();
            let files =
                files.filter(|file| matches!(file.content, crate::draft::Content::Text { .. }));
            let variables = container.variables.keys().cloned();
            variables
                .chain(files.map(|_| String::new()))
                .collect::<Vec<_>>()
        })
        .collect()
}

fn find_port(other: &Provider, port: Option<u16>) -> Option<String> {
    let Some(port) = port else {
        return other.ports.keys().next().cloned();
    };
    let by = |equal: &dyn Fn(&Port) -> bool| {
        let mut found = other.ports.iter().filter(|(_, port)| equal(port));
        found.next().map(|(name, _)| name.clone())
    };
    by(&|known| known.port == port).or_else(|| by(&|known| known.target == port))
}

/// Whether `host` is the provider: by its name, or by the longer names that a
/// cluster gives it.
fn is(other: &Provider, host: &str) -> bool {
    let short = host.split('.').next().unwrap_or(host);
    let in_cluster = host.ends_with(".svc") || host.ends_with(".svc.cluster.local");
    other.hosts.contains(host) || (in_cluster && other.hosts.contains(short))
}

fn in_text(
    text: &Text,
    name: &str,
    other: &Provider,
    resource_of: &mut dyn FnMut(Option<u16>) -> Option<String>,
) -> Text {
    let Some(address) = ADDRESS.as_ref() else {
        return text.clone();
    };
    pattern::replace(text, address, &mut |found, flat| {
        let host = found.get(3)?.as_str();
        if !is(other, host) {
            return None;
        }
        let scheme = found.get(1).map(|scheme| scheme.as_str());
        let port = found.get(4).and_then(|port| port.as_str().parse().ok());
        let alone = scheme.is_none() && port.is_none() && found.get(2).is_none();
        // A word alone is a host only where its name says so.
        if alone && !(text.as_plain() == Some(host) && names_a_host(name)) {
            return None;
        }
        let wanted = port.or_else(|| scheme.and_then(usual_port));
        let resource = resource_of(wanted).or_else(|| match port {
            // `http://api` of what listens elsewhere behind one port.
            None => resource_of(None),
            Some(_) => None,
        })?;
        let output = |key| Piece::Output {
            resource: resource.clone(),
            key,
        };
        let mut new = Text::default();
        if let Some(scheme) = scheme {
            new.push(Piece::Plain(format!("{scheme}://")));
        }
        if let Some(user) = found.get(2) {
            let user = flat.part(user.as_str());
            user.0.into_iter().for_each(|piece| new.push(piece));
            new.push(Piece::Plain("@".to_owned()));
        }
        new.push(output("hostname"));
        if !alone {
            new.push(Piece::Plain(":".to_owned()));
            new.push(output("port"));
        }
        Some(new)
    })
}

fn names_a_host(name: &str) -> bool {
    const WORDS: [&str; 7] = [
        "HOST", "ADDR", "SERVER", "ENDPOINT", "BROKER", "UPSTREAM", "URL",
    ];
    let name = name.to_uppercase();
    WORDS.iter().any(|word| name.contains(word))
}

/// `API_PORT` beside an `API_HOST` that refers to the provider.
fn companions(workload: &mut Workload, other: &Provider, called: &BTreeMap<String, String>) {
    for container in workload.containers.values_mut() {
        let hosts: Vec<String> = container
            .variables
            .iter()
            .filter(|(_, setting)| {
                setting.texts().any(|text| {
                    matches!(text.0.as_slice(), [Piece::Output { resource, key: "hostname" }]
                        if called.values().any(|known| known == resource))
                })
            })
            .filter_map(|(name, _)| name.rsplit_once('_').map(|(prefix, _)| prefix.to_owned()))
            .collect();
        for prefix in hosts {
            let Some(setting) = container.variables.get_mut(&format!("{prefix}_PORT")) else {
                continue;
            };
            for text in setting.texts_mut() {
                let port = text.as_plain().and_then(|text| text.parse().ok());
                let found = port.and_then(|port| find_port(other, Some(port)));
                if let Some(resource) = found.and_then(|found| called.get(&found)) {
                    *text = Text(vec![Piece::Output {
                        resource: resource.clone(),
                        key: "port",
                    }]);
                }
            }
        }
    }
}
