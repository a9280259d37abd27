//! Which limits can be enforced here, and where a container's cgroup goes.
//! <https://docs.kernel.org/admin-guide/cgroup-v2.html>

use std::fs;
use std::path::{Path, PathBuf};

use estiba_model::{Message, message};
use libcgroups::common::{CgroupSetup, DEFAULT_CGROUP_ROOT, get_cgroup_setup};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{AccessFlags, access, geteuid};
use serde::{Deserialize, Serialize};

use super::error::Failure;
use super::spec::Limits;

/// Name of the cgroup that all containers' cgroups are in.
const PARENT: &str = "estiba";

/// What this process can limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Support {
    /// Cgroup to put containers' cgroups in, from the hierarchy's root; `None`
    /// when there is none that this user may use.
    pub(super) parent: Option<PathBuf>,
    pub(super) memory: bool,
    pub(super) pids: bool,
    pub(super) cpu: bool,
}

impl Support {
    const NONE: Self = Self {
        parent: None,
        memory: false,
        pids: false,
        cpu: false,
    };

    /// Looks at the machine. On cgroup v2 this makes the parent cgroup, because
    /// what is in it tells what can be limited.
    pub(super) fn detect() -> Self {
        match get_cgroup_setup() {
            Ok(CgroupSetup::Unified) => Self::detect_v2(),
            Ok(CgroupSetup::Legacy | CgroupSetup::Hybrid) => Self::detect_v1(),
            Err(_) => Self::NONE,
        }
    }

    fn detect_v1() -> Self {
        let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
        let mut controllers = Vec::new();
        for line in mounts.lines() {
            let mut fields = line.split(' ').skip(1);
            let (Some(path), Some("cgroup"), Some(options)) =
                (fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            // A named hierarchy has no controller.
            if options.contains("name=") {
                continue;
            }
            // libcontainer joins a cgroup of every controller, or fails.
            if access(path, AccessFlags::W_OK).is_err() {
                return Self::NONE;
            }
            controllers.extend(options.split(','));
        }
        let has = |name| controllers.contains(&name);
        Self {
            parent: (!controllers.is_empty()).then(|| Path::new("/").join(PARENT)),
            memory: has("memory"),
            pids: has("pids"),
            cpu: has("cpu"),
        }
    }

    fn detect_v2() -> Self {
        let Some(own) = own_cgroup_v2() else {
            return Self::NONE;
        };
        let root = Path::new(DEFAULT_CGROUP_ROOT);
        // A process may be moved within what was delegated to the user only,
        // which is all that lies below the topmost cgroup they may write to.
        let Some(delegated) = own
            .ancestors()
            .filter(|cgroup| {
                let procs = in_root(root, cgroup).join("cgroup.procs");
                access(&procs, AccessFlags::W_OK).is_ok()
            })
            .last()
        else {
            return Self::NONE;
        };
        let parent = delegated.join(PARENT);
        let directory = in_root(root, &parent);
        if fs::create_dir_all(&directory).is_err() {
            return Self::NONE;
        }
        for cgroup in [in_root(root, delegated), directory.clone()] {
            for controller in ["+memory", "+pids", "+cpu"] {
                // Whether it worked is read below.
                let _ = fs::write(cgroup.join("cgroup.subtree_control"), controller);
            }
        }
        let enabled = fs::read_to_string(directory.join("cgroup.subtree_control"));
        let enabled = enabled.unwrap_or_default();
        let has = |name| {
            enabled
                .split_whitespace()
                .any(|controller| controller == name)
        };
        Self {
            memory: has("memory"),
            pids: has("pids"),
            cpu: has("cpu"),
            parent: Some(parent),
        }
    }

    /// The part of `limits` that will be enforced, and what to say of the rest.
    pub(super) fn applicable(&self, limits: Limits) -> (Limits, Option<Message>) {
        let possible = Limits {
            memory_bytes: limits.memory_bytes.filter(|_| self.memory),
            pids: limits.pids.filter(|_| self.pids),
            cpu_millis: limits.cpu_millis.filter(|_| self.cpu),
        };
        let lost: Vec<_> = [
            ("memory", limits.memory_bytes.is_some() && !self.memory),
            ("pids", limits.pids.is_some() && !self.pids),
            ("cpu", limits.cpu_millis.is_some() && !self.cpu),
        ]
        .into_iter()
        .filter_map(|(name, lost)| lost.then_some(name))
        .collect();
        let lost = lost.join(", ");
        let warning = (!lost.is_empty()).then(|| {
            message!(
                "limits not enforced: {lost}; this user has no cgroup for them, see `estiba doctor`",
                "límites que no se aplican: {lost}; este usuario no tiene un cgroup para ellos, ver `estiba doctor`"
            )
        });
        (possible, warning)
    }
}

fn in_root(root: impl AsRef<Path>, cgroup: &Path) -> PathBuf {
    let root = root.as_ref();
    root.join(cgroup.strip_prefix("/").unwrap_or(cgroup))
}

/// This process's cgroup; for root, the root of all, so that containers are not
/// stopped with whatever service started Estiba.
fn own_cgroup_v2() -> Option<PathBuf> {
    if geteuid().is_root() {
        return Some(PathBuf::from("/"));
    }
    own_cgroup("")
}

/// This process's cgroup in the hierarchy of `controller`; of none, in that of
/// version 2. <https://man7.org/linux/man-pages/man7/cgroups.7.html>
fn own_cgroup(controller: &str) -> Option<PathBuf> {
    let all = fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = all.lines().find_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let has = controllers.split(',').any(|one| one == controller);
        has.then_some(path)
    })?;
    Some(PathBuf::from(own))
}

