//! What is done to a container that exists.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use libcgroups::common::{CgroupConfig, CgroupManager, create_cgroup_manager};
use libcontainer::container::Container;
use libcontainer::oci_spec::runtime::Spec;
use nix::errno::Errno;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::bundle::HAS_CGROUP;
use super::cgroups;
use super::spec::ContainerId;

/// Why a container could not be deleted; deleting again takes up the rest.
#[derive(Debug, thiserror::Error)]
pub enum DeleteError {
    /// Its cgroup is still there.
    #[error("container {id}: cannot remove its cgroup: {reason}")]
    Cgroup {
        /// The container.
        id: String,
        /// What libcgroups said.
        reason: String,
    },
    /// A file of it is still there.
    #[error("container {id}: cannot remove {path}", path = path.display())]
    File {
        /// The container.
        id: String,
        /// Which.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Sends `signal` to the container's first process. One that is gone is no
/// error. The kernel drops signals that the first process of a pid namespace
/// has no handler for, save `SIGKILL` and `SIGSTOP`.
///
/// The caller must be who waits for the process, and not have done so yet:
/// until then nobody else has its pid.
///
/// # Errors
/// The process belongs to somebody else.
pub fn signal(pid: i32, signal: Signal) -> io::Result<()> {
    match kill(Pid::from_raw(pid), signal) {
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(errno) => Err(errno.into()),
    }
}

/// Times that the kernel killed a process of the container because it used more
/// memory than its limit; `None` when nothing counts them. Ask before
/// [`delete`].
#[must_use]
pub fn memory_kills(id: &ContainerId) -> Option<u64> {
    cgroups::memory_kills(&cgroup(id)?)
}

/// Kills whatever still runs in the container's cgroup and removes everything
/// there is of the container. One that does not exist is no error.
///
/// # Errors
/// Something of it could not be removed.
pub fn delete(id: &ContainerId) -> Result<(), DeleteError> {
    if let Some(cgroup_path) = cgroup(id) {
        let config = CgroupConfig {
            cgroup_path,
            systemd_cgroup: false,
            container_name: id.id.clone(),
        };
        let broken = |error: &dyn ToString| DeleteError::Cgroup {
            id: id.id.clone(),
            reason: error.to_string(),
        };
        let manager = create_cgroup_manager(config).map_err(|error| broken(&error))?;
        manager.remove().map_err(|error| broken(&error))?;
    }
    // The kernel leaves a directory there that its owner may not even list.
    let _ = fs::set_permissions(
        id.bundle.join("work/work"),
        fs::Permissions::from_mode(0o700),
    );
    for directory in [id.state_root.join(&id.id), id.bundle.clone()] {
        remove(&directory).map_err(|source| DeleteError::File {
            id: id.id.clone(),
            path: directory,
            source,
        })?;
    }
    Ok(())
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The container's cgroup, from its configuration.
fn cgroup(id: &ContainerId) -> Option<PathBuf> {
    let spec = configuration(id)?;
    has_cgroup(&spec).then(|| spec.linux().as_ref()?.cgroups_path().clone())?
}

pub(super) fn configuration(id: &ContainerId) -> Option<Spec> {
    Spec::load(id.bundle.join("config.json")).ok()
}

pub(super) fn has_cgroup(spec: &Spec) -> bool {
    let annotations = spec.annotations().as_ref();
    annotations
        .and_then(|all| all.get(HAS_CGROUP))
        .is_some_and(|value| value == "true")
}

/// The pid of the container's first process, if it runs.
pub(super) fn running_pid(id: &ContainerId) -> Option<i32> {
    let mut container = Container::load(id.state_root.join(&id.id)).ok()?;
    container.refresh_status().ok()?;
    let running = container.status() == libcontainer::container::ContainerStatus::Running;
    running.then(|| container.pid().map(Pid::as_raw))?
}
