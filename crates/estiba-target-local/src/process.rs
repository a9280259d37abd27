//! Waiting for processes in the event loop.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use estiba_host::Process;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Has the event loop tell when there is something to read, or to know.
pub(crate) fn when_readable(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an owned descriptor is open and stays the same until it is dropped.
    Ok(unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) }?)
}

/// Waits until a process has ended, however long that takes.
pub(crate) async fn ended(process: &Process) -> io::Result<()> {
    let descriptor = process.as_fd().try_clone_to_owned()?;
    when_readable(descriptor)?.readable().await?.retain_ready();
    Ok(())
}
