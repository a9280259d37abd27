//! Lines as they come.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use estiba_logs::{Query, Record};
use tokio::sync::mpsc;

use crate::line::Line;
use crate::locked::locked;
use crate::wal::Frame;
use crate::{Cursor, Scope};

/// Follows lines as they come, from memory. Dropping it ends it.
#[derive(Debug)]
pub struct Tail {
    lines: mpsc::Receiver<(u64, Box<Record>, Cursor)>,
    held: Option<Tailed>,
    missed: Arc<AtomicU64>,
    told: u64,
}

/// What a [`Tail`] tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Tailed {
    /// A line, with its place.
    Line(Box<Record>, Cursor),
    /// So many lines were missed here, since they came faster than they were read.
    Missed(u64),
}

impl Tail {
    /// The next; `None` once the store is closed.
    pub async fn next(&mut self) -> Option<Tailed> {
        if let Some(held) = self.held.take() {
            return Some(held);
        }
        let Some((missed, line, cursor)) = self.lines.recv().await else {
            return self.missed_until(self.missed.load(Ordering::Relaxed));
        };
        let line = Tailed::Line(line, cursor);
        match self.missed_until(missed) {
            None => Some(line),
            some => {
                self.held = Some(line);
                some
            }
        }
    }

    fn missed_until(&mut self, missed: u64) -> Option<Tailed> {
        let more = missed - self.told;
        self.told = missed;
        (more > 0).then_some(Tailed::Missed(more))
    }
}

/// All who follow. Nobody waits for them: who has no room misses lines, and is told.
#[derive(Default)]
pub(crate) struct Followers {
    followers: Mutex<Vec<Follower>>,
}

struct Follower {
    scope: Scope,
    query: Query,
    lines: mpsc::Sender<(u64, Box<Record>, Cursor)>,
    missed: Arc<AtomicU64>,
}

impl Followers {
    /// Follows with room for so many lines; `None` where there are `most` already.
    pub(crate) fn follow(
        &self,
        scope: Scope,
        query: Query,
        room: usize,
        most: usize,
    ) -> Option<Tail> {
        let mut followers = locked(&self.followers);
        followers.retain(|follower| !follower.lines.is_closed());
        if followers.len() >= most {
            return None;
        }
        let (sender, lines) = mpsc::channel(room.max(1));
        let missed = Arc::new(AtomicU64::new(0));
        followers.push(Follower {
            scope,
            query,
            lines: sender,
            missed: Arc::clone(&missed),
        });
        Some(Tail {
            lines,
            held: None,
            missed,
            told: 0,
        })
    }

    /// Hands on the lines of a frame.
    pub(crate) fn tell(&self, frame: &Frame) {
        let mut followers = locked(&self.followers);
        let mut allowed: Vec<_> = followers
            .iter_mut()
            .filter(|follower| follower.scope.allows(&frame.environment))
            .collect();
        if allowed.is_empty() {
            return;
        }
        for (sequence, bytes) in frame.lines() {
            let Ok(line) = Line::read(bytes) else {
                continue;
            };
            let cursor = Cursor {
                at_us: line.at_us(),
                sequence,
            };
            let record = line.into_record(&frame.environment);
            for follower in &mut allowed {
                follower.tell(&record, cursor);
            }
        }
    }

    /// Ends all.
    pub(crate) fn close(&self) {
        locked(&self.followers).clear();
    }
}

impl Follower {
    fn tell(&self, record: &Record, cursor: Cursor) {
        if !self.query.matches(record) {
            return;
        }
        match self.lines.try_reserve() {
            Ok(room) => {
                let missed = self.missed.load(Ordering::Relaxed);
                room.send((missed, Box::new(record.clone()), cursor));
            }
            Err(_) => {
                self.missed.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}
