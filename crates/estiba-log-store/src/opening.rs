//! From a folder to a store with its threads.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, RwLock, mpsc};

use estiba_lock::FileLock;
use tokio::sync::{oneshot, watch};

use crate::indexing::{self, Waiting};
use crate::locked::locked;
use crate::mapped::Mapped;
use crate::reads::BarsCache;
use crate::shared::{CLOSED, LINES, Shared};
use crate::shelf::Aside;
use crate::store::LogStore;
use crate::tail::Followers;
use crate::wal::{Wal, recover};
use crate::{Environment, OpenError, Options, appending, checking};

/// Opens the store of a folder. The receiver is told once what was left is in the
/// index, or can't be put there for now.
pub(crate) fn open(
    folder: &Path,
    options: Options,
) -> Result<(LogStore, oneshot::Receiver<()>), OpenError> {
    let [lines, log, aside] = [LINES, "wal", "set-aside"].map(|name| folder.join(name));
    for path in [&lines, &log] {
        fs::create_dir_all(path).map_err(OpenError::file(path))?;
    }
    // What people's programs write is for nobody else on the machine.
    fs::set_permissions(folder, Permissions::from_mode(0o700)).map_err(OpenError::file(folder))?;
    let lock = lock(folder)?;
    let was_closed = fs::remove_file(folder.join(CLOSED)).is_ok();
    let aside = Aside::new(aside);
    let recovered = recover(&log).map_err(OpenError::file(&log))?;
    for (path, why) in &recovered.damaged {
        let to = aside.place(path, &Environment::new("", "", ""));
        let copied = fs::create_dir_all(&aside.folder).and_then(|()| fs::copy(path, &to));
        copied.map_err(OpenError::file(&to))?;
        aside.tell(to, why);
    }
    let retention_of = Mutex::new(options.retention_of.clone());
    let shared = Shared {
        options,
        folder: folder.to_owned(),
        was_closed,
        wal: Mutex::new(Wal::new(log.clone(), 1, Vec::new())),
        waiting: Waiting::default(),
        followers: Followers::default(),
        aside,
        bars: BarsCache::default(),
        mapped: Mapped::default(),
        clock: Mutex::default(),
        shelves: RwLock::default(),
        retention_of,
        grown: watch::Sender::new(()),
        _lock: lock,
    };
    for environment in environments(&lines).map_err(OpenError::file(&lines))? {
        shared
            .shelf(&environment)
            .map_err(OpenError::file(environment.folder(&lines)))?;
    }
    let last = recovered.segments.iter().map(|(_, last)| *last).max();
    let indexed = shared.shelves().iter().map(|shelf| shelf.indexed()).max();
    let last = last.max(indexed).max(Some(recovered.indexed));
    let written = recovered.segments.clone();
    *locked(&shared.wal) = Wal::new(log, last.unwrap_or_default() + 1, written);

    let shared = Arc::new(shared);
    let (requests, received) = mpsc::channel();
    let (tell, told) = oneshot::channel();
    let for_appends = Arc::clone(&shared);
    let for_index = Arc::clone(&shared);
    let for_checks = Arc::clone(&shared);
    let threads = vec![
        std::thread::spawn(move || {
            appending::run(&for_appends, &received);
            for_appends.waiting.close();
        }),
        std::thread::spawn(move || {
            let segments = recovered.segments.into_iter().map(|(path, _)| path);
            if indexing::recover(&for_index, segments, recovered.indexed, tell) {
                indexing::run(&for_index);
            }
        }),
        std::thread::spawn(move || checking::run(&for_checks)),
    ];
    Ok((LogStore::new(shared, requests, threads), told))
}

fn lock(folder: &Path) -> Result<FileLock, OpenError> {
    let path = folder.join("lock");
    let taken = File::create(&path).and_then(FileLock::take);
    let taken = taken.map_err(OpenError::file(&path))?;
    taken.ok_or_else(|| OpenError::InUse {
        folder: folder.to_owned(),
    })
}

/// The environments that have a folder.
fn environments(lines: &Path) -> io::Result<Vec<Environment>> {
    let mut found = Vec::new();
    for team in names(lines)? {
        for project in names(&lines.join(&team))? {
            for environment in names(&lines.join(&team).join(&project))? {
                found.extend(Environment::from_folders(&team, &project, &environment));
            }
        }
    }
    Ok(found)
}

fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            names.extend(entry.file_name().into_string());
        }
    }
    Ok(names)
}
