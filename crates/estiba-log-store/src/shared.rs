//! What the threads of a store share.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockWriteGuard};

use estiba_lock::FileLock;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::indexing::Waiting;
use crate::locked::locked;
use crate::mapped::Mapped;
use crate::reads::BarsCache;
use crate::shelf::{Aside, Shelf};
use crate::tail::Followers;
use crate::wal::Wal;
use crate::{AppendError, Environment, Options, Retention, Scope};

/// The folder of all indexes, in that of the store.
pub(crate) const LINES: &str = "lines";
/// A file that is there while no process has the store, if the last one closed it.
pub(crate) const CLOSED: &str = "closed";
/// More partitions are not kept open.
const MOST_OPEN: usize = 64;

type Shelves = BTreeMap<Environment, Arc<Shelf>>;

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
    pub(crate) clock: Mutex<Clock>,
    pub(crate) shelves: RwLock<Shelves>,
    pub(crate) retention_of: Mutex<BTreeMap<Environment, Retention>>,
    /// Changes when lines were put into the index.
    pub(crate) grown: watch::Sender<()>,
    pub(crate) _lock: FileLock,
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

    /// The shelf of an environment; it is made if it isn't there.
    pub(crate) fn shelf(&self, environment: &Environment) -> io::Result<Arc<Shelf>> {
        match self.known(environment) {
            Some(shelf) => Ok(shelf),
            None => self.open(environment, &mut self.changing()),
        }
    }

    /// Makes sure that there is a shelf for lines that come in a moment.
    pub(crate) fn admit(&self, environment: &Environment) -> Result<(), AppendError> {
        if let Some(shelf) = self.known(environment) {
            shelf.expect();
            return Ok(());
        }
        let mut shelves = self.changing();
        if !shelves.contains_key(environment) {
            self.has_room_for(environment, &shelves)?;
        }
        self.open(environment, &mut shelves)
            .map(|shelf| shelf.expect())
            .map_err(|error| AppendError::Write(error.to_string()))
    }

    fn has_room_for(
        &self,
        environment: &Environment,
        shelves: &Shelves,
    ) -> Result<(), AppendError> {
        let environment = environment.clone();
        if shelves.len() >= self.options.most_environments {
            return Err(AppendError::TooManyEnvironments { environment });
        }
        let of_team = shelves.keys().filter(|one| one.team == environment.team);
        let most = self.options.most_environments_of_team;
        if of_team.count() >= most {
            return Err(AppendError::TooManyOfTeam { environment, most });
        }
        Ok(())
    }

    fn changing(&self) -> RwLockWriteGuard<'_, Shelves> {
        let shelves = self.shelves.write();
        shelves.unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self, environment: &Environment, shelves: &mut Shelves) -> io::Result<Arc<Shelf>> {
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

    /// Takes away the shelves that have nothing and for which nothing comes.
    ///
    /// Nobody gets a shelf meanwhile, and one that somebody has in hand, to write to it or
    /// to read, stays: so nobody ever writes to a folder that is taken away, nor are there
    /// two shelves of one. Lines on their way to one that is gone find it made anew.
    pub(crate) fn take_away_empty(&self) {
        self.changing().retain(|_, shelf| {
            let is_needed = Arc::get_mut(shelf).is_none_or(|shelf| !shelf.is_over());
            if !is_needed {
                shelf.take_away(&self.folder.join(LINES));
            }
            is_needed
        });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LogStore;

    #[tokio::test]
    async fn a_shelf_that_somebody_has_in_hand_stays() {
        let folder = tempfile::tempdir().unwrap();
        let store = LogStore::open(folder.path(), Options::default()).await;
        let store = store.unwrap();
        let shared = &store.shared;
        let environment = Environment::new("moria", "tp2", "prod");
        let held = shared.shelf(&environment).unwrap();
        for _ in 0..3 {
            shared.take_away_empty();
        }
        let known = shared.known(&environment).unwrap();
        assert!(Arc::ptr_eq(&held, &known));
        drop((held, known));
        // Who reads all files through may have it in hand too.
        while shared.known(&environment).is_some() {
            shared.take_away_empty();
        }
        assert!(!folder.path().join(LINES).join("moria").exists());
    }
}
