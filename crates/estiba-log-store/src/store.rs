//! The store itself.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::JoinHandle;

use estiba_logs::{Query, Record};
use jiff::Timestamp;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::appending::Request;
use crate::indexing::{self, Held};
use crate::locked::locked;
use crate::opening::open;
use crate::shared::{CLOSED, Shared};
use crate::wal::Frame;
use crate::{
    AppendError, Environment, Found, Histogram, HistogramOf, OpenError, Options, ReadError,
    Retention, Scope, Search, Selection, Tail, Terms, TermsOf, line, reads,
};

/// The unit of room in the queue, in bytes.
const ROOM: usize = 1024;

/// A store of logs in a folder. One process has it.
pub struct LogStore {
    pub(crate) shared: Arc<Shared>,
    requests: Mutex<Option<mpsc::Sender<Request>>>,
    room: Arc<Semaphore>,
    reading: Semaphore,
    closed: AtomicBool,
    threads: Mutex<Vec<JoinHandle<()>>>,
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

    /// A store over threads that run already.
    pub(crate) fn new(
        shared: Arc<Shared>,
        requests: mpsc::Sender<Request>,
        threads: Vec<JoinHandle<()>>,
    ) -> Self {
        let options = &shared.options;
        Self {
            requests: Mutex::new(Some(requests)),
            room: Arc::new(Semaphore::new(options.queue_bytes / ROOM)),
            reading: Semaphore::new(options.reads_at_once.max(1)),
            closed: AtomicBool::new(false),
            threads: Mutex::new(threads),
            shared,
        }
    }

    async fn room_for(&self, bytes: usize) -> Result<OwnedSemaphorePermit, AppendError> {
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

    /// Makes sure that there is room for this environment, for a while at least.
    ///
    /// # Errors
    /// If there are too many already.
    pub fn admit(&self, environment: &Environment) -> Result<(), AppendError> {
        self.shared.admit(environment)
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
        let reading = tokio::task::spawn_blocking(move || {
            let answer = read(&shared);
            shared.limit_mapped();
            answer
        });
        reading.await.map_err(|error| {
            tracing::error!(%error, "a question could not be answered");
            ReadError::Unanswered
        })?
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

    /// Drops now what is kept too long, and environments that had no lines the last time
    /// either. It also happens by itself.
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
            if let Err(error) = File::create(shared.folder.join(CLOSED)) {
                tracing::debug!(%error, "the next process will read all files through");
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