/// Has the kernel get ready for a process that is about to join a cgroup.
///
/// Whoever joins first waits about 10 ms for a grace period; whoever comes while
/// that is going on, or soon after, does not wait again. So this joins the cgroup
/// that the caller is in anyway, while a helper still prepares its container. A
/// failure costs time only.
pub(super) fn anticipate_join() {
    let own = match get_cgroup_setup() {
        Ok(CgroupSetup::Unified) => own_cgroup("").map(|own| in_root(DEFAULT_CGROUP_ROOT, &own)),
        _ => own_cgroup("pids").map(|own| in_root(format!("{DEFAULT_CGROUP_ROOT}/pids"), &own)),
    };
    if let Some(own) = own {
        // 0 is whoever writes.
        let _ = fs::write(own.join("cgroup.procs"), "0");
    }
}

/// Shows libcontainer a read-only cgroup v2 hierarchy, the one kind where it
/// goes on when it may not make cgroups. The process must be alone in its mount
/// namespace and privileged there.
pub(super) fn hide() -> Result<(), Failure> {
    let flags = MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    unshare(CloneFlags::CLONE_NEWCGROUP)
        .map_err(|e| Failure::not_allowed("a cgroup namespace", &e))?;
    mount(
        Some("cgroup2"),
        DEFAULT_CGROUP_ROOT,
        Some("cgroup2"),
        flags,
        None::<&str>,
    )
    .map_err(|error| Failure::not_allowed("a cgroup mount", &error))
}

/// Times that the kernel killed a process of `cgroup` for want of memory.
pub(super) fn memory_kills(cgroup: &Path) -> Option<u64> {
    let root = Path::new(DEFAULT_CGROUP_ROOT);
    let file = match get_cgroup_setup().ok()? {
        CgroupSetup::Unified => in_root(root, cgroup).join("memory.events"),
        _ => in_root(root.join("memory"), cgroup).join("memory.oom_control"),
    };
    let text = fs::read_to_string(file).ok()?;
    let count = text
        .lines()
        .find_map(|line| line.strip_prefix("oom_kill "))?;
    count.trim().parse().ok()
}
