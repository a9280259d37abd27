//! The partitions of one environment.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use jiff::Timestamp;

use crate::clock;
use crate::forwarded::Forwarded;
use crate::locked::locked;
use crate::partition::{Damage, Look, Partition, Writer};
use crate::store::SetAside;
use crate::wal::Frame;
use crate::{Environment, Retention};

/// A writer that had nothing to do for so long is closed, and its partition merged.
const IDLE: Duration = Duration::from_secs(60);
const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;
/// Partitions are at most so large a part of what retention keeps.
const PARTS_KEPT: u64 = 16;
/// Smaller partitions are not followed by others for their size.
const SMALLEST_PARTITION_BYTES: u64 = 4 << 20;

/// The partitions of one environment, the last of which is written to.
pub(crate) struct Shelf {
    pub(crate) environment: Environment,
    folder: PathBuf,
    retention: Mutex<Retention>,
    partitions: RwLock<Vec<Arc<Partition>>>,
    writing: Mutex<Writing>,
    /// Whether lines were announced since it was last looked whether it is over.
    expects: AtomicBool,
    pub(crate) forwarded: Forwarded,
}

#[derive(Default)]
struct Writing {
    writer: Option<(Writer, Instant)>,
    /// Merges the last partition that was written to; it has the partition's lock.
    finishing: Option<JoinHandle<()>>,
}

/// How a shelf is written to.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    pub(crate) index_memory_bytes: usize,
    pub(crate) partition_bytes: u64,
}

