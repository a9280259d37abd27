//! The store itself.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, mpsc};
use std::thread::JoinHandle;

use estiba_logs::{Query, Record};
use jiff::Timestamp;
use tokio::sync::{Semaphore, oneshot};

use crate::appending::{self, Request};
use crate::indexing::{self, Held, Waiting};
use crate::locked::locked;
use crate::shelf::{Aside, Shelf};
use crate::tail::Followers;
use crate::wal::{Frame, Wal, recover};
use crate::{
    AppendError, Environment, Found, Histogram, HistogramOf, OpenError, Options, ReadError,
    Retention, Scope, Search, Selection, Tail, Terms, TermsOf, line, reads,
};

/// The unit of room in the queue, in bytes.
const ROOM: usize = 1024;
/// More partitions are not kept open.
const MOST_OPEN: usize = 64;

/// A store of logs in a folder. One process has it.
pub struct LogStore {
    shared: Arc<Shared>,
    requests: Mutex<Option<mpsc::Sender<Request>>>,
    room: Arc<Semaphore>,
    reading: Semaphore,
    closed: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// What the threads of a store share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    pub(crate) folder: PathBuf,
    pub(crate) wal: Mutex<Wal>,
    pub(crate) waiting: Waiting,
    pub(crate) followers: Followers,
    pub(crate) aside: Aside,
    shelves: RwLock<BTreeMap<Environment, Arc<Shelf>>>,
    retention_of: Mutex<BTreeMap<Environment, Retention>>,
    _lock: File,
}

/// What was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The number of the first line; those after it follow.
    pub first_sequence: u64,
    /// How many lines.
    pub lines: usize,
}

/// How a store is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Health {
    /// What is damaged and was set aside since the store was made.
    pub set_aside: Vec<SetAside>,
    /// Why lines can't be put into the index at the moment; they are safe in the
    /// write-ahead log.
    pub index_stuck: Option<String>,
    /// How many bytes of lines wait for the index.
    pub waiting_bytes: usize,
}

/// Something damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    /// Where it is now.
    pub path: PathBuf,
    /// What was wrong.
    pub why: String,
}

/// What a store has of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The environment.
    pub environment: Environment,
    /// How many lines are in the index.
    pub lines: u64,
    /// Their size on disk.
    pub bytes: u64,
}

impl LogStore {
    /// Opens the store of this folder, or makes one, and puts into the index what
    /// an earlier process left in the write-ahead log.
    ///
    /// # Errors
    /// If another process has it, or the folder can't be used.
    pub async fn open(folder: impl AsRef<Path>, options: Options) -> Result<Self, OpenError> {
        let folder = folder.as_ref().to_owned();
        let place = folder.clone();
        let opening = tokio::task::spawn_blocking(move || open(&folder, options));
        let opened = opening
            .await
            .map_err(|error| OpenError::file(place)(io::Error::other(error)))??;
        let (store, recovered) = opened;
        // It also goes on where the index can't be written: what is there can be read.
        let _ = recovered.await;
        Ok(store)
    }

    /// Takes lines: all or none. Once it answers they are on disk, and within
    /// [`Options::index_every`] they are on their way into the index.
    ///
    /// # Errors
    /// If they were not taken.
    pub async fn append(&self, records: Vec<Record>) -> Result<Appended, AppendError> {
        if records.is_empty() {
            return Ok(Appended {
                first_sequence: 0,
                lines: 0,
            });
        }
        let frames = frames(&records);
        drop(records);
        for frame in &frames {
            self.admit(&frame.environment)?;
        }
        let bytes = frames.iter().map(Frame::size).sum::<usize>();
        let room = self.room_for(bytes).await?;
        let mut frames: Vec<_> = frames
            .into_iter()
            .map(|frame| Held { frame, room: None })
            .collect();
        if let Some(last) = frames.last_mut() {
            last.room = Some(room);
        }
        let (answer, answered) = oneshot::channel();
        locked(&self.requests)
            .as_ref()
            .ok_or(AppendError::Closed)?
            .send(Request { frames, answer })
            .map_err(|_| AppendError::Closed)?;
        answered.await.map_err(|_| AppendError::Closed)?
    }

