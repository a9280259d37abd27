//! Whether workloads that are to answer with their version can be asked for it.

use std::collections::BTreeSet;

use estiba_model::{Project, Resource, SMOKE_ANNOTATION, Workload, message};
use serde_json::Value;

use super::kind_of;
use crate::finding::{Findings, Spot};

pub(super) fn check(project: &Project, found: &mut Findings) {
    let environments = project.environments.values();
    let placed: BTreeSet<_> = environments.flat_map(|one| &one.placement).collect();
    for (workload, target) in placed {
        let user = project.workloads.get(workload);
        let Some(user) = user.filter(|user| user.workload.smoke().is_some()) else {
            continue;
        };
        let Some(kind) = kind_of(project, target) else {
            continue;
        };
        let settings = &project.targets[target].settings;
        if (kind.gives_addresses)(settings) || brings_address(&user.workload) {
            continue;
        }
        let path = ["metadata", "annotations", SMOKE_ANNOTATION];
        found.error(
            "no-address",
            Spot::value(&user.file, &path).of_key(),
            message!(
                "{workload} has no address from outside on {target}, so nobody can ask it for its version",
                "{workload} no tiene una dirección desde afuera en {target}, así que nadie puede preguntarle su versión"
            ),
            message!(
                "give {target} an `ingress` in estiba.yaml, or {workload} a resource of `type: route` with a host, or remove the annotation",
                "dele a {target} un `ingress` en estiba.yaml, o a {workload} un recurso de `type: route` con un host, o quite la anotación"
            ),
        );
    }
}

/// Whether a route says a host that is an address whatever the target gives: any but
/// that of a resource of `type: dns`, which is the target's own.
fn brings_address(workload: &Workload) -> bool {
    let is_own = |host: &str| {
        let names = workload.resources.iter();
        let mut own = names.filter(|(_, resource)| resource.kind == "dns");
        own.any(|(name, _)| host.contains(&format!("${{resources.{name}.")))
    };
    let says_host = |resource: &Resource| {
        let host = resource.params.get("host").and_then(Value::as_str);
        resource.kind == "route" && host.is_some_and(|host| !is_own(host))
    };
    workload.ports.is_empty() || workload.resources.values().any(says_host)
}
