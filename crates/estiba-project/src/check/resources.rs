//! What workloads need, and whether the targets that run them have it.

use std::collections::BTreeMap;

use estiba_model::{
    Container, Name, Project, ProjectWorkload, Protocol, Ready, Resource, ResourceId, message,
};
use estiba_target::Capability;

use super::environment_spot;
use super::kind_of;
use crate::finding::{Findings, Spot, instead};
use crate::kinds::Kind;

pub(super) fn check(project: &Project, found: &mut Findings) {
    for environment in project.environments.values() {
        for (workload, target) in &environment.placement {
            let kind = kind_of(project, target);
            let (Some(user), Some(kind)) = (project.workloads.get(workload), kind) else {
                continue;
            };
            unsupported_types(user, kind, found);
            lacking_capabilities(user, kind, found);
        }
    }
    for environment in project.environments.keys() {
        settings(project, environment, found);
    }
    conflicts(project, found);
}

fn unsupported_types(user: &ProjectWorkload, kind: &Kind, found: &mut Findings) {
    for (name, resource) in &user.workload.resources {
        if kind
            .resources
            .iter()
            .any(|provided| provided.kind == resource.kind)
        {
            continue;
        }
        let (wanted, target) = (&resource.kind, kind.name);
        found.error(
            "unsupported-resource",
            Spot::value(&user.file, &["resources", name.as_str(), "type"]),
            message!(
                "a target of kind {target} does not provide resources of type \"{wanted}\"",
                "una plataforma de tipo {target} no provee recursos de tipo «{wanted}»"
            ),
            instead(wanted, kind.resources.iter().map(|provided| provided.kind)),
        );
    }
}

fn lacking_capabilities(user: &ProjectWorkload, kind: &Kind, found: &mut Findings) {
    let target = kind.name;
    if !kind.capabilities.contains(&Capability::Udp) {
        let ports = user.workload.ports.iter();
        for (name, _) in ports.filter(|(_, port)| port.protocol == Protocol::Udp) {
            found.error(
                "unsupported-capability",
                Spot::value(&user.file, &["service", "ports", name, "protocol"]),
                message!(
                    "a target of kind {target} does not carry UDP",
                    "una plataforma de tipo {target} no transporta UDP"
                ),
                message!(
                    "use TCP for port {name}, or remove the port if no other workload uses it",
                    "use TCP para el puerto {name}, o quite el puerto si ningún otro componente lo usa"
                ),
            );
        }
    }
    if user.workload.instance_containers().count() > 1
        && !kind.capabilities.contains(&Capability::Sidecars)
    {
        found.error(
            "unsupported-capability",
            Spot::value(&user.file, &["containers"]).of_key(),
            message!(
                "a target of kind {target} runs one container for each workload",
                "una plataforma de tipo {target} ejecuta un contenedor por componente"
            ),
            message!(
                "make a workload of its own of each container",
                "haga de cada contenedor un componente propio"
            ),
        );
    }
    for (name, container) in &user.workload.containers {
        probes_of_two_kinds(user, (name, container), kind, found);
        awaiting_healthy(user, (name, container), kind, found);
    }
}

fn probes_of_two_kinds(
    user: &ProjectWorkload,
    (name, container): (&Name, &Container),
    kind: &Kind,
    found: &mut Findings,
) {
    if kind.capabilities.contains(&Capability::ProbesOfTwoKinds) {
        return;
    }
    let target = kind.name;
    for (key, probe) in [
        ("livenessProbe", &container.liveness),
        ("readinessProbe", &container.readiness),
    ] {
        if probe
            .as_ref()
            .is_some_and(|probe| probe.http.is_some() && probe.exec.is_some())
        {
            found.error(
                "unsupported-capability",
                Spot::value(&user.file, &["containers", name.as_str(), key]).of_key(),
                message!(
                    "a target of kind {target} asks either by httpGet or by exec, not by both",
                    "una plataforma de tipo {target} pregunta por httpGet o por exec, no por ambos"
                ),
                message!(
                    "leave one of them out, or let the command of exec ask by HTTP too",
                    "quite uno de los dos, o haga que el comando de exec pregunte también por HTTP"
                ),
            );
        }
    }
}

