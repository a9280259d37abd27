//! The kinds of target that this version has: what each can do and where it
//! puts things. No other file of this crate names one.

use estiba_model::{Name, ProjectId};
use estiba_target::Capability;
use schemars::{Schema, SchemaGenerator, json_schema};

/// A kind of target.
pub(crate) struct Kind {
    pub name: &'static str,
    /// What the kind reads from `targets` besides `kind`.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// The Score types that it provides.
    pub resources: &'static [Provided],
    pub capabilities: &'static [Capability],
    /// Where an environment runs; environments of equal places would run over
    /// one another.
    pub place: fn(&ProjectId, &Name) -> String,
    /// What shares host names: two routes of one host on one network collide.
    pub network: &'static str,
}

/// A Score type that a kind provides.
pub(crate) struct Provided {
    pub kind: &'static str,
    /// What `resources` of an environment may say about it, without `-from`.
    pub settings: &'static [&'static str],
}

const LOCAL: Kind = Kind {
    name: "local",
    schema: local_settings,
    resources: &[
        Provided {
            kind: "dns",
            settings: &[],
        },
        Provided {
            kind: "environment",
            settings: &[],
        },
        Provided {
            kind: "postgres",
            settings: &["url"],
        },
        Provided {
            kind: "route",
            settings: &[],
        },
        Provided {
            kind: "service-port",
            settings: &[],
        },
        Provided {
            kind: "volume",
            settings: &[],
        },
    ],
    capabilities: &[
        Capability::Volumes,
        Capability::Sidecars,
        Capability::Postgres,
        Capability::Limits,
    ],
    // Every name that the machine sees is derived from these three.
    place: |project, environment| format!("local/{project}/{environment}"),
    // All targets of this kind are the machine that Estiba itself runs on.
    network: "local",
};

const DOCKER: Kind = Kind {
    name: "docker",
    schema: engine_settings,
    resources: ENGINE_RESOURCES,
    capabilities: LOCAL.capabilities,
    place: |project, environment| format!("docker/{project}/{environment}"),
    // One edge serves all that runs on this machine.
    network: LOCAL.network,
};

const PODMAN: Kind = Kind {
    name: "podman",
    place: |project, environment| format!("podman/{project}/{environment}"),
    ..DOCKER
};

const ENGINE_RESOURCES: &[Provided] = &[
    Provided {
        kind: "dns",
        settings: &[],
    },
    Provided {
        kind: "environment",
        settings: &[],
    },
    Provided {
        kind: "postgres",
        settings: &["image", "url"],
    },
    Provided {
        kind: "route",
        settings: &[],
    },
    Provided {
        kind: "service-port",
        settings: &[],
    },
    Provided {
        kind: "volume",
        settings: &[],
    },
];

fn local_settings(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "port": {
                "description": "The port at which people reach the workloads of this machine.",
                "type": "integer",
                "minimum": 1,
                "maximum": 65535,
            },
        },
        "additionalProperties": false,
    })
}

fn engine_settings(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "properties": {
            "socket": {
                "description": "The socket of the engine, which has to run on this machine.",
                "type": "string",
                "examples": ["/var/run/docker.sock", "/run/podman/podman.sock"],
            },
            "port": {
                "description": "The port at which people reach the workloads of this machine.",
                "type": "integer",
                "minimum": 1,
                "maximum": 65535,
            },
            "address": {
                "description": "The IP address at which other machines reach this one.",
                "type": "string",
            },
        },
        "additionalProperties": false,
    })
}

/// The kinds of this version.
pub(crate) const ALL: &[Kind] = &[DOCKER, LOCAL, PODMAN];

/// Kinds that later versions will have.
pub(crate) const LATER: &[&str] = &["heroku", "kubernetes", "nomad"];

/// The kind of this name.
pub(crate) fn find(name: &str) -> Option<&'static Kind> {
    ALL.iter().find(|kind| kind.name == name)
}
