//! Two environments never resolve to the same place.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use estiba_model::{Environment, Name, Project, ProjectWorkload, Resource, message};
use estiba_score::placeholder::{Root, Template};
use serde_json::Value;

use super::{environment_spot, kind_of, project_file};
use crate::finding::{Findings, Spot};
use crate::kinds::Kind;
use crate::references::ENVIRONMENT;

pub(super) fn check(project: &Project, found: &mut Findings) {
    same_place(project, found);
    same_runtime(project, found);
    same_route(project, found);
    same_address(project, found);
}

fn same_place(project: &Project, found: &mut Findings) {
    let mut taken: BTreeMap<String, &Name> = BTreeMap::new();
    for (name, environment) in &project.environments {
        for (workload, target) in &environment.placement {
            let Some(kind) = kind_of(project, target) else {
                continue;
            };
            let owner = *taken.entry((kind.place)(&project.id, name)).or_insert(name);
            if owner == name {
                continue;
            }
            found.error(
                "same-place",
                environment_spot(project, name, &["on", workload.as_str()]),
                message!(
                    "{owner} and {name} are the same place: deploying one would replace the other",
                    "{owner} y {name} son el mismo lugar: desplegar uno reemplazaría al otro"
                ),
                message!(
                    "give one of them another target",
                    "indique otra plataforma para uno de los dos"
                ),
            );
        }
    }
}

/// Two targets of one environment that are one runtime: each would end what the
/// other starts.
fn same_runtime(project: &Project, found: &mut Findings) {
    for (name, environment) in &project.environments {
        let mut taken: BTreeMap<String, &Name> = BTreeMap::new();
        for (workload, target) in &environment.placement {
            let (Some(kind), Some(config)) =
                (kind_of(project, target), project.targets.get(target))
            else {
                continue;
            };
            let runtime = (kind.runtime)(&config.settings);
            let owner = *taken.entry(runtime).or_insert(target);
            if owner == target {
                continue;
            }
            found.error(
                "same-runtime",
                environment_spot(project, name, &["on", workload.as_str()]),
                message!(
                    "targets {owner} and {target} are the same runtime: each would end what the other starts",
                    "las plataformas {owner} y {target} son la misma: cada una terminaría lo que inicia la otra"
                ),
                message!(
                    "place all workloads on one of them",
                    "ubique todos los componentes en una de ellas"
                ),
            );
        }
    }
}

/// A pattern of addresses that gives several workloads of an environment the same.
fn same_address(project: &Project, found: &mut Findings) {
    for (target, config) in &project.targets {
        let pattern = kind_of(project, target).and_then(|kind| (kind.address)(&config.settings));
        let Some(pattern) = pattern.filter(|pattern| !pattern.contains("{workload}")) else {
            continue;
        };
        let clash = project.environments.values().find_map(|environment| {
            let placed = environment.placement.iter();
            let reached: Vec<&str> = placed
                .filter(|(workload, on)| *on == target && gets_address(project, workload))
                .map(|(workload, _)| workload.as_str())
                .collect();
            (reached.len() > 1).then(|| reached.join(", "))
        });
        let Some(workloads) = clash else { continue };
        found.error(
            "same-place",
            Spot::value(
                &project_file(project),
                &["targets", target.as_str(), "ingress"],
            ),
            message!(
                "\"{pattern}\" is one address for {workloads}",
                "«{pattern}» es una sola dirección para {workloads}"
            ),
            message!("put {{workload}} into it", "agregue {{workload}}"),
        );
    }
}

/// Whether a workload has a port and no route that says another host.
fn gets_address(project: &Project, workload: &Name) -> bool {
    let Some(workload) = project.workloads.get(workload).map(|one| &one.workload) else {
        return false;
    };
    let has_host = |resource: &Resource| {
        resource.kind == "route" && resource.params.get("host").is_some_and(Value::is_string)
    };
    !workload.ports.is_empty() && !workload.resources.values().any(has_host)
}

/// An address that a workload takes in an environment.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Address {
    network: &'static str,
    host: String,
    path: String,
}

fn same_route(project: &Project, found: &mut Findings) {
    let mut taken: BTreeMap<Address, (&Name, &Name)> = BTreeMap::new();
    for (name, environment) in &project.environments {
        for (workload, target) in &environment.placement {
            let Some(user) = project.workloads.get(workload) else {
                continue;
            };
            let Some(kind) = kind_of(project, target) else {
                continue;
            };
            for (resource_name, resource) in &user.workload.resources {
                let Some(address) = address(kind, environment, user, resource) else {
                    continue;
                };
                let spot = Spot::value(
                    &user.file,
                    &["resources", resource_name.as_str(), "params", "host"],
                );
                let (host, path) = (address.host.clone(), address.path.clone());
                let (other_name, other) = match taken.entry(address) {
                    Entry::Vacant(free) => {
                        free.insert((name, workload));
                        continue;
                    }
                    Entry::Occupied(owner) => *owner.get(),
                };
                if (other_name, other) == (name, workload) {
                    continue;
                }
                found.error(
                    "same-place",
                    spot,
                    message!(
                        "{host}{path} would lead to {other} of {other_name} and to {workload} of {name}",
                        "{host}{path} llevaría a {other} de {other_name} y a {workload} de {name}"
                    ),
                    message!(
                        "leave `host` out, or take it from a `type: environment` resource and set it in `config` of each environment",
                        "omita `host`, o tómelo de un recurso `type: environment` y defínalo en `config` de cada ambiente"
                    ),
                );
            }
        }
    }
}

/// The addresses that the routes of a workload say, by resource.
pub(crate) fn hosts(
    kind: &Kind,
    environment: &Environment,
    user: &ProjectWorkload,
) -> Vec<(Name, String)> {
    let resources = user.workload.resources.iter();
    let addresses = resources.filter_map(|(name, resource)| {
        let Address { host, path, .. } = address(kind, environment, user, resource)?;
        Some((name.clone(), format!("{host}{path}")))
    });
    addresses.collect()
}

/// The address of a route with a host; without one it is the target's own for
/// the workload and the environment, which no other has.
fn address(
    kind: &Kind,
    environment: &Environment,
    user: &ProjectWorkload,
    resource: &Resource,
) -> Option<Address> {
    if resource.kind != "route" {
        return None;
    }
    let host = resource.params.get("host")?.as_str()?;
    let path = resource
        .params
        .get("path")
        .and_then(Value::as_str)
        .unwrap_or("/");
    Some(Address {
        network: kind.network,
        host: with_config(host, environment, user)?.to_ascii_lowercase(),
        path: with_config(path, environment, user)?,
    })
}

/// `text` with the values of `config` in place; `None` where it needs others.
fn with_config(text: &str, environment: &Environment, user: &ProjectWorkload) -> Option<String> {
    let template = Template::parse(text).ok()?;
    let value = |root: &Root, path: &[String]| match (root, path) {
        (Root::Resources, [name, key]) => {
            let resource = user.workload.resources.get(name.as_str())?;
            let value = environment.config.get(key)?;
            (resource.kind == ENVIRONMENT).then(|| value.clone())
        }
        (Root::Metadata, [key]) => Some(user.workload.metadata.get(key)?.as_str()?.to_owned()),
        _ => None,
    };
    let unknown = || message!("not known here", "no se conoce aquí");
    template
        .expand(&|reference| value(&reference.root, &reference.path).ok_or_else(unknown))
        .ok()
}