fn awaiting_healthy(
    user: &ProjectWorkload,
    (name, container): (&Name, &Container),
    kind: &Kind,
    found: &mut Findings,
) {
    let wanted = Capability::AwaitingHealthy;
    let Some((_, since)) = kind.newer.iter().find(|(newer, _)| *newer == wanted) else {
        return;
    };
    for (other, ready) in &container.before {
        if *ready == Ready::Healthy {
            let path = ["containers", name.as_str(), "before", other.as_str()];
            found.warning(
                "newer-runtime",
                Spot::value(&user.file, &path),
                message!(
                    "{other} waits until {name} is healthy only from {since} on; an older one refuses the deployment",
                    "{other} espera a que {name} esté sano solo desde {since}; uno anterior rechaza el despliegue"
                ),
                message!(
                    "on an older one use `ready: started` if the order is enough, or let {other} wait by itself",
                    "en uno anterior use `ready: started` si alcanza con el orden, o haga que {other} espere por sí mismo"
                ),
            );
        }
    }
}

/// What the environment says about resources, against what its targets read.
fn settings(project: &Project, name: &Name, found: &mut Findings) {
    let environment = &project.environments[name];
    let kinds: BTreeMap<&str, &Kind> = environment
        .placement
        .values()
        .filter_map(|target| kind_of(project, target))
        .map(|kind| (kind.name, kind))
        .collect();
    if kinds.is_empty() {
        return;
    }
    for (resource, settings) in &environment.resources {
        let spot = |path: &[&str]| {
            let path = [&["resources", resource], path].concat();
            environment_spot(project, name, &path).of_key()
        };
        let provided = || kinds.values().flat_map(|kind| kind.resources);
        let of_type = || provided().filter(|provided| provided.kind == resource);
        if of_type().next().is_none() {
            found.error(
                "unsupported-resource",
                spot(&[]),
                message!(
                    "no target of environment {name} provides resources of type \"{resource}\"",
                    "ninguna plataforma del ambiente {name} provee recursos de tipo «{resource}»"
                ),
                instead(resource, provided().map(|provided| provided.kind)),
            );
            continue;
        }
        for key in settings.keys() {
            let known = || of_type().flat_map(|provided| provided.settings).copied();
            let plain = key.strip_suffix("-from").unwrap_or(key);
            if known().any(|setting| setting == plain) {
                continue;
            }
            let from: Vec<String> = known().map(|setting| format!("{setting}-from")).collect();
            found.error(
                "unknown-setting",
                spot(&[key]),
                message!(
                    "resources of type {resource} have no setting \"{key}\" here",
                    "los recursos de tipo {resource} no tienen aquí un ajuste «{key}»"
                ),
                instead(key, known().chain(from.iter().map(String::as_str))),
            );
        }
    }
}

/// One resource that several name is one thing: its params must be the same.
fn conflicts(project: &Project, found: &mut Findings) {
    let mut first_by_id: BTreeMap<ResourceId, (&ProjectWorkload, &Name, &Resource)> =
        BTreeMap::new();
    for user in project.workloads.values() {
        let with_params = user
            .workload
            .resources
            .iter()
            .filter(|(_, r)| !r.params.is_empty());
        for (name, resource) in with_params {
            let id = resource.identity(&user.workload.name, name);
            let (first, first_name, other) = *first_by_id
                .entry(id.clone())
                .or_insert((user, name, resource));
            if other.params == resource.params {
                continue;
            }
            let first = &first.workload.name;
            found.error(
                "conflicting-resource",
                Spot::value(&user.file, &["resources", name.as_str(), "params"]),
                message!(
                    "{name} is the same resource as {first_name} of {first} ({id}), with other params",
                    "{name} es el mismo recurso que {first_name} de {first} ({id}), con otros params"
                ),
                message!(
                    "make the params equal, leave them out here, or give one of them another `id`",
                    "iguale los params, omítalos aquí, o dé a uno de los dos otro `id`"
                ),
            );
        }
    }
}
