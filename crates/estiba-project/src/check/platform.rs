//! What a platform that is not ours does in its own way, and whether a workload can
//! live with it.

use estiba_model::{Container, LOGS_ANNOTATION, Name, Project, ProjectWorkload, message};
use estiba_target::Capability;
use serde_json::Value;

use super::kind_of;
use crate::finding::{Findings, Spot};
use crate::kinds::Kind;

/// The port at which a platform wants a workload to listen.
const PORT: &str = "PORT";

pub(super) fn check(project: &Project, found: &mut Findings) {
    for environment in project.environments.values() {
        for (workload, target) in &environment.placement {
            let kind = kind_of(project, target);
            let (Some(user), Some(kind)) = (project.workloads.get(workload), kind) else {
                continue;
            };
            several_ports(user, kind, found);
            file_logs(user, kind, found);
            for (name, container) in &user.workload.containers {
                files(user, (name, container), kind, found);
                probes(user, (name, container), kind, found);
                port_variable(user, (name, container), kind, found);
            }
            if kind.app.is_some() {
                own_hosts(user, kind, found);
            }
            shared_hosts(user, kind, found);
            let elsewhere = |other: &str| kind_of(project, environment.placement.get(other)?);
            public_addresses(user, &elsewhere, found);
        }
    }
}

fn several_ports(user: &ProjectWorkload, kind: &Kind, found: &mut Findings) {
    let ports = &user.workload.ports;
    if ports.len() < 2 || kind.capabilities.contains(&Capability::SeveralPorts) {
        return;
    }
    let (target, count) = (kind.name, ports.len());
    found.error(
        "unsupported-capability",
        Spot::value(&user.file, &["service", "ports"]).of_key(),
        message!(
            "a target of kind {target} leads to one port of each workload, and this one has {count}",
            "una plataforma de tipo {target} lleva a un puerto de cada componente, y este tiene {count}"
        ),
        message!(
            "serve everything at one port, or make a workload of its own of each",
            "sirva todo en un puerto, o haga de cada uno un componente propio"
        ),
    );
}

/// Files of logs are read by a container beside those of the workload.
fn file_logs(user: &ProjectWorkload, kind: &Kind, found: &mut Findings) {
    if user.workload.file_logs().is_none() || kind.capabilities.contains(&Capability::Sidecars) {
        return;
    }
    let target = kind.name;
    found.error(
        "unsupported-capability",
        Spot::value(&user.file, &["metadata", "annotations", LOGS_ANNOTATION]).of_key(),
        message!(
            "a target of kind {target} has no containers beside a workload's own, so nobody reads the logs that it writes to files",
            "una plataforma de tipo {target} no tiene contenedores al lado del propio del componente, así que nadie lee los logs que este escribe en archivos"
        ),
        message!(
            "let it log to standard output; or post its lines, or drain them, to `estiba ship`",
            "haga que escriba sus logs en la salida estándar; o envíe sus líneas, o un drenaje, a `estiba ship`"
        ),
    );
}

fn files(
    user: &ProjectWorkload,
    (name, container): (&Name, &Container),
    kind: &Kind,
    found: &mut Findings,
) {
    if container.files.is_empty() || kind.capabilities.contains(&Capability::Files) {
        return;
    }
    let target = kind.name;
    found.error(
        "unsupported-capability",
        Spot::value(&user.file, &["containers", name.as_str(), "files"]).of_key(),
        message!(
            "a target of kind {target} puts no files into containers",
            "una plataforma de tipo {target} no pone archivos en los contenedores"
        ),
        message!(
            "put them into the image, or what is in them into a variable",
            "póngalos en la imagen, o su contenido en una variable"
        ),
    );
}

fn probes(
    user: &ProjectWorkload,
    (name, container): (&Name, &Container),
    kind: &Kind,
    found: &mut Findings,
) {
    let target = kind.name;
    let has = |capability| kind.capabilities.contains(&capability);
    for (key, probe) in [
        ("livenessProbe", &container.liveness),
        ("readinessProbe", &container.readiness),
    ] {
        let Some(probe) = probe else { continue };
        let spot = || Spot::value(&user.file, &["containers", name.as_str(), key]).of_key();
        if probe.exec.is_some() && !has(Capability::CommandProbes) {
            found.warning(
                "ignored-probe",
                spot(),
                message!(
                    "a target of kind {target} runs no commands to ask a container how it is: this one is not run there",
                    "una plataforma de tipo {target} no ejecuta comandos para preguntar a un contenedor cómo está: este no se ejecuta allí"
                ),
                message!(
                    "let the workload end when it can't go on: it is started again then",
                    "haga que el componente termine cuando no pueda seguir: entonces se lo inicia de nuevo"
                ),
            );
        }
        if key == "livenessProbe" && probe.http.is_some() && !has(Capability::LivenessProbes) {
            found.warning(
                "ignored-probe",
                spot(),
                message!(
                    "a target of kind {target} asks only while it deploys: a container that hangs later is not started again",
                    "una plataforma de tipo {target} solo pregunta mientras despliega: un contenedor que se cuelga después no se reinicia"
                ),
                message!(
                    "let the workload end when it can't go on: it is started again then",
                    "haga que el componente termine cuando no pueda seguir: entonces se lo inicia de nuevo"
                ),
            );
        }
    }
}

