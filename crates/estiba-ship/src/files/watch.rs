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
    writers: Writers,
}

/// Files, by folder and name, that somebody wrote to and has not closed since. One that
/// has several writers counts as closed when the first of them closes it.
#[derive(Debug, Default)]
struct Writers(HashSet<(i32, Vec<u8>)>);

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
            writers: Writers::default(),
        }
    }

    /// Whether somebody has a file open to which it wrote.
    pub(super) fn has_writers(&self) -> bool {
        !self.writers.0.is_empty()
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
            | WatchFlags::CLOSE_WRITE
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
        let Self {
            inotify: Some(inotify),
            writers,
            ..
        } = self
        else {
            return std::future::pending().await;
        };
        loop {
            let Ok(mut ready) = inotify.readable().await else {
                return std::future::pending().await;
            };
            let changes = read(inotify.get_ref(), writers);
            ready.clear_ready();
            if changes.names || changes.contents {
                return changes;
            }
        }
    }
}

/// So many events are taken at once, at most.
const MOST_EVENTS: usize = 4096;

fn read(inotify: &OwnedFd, writers: &mut Writers) -> Changes {
    let mut room = [MaybeUninit::uninit(); 8192];
    let mut reader = Reader::new(inotify, &mut room);
    let mut changes = Changes::default();
    // Bounded: whoever writes all the time must not keep it here.
    for _ in 0..MOST_EVENTS {
        let Ok(event) = reader.next() else { break };
        let news = event.events();
        changes.contents |= news.contains(ReadFlags::MODIFY);
        // Where the queue has overflown, anything may have changed.
        let of_contents = ReadFlags::MODIFY | ReadFlags::CLOSE_WRITE;
        changes.names |= !news.difference(of_contents).is_empty();
        let name = event.file_name().map(|name| name.to_bytes());
        writers.hear(news, event.wd(), name.unwrap_or_default());
    }
    changes
}

/// So many files are known as being written to, at most.
const MOST_WRITERS: usize = 16 << 10;

impl Writers {
    fn hear(&mut self, news: ReadFlags, folder: i32, name: &[u8]) {
        if news.contains(ReadFlags::QUEUE_OVERFLOW) {
            // Who closed what was not told.
            self.0.clear();
        } else if news.contains(ReadFlags::MODIFY) {
            if self.0.len() < MOST_WRITERS {
                self.0.insert((folder, name.to_owned()));
            }
        } else if news.contains(ReadFlags::IGNORED) {
            // The folder is gone.
            self.0.retain(|(of, _)| *of != folder);
        } else if news
            .intersects(ReadFlags::CLOSE_WRITE | ReadFlags::MOVED_FROM | ReadFlags::DELETE)
        {
            self.0.remove(&(folder, name.to_owned()));
        }
    }
}
