//! An app's log, as Logplex keeps it: the last lines, one stream.
//!
//! Sources: <https://devcenter.heroku.com/articles/logging>,
//! <https://devcenter.heroku.com/articles/platform-api-reference#log-session>

pub(crate) mod api;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use tokio::sync::broadcast;

/// How many lines are kept.
const KEPT: usize = 1500;
/// How many lines a slow reader may be behind before it loses some, as in Logplex.
const BEHIND: usize = 4096;

/// A line, and where it came from.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    source: &'static str,
    process: String,
    /// `TIMESTAMP SOURCE[PROCESS]: TEXT`.
    pub(crate) text: String,
}

#[derive(Debug)]
pub(crate) struct Logs {
    kept: Mutex<VecDeque<Line>>,
    new: broadcast::Sender<Line>,
}

impl Default for Logs {
    fn default() -> Self {
        Self {
            kept: Mutex::default(),
            new: broadcast::channel(BEHIND).0,
        }
    }
}

impl Logs {
    /// Writes a line of `source` (`app` or `heroku`) and its process.
    pub(crate) fn write(&self, source: &'static str, process: &str, text: &str) {
        let time = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00");
        let line = Line {
            source,
            process: process.to_owned(),
            text: format!("{time} {source}[{process}]: {text}"),
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(line.clone());
        // Nobody may be reading.
        let _ = self.new.send(line);
    }

    /// The last lines that a session wants, and what comes after them.
    fn read(&self, session: &Session) -> (Vec<Line>, broadcast::Receiver<Line>) {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted: Vec<_> = kept.iter().filter(|line| session.wants(line)).collect();
        let skipped = wanted.len().saturating_sub(session.lines);
        let last = wanted.into_iter().skip(skipped).cloned().collect();
        (last, self.new.subscribe())
    }
}

/// What somebody asked to read.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    logs: Arc<Logs>,
    lines: usize,
    tail: bool,
    source: Option<String>,
    process: Option<String>,
}

impl Session {
    /// A process is named whole, `web.1`, or by its type.
    fn wants(&self, line: &Line) -> bool {
        let is_process = |wanted: &String| {
            let rest = line.process.strip_prefix(wanted.as_str());
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.source
            .as_ref()
            .is_none_or(|source| source == line.source)
            && self.process.as_ref().is_none_or(is_process)
    }
}
