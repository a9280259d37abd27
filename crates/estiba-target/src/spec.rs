//! What to run, complete: nothing is left to look up or to expand.

use std::collections::BTreeMap;
use std::time::Duration;

use estiba_model::{
    Digest, EnvironmentId, Exposure, FileLogs, Fingerprint, InstanceName, Message, Name, Probe,
    ProjectId, Quantities, Ready, SecretString, Strategy, Version, message,
};

/// A workload as it should run.
#[derive(Debug, Clone)]
pub struct WorkloadSpec {
    /// Where.
    pub environment: EnvironmentId,
    /// Its name.
    pub workload: Name,
    /// The release it runs.
    pub version: Version,
    /// To be kept with what runs and told by `observe`.
    pub fingerprint: Fingerprint,
    /// The containers of an instance, in the order in which they start. One that ships
    /// logs is the last.
    pub containers: Vec<ContainerSpec>,
    /// The ports it serves and its routes from outside.
    pub exposure: Exposure,
    /// Values that must not reach its log: see [`Redactor`](crate::Redactor).
    pub secrets: Vec<SecretString>,
}

/// An instance to start.
#[derive(Debug, Clone)]
pub struct InstanceSpec {
    /// Its name.
    pub instance: InstanceName,
    /// What it is a copy of.
    pub of: WorkloadSpec,
}

/// A workload to roll out as a whole.
#[derive(Debug, Clone)]
pub struct RolloutSpec {
    /// What runs.
    pub of: WorkloadSpec,
    /// How many copies.
    pub replicas: u32,
    /// Whether new instances may run beside old ones.
    pub strategy: Strategy,
}

/// An image to bring to where instances start from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageSpec {
    /// The digest of its manifest, in Estiba's image store.
    pub digest: Digest,
    /// The project it belongs to.
    pub project: ProjectId,
    /// The workload that runs it: the name of its repository in a registry.
    pub workload: Name,
    /// The version it was built for, to be its tag in a registry. None for an
    /// image that others made, which is known by its digest alone.
    pub tag: Option<Version>,
}

/// What a container that runs to its end is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Task {
    /// It migrates a database.
    Migration,
    /// It tries what was deployed.
    Acceptance,
    /// It tries what is outside. It runs each time, and leaves nothing.
    Preflight,
}

impl Task {
    /// What failed, of which workload and version.
    #[must_use]
    pub fn failed(self, workload: &Name, version: &Version) -> Message {
        match self {
            Self::Migration => message!(
                "the migration of {workload} {version} failed",
                "la migración de {workload} {version} falló"
            ),
            Self::Acceptance => message!(
                "the acceptance test of {workload} {version} failed",
                "la prueba de aceptación de {workload} {version} falló"
            ),
            Self::Preflight => message!(
                "the probe of what is outside failed",
                "la sonda de lo que está afuera falló"
            ),
        }
    }
}

/// A container to run to its end: a migration, acceptance tests, or a probe.
#[derive(Debug, Clone)]
pub struct TaskSpec {
    /// What it is for.
    pub task: Task,
    /// How long it may take; none has all the time.
    pub time_limit: Option<Duration>,
    /// Where.
    pub environment: EnvironmentId,
    /// Of which workload.
    pub workload: Name,
    /// The release it belongs to.
    pub version: Version,
    /// To be kept when it ended well, and told by `observe` as a migration.
    pub fingerprint: Fingerprint,
    /// What runs.
    pub container: ContainerSpec,
    /// Values that must not reach its log: see [`Redactor`](crate::Redactor).
    pub secrets: Vec<SecretString>,
}

impl TaskSpec {
    /// Why it was ended: it did not end by itself in time.
    #[must_use]
    pub fn took_too_long(limit: Duration) -> Message {
        let seconds = limit.as_secs();
        message!(
            "it did not end within {seconds} s and was ended",
            "no terminó en {seconds} s y se la terminó"
        )
    }
}

/// A container to start.
#[derive(Debug, Clone)]
pub struct ContainerSpec {
    /// Its name in the workload.
    pub name: Name,
    /// Its image, which `fetch` has brought.
    pub image: Digest,
    /// Replaces the image's entry point, unless empty.
    pub command: Vec<String>,
    /// Replaces the image's arguments, unless empty.
    pub args: Vec<String>,
    /// Environment variables, expanded.
    pub variables: BTreeMap<String, SecretString>,
    /// Files, expanded.
    pub files: Vec<FileSpec>,
    /// Volumes, resolved.
    pub volumes: Vec<VolumeSpec>,
    /// Folders that it shares with the other containers of its instance.
    pub scratch: Vec<ScratchSpec>,
    /// It reads what the others log to files. It waits for none of them and none waits
    /// for it; an instance is ready, and counts restarts, without regard to it as far as
    /// the runtime lets it; and it ends when the others have, so that their last lines
    /// are read.
    pub ships_logs: bool,
    /// The image as whose user it runs; its own where there is none.
    pub user_of: Option<Digest>,
    /// What it may use at the most.
    pub limits: Quantities,
    /// What it needs at the least.
    pub requests: Quantities,
    /// Restarted when this fails.
    pub liveness: Option<Probe>,
    /// Gets traffic while this passes.
    pub readiness: Option<Probe>,
    /// Containers that wait for this one, and for what.
    pub before: BTreeMap<Name, Ready>,
}

impl ContainerSpec {
    /// The image that says as whom it runs.
    #[must_use]
    pub fn user_image(&self) -> &Digest {
        self.user_of.as_ref().unwrap_or(&self.image)
    }
}

/// A folder of an instance: empty when it starts, kept while its containers are started
/// again, gone with it. Whoever has it mounted, whatever their user, may write to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScratchSpec {
    /// Which one: containers that name the same share it. Lower case and dashes.
    pub name: String,
    /// Its absolute path in the container.
    pub target: String,
    /// Not writable.
    pub read_only: bool,
}

impl ScratchSpec {
    /// The folders that the containers of an instance share for their logs.
    #[must_use]
    pub fn of_logs(logs: &FileLogs) -> Vec<Self> {
        let folders = logs.folders.iter().enumerate();
        let scratch = |(index, folder): (usize, &String)| Self {
            name: format!("{}-{index}", FileLogs::CONTAINER),
            target: folder.clone(),
            read_only: false,
        };
        folders.map(scratch).collect()
    }
}

/// A file to put into a container.
#[derive(Debug, Clone)]
pub struct FileSpec {
    /// Its absolute path in the container.
    pub path: String,
    /// What is in it; it may hold secrets.
    pub content: FileContent,
    /// Permission bits; 0644 where there are none.
    pub mode: Option<u32>,
}

/// The bytes of a file, which do not print.
#[derive(Clone)]
pub struct FileContent(pub Vec<u8>);

impl std::fmt::Debug for FileContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes", self.0.len())
    }
}

/// A volume to mount.
#[derive(Debug, Clone)]
pub struct VolumeSpec {
    /// Its absolute path in the container.
    pub target: String,
    /// The volume's `source` output.
    pub source: String,
    /// A folder inside the volume.
    pub path: Option<String>,
    /// Not writable.
    pub read_only: bool,
}