    async fn room_for(
        &self,
        bytes: usize,
    ) -> Result<tokio::sync::OwnedSemaphorePermit, AppendError> {
        let most = self.shared.options.queue_bytes;
        let room = u32::try_from(bytes.div_ceil(ROOM))
            .ok()
            .filter(|room| *room as usize <= most / ROOM)
            .ok_or(AppendError::TooLarge { bytes, most })?;
        let acquired = Arc::clone(&self.room).acquire_many_owned(room);
        match tokio::time::timeout(self.shared.options.patience, acquired).await {
            Ok(Ok(room)) => Ok(room),
            Ok(Err(_)) => Err(AppendError::Closed),
            Err(_) => Err(AppendError::Busy {
                retry_after: self.shared.options.patience,
            }),
        }
    }

    /// Makes sure that there is room for this environment.
    ///
    /// # Errors
    /// If there are too many already.
    pub fn admit(&self, environment: &Environment) -> Result<(), AppendError> {
        if self.shared.has(environment) {
            return Ok(());
        }
        if self.shared.shelves().len() >= self.shared.options.most_environments {
            return Err(AppendError::TooManyEnvironments {
                environment: environment.clone(),
            });
        }
        self.shared
            .shelf(environment)
            .map(|_| ())
            .map_err(|error| AppendError::Write(error.to_string()))
    }

    /// The size of an [`append`](Self::append) that always fits, in bytes of text.
    #[must_use]
    pub fn fitting_bytes(&self) -> usize {
        self.shared.options.queue_bytes / 4
    }

    /// Finds lines.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn search(&self, scope: &Scope, search: Search) -> Result<Found, ReadError> {
        let scope = scope.clone();
        self.read(move |shared| reads::search(shared, &scope, &search))
            .await
    }

    /// How many lines there are.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn count(&self, scope: &Scope, selection: Selection) -> Result<u64, ReadError> {
        let scope = scope.clone();
        self.read(move |shared| reads::count(shared, &scope, &selection))
            .await
    }

    /// How many lines there are over time.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn histogram(
        &self,
        scope: &Scope,
        histogram: HistogramOf,
    ) -> Result<Histogram, ReadError> {
        let scope = scope.clone();
        self.read(move |shared| reads::histogram(shared, &scope, &histogram))
            .await
    }

    /// The most frequent values of a field.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn terms(&self, scope: &Scope, terms: TermsOf) -> Result<Terms, ReadError> {
        let scope = scope.clone();
        self.read(move |shared| reads::terms(shared, &scope, &terms))
            .await
    }

    /// The names of the fields that lines have, attributes among them.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn fields(&self, scope: &Scope) -> Result<Vec<String>, ReadError> {
        let scope = scope.clone();
        self.read(move |shared| reads::fields(shared, &scope))
            .await
            .map(|fields| fields.into_keys().collect())
    }

    /// Reads aside from the threads that serve others, a few at a time.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&Shared) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, ReadError> {
        let _turn = self
            .reading
            .acquire()
            .await
            .map_err(|_| ReadError::Closed)?;
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || read(&shared))
            .await
            .map_err(|error| ReadError::Index(error.to_string()))?
    }

    /// Follows lines as they come.
    ///
    /// # Errors
    /// If too many readers follow already.
    pub fn tail(&self, scope: &Scope, query: Query) -> Result<Tail, ReadError> {
        if self.closed.load(Ordering::Relaxed) {
            return Err(ReadError::Closed);
        }
        let options = &self.shared.options;
        self.shared
            .followers
            .follow(
                scope.clone(),
                query,
                options.tail_lines,
                options.most_followers,
            )
            .ok_or(ReadError::TooManyFollowers(options.most_followers))
    }

    /// The environments that have lines, of those in the scope.
    #[must_use]
    pub fn environments(&self, scope: &Scope) -> Vec<Stored> {
        let stored = self.shared.seen_by(scope).into_iter().map(|shelf| {
            let partitions = shelf.partitions();
            Stored {
                environment: shelf.environment.clone(),
                lines: partitions.iter().map(|one| one.contents().lines).sum(),
                bytes: partitions.iter().map(|one| one.bytes()).sum(),
            }
        });
        stored.filter(|stored| stored.lines > 0).collect()
    }

    /// Says how long the lines of an environment are kept from now on.
    pub fn retain(&self, environment: Environment, retention: Retention) {
        if let Some(shelf) = self.shared.known(&environment) {
            shelf.retain(retention);
        }
        locked(&self.shared.retention_of).insert(environment, retention);
    }

    /// Drops now what is kept too long. It also happens by itself.
    pub async fn tidy(&self) {
        let shared = Arc::clone(&self.shared);
        let _ = tokio::task::spawn_blocking(move || indexing::tidy(&shared)).await;
    }

    /// How the store is.
    #[must_use]
    pub fn health(&self) -> Health {
        Health {
            set_aside: self.shared.aside.told(),
            index_stuck: self.shared.waiting.stuck(),
            waiting_bytes: self.shared.waiting.bytes(),
        }
    }

    /// Puts all that waits into the index and ends. Dropping the store is safe too:
    /// what waits is then indexed by the next process.
    pub async fn close(&self) {
        self.end();
        let threads = std::mem::take(&mut *locked(&self.threads));
        let shared = Arc::clone(&self.shared);
        let closing = tokio::task::spawn_blocking(move || {
            for thread in threads {
                let _ = thread.join();
            }
            for shelf in shared.shelves() {
                shelf.close();
            }
        });
        let _ = closing.await;
    }

    fn end(&self) {
        self.closed.store(true, Ordering::Relaxed);
        self.room.close();
        self.reading.close();
        locked(&self.requests).take();
        self.shared.followers.close();
    }
}

