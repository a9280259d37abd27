//! What a container is handed: its files, and the ends of its output.

use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use tokio::net::unix::pipe;

use super::description::FilePlan;
use crate::runtime::User;
use estiba_host::HostError;

/// The end to read from, and the end for a container's process. That is its
/// user's, so that it can open it again as `/dev/stdout`.
pub(super) fn output_pipe(user: User) -> io::Result<(pipe::Receiver, OwnedFd)> {
    let (reader, writer) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
    own(&writer, user)?;
    rustix::io::ioctl_fionbio(&reader, true)?;
    Ok((pipe::Receiver::from_owned_fd(reader)?, writer))
}

/// Gives a file to the user of a container. Without root there is one user only.
fn own(file: impl AsFd, user: User) -> io::Result<()> {
    if nix::unistd::geteuid().is_root() {
        let uid = rustix::fs::Uid::from_raw(user.uid);
        let gid = rustix::fs::Gid::from_raw(user.gid);
        rustix::fs::fchown(file, Some(uid), Some(gid))?;
    }
    Ok(())
}

/// Writes a file of a container, for its user.
pub(super) fn materialise(file: &FilePlan, user: User) -> Result<(), HostError> {
    let path = file.source.as_path();
    let written = || -> io::Result<()> {
        use std::io::Write as _;
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        remove_if_there(path)?;
        let mut opened = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        opened.write_all(&file.content)?;
        own(&opened, user)?;
        opened.set_permissions(fs::Permissions::from_mode(file.mode))
    };
    written().map_err(HostError::at(path))
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
