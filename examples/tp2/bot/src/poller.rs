//! The thread that waits for Telegram, so that the main one can hear a signal.

use std::sync::mpsc::{self, Sender, SyncSender};
use std::thread;
use std::time::Duration;

use crate::alive::AliveFile;
use crate::bot::Event;
use crate::telegram::{Telegram, TelegramError};

/// How long Telegram holds a request when there is nothing new.
const LONG_POLL: Duration = Duration::from_secs(25);
/// Between attempts after a failure: twice as long each time, up to the second.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// Sends each batch of updates to `events` and polls again when `handled` is
/// told the next offset. The thread ends with the process.
pub fn start(telegram: Telegram, alive: AliveFile, events: SyncSender<Event>) -> Sender<i64> {
    let (handled, next_offset) = mpsc::channel();
    thread::spawn(move || {
        let mut offset = 0;
        // The first one does not wait: it tells at once whether all is well.
        let mut wait = Duration::ZERO;
        let mut trouble = Trouble::default();
        loop {
            let event = match telegram.updates(offset, wait) {
                Ok(updates) => {
                    alive.touch();
                    trouble.is_over();
                    wait = LONG_POLL;
                    if updates.is_empty() {
                        continue;
                    }
                    Event::Updates(updates)
                }
                Err(TelegramError::Refused) => Event::Refused,
                Err(error) => {
                    thread::sleep(trouble.pause(&error));
                    continue;
                }
            };
            if events.send(event).is_err() {
                return;
            }
            match next_offset.recv() {
                Ok(next) => offset = next,
                Err(_) => return,
            }
        }
    });
    handled
}

/// Failures in a row.
#[derive(Default)]
struct Trouble {
    pause: Option<Duration>,
    conflict: bool,
}

impl Trouble {
    fn is_over(&mut self) {
        if self.pause.is_some() {
            tracing::info!("Telegram answers again");
        }
        *self = Self::default();
    }

    /// Logs the error and says how long to leave Telegram alone.
    fn pause(&mut self, error: &TelegramError) -> Duration {
        let (first, longest) = BACK_OFF;
        let pause = self.pause.map_or(first, |last| (last * 2).min(longest));
        self.pause = Some(pause);
        let asked = match error {
            TelegramError::Wait(asked) => *asked,
            _ => Duration::ZERO,
        };
        let pause = pause.max(asked);
        let conflict = matches!(error, TelegramError::Conflict);
        // Two that poll with one token would fill the log.
        if !(conflict && self.conflict) {
            tracing::warn!(%error, pause_s = pause.as_secs(), "cannot poll");
        }
        self.conflict = conflict;
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_limit_and_start_again() {
        let failed = TelegramError::Failed("down".to_owned());
        let mut trouble = Trouble::default();
        let pauses: Vec<u64> = (0..7).map(|_| trouble.pause(&failed).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 30, 30]);
        trouble.is_over();
        assert_eq!(trouble.pause(&failed).as_secs(), 1);
        let asked = TelegramError::Wait(Duration::from_secs(77));
        assert_eq!(trouble.pause(&asked).as_secs(), 77);
    }
}
