//! Who a container's processes are: user namespaces.
//!
//! A container started by root needs none. Started by anyone else, it gets an
//! *outer* one in which that user is root, as libcontainer must be to mount
//! things, and, right before the program runs, an *inner* one in which the same
//! user is whoever was asked for. One user is all that the kernel lets a process
//! map without help; files of the image all belong to it.
//! <https://man7.org/linux/man-pages/man7/user_namespaces.7.html>

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use estiba_host::account::User;
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::fstat;
use nix::unistd::{Gid, Uid, getegid, geteuid};

use super::error::Failure;

mod owner {
    // NS_GET_USERNS, https://man7.org/linux/man-pages/man2/ioctl_ns.2.html
    nix::ioctl_none_bad!(get_userns, nix::request_code_none!(0xb7, 0x1));
}

/// What to become right before running the program.
#[derive(Clone)]
pub(super) enum Identity {
    /// Who libcontainer made of the process.
    AsIs,
    /// This user, in a new user namespace.
    Inner(User),
    /// Whoever the user is in this existing user namespace.
    Join(std::rc::Rc<OwnedFd>),
}

impl Identity {
    /// Enters the namespace. Needs `CAP_SETFCAP`, which the kernel wants of
    /// whoever maps a user to the parent's root, and no other capability.
    pub(super) fn assume(&self) -> io::Result<()> {
        match self {
            Self::AsIs => Ok(()),
            Self::Inner(user) => {
                // A process that is not dumpable cannot write to its own /proc.
                nix::sys::prctl::set_dumpable(true)?;
                unshare(CloneFlags::CLONE_NEWUSER)?;
                map_self(*user, Uid::from_raw(0), Gid::from_raw(0))
            }
            Self::Join(namespace) => Ok(setns(namespace, CloneFlags::CLONE_NEWUSER)?),
        }
    }
}

/// Whether containers of this process need a user namespace.
pub(super) fn is_rootless() -> bool {
    !geteuid().is_root()
}

/// Makes the calling process root of a new user namespace. The process must
/// have one thread only.
pub(super) fn become_outer_root() -> Result<(), Failure> {
    let (uid, gid) = (geteuid(), getegid());
    let refused =
        |error: &dyn ToString| Failure::not_allowed("a user namespace", &error.to_string());
    unshare(CloneFlags::CLONE_NEWUSER).map_err(|error| refused(&error))?;
    // Without this the kernel refuses a group mapping: a process could
    // otherwise drop a group that is denied something.
    fs::write("/proc/self/setgroups", "deny").map_err(|error| refused(&error))?;
    map_self(User { uid: 0, gid: 0 }, uid, gid).map_err(|error| refused(&error))
}

fn map_self(inside: User, uid: Uid, gid: Gid) -> io::Result<()> {
    fs::write("/proc/self/uid_map", format!("{} {uid} 1", inside.uid))?;
    fs::write("/proc/self/gid_map", format!("{} {gid} 1", inside.gid))
}

/// Joins the outer user namespace of the container whose first process is
/// `pid`, if it has one, and tells who a command run in it is to become.
pub(super) fn join_outer(pid: i32) -> io::Result<Identity> {
    let namespaces = Path::new("/proc").join(pid.to_string()).join("ns");
    let inner: OwnedFd = fs::File::open(namespaces.join("user"))?.into();
    // The outer namespace made the pid namespace, and so owns it.
    let pid_namespace = fs::File::open(namespaces.join("pid"))?;
    // SAFETY: the request takes no argument, and the descriptor is a namespace.
    let outer = unsafe { owner::get_userns(pid_namespace.as_raw_fd()) }?;
    // SAFETY: the kernel just made this descriptor for the caller.
    let outer = unsafe { OwnedFd::from_raw_fd(outer) };
    let ours: OwnedFd = fs::File::open("/proc/self/ns/user")?.into();
    if !same_namespace(&outer, &ours)? {
        setns(&outer, CloneFlags::CLONE_NEWUSER)?;
    }
    Ok(if same_namespace(&inner, &outer)? {
        Identity::AsIs
    } else {
        Identity::Join(std::rc::Rc::new(inner))
    })
}

fn same_namespace(one: &OwnedFd, other: &OwnedFd) -> io::Result<bool> {
    let (one, other) = (fstat(one.as_raw_fd())?, fstat(other.as_raw_fd())?);
    Ok((one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
}
