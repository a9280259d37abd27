//! What one Score file describes, after reading: deprecated forms upgraded,
//! quantities parsed, placeholders not yet expanded.
//!
//! The source of every rule is the Score specification, v1b1
//! (<https://docs.score.dev/docs/score-specification/score-spec-reference/>).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::{Name, Smoke};

/// The annotation that names the container which migrates the database: it runs
/// once for a release, to its end, before any new instance starts.
pub const MIGRATION_ANNOTATION: &str = "estiba.dev/migration";

/// The annotation that names the container with the acceptance tests: it runs to its
/// end after a deployment, in the environments that ask for it.
pub const ACCEPTANCE_ANNOTATION: &str = "estiba.dev/acceptance";

/// The annotation that says how many seconds acceptance tests may take.
pub const ACCEPTANCE_SECONDS_ANNOTATION: &str = "estiba.dev/acceptance-seconds";

/// How long they may take where nothing is said: longer than that they hang.
const ACCEPTANCE_LIMIT: Duration = Duration::from_secs(10 * 60);

/// The annotation that says where a workload answers with its version: see
/// [`Smoke`].
pub const SMOKE_ANNOTATION: &str = "estiba.dev/smoke";

/// The annotation that names the program to pack: of a Cargo package that has
/// several, or, with a `/`, the path of one that is already built.
pub const PROGRAM_ANNOTATION: &str = "estiba.dev/program";

/// A workload: containers that live together, and what they need.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// `metadata.name`.
    pub name: Name,
    /// `metadata.annotations`.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// All of `metadata`, for `${metadata.…}`.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// `service.ports`.
    #[serde(default)]
    pub ports: BTreeMap<String, ServicePort>,
    /// `containers`: one at least.
    pub containers: BTreeMap<Name, Container>,
    /// `resources`.
    #[serde(default)]
    pub resources: BTreeMap<Name, Resource>,
}

impl Workload {
    /// The container that migrates, where the workload names one.
    #[must_use]
    pub fn migration(&self) -> Option<(&Name, &Container)> {
        self.named(MIGRATION_ANNOTATION)
    }

    /// The container with the acceptance tests, where the workload names one.
    #[must_use]
    pub fn acceptance(&self) -> Option<(&Name, &Container)> {
        self.named(ACCEPTANCE_ANNOTATION)
    }

    /// How long its acceptance tests may take.
    #[must_use]
    pub fn acceptance_limit(&self) -> Duration {
        let seconds = self.annotations.get(ACCEPTANCE_SECONDS_ANNOTATION);
        let seconds = seconds.and_then(|text| text.parse::<u32>().ok());
        seconds.map_or(ACCEPTANCE_LIMIT, |seconds| {
            Duration::from_secs(seconds.into())
        })
    }

    fn named(&self, annotation: &str) -> Option<(&Name, &Container)> {
        let name = self.annotations.get(annotation)?;
        self.containers.get_key_value(name.as_str())
    }

    /// Where it answers with its version, where it says so.
    #[must_use]
    pub fn smoke(&self) -> Option<Smoke> {
        self.annotations.get(SMOKE_ANNOTATION)?.parse().ok()
    }

    /// Whether it has instances: one that only has acceptance tests has none.
    #[must_use]
    pub fn has_instances(&self) -> bool {
        self.instance_containers().next().is_some()
    }

    /// The path of the program that `image: .` packs as it is, relative to the
    /// folder of the Score file, where the workload names one.
    #[must_use]
    pub fn built_program(&self) -> Option<&str> {
        let program = self.annotations.get(PROGRAM_ANNOTATION)?;
        program.contains('/').then_some(program)
    }

    /// The containers of an instance: all but those that migrate or accept.
    pub fn instance_containers(&self) -> impl Iterator<Item = (&Name, &Container)> {
        let end = [MIGRATION_ANNOTATION, ACCEPTANCE_ANNOTATION];
        let end = end.map(|annotation| self.annotations.get(annotation));
        self.containers
            .iter()
            .filter(move |(name, _)| !end.iter().flatten().any(|one| *one == name.as_str()))
    }

    /// The containers in an order that honours `before`; those of equal rank by
    /// name. Cycles are refused when the file is read.
    #[must_use]
    pub fn start_order(&self) -> Vec<&Name> {
        let mut order: Vec<&Name> = Vec::new();
        let mut left: BTreeSet<&Name> = self.instance_containers().map(|(n, _)| n).collect();
        while !left.is_empty() {
            let next = left
                .iter()
                .copied()
                .find(|name| {
                    !left.iter().any(|other| {
                        other != name && self.containers[*other].before.contains_key(*name)
                    })
                })
                .or_else(|| left.first().copied());
            let Some(next) = next else { break };
            left.remove(next);
            order.push(next);
        }
        order
    }
}

