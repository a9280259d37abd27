//! What the threads of a store share.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use tokio::sync::watch;

use crate::indexing::Waiting;
use crate::locked::locked;
use crate::mapped::Mapped;
use crate::reads::BarsCache;
use crate::shelf::{Aside, Shelf};
use crate::tail::Followers;
use crate::wal::Wal;
use crate::{Environment, Options, Retention, Scope};

/// The folder of all indexes, in that of the store.
pub(crate) const LINES: &str = "lines";
/// A file that is there while no process has the store, if the last one closed it.
pub(crate) const CLOSED: &str = "closed";
/// More partitions are not kept open.
const MOST_OPEN: usize = 64;

/// What the threads of a store share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) folder: PathBuf,
    /// Whether the last process that had the store closed it.
    pub(crate) was_closed: bool,
    pub(crate) wal: Mutex<Wal>,
    pub(crate) waiting: Waiting,
    pub(crate) followers: Followers,
    pub(crate) aside: Aside,
    pub(crate) bars: BarsCache,
    pub(crate) mapped: Mapped,
    pub(crate) shelves: RwLock<BTreeMap<Environment, Arc<Shelf>>>,
    pub(crate) retention_of: Mutex<BTreeMap<Environment, Retention>>,
    /// Changes when lines were put into the index.
    pub(crate) grown: watch::Sender<()>,
    pub(crate) _lock: File,
}

impl Shared {
    pub(crate) fn shelves(&self) -> Vec<Arc<Shelf>> {
        let shelves = self.shelves.read();
        let shelves = shelves.unwrap_or_else(PoisonError::into_inner);
        shelves.values().cloned().collect()
    }

    /// The shelves that a scope allows to see: the one way to lines for all reads.
    pub(crate) fn seen_by(&self, scope: &Scope) -> Vec<Arc<Shelf>> {
        let mut shelves = self.shelves();
        shelves.retain(|shelf| scope.allows(&shelf.environment));
        shelves
    }

    pub(crate) fn known(&self, environment: &Environment) -> Option<Arc<Shelf>> {
        let shelves = self.shelves.read();
        let shelves = shelves.unwrap_or_else(PoisonError::into_inner);
        shelves.get(environment).cloned()
    }

    pub(crate) fn has(&self, environment: &Environment) -> bool {
        self.known(environment).is_some()
    }

    /// The shelf of an environment; it is made if it isn't there.
    pub(crate) fn shelf(&self, environment: &Environment) -> io::Result<Arc<Shelf>> {
        if let Some(shelf) = self.known(environment) {
            return Ok(shelf);
        }
        let shelves = self.shelves.write();
        let mut shelves = shelves.unwrap_or_else(PoisonError::into_inner);
        if let Some(shelf) = shelves.get(environment) {
            return Ok(Arc::clone(shelf));
        }
        let retention = locked(&self.retention_of)
            .get(environment)
            .copied()
            .unwrap_or(self.options.retention);
        let lines = self.folder.join(LINES);
        let shelf = Shelf::open(
            environment.clone(),
            &lines,
            retention,
            &self.aside,
            self.was_closed,
        )?;
        let shelf = Arc::new(shelf);
        shelves.insert(environment.clone(), Arc::clone(&shelf));
        Ok(shelf)
    }

    /// Closes partitions that are open only because somebody once read them.
    pub(crate) fn close_unused(&self) {
        let mut open: Vec<_> = self
            .shelves()
            .iter()
            .flat_map(|shelf| {
                let mut partitions = shelf.partitions();
                partitions.pop();
                partitions
            })
            .filter(|partition| partition.is_open())
            .collect();
        open.sort_by_key(|partition| partition.contents().last_arrived_us);
        let many = open.len().saturating_sub(MOST_OPEN);
        for partition in &open[..many] {
            partition.close();
        }
    }

    /// Closes all partitions if much of them is in memory.
    pub(crate) fn limit_mapped(&self) {
        self.mapped.limit(|| {
            for shelf in self.shelves() {
                shelf.partitions().iter().for_each(|one| one.close());
            }
        });
    }
}
