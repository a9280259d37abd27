//! Whether workloads that are to answer with their version can be asked for it.

use std::collections::BTreeSet;

use estiba_model::{Project, SMOKE_ANNOTATION, message};

use super::kind_of;
use super::places::gets_address;
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
        // A route that names its host is an address whatever the target gives.
        let settings = &project.targets[target].settings;
        if !gets_address(project, workload) || (kind.gives_addresses)(settings) {
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
