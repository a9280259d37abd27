//! What a supervisor is told, over its standard input: it holds secrets.

use std::collections::BTreeMap;
use std::path::PathBuf;

use estiba_model::{EnvironmentId, Fingerprint, InstanceName, Name, Ready, Version};
use serde::{Deserialize, Serialize};

use crate::layout::{EnvironmentDir, InstanceDir};
use crate::runtime::{ContainerId, ContainerSpec};

/// Everything that a supervisor needs.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Description {
    pub(crate) labels: Labels,
    pub(crate) purpose: Purpose,
    pub(crate) directory: InstanceDir,
    pub(crate) environment: EnvironmentDir,
    /// The directory of this instance's logs.
    pub(crate) logs: PathBuf,
    /// Where files with secrets are while it runs, in memory.
    pub(crate) files: PathBuf,
    /// The program that plays the runtime's hidden roles.
    pub(crate) helper: PathBuf,
    pub(crate) edge_socket: PathBuf,
    /// In the order in which they start; they end in the other direction.
    pub(crate) containers: Vec<ContainerPlan>,
    /// Values that must not reach the log.
    pub(crate) secrets: Vec<String>,
}

/// What a supervisor is for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Purpose {
    /// Keeps the containers running.
    Serve,
    /// Runs the container once; when it ends well, makes this file.
    Migrate { record: PathBuf },
}

/// What is known of an instance to whoever looks. No secret is in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Labels {
    pub(crate) environment: EnvironmentId,
    pub(crate) workload: Name,
    pub(crate) instance: InstanceName,
    pub(crate) version: Version,
    pub(crate) fingerprint: Fingerprint,
    pub(crate) containers: Vec<ContainerLabel>,
    /// TCP ports by name.
    pub(crate) ports: BTreeMap<String, PortLabel>,
}

/// A container of an instance.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ContainerLabel {
    pub(crate) name: Name,
    pub(crate) id: ContainerId,
    /// It reads what the others log to files.
    #[serde(default)]
    pub(crate) ships_logs: bool,
}

/// A port of an instance.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct PortLabel {
    /// The loopback port that it was given.
    pub(crate) allocated: u16,
    /// The port that the Score file says the container listens on.
    pub(crate) target_port: u16,
}

/// One container.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct ContainerPlan {
    pub(crate) name: Name,
    pub(crate) spec: ContainerSpec,
    pub(crate) files: Vec<FilePlan>,
    /// All must pass for it to be ready.
    pub(crate) readiness: Vec<Check>,
    /// All must pass, or it is started again.
    pub(crate) liveness: Vec<Check>,
    /// Containers that wait for this one, and for what.
    pub(crate) before: BTreeMap<Name, Ready>,
    /// The number of the signal that asks it to end.
    pub(crate) stop_signal: i32,
    /// It does its work once and is done, when it ends with code 0.
    pub(crate) completes: bool,
    /// It reads what the others log to files.
    #[serde(default)]
    pub(crate) ships_logs: bool,
}

/// A file of a container.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct FilePlan {
    /// On the host; mounted into the container from there.
    pub(crate) source: PathBuf,
    pub(crate) content: Vec<u8>,
    pub(crate) mode: u32,
}

/// One way to ask a container how it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Check {
    /// Passes when the answer's status is from 200 to 399.
    Http {
        host: String,
        port: u16,
        path: String,
        headers: Vec<(String, String)>,
    },
    /// Passes when the command ends with code 0.
    Exec(Vec<String>),
    /// Passes when a connection is accepted.
    Tcp(u16),
}
