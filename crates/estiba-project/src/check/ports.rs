//! Resources that name a port: `service-port` of another workload, `route` of
//! their own.

use estiba_model::{Name, Project, ProjectWorkload, Resource, Workload, message};
use serde_json::Value;

use super::Declared;
use crate::finding::{Findings, Spot, instead};

pub(super) fn check(project: &Project, declared: &Declared, found: &mut Findings) {
    for user in project.workloads.values() {
        for (name, resource) in &user.workload.resources {
            match resource.kind.as_str() {
                "service-port" => service_port(project, declared, user, name, resource, found),
                "route" => route(user, name, resource, found),
                _ => {}
            }
        }
    }
}

fn param_spot(user: &ProjectWorkload, name: &Name, key: &str) -> Spot {
    Spot::value(&user.file, &["resources", name.as_str(), "params", key])
}

fn service_port(
    project: &Project,
    declared: &Declared,
    user: &ProjectWorkload,
    name: &Name,
    resource: &Resource,
    found: &mut Findings,
) {
    // The Score reader refuses one without.
    let Some(wanted) = resource.params.get("workload").and_then(Value::as_str) else {
        return;
    };
    if wanted.contains("${") {
        return;
    }
    match (project.workloads.get(wanted), &declared.workloads) {
        (Some(provider), _) => port_of(user, name, resource, &provider.workload, found),
        (None, Some(workloads)) if !workloads.contains(wanted) => found.error(
            "unknown-workload",
            param_spot(user, name, "workload"),
            message!(
                "no Score file of this project has a workload \"{wanted}\"",
                "ningún archivo Score de este proyecto tiene un componente «{wanted}»"
            ),
            instead(wanted, workloads.iter().map(String::as_str)),
        ),
        _ => {}
    }
}

fn route(user: &ProjectWorkload, name: &Name, resource: &Resource, found: &mut Findings) {
    // The Score reader looks at a port that is named.
    if !resource.params.contains_key("port") {
        port_of(user, name, resource, &user.workload, found);
    }
    let path = resource.params.get("path").and_then(Value::as_str);
    if let Some(path) = path.filter(|path| !path.starts_with(['/', '$'])) {
        found.error(
            "bad-route",
            param_spot(user, name, "path"),
            message!(
                "the path of a route begins with a slash, and \"{path}\" does not",
                "la ruta de un route empieza con una barra, y «{path}» no"
            ),
            message!("write \"/{path}\"", "escriba «/{path}»"),
        );
    }
}

/// Whether `provider` has the port that `resource` names: by its name or
/// number, or none where there is only one.
fn port_of(
    user: &ProjectWorkload,
    name: &Name,
    resource: &Resource,
    provider: &Workload,
    found: &mut Findings,
) {
    let of = &provider.name;
    let port = resource.params.get("port");
    if provider.ports.is_empty() {
        found.error(
            "unknown-port",
            param_spot(user, name, "port"),
            message!("{of} has no ports", "{of} no tiene puertos"),
            message!(
                "add `service: {{ ports: … }}` to the Score file of {of}, or remove the resource {name}",
                "agregue `service: {{ ports: … }}` al archivo Score de {of}, o quite el recurso {name}"
            ),
        );
        return;
    }
    let wanted = match port {
        None if provider.ports.len() == 1 => return,
        None => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let number = wanted.parse::<u16>().ok();
    let by_number = provider
        .ports
        .values()
        .any(|p| Some(p.port) == number || Some(p.target_port) == number);
    if wanted.contains("${") || by_number || provider.ports.contains_key(&wanted) {
        return;
    }
    found.error(
        "unknown-port",
        param_spot(user, name, "port"),
        match port {
            None => message!(
                "{of} has several ports, and the resource {name} names none of them",
                "{of} tiene varios puertos, y el recurso {name} no indica ninguno"
            ),
            Some(_) => message!(
                "{of} has no port \"{wanted}\"",
                "{of} no tiene un puerto «{wanted}»"
            ),
        },
        instead(&wanted, provider.ports.keys().map(String::as_str)),
    );
}
