//! Where everything is: names of directories follow from names of things, so
//! that any Estiba finds what any other made.

use std::path::{Path, PathBuf};

use estiba_host::edge::EdgeDir;
use estiba_host::ports::Ports;
use estiba_host::service_ports::ServicePorts;
use estiba_host::short_hash;
use estiba_host::traffic::TrafficDir;
use estiba_model::{Digest, EnvironmentId, Fingerprint, InstanceName, Name, ResourceId};
use serde::{Deserialize, Serialize};

/// The root directory of the local target.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
}

impl Layout {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn environment(&self, id: &EnvironmentId) -> EnvironmentDir {
        let EnvironmentId {
            team,
            project,
            environment,
        } = id;
        EnvironmentDir(
            self.root
                .join("environments")
                .join(team.as_str())
                .join(project.as_str())
                .join(environment.as_str()),
        )
    }

    pub(crate) fn edge(&self) -> EdgeDir {
        EdgeDir(self.root.join("edge"))
    }

    pub(crate) fn ports(&self) -> Ports {
        Ports(self.root.join("ports"))
    }

    /// What is known of an image that was fetched.
    pub(crate) fn image(&self, image: &Digest) -> PathBuf {
        self.images().join(image.hex())
    }

    pub(crate) fn images(&self) -> PathBuf {
        self.root.join("images")
    }
}

/// The directory of one environment.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct EnvironmentDir(pub(crate) PathBuf);

impl EnvironmentDir {
    pub(crate) fn instances(&self) -> PathBuf {
        self.0.join("instances")
    }

    pub(crate) fn instance(&self, name: &InstanceName) -> InstanceDir {
        InstanceDir(self.instances().join(name.as_str()))
    }

    /// The logs of a workload: a directory for each instance.
    pub(crate) fn logs(&self, workload: &Name) -> PathBuf {
        self.0.join("logs").join(workload.as_str())
    }

    pub(crate) fn migrations(&self) -> PathBuf {
        self.0.join("migrations")
    }

    /// Exists when the migration ended well.
    pub(crate) fn migration_record(&self, workload: &Name, done: &Fingerprint) -> PathBuf {
        self.migrations()
            .join(workload.as_str())
            .join(done.as_str())
    }

    /// Where a migration runs.
    pub(crate) fn migration_run(&self, workload: &Name, fingerprint: &Fingerprint) -> InstanceDir {
        let runs = self.0.join("migrating").join(workload.as_str());
        InstanceDir(runs.join(fingerprint.as_str()))
    }

    pub(crate) fn resources(&self) -> PathBuf {
        self.0.join("resources")
    }

    pub(crate) fn resource(&self, id: &ResourceId) -> PathBuf {
        self.resources().join(format!("{}.json", short_hash(&id.0)))
    }

    pub(crate) fn volumes(&self) -> PathBuf {
        self.0.join("volumes")
    }

    pub(crate) fn volume(&self, id: &ResourceId) -> PathBuf {
        self.volumes().join(short_hash(&id.0))
    }

    /// What was routed, and who may route.
    pub(crate) fn traffic(&self) -> TrafficDir {
        TrafficDir(self.0.join("traffic"))
    }

    /// The stable ports of the workloads' services.
    pub(crate) fn service_ports(&self, ports: Ports) -> ServicePorts {
        ServicePorts {
            directory: self.0.join("service-ports"),
            ports,
        }
    }
}

/// The directory of one instance, or of one migration that runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct InstanceDir(pub(crate) PathBuf);

impl InstanceDir {
    /// Held by the supervisor while it lives.
    pub(crate) fn lock(&self) -> PathBuf {
        self.0.join("lock")
    }

    pub(crate) fn labels(&self) -> PathBuf {
        self.0.join("instance.json")
    }

    pub(crate) fn status(&self) -> PathBuf {
        self.0.join("status.json")
    }

    /// How the supervisor is to stop, written before it is told to.
    pub(crate) fn stop_order(&self) -> PathBuf {
        self.0.join("stop.json")
    }

    /// Folders that its containers share.
    pub(crate) fn scratch(&self) -> PathBuf {
        self.0.join("scratch")
    }

    pub(crate) fn supervisor_log(&self) -> PathBuf {
        self.0.join("supervisor.log")
    }

    /// Unique on this machine for this instance of this state directory.
    pub(crate) fn unique(&self) -> String {
        short_hash(&self.0.to_string_lossy())
    }
}
