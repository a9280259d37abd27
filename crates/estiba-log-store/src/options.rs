//! How a store behaves.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Environment;

/// How a store behaves. Sizes are in bytes.
#[derive(Debug, Clone)]
pub struct Options {
    /// How long lines are kept where nothing else is said.
    pub retention: Retention,
    /// How long those of single environments are kept. [`LogStore::retain`] changes it.
    ///
    /// [`LogStore::retain`]: crate::LogStore::retain
    pub retention_of: BTreeMap<Environment, Retention>,
    /// How many bytes of lines may wait for the index. More wait, then are refused.
    pub queue_bytes: usize,
    /// How long an append waits for room in the queue.
    pub patience: Duration,
    /// How long lines wait at most until they are put into the index.
    pub index_every: Duration,
    /// The memory that is used to build an index, at least 15 MB.
    pub index_memory_bytes: usize,
    /// The space on the disk that is left to others: where less is free, lines are refused.
    pub reserve_bytes: u64,
    /// The size of a partition that is followed by a new one.
    pub partition_bytes: u64,
    /// How many environments there may be. One without lines makes room for another.
    pub most_environments: usize,
    /// How many of them may be of one team, so that none leaves others without.
    pub most_environments_of_team: usize,
    /// How many readers may follow at a time.
    pub most_followers: usize,
    /// How many lines wait for a reader who follows. More are missed, and counted.
    pub tail_lines: usize,
    /// How many reads run at a time. More wait.
    pub reads_at_once: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            retention: Retention::default(),
            retention_of: BTreeMap::new(),
            queue_bytes: 12 << 20,
            patience: Duration::from_secs(5),
            index_every: Duration::from_secs(1),
            index_memory_bytes: 16 << 20,
            reserve_bytes: 64 << 20,
            partition_bytes: 1 << 30,
            most_environments: 256,
            most_environments_of_team: 64,
            most_followers: 128,
            tail_lines: 1000,
            reads_at_once: 2,
        }
    }
}

/// How long the lines of an environment are kept. Whole partitions go, so up to a
/// day, or a sixteenth of `bytes`, is kept longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// How long after they came, not after the moment that they say.
    pub age: Option<Duration>,
    /// How many bytes their index may have on disk; the oldest go first.
    pub bytes: Option<u64>,
}

impl Default for Retention {
    /// Thirty days.
    fn default() -> Self {
        Self {
            age: Some(Duration::from_secs(30 * 24 * 60 * 60)),
            bytes: None,
        }
    }
}
