//! What is kept on this machine: traffic, ports, readiness, logs of instances
//! that are gone. What the engine can tell is not here.

use std::path::{Path, PathBuf};

use estiba_host::directory::runtime_dir;
use estiba_host::edge::EdgeDir;
use estiba_host::ports::Ports;
use estiba_host::service_ports::ServicePorts;
use estiba_host::traffic::TrafficDir;
use estiba_host::{HostError, short_hash};
use estiba_model::{EnvironmentId, InstanceName, Name};
use serde::{Deserialize, Serialize};

/// The state of one engine's environments, beside that of the local target,
/// whose edge and ports it shares.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Layout {
    root: PathBuf,
    engine: String,
}

impl Layout {
    pub(crate) fn new(root: PathBuf, socket: &str) -> Self {
        Self {
            root,
            engine: short_hash(socket),
        }
    }

    /// Which state folder this is.
    pub(crate) fn home(&self) -> String {
        self.root.display().to_string()
    }

    pub(crate) fn edge(&self) -> EdgeDir {
        EdgeDir(self.root.join("edge"))
    }

    pub(crate) fn ports(&self) -> Ports {
        Ports(self.root.join("ports"))
    }

    pub(crate) fn environment(&self, id: &EnvironmentId) -> EnvironmentDir {
        let EnvironmentId {
            team,
            project,
            environment,
        } = id;
        EnvironmentDir {
            directory: self
                .root
                .join("engines")
                .join(&self.engine)
                .join(team.as_str())
                .join(project.as_str())
                .join(environment.as_str()),
            ports: self.ports(),
        }
    }
}

/// The directory of one environment.
#[derive(Debug, Clone)]
pub(crate) struct EnvironmentDir {
    directory: PathBuf,
    ports: Ports,
}

impl EnvironmentDir {
    pub(crate) fn path(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn traffic(&self) -> TrafficDir {
        TrafficDir(self.directory.join("traffic"))
    }

    pub(crate) fn service_ports(&self) -> ServicePorts {
        ServicePorts {
            directory: self.directory.join("service-ports"),
            ports: self.ports.clone(),
        }
    }

    /// Owner of an instance's ports, and what probes say of it.
    pub(crate) fn standing(&self, instance: &InstanceName) -> PathBuf {
        self.directory
            .join("instances")
            .join(format!("{instance}.json"))
    }

    /// Logs of a workload's instances that are gone, a file for each.
    pub(crate) fn logs(&self, workload: &Name) -> PathBuf {
        self.directory.join("logs").join(workload.as_str())
    }

    /// Held by the minder while it lives.
    pub(crate) fn minder_lock(&self) -> PathBuf {
        self.directory.join("minder.lock")
    }

    pub(crate) fn minder_log(&self) -> PathBuf {
        self.directory.join("minder.log")
    }

    /// Values that must not reach a log: in memory, of this user alone.
    pub(crate) fn secrets(&self, instance: &InstanceName) -> Result<PathBuf, HostError> {
        let unique = short_hash(&self.standing(instance).to_string_lossy());
        Ok(runtime_dir()?.join(format!("engine-{unique}.json")))
    }
}
