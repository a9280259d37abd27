//! Being told that something changed. Files that are not of this machine tell
//! nothing, so whoever is told looks from time to time all the same.

use std::collections::HashSet;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, Reader, WatchFlags};
use tokio::io::unix::AsyncFd;

/// What changed since it was asked last.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Changes {
    /// A name came or went.
    pub(super) names: bool,
    /// Something was written.
    pub(super) contents: bool,
}

/// Folders that are watched.
#[derive(Debug)]
pub(super) struct Watch {
    inotify: Option<AsyncFd<OwnedFd>>,
    folders: HashSet<PathBuf>,
    is_whole: bool,
}

impl Watch {
    #[expect(
        deprecated,
        reason = "`register` is unsafe for what may change its descriptor; an `OwnedFd` never does"
    )]
    pub(super) fn new() -> Self {
        let inotify = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)
            .map_err(std::io::Error::from)
            .and_then(AsyncFd::new);
        let inotify = inotify.inspect_err(|error| {
            tracing::info!("files are looked at four times a second: no inotify: {error}");
        });
        Self {
            is_whole: inotify.is_ok(),
            inotify: inotify.ok(),
            folders: HashSet::new(),
        }
    }

    /// Whether every folder that was asked for is watched.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    pub(super) fn add(&mut self, folder: &Path) {
        let Some(inotify) = &self.inotify else { return };
        if self.folders.contains(folder) {
            return;
        }
        let news = WatchFlags::MODIFY
            | WatchFlags::CREATE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE
            | WatchFlags::ONLYDIR;
        match inotify::add_watch(inotify, folder, news) {
            Ok(_) => {
                self.folders.insert(folder.to_owned());
            }
            Err(error) if self.is_whole => {
                self.is_whole = false;
                tracing::info!(
                    "files are looked at four times a second: cannot watch {}: {error}",
                    folder.display()
                );
            }
            Err(_) => {}
        }
    }

    /// Forgets folders that are gone, so that those that come again are watched.
    pub(super) fn retain_existing(&mut self) {
        self.folders.retain(|folder| folder.is_dir());
    }

    /// Waits until something changes; for ever where nothing is watched.
    pub(super) async fn changed(&mut self) -> Changes {
        let Some(inotify) = &self.inotify else {
            return std::future::pending().await;
        };
        loop {
            let Ok(mut ready) = inotify.readable().await else {
                return std::future::pending().await;
            };
            let changes = read(inotify.get_ref());
            ready.clear_ready();
            if changes.names || changes.contents {
                return changes;
            }
        }
    }
}

/// So many events are taken at once, at most.
const MOST_EVENTS: usize = 4096;

fn read(inotify: &OwnedFd) -> Changes {
    let mut room = [MaybeUninit::uninit(); 8192];
    let mut reader = Reader::new(inotify, &mut room);
    let mut changes = Changes::default();
    // Bounded: whoever writes all the time must not keep it here.
    for _ in 0..MOST_EVENTS {
        let Ok(event) = reader.next() else { break };
        let news = event.events();
        changes.contents |= news.contains(ReadFlags::MODIFY);
        // Where the queue has overflown, anything may have changed.
        changes.names |= !news.difference(ReadFlags::MODIFY).is_empty();
    }
    changes
}