impl Shelf {
    /// Opens the folder of an environment, or makes it. Partitions of which nothing
    /// can be read are moved to `aside`. `trusted` says that what was noted of files
    /// holds.
    pub(crate) fn open(
        environment: Environment,
        root: &Path,
        retention: Retention,
        aside: &Aside,
        trusted: bool,
    ) -> io::Result<Self> {
        let folder = environment.folder(root);
        fs::create_dir_all(&folder)?;
        let mut partitions = Vec::new();
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            let Some(number) = path
                .file_name()
                .and_then(|name| name.to_str()?.parse().ok())
            else {
                continue;
            };
            if !path.join("meta.json").exists() {
                // It was being made or dropped when the process ended.
                fs::remove_dir_all(&path)?;
                continue;
            }
            match Partition::find(path.clone(), number, trusted) {
                Ok(partition) => partitions.push(Arc::new(partition)),
                Err(error) => aside.folder(&path, &environment, &error.to_string())?,
            }
        }
        partitions.sort_by_key(|partition| partition.number);
        Ok(Self {
            environment,
            forwarded: Forwarded::read(&folder),
            folder,
            retention: Mutex::new(retention),
            partitions: RwLock::new(partitions),
            writing: Mutex::new(Writing::default()),
            expects: AtomicBool::new(true),
        })
    }

    /// The partitions, the oldest first.
    pub(crate) fn partitions(&self) -> Vec<Arc<Partition>> {
        self.partitions
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn change(&self, change: impl FnOnce(&mut Vec<Arc<Partition>>)) {
        let partitions = self.partitions.write();
        change(&mut partitions.unwrap_or_else(PoisonError::into_inner));
    }

    /// The number of the last line that is in.
    pub(crate) fn indexed(&self) -> u64 {
        let partitions = self.partitions();
        let numbers = partitions.iter().map(|one| one.contents().sequence);
        numbers.max().unwrap_or_default()
    }

    /// Puts the lines of frames into the last partition, or into a new one. If that
    /// fails, none of them is in.
    pub(crate) fn write(
        &self,
        frames: &[&Frame],
        sizes: Sizes,
        aside: &Aside,
    ) -> tantivy::Result<()> {
        while let Some(last) = self.partitions().pop() {
            if self.check(&last, aside)? {
                break;
            }
        }
        let mut writing = locked(&self.writing);
        if let Some(finishing) = writing.finishing.take() {
            let _ = finishing.join();
        }
        let now = Timestamp::now().as_microsecond();
        let partition = self.last_or_new(now, sizes)?;
        let stale = writing
            .writer
            .take_if(|(writer, _)| writer.partition().number != partition.number);
        if let Some((stale, _)) = stale {
            writing.finishing = Some(finish(stale));
        }
        if writing.writer.is_none() {
            let writer = Writer::open(partition, sizes.index_memory_bytes)?;
            writing.writer = Some((writer, Instant::now()));
        }
        let Some((writer, used)) = &mut writing.writer else {
            return Ok(());
        };
        *used = Instant::now();
        let written = writer.write(&self.environment, frames.iter().copied(), self.indexed());
        if written.is_err() {
            // What it had begun is forgotten; the next one starts from the last commit.
            writing.writer = None;
        }
        written
    }

    fn last_or_new(&self, now: i64, sizes: Sizes) -> tantivy::Result<Arc<Partition>> {
        let last = self.partitions().pop();
        let kept = locked(&self.retention).bytes;
        let most = kept
            .map_or(sizes.partition_bytes, |bytes| {
                (bytes / PARTS_KEPT).max(SMALLEST_PARTITION_BYTES)
            })
            .min(sizes.partition_bytes);
        if let Some(last) = &last
            && last.bytes() < most
            && (last.contents().lines == 0
                || last.contents().first_arrived_us / DAY_US == now / DAY_US)
        {
            return Ok(Arc::clone(last));
        }
        let number = last.map_or(1, |last| last.number + 1);
        let partition = Arc::new(Partition::create(&self.folder, number)?);
        self.change(|partitions| partitions.push(Arc::clone(&partition)));
        Ok(partition)
    }

    /// Looks once whether a partition is whole. Damaged segments are taken out; a
    /// partition of which nothing can be read is moved away, and the answer is no.
    pub(crate) fn check(&self, partition: &Arc<Partition>, aside: &Aside) -> io::Result<bool> {
        let mut checked = locked(&partition.checked);
        if *checked {
            return Ok(true);
        }
        let is_there = match partition.damage(Look::AtUnknown)? {
            None => true,
            Some(damage) => self.set_aside(partition, damage, aside)?,
        };
        *checked = true;
        Ok(is_there)
    }

    /// Looks whether a partition is damaged, by all of its bytes; what is, goes. The
    /// answer is whether anything was. `each` is as in [`Look::AtAll`].
    pub(crate) fn check_all(
        &self,
        partition: &Arc<Partition>,
        aside: &Aside,
        each: &mut dyn FnMut(usize) -> bool,
    ) -> io::Result<bool> {
        match partition.damage(Look::AtAll(each))? {
            None => Ok(false),
            Some(damage) => self.set_aside(partition, damage, aside).map(|_| true),
        }
    }

    fn set_aside(
        &self,
        partition: &Arc<Partition>,
        damage: Damage,
        aside: &Aside,
    ) -> io::Result<bool> {
        let mut writing = locked(&self.writing);
        let is_there = self
            .partitions()
            .iter()
            .any(|one| one.number == partition.number);
        if !is_there {
            return Ok(false);
        }
        // A writer would go on with the segments that it knows.
        writing
            .writer
            .take_if(|(writer, _)| writer.partition().number == partition.number);
        if let Some(finishing) = writing.finishing.take() {
            let _ = finishing.join();
        }
        match damage {
            Damage::Segments(segments, why) => {
                let segments = partition.still_has(&segments);
                if segments.is_empty() {
                    return Ok(true);
                }
                let to = aside.place(partition.folder(), &self.environment);
                partition.remove_segments(&segments, &to)?;
                aside.tell(to, &why);
                Ok(true)
            }
            Damage::Everything(why) => {
                self.change(|all| all.retain(|one| one.number != partition.number));
                aside.folder(partition.folder(), &self.environment, &why)?;
                Ok(false)
            }
        }
    }

    /// Says how long lines are kept.
    pub(crate) fn retain(&self, retention: Retention) {
        *locked(&self.retention) = retention;
    }

    /// Drops what is larger than retention says, and what is older where the clock is
    /// `steady`; closes an idle writer.
    pub(crate) fn tidy(&self, now: i64, steady: bool) -> io::Result<()> {
        // Held to the end: nobody begins to write to a partition that is dropped.
        let mut writing = locked(&self.writing);
        let idle = writing.writer.take_if(|(_, used)| used.elapsed() >= IDLE);
        if let Some((idle, _)) = idle {
            writing.finishing = Some(finish(idle));
        }
        let idle = writing.writer.is_none()
            && writing
                .finishing
                .as_ref()
                .is_none_or(JoinHandle::is_finished);
        let retention = *locked(&self.retention);
        let partitions = self.partitions();
        let mut bytes: u64 = partitions.iter().map(|partition| partition.bytes()).sum();
        let last = partitions.len().saturating_sub(1);
        let said = partitions.iter().map(|one| one.contents().last_arrived_us);
        let arrivals = clock::arrivals(said, now);
        for (place, (partition, arrived)) in partitions.iter().zip(arrivals).enumerate() {
            let age = Duration::from_micros(now.abs_diff(arrived));
            let old = retention
                .age
                .is_some_and(|most| steady && age > most || partition.idle() > most);
            let many = retention.bytes.is_some_and(|most| bytes > most) && place < last;
            // The last one is written to; it goes once nobody has written for long.
            // What another place has not got yet is dropped for want of room alone.
            let is_wanted = self.forwarded.lacks(partition.contents().sequence);
            if ((old && !is_wanted) || many) && (place < last || idle) {
                if is_wanted {
                    self.forwarded.lose(partition, &self.environment);
                }
                bytes = bytes.saturating_sub(partition.bytes());
                self.drop_partition(partition)?;
            }
        }
        Ok(())
    }

    /// Notes that lines come in a moment.
    pub(crate) fn expect(&self) {
        self.expects.store(true, Ordering::Relaxed);
    }

    /// Whether it has nothing, and no lines were expected since this was last asked: what
    /// was announced is in by then. What was lost stays told.
    pub(crate) fn is_over(&mut self) -> bool {
        let expected = std::mem::take(self.expects.get_mut());
        let writing = self
            .writing
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        let is_written_to = writing.writer.is_some()
            || writing
                .finishing
                .as_ref()
                .is_some_and(|finishing| !finishing.is_finished());
        !expected && !is_written_to && self.partitions().is_empty() && self.forwarded.lost() == 0
    }

    /// Removes the folder of one that is over, and those above it up to `root`, as far as
    /// nothing is in them. How far its lines were forwarded stays noted: who forwards them
    /// goes on there with those that come later.
    pub(crate) fn take_away(&self, root: &Path) {
        let folders = self.folder.ancestors().take_while(|folder| *folder != root);
        for folder in folders {
            if let Err(error) = fs::remove_dir(folder) {
                tracing::debug!(folder = %folder.display(), %error, "a folder of logs stays");
                return;
            }
        }
    }

    /// The partition is gone at once for readers who come, and those who are there
    /// end in peace: their files stay until they close them.
    fn drop_partition(&self, partition: &Arc<Partition>) -> io::Result<()> {
        self.change(|all| all.retain(|one| one.number != partition.number));
        fs::remove_file(partition.folder().join("meta.json"))?;
        fs::remove_dir_all(partition.folder())?;
        tracing::info!(environment = %self.environment, number = partition.number, "old logs were dropped");
        Ok(())
    }

    /// Ends writing.
    pub(crate) fn close(&self) {
        let mut writing = locked(&self.writing);
        if let Some((writer, _)) = writing.writer.take() {
            drop(writer);
        }
        if let Some(finishing) = writing.finishing.take() {
            let _ = finishing.join();
        }
    }
}

