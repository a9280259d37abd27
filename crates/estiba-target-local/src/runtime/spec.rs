//! What a container is, as plain data.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use estiba_host::account::User;
use serde::{Deserialize, Serialize};

/// Environment variables, in order; a later one of the same name wins. `Debug`
/// shows the names alone, because values are often secret.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Env(pub Vec<(String, String)>);

impl Env {
    /// The value of `name`.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.0.iter().map(|(name, _)| name))
            .finish()
    }
}

/// A file or directory of the host inside a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BindMount {
    /// Absolute path on the host; must exist.
    pub source: PathBuf,
    /// Absolute path in the container.
    pub target: PathBuf,
    /// Whether the container may only read it.
    pub read_only: bool,
}

/// An empty, writable directory in memory, gone with the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TmpfsMount {
    /// Absolute path in the container.
    pub target: PathBuf,
    /// Most bytes it may hold; writing more fails with "no space left".
    pub size_bytes: u64,
}

/// How much of the machine a container may use; `None` is unlimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Bytes of memory; a process that wants more is killed.
    pub memory_bytes: Option<u64>,
    /// Processes and threads; starting one more fails.
    pub pids: Option<u32>,
    /// Thousandths of one processor.
    pub cpu_millis: Option<u32>,
}

impl Limits {
    /// Whether nothing is limited.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Where a container's files are: enough to find it again from any process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerId {
    /// Unique among the containers of this machine: letters, digits, `_`, `+`,
    /// `-` and `.` only. Names the container's cgroup.
    pub id: String,
    /// Absolute directory under which the container's state is kept.
    pub state_root: PathBuf,
    /// Absolute directory of this container alone, for what it is built from.
    pub bundle: PathBuf,
}

/// Everything that is needed to start one container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// Its identity and where its files go.
    #[serde(flatten)]
    pub id: ContainerId,
    /// Unpacked image layers, lowest first, with no whiteouts in them. They are
    /// never written to.
    pub layers: Vec<PathBuf>,
    /// Program (a path, or a name to look for in `PATH`) and its arguments.
    pub args: Vec<String>,
    /// The whole environment; `PATH` and `HOME` get a default when missing.
    pub env: Env,
    /// Absolute working directory in the container; made when it does not exist.
    pub cwd: PathBuf,
    /// Who the process is.
    pub user: User,
    /// Host name that the container sees of itself.
    pub hostname: String,
    /// Whether the image's files are read-only. If not, what is written lives
    /// in the bundle and stays until [`delete`](super::delete).
    pub read_only_root: bool,
    /// Files and directories of the host.
    pub mounts: Vec<BindMount>,
    /// Writable directories in memory; `/tmp` is added when it is not here.
    pub tmpfs: Vec<TmpfsMount>,
    /// Limits, enforced where this machine allows it.
    pub limits: Limits,
}

/// A command to run in a container that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecSpec {
    /// The container.
    #[serde(flatten)]
    pub id: ContainerId,
    /// Program and arguments.
    pub args: Vec<String>,
    /// Added to the environment that the container was started with.
    pub env: Env,
    /// Working directory; that of the container when `None`.
    pub cwd: Option<PathBuf>,
    /// Time it may take, after which it is killed.
    pub limit: Option<Duration>,
}
