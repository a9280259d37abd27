//! What is kept on this machine: traffic, ports, readiness, logs of instances
//! that are gone. What the engine can tell is not here.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use estiba_host::directory::runtime_dir;
use estiba_host::edge::EdgeDir;
use estiba_host::ports::Ports;
use estiba_host::service_ports::ServicePorts;
use estiba_host::traffic::TrafficDir;
use estiba_host::{HostError, short_hash};
use estiba_model::{EnvironmentId, InstanceName, Name, message};
use rustix::process::geteuid;
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
            engine: short_hash(&real(socket)),
        }
    }

    /// Which state folder this is.
    pub(crate) fn home(&self) -> String {
        self.root.display().to_string()
    }

    /// The same engine's state in another state folder.
    ///
    /// # Errors
    /// When that one is another user's.
    pub(crate) fn at(&self, home: &Path) -> Result<Self, HostError> {
        let owner = fs::metadata(home).map(|found| found.uid()).ok();
        if owner.is_some_and(|owner| owner != geteuid().as_raw()) {
            let home = home.display();
            return Err(HostError::Told(message!(
                "what runs there belongs to the state folder {home} of another user: work on it as that user",
                "lo que corre ahí pertenece a la carpeta de estado {home} de otro usuario: trabaje como ese usuario"
            )));
        }
        Ok(Self {
            root: home.to_owned(),
            engine: self.engine.clone(),
        })
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

    /// The files of an instance that have no secret.
    pub(crate) fn files(&self, instance: &InstanceName) -> PathBuf {
        self.directory.join("files").join(instance.as_str())
    }

    /// Those that have one: in memory, of this user alone.
    pub(crate) fn secret_files(&self, instance: &InstanceName) -> Result<PathBuf, HostError> {
        let unique = short_hash(&self.files(instance).to_string_lossy());
        Ok(runtime_dir()?.join(format!("engine-{unique}.files")))
    }

    /// Values that must not reach a log: in memory, of this user alone.
    pub(crate) fn secrets(&self, instance: &InstanceName) -> Result<PathBuf, HostError> {
        let unique = short_hash(&self.standing(instance).to_string_lossy());
        Ok(runtime_dir()?.join(format!("engine-{unique}.json")))
    }
}

/// The same path for one socket, whatever links lead to its folder.
pub(crate) fn real(socket: &str) -> String {
    let path = Path::new(socket);
    let folder = path.parent().and_then(|folder| folder.canonicalize().ok());
    match (folder, path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name).display().to_string(),
        _ => socket.to_owned(),
    }
}