impl Drop for LogStore {
    fn drop(&mut self) {
        self.end();
    }
}

impl std::fmt::Debug for LogStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogStore")
            .field("folder", &self.shared.folder)
            .finish_non_exhaustive()
    }
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

    fn known(&self, environment: &Environment) -> Option<Arc<Shelf>> {
        let shelves = self.shelves.read();
        let shelves = shelves.unwrap_or_else(PoisonError::into_inner);
        shelves.get(environment).cloned()
    }

    fn has(&self, environment: &Environment) -> bool {
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
        let shelf = Shelf::open(environment.clone(), &lines, retention, &self.aside)?;
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
}

const LINES: &str = "lines";

fn open(folder: &Path, options: Options) -> Result<(LogStore, oneshot::Receiver<()>), OpenError> {
    let [lines, log, aside] = [LINES, "wal", "set-aside"].map(|name| folder.join(name));
    for path in [&lines, &log] {
        fs::create_dir_all(path).map_err(OpenError::file(path))?;
    }
    let lock = lock(folder)?;
    let aside = Aside::new(aside);
    let recovered = recover(&log).map_err(OpenError::file(&log))?;
    for (path, why) in &recovered.damaged {
        let to = aside.place(path, &Environment::new("", "", ""));
        let copied = fs::create_dir_all(&aside.folder).and_then(|()| fs::copy(path, &to));
        copied.map_err(OpenError::file(&to))?;
        aside.tell(to, why);
    }
    let queue = options.queue_bytes / ROOM;
    let reading = options.reads_at_once.max(1);
    let retention_of = Mutex::new(options.retention_of.clone());
    let shared = Shared {
        options,
        folder: folder.to_owned(),
        wal: Mutex::new(Wal::new(log.clone(), 1, Vec::new())),
        waiting: Waiting::default(),
        followers: Followers::default(),
        aside,
        shelves: RwLock::default(),
        retention_of,
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
    ];
    let store = LogStore {
        shared,
        requests: Mutex::new(Some(requests)),
        room: Arc::new(Semaphore::new(queue)),
        reading: Semaphore::new(reading),
        closed: AtomicBool::new(false),
        threads: Mutex::new(threads),
    };
    Ok((store, told))
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let path = folder.join("lock");
    let file = File::create(&path).map_err(OpenError::file(&path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
            folder: folder.to_owned(),
        }),
        Err(TryLockError::Error(error)) => Err(OpenError::file(path)(error)),
    }
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

/// Lines one after another of the same environment share a frame.
fn frames(records: &[Record]) -> Vec<Frame> {
    let now = Timestamp::now().as_microsecond();
    let mut frames: Vec<Frame> = Vec::new();
    for record in records {
        let of = &record.origin;
        let same = frames
            .last_mut()
            .filter(|frame| frame.environment.is_of(of));
        let frame = match same {
            Some(frame) => frame,
            None => {
                frames.push(Frame::new(Environment::of(of), now));
                let last = frames.len() - 1;
                &mut frames[last]
            }
        };
        frame.push(|bytes| line::write(record, bytes));
    }
    frames
}