fn finish(writer: Writer) -> JoinHandle<()> {
    std::thread::spawn(move || {
        if let Err(error) = writer.finish() {
            tracing::warn!(%error, "a partition of logs could not be merged");
        }
    })
}

/// Where damaged things go.
pub(crate) struct Aside {
    pub(crate) folder: PathBuf,
    told: Mutex<Vec<SetAside>>,
}

impl Aside {
    /// What is there from earlier times is told as well.
    pub(crate) fn new(folder: PathBuf) -> Self {
        let earlier = fs::read_dir(&folder).into_iter().flatten().flatten();
        let told = earlier.map(|entry| SetAside {
            path: entry.path(),
            why: "set aside by an earlier process".into(),
        });
        Self {
            told: Mutex::new(told.collect()),
            folder,
        }
    }

    pub(crate) fn told(&self) -> Vec<SetAside> {
        locked(&self.told).clone()
    }

    /// Tells that something is here now.
    pub(crate) fn tell(&self, path: PathBuf, why: &str) {
        tracing::error!(path = %path.display(), why, "damaged logs were set aside; all others can be read");
        let why = why.to_owned();
        locked(&self.told).push(SetAside { path, why });
    }

    /// Moves a folder here.
    fn folder(&self, path: &Path, environment: &Environment, why: &str) -> io::Result<()> {
        let to = self.place(path, environment);
        fs::create_dir_all(&self.folder)?;
        fs::rename(path, &to)?;
        self.tell(to, why);
        Ok(())
    }

    /// A place that nothing has yet.
    pub(crate) fn place(&self, path: &Path, environment: &Environment) -> PathBuf {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let of = environment
            .folder(Path::new(""))
            .to_string_lossy()
            .replace('/', ".");
        (1..)
            .map(|count| self.folder.join(format!("{of}.{name}.{count}")))
            .find(|place| !place.exists())
            .unwrap_or_else(|| self.folder.join("other"))
    }
}

#[cfg(test)]
mod tests;
