//! Waiting for something to change in directories.
//! <https://man7.org/linux/man-pages/man7/inotify.7.html>

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, WatchFlags};
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;

use crate::process::when_readable;

/// Tells that there is news in some directories, never what: who waits looks.
#[derive(Debug)]
pub(crate) struct Watch(AsyncFd<OwnedFd>);

impl Watch {
    pub(crate) fn new() -> io::Result<Self> {
        let descriptor = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        Ok(Self(when_readable(descriptor)?))
    }

    /// Watches a directory, from now on; adding it again changes nothing.
    pub(crate) fn add(&self, directory: &Path) -> io::Result<()> {
        let news = WatchFlags::CREATE
            | WatchFlags::MODIFY
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE
            | WatchFlags::DELETE_SELF
            | WatchFlags::ONLYDIR;
        inotify::add_watch(self.0.get_ref(), directory, news)?;
        Ok(())
    }

    /// Waits for news since the last call, or since the directory was added.
    pub(crate) async fn changed(&self) -> io::Result<()> {
        loop {
            let mut ready = self.0.readable().await?;
            let mut events = [0_u8; 4096];
            let mut seen = false;
            loop {
                match rustix::io::read(self.0.get_ref(), &mut events) {
                    Ok(0) | Err(Errno::AGAIN) => break,
                    Ok(_) => seen = true,
                    Err(Errno::INTR) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
            ready.clear_ready();
            if seen {
                return Ok(());
            }
        }
    }
}
