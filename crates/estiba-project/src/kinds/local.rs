//! Containers that Estiba runs itself, on this machine.

use estiba_target::Capability;
use schemars::{Schema, SchemaGenerator, json_schema};

use super::{Kind, MAIL_SETTINGS, provided};

pub(super) const LOCAL: Kind = Kind {
    name: "local",
    schema: settings,
    resources: &[
        provided("dns", &[]),
        provided("environment", &[]),
        provided("postgres", &["url"]),
        provided("route", &[]),
        provided("service-port", &[]),
        provided("smtp", MAIL_SETTINGS),
        provided("volume", &[]),
    ],
    capabilities: CAPABILITIES,
    newer: &[],
    // Every name that the machine sees is derived from these three.
    place: |project, environment| format!("local/{project}/{environment}"),
    runtime: |_| "local".to_owned(),
    network: THIS_MACHINE,
    address: |_| None,
    gives_addresses: |_| true,
    needs_registry: false,
    mistakes: |_| Vec::new(),
    app: None,
};

/// All targets of the machine that Estiba itself runs on have one edge.
pub(super) const THIS_MACHINE: &str = "local";

pub(super) const CAPABILITIES: &[Capability] = &[
    Capability::Volumes,
    Capability::Sidecars,
    Capability::Postgres,
    Capability::Limits,
    Capability::ProbesOfTwoKinds,
    Capability::AwaitingHealthy,
    Capability::Files,
    Capability::SeveralPorts,
    Capability::Tasks,
    Capability::LivenessProbes,
    Capability::CommandProbes,
    Capability::PrivateNetwork,
    Capability::SharedHosts,
];

fn settings(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": { "port": port(), "address": address() },
        "additionalProperties": false,
    })
}

/// Where workloads on other targets reach this machine.
pub(super) fn address() -> serde_json::Value {
    serde_json::json!({
        "description": "The IP address at which workloads on other targets reach this machine.",
        "type": "string",
    })
}

/// The port of the edge.
pub(super) fn port() -> serde_json::Value {
    serde_json::json!({
        "description": "The port at which people reach the workloads of this machine.",
        "type": "integer",
        "minimum": 1,
        "maximum": 65535,
    })
}
