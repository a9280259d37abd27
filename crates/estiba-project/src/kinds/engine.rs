//! Container engines that speak Docker's API, on this machine.

use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use super::local::{CAPABILITIES, THIS_MACHINE, address, port};
use super::{Kind, MAIL_SETTINGS, provided};

pub(super) const DOCKER: Kind = Kind {
    name: "docker",
    schema: settings,
    resources: &[
        provided("dns", &[]),
        provided("environment", &[]),
        provided("postgres", &["image", "url"]),
        provided("route", &[]),
        provided("service-port", &[]),
        provided("smtp", MAIL_SETTINGS),
        provided("volume", &[]),
    ],
    capabilities: CAPABILITIES,
    newer: &[],
    place: |project, environment| format!("docker/{project}/{environment}"),
    runtime: |settings| socket(settings, "docker's own"),
    network: THIS_MACHINE,
    address: |_| None,
    gives_addresses: |_| true,
    needs_registry: false,
    mistakes: |_| Vec::new(),
    app: None,
};

pub(super) const PODMAN: Kind = Kind {
    name: "podman",
    place: |project, environment| format!("podman/{project}/{environment}"),
    runtime: |settings| socket(settings, "podman's own"),
    ..DOCKER
};

/// An engine is where its socket is, of whatever kind the target is.
fn socket(settings: &Map<String, Value>, usual: &str) -> String {
    let socket = settings.get("socket").and_then(Value::as_str);
    let path = socket.map(|socket| socket.strip_prefix("unix://").unwrap_or(socket));
    // One is a link to the other.
    let path = path.map(|path| path.replacen("/var/run/", "/run/", 1));
    let path = path.unwrap_or_else(|| usual.to_owned());
    format!("engine:{path}")
}

fn settings(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "socket": {
                "description": "The socket of the engine, which has to run on this machine.",
                "type": "string",
                "examples": ["/var/run/docker.sock", "/run/podman/podman.sock"],
            },
            "port": port(),
            "address": address(),
        },
        "additionalProperties": false,
    })
}