/// A port that the workload's service offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServicePort {
    /// The port that clients use.
    pub port: u16,
    /// The port that the container listens on; `port` where the file has none.
    pub target_port: u16,
    /// TCP or UDP.
    #[serde(default)]
    pub protocol: Protocol,
}

/// A transport protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Protocol {
    /// TCP.
    #[default]
    Tcp,
    /// UDP.
    Udp,
}

/// One container of a workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Container {
    /// Where the image comes from.
    pub image: ImageSource,
    /// Replaces the image's entry point; empty keeps it.
    #[serde(default)]
    pub command: Vec<String>,
    /// Replaces the image's arguments; empty keeps them.
    #[serde(default)]
    pub args: Vec<String>,
    /// Environment variables, with placeholders.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// Files by their path in the container.
    #[serde(default)]
    pub files: BTreeMap<String, File>,
    /// Mounted volumes by their path in the container.
    #[serde(default)]
    pub volumes: BTreeMap<String, VolumeMount>,
    /// What it may use at the most.
    #[serde(default)]
    pub limits: Quantities,
    /// What it needs at the least.
    #[serde(default)]
    pub requests: Quantities,
    /// Restarted when this fails.
    #[serde(default)]
    pub liveness: Option<Probe>,
    /// Gets traffic while this passes.
    #[serde(default)]
    pub readiness: Option<Probe>,
    /// Containers that wait for this one, and for what.
    #[serde(default)]
    pub before: BTreeMap<Name, Ready>,
}

/// Where a container's image comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ImageSource {
    /// `image: .`: built from the source beside the Score file.
    Built,
    /// An image by reference, as `docker pull` takes it.
    Reference(String),
}

/// What a container that waits for another waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ready {
    /// It has started.
    Started,
    /// Its readiness probe passes.
    Healthy,
    /// It has ended with code 0.
    Complete,
}

/// A file put into a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// What is in it.
    pub data: FileData,
    /// Permission bits.
    pub mode: Option<u32>,
    /// Leave placeholders in the content as they are.
    #[serde(default)]
    pub no_expand: bool,
}

/// The content of a [`File`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileData {
    /// A file of the project, relative to the Score file. A release has none:
    /// making one reads them.
    Source(PathBuf),
    /// Text, with placeholders.
    Content(String),
    /// Bytes, never expanded.
    Binary(#[serde(with = "hex_bytes")] Vec<u8>),
}

/// A volume mounted into a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeMount {
    /// The volume, normally `${resources.NAME}` or `${resources.NAME.source}`.
    pub source: String,
    /// A folder inside the volume.
    pub path: Option<String>,
    /// Not writable.
    #[serde(default)]
    pub read_only: bool,
}

/// Amounts of CPU and memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Quantities {
    /// Thousandths of a core.
    pub cpu_millis: Option<u64>,
    /// Bytes of memory.
    pub memory_bytes: Option<u64>,
}

/// How to ask a container how it is: HTTP, a command, or both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Probe {
    /// Passes when the answer's status is from 200 to 399.
    pub http: Option<HttpProbe>,
    /// Passes when the command ends with code 0.
    pub exec: Option<Vec<String>>,
}

/// A GET request as a probe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpProbe {
    /// `HTTP` or `HTTPS`.
    pub scheme: HttpScheme,
    /// The host to ask; the instance itself where there is none.
    pub host: Option<String>,
    /// The container's port.
    pub port: u16,
    /// The path, with a leading slash.
    pub path: String,
    /// Headers of the request.
    #[serde(default)]
    pub headers: Vec<(String, String)>,
}

/// A scheme of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpScheme {
    /// In clear.
    #[default]
    Http,
    /// Over TLS; the certificate is not checked, as in Kubernetes.
    Https,
}

/// Something that a workload needs and an environment provides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Resource {
    /// `type`, for example `postgres`.
    pub kind: String,
    /// `class`; `default` where the file has none.
    pub class: String,
    /// `id`: shared by all workloads that name it.
    pub id: Option<String>,
    /// `metadata`.
    #[serde(default)]
    pub metadata: Map<String, Value>,
    /// `params`, with placeholders.
    #[serde(default)]
    pub params: Map<String, Value>,
}

impl Resource {
    /// What makes it one with an equal one: `type.class#id`, or
    /// `type.class#workload.name` for one that has no id.
    #[must_use]
    pub fn identity(&self, workload: &Name, name: &Name) -> ResourceId {
        let Self { kind, class, .. } = self;
        ResourceId(match &self.id {
            Some(id) => format!("{kind}.{class}#{id}"),
            None => format!("{kind}.{class}#{workload}.{name}"),
        })
    }
}

/// The identity of a resource in its environment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
pub struct ResourceId(pub String);

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

mod hex_bytes {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&hex::encode(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        hex::decode(text).map_err(serde::de::Error::custom)
    }
}
