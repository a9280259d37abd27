//! How far the lines of an environment are in another place too.
//!
//! It is a file in the folder of the environment, so that retention knows from the start
//! what is still wanted. Without the file nobody wants anything.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use crate::Environment;
use crate::locked::locked;
use crate::partition::Partition;
use crate::wal::sync_folder;

const FILE: &str = "forwarded.json";

/// How far the lines of an environment are in another place.
pub(crate) struct Forwarded {
    path: PathBuf,
    noted: Mutex<Option<Noted>>,
    /// Lines that were dropped before the other place had them.
    lost: AtomicU64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Noted {
    to: String,
    sequence: u64,
}

impl Forwarded {
    /// What was noted in a folder. A note that can't be read is none: all that is there
    /// is forwarded again, which the other place knows by its ids.
    pub(crate) fn read(folder: &Path) -> Self {
        let path = folder.join(FILE);
        let noted = fs::read(&path)
            .ok()
            .and_then(|bytes| serde_json::from_slice(&bytes).ok());
        Self {
            path,
            noted: Mutex::new(noted),
            lost: AtomicU64::new(0),
        }
    }

    /// The number up to which `to` has the lines; 0 where it is a new place.
    pub(crate) fn begin(&self, to: &str) -> io::Result<u64> {
        let noted = locked(&self.noted).clone();
        match noted {
            Some(noted) if noted.to == to => Ok(noted.sequence),
            _ => self.write(to, 0).map(|()| 0),
        }
    }

    /// Notes on disk that `to` has all lines up to this number.
    pub(crate) fn advance(&self, to: &str, sequence: u64) -> io::Result<()> {
        self.write(to, sequence)
    }

    /// Nobody wants lines any more.
    pub(crate) fn end(&self) -> io::Result<()> {
        if locked(&self.noted).take().is_none() {
            return Ok(());
        }
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Whether somebody wants the line of this number and has not got it yet.
    pub(crate) fn lacks(&self, sequence: u64) -> bool {
        locked(&self.noted)
            .as_ref()
            .is_some_and(|noted| sequence > noted.sequence)
    }

    /// The number up to which the other place has the lines, where there is one.
    pub(crate) fn sequence(&self) -> Option<u64> {
        locked(&self.noted).as_ref().map(|noted| noted.sequence)
    }

    pub(crate) fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Counts the lines of a partition that is dropped though they are wanted.
    pub(crate) fn lose(&self, partition: &Partition, environment: &Environment) {
        let lines = match partition.count_after(self.sequence().unwrap_or(u64::MAX)) {
            Ok(lines) => lines,
            Err(error) => {
                tracing::debug!(%error, "lines that are dropped can't be counted");
                partition.contents().lines
            }
        };
        self.lost.fetch_add(lines, Ordering::Relaxed);
        tracing::error!(
            %environment,
            lines,
            "logs that were not forwarded yet were dropped: there is no more room for them"
        );
    }

    fn write(&self, to: &str, sequence: u64) -> io::Result<()> {
        let next = Noted {
            to: to.to_owned(),
            sequence,
        };
        let mut noted = locked(&self.noted);
        let new = self.path.with_extension("new");
        let mut file = File::create(&new)?;
        file.write_all(&serde_json::to_vec(&next)?)?;
        file.sync_data()?;
        fs::rename(&new, &self.path)?;
        if let Some(folder) = self.path.parent() {
            sync_folder(folder)?;
        }
        *noted = Some(next);
        Ok(())
    }
}
