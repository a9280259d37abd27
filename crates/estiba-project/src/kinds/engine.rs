//! Container engines that speak Docker's API, on this machine.

use schemars::{Schema, SchemaGenerator, json_schema};

use super::local::{CAPABILITIES, THIS_MACHINE, address, port};
use super::{Kind, provided};

pub(super) const DOCKER: Kind = Kind {
    name: "docker",
    schema: settings,
    resources: &[
        provided("dns", &[]),
        provided("environment", &[]),
        provided("postgres", &["image", "url"]),
        provided("route", &[]),
        provided("service-port", &[]),
        provided("volume", &[]),
    ],
    capabilities: CAPABILITIES,
    place: |project, environment| format!("docker/{project}/{environment}"),
    network: THIS_MACHINE,
    needs_registry: false,
    mistake: |_| None,
};

pub(super) const PODMAN: Kind = Kind {
    name: "podman",
    place: |project, environment| format!("podman/{project}/{environment}"),
    ..DOCKER
};

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