/// A port of one's own choice, where the platform chooses.
fn port_variable(
    user: &ProjectWorkload,
    (name, container): (&Name, &Container),
    kind: &Kind,
    found: &mut Findings,
) {
    if kind.app.is_none() || !container.variables.contains_key(PORT) {
        return;
    }
    let target = kind.name;
    found.warning(
        "ignored-port",
        Spot::value(&user.file, &["containers", name.as_str(), "variables", PORT]),
        message!(
            "a target of kind {target} sets PORT itself, to another port each time: this value is not used there",
            "una plataforma de tipo {target} define PORT por sí misma, cada vez con otro puerto: este valor no se usa allí"
        ),
        message!(
            "let the program listen at $PORT, and leave the variable out",
            "haga que el programa escuche en $PORT, y omita la variable"
        ),
    );
}

/// Host names that are their owner's to lead to an app.
fn own_hosts(user: &ProjectWorkload, kind: &Kind, found: &mut Findings) {
    let target = kind.name;
    for (name, resource) in &user.workload.resources {
        let host = resource.params.get("host").and_then(Value::as_str);
        if resource.kind != "route" || host.is_none() {
            continue;
        }
        found.warning(
            "own-domain",
            Spot::value(&user.file, &["resources", name.as_str(), "params", "host"]),
            message!(
                "a target of kind {target} leads a host name of your own to the workload only once you have added it there; its own address works without",
                "una plataforma de tipo {target} solo lleva un host propio al componente cuando usted lo agregó allí; su propia dirección funciona sin eso"
            ),
            message!(
                "add it once: heroku domains:add HOST --app APP; Estiba leaves domains alone",
                "agréguelo una vez: heroku domains:add HOST --app APLICACIÓN; Estiba no toca los dominios"
            ),
        );
    }
}

/// Routes by path, where a workload gets all that comes to its host.
fn shared_hosts(user: &ProjectWorkload, kind: &Kind, found: &mut Findings) {
    if kind.capabilities.contains(&Capability::SharedHosts) {
        return;
    }
    let target = kind.name;
    for (name, resource) in &user.workload.resources {
        let path = resource.params.get("path").and_then(Value::as_str);
        let Some(path) = path.filter(|path| resource.kind == "route" && *path != "/") else {
            continue;
        };
        found.error(
            "unsupported-capability",
            Spot::value(&user.file, &["resources", name.as_str(), "params", "path"]),
            message!(
                "on a target of kind {target} a workload has a host of its own and gets every path of it, not {path} alone",
                "en una plataforma de tipo {target} un componente tiene un host propio y recibe todas sus rutas, no solo {path}"
            ),
            message!(
                "write \"/\", and let the workload answer at the paths that it serves",
                "escriba «/», y haga que el componente responda en las rutas que sirve"
            ),
        );
    }
}

/// Workloads that are reached as by everybody else.
fn public_addresses(
    user: &ProjectWorkload,
    kind_of: &dyn Fn(&str) -> Option<&'static Kind>,
    found: &mut Findings,
) {
    for (name, resource) in &user.workload.resources {
        let provider = resource.params.get("workload").and_then(Value::as_str);
        let Some(provider) = provider.filter(|_| resource.kind == "service-port") else {
            continue;
        };
        let Some(kind) = kind_of(provider) else {
            continue;
        };
        if kind.capabilities.contains(&Capability::PrivateNetwork) {
            continue;
        }
        let target = kind.name;
        found.warning(
            "public-address",
            Spot::value(&user.file, &["resources", name.as_str(), "type"]),
            message!(
                "a target of kind {target} has no network of its own: {provider} is reached at its public address, by everybody, and over plain HTTP unless the URL says https",
                "una plataforma de tipo {target} no tiene una red propia: se llega a {provider} por su dirección pública, cualquiera puede, y sin cifrar salvo que la URL diga https"
            ),
            message!(
                "let {provider} ask for a key, which both have as a secret",
                "haga que {provider} pida una clave, que ambos tengan como secreto"
            ),
        );
    }
}
