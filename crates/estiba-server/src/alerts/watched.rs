//! Whether there are too many lines, and whether that is to be told. No I/O.
//!
//! More than `over` lines within a time are there when the oldest of the newest
//! `over + 1` is no older than that: no more moments have to be remembered.

use std::collections::VecDeque;

use estiba_model::Alert;
use jiff::{SignedDuration, Timestamp};

/// So many of the last lines are told.
const LINES: usize = 10;
/// The longest line that is told, in characters.
const LONGEST: usize = 500;
/// Lines that are older than this when they come tell nothing of what goes on: all that
/// an environment ever wrote may come at once.
const TOO_OLD: SignedDuration = SignedDuration::from_hours(1);

/// The lines of an alert in an environment.
#[derive(Debug)]
pub(super) struct Watched {
    over: usize,
    within: SignedDuration,
    pause: SignedDuration,
    /// The moments of the newest `over + 1` lines.
    moments: VecDeque<Timestamp>,
    /// The last lines that were not told.
    lines: VecDeque<String>,
    /// When there were last too many.
    reached: Option<Timestamp>,
    /// When that was told, of what goes on.
    told: Option<Timestamp>,
}

impl Watched {
    /// With when it was last told.
    pub fn new(alert: &Alert, told: Option<Timestamp>) -> Self {
        let span = |span| SignedDuration::try_from(span).unwrap_or(SignedDuration::MAX);
        Self {
            over: alert.over as usize,
            within: span(alert.within),
            pause: span(alert.pause),
            moments: VecDeque::new(),
            lines: VecDeque::new(),
            reached: told,
            told,
        }
    }

    /// A line came.
    pub fn line(&mut self, at: Timestamp, text: &str, now: Timestamp) {
        if now.duration_since(at) > TOO_OLD {
            return;
        }
        // A clock may be ahead.
        let at = at.min(now);
        self.moments.push_back(at);
        if self.moments.len() > self.over + 1 {
            self.moments.pop_front();
        }
        self.lines.push_back(text.chars().take(LONGEST).collect());
        if self.lines.len() > LINES {
            self.lines.pop_front();
        }
        let oldest = self
            .moments
            .front()
            .filter(|_| self.moments.len() > self.over);
        if oldest.is_some_and(|oldest| at.duration_since(*oldest) <= self.within) {
            self.reached = Some(now);
        }
    }

    /// Whether there is something to tell. What was told is told again only when it has
    /// ended meanwhile, or goes on after the pause.
    pub fn is_due(&mut self, now: Timestamp) -> bool {
        let Some(reached) = self.reached else {
            return false;
        };
        if now.duration_since(reached) > self.within {
            self.reached = None;
            self.told = None;
            self.lines.clear();
            return false;
        }
        let may_again = |told| now.duration_since(told) >= self.pause;
        !self.lines.is_empty() && self.told.is_none_or(may_again)
    }

    /// The last lines, the oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.lines.iter().cloned().collect()
    }

    /// It was told.
    pub fn told(&mut self, now: Timestamp) {
        self.told = Some(now);
        self.lines.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn alert(over: u32, within: u64, pause: u64) -> Alert {
        Alert {
            when: String::new(),
            over,
            within: Duration::from_secs(within),
            pause: Duration::from_secs(pause),
            environments: std::collections::BTreeSet::new(),
        }
    }

    /// When it is told, with a line at each of `lines`, looked at every second.
    fn told(watched: &mut Watched, lines: &[i64], until: i64) -> Vec<i64> {
        let mut told = Vec::new();
        for second in 0..=until {
            for _ in lines.iter().filter(|line| **line == second) {
                watched.line(at(second), "x", at(second));
            }
            if watched.is_due(at(second)) {
                watched.told(at(second));
                told.push(second);
            }
        }
        told
    }

    #[test]
    fn it_is_told_once_until_it_has_ended_or_a_pause_has_passed() {
        for (over, within, pause, lines, expected) in [
            // A pattern: the first line, then not until it ended, or the pause passed.
            (0, 10, 100, &[5, 6, 15, 20][..], &[5][..]),
            (0, 10, 100, &[5, 30], &[5, 30]),
            (0, 10, 20, &[5, 10, 15, 20, 25, 30], &[5, 25]),
            // What goes on is not told again before there is a new line of it.
            (0, 30, 5, &[5, 25], &[5, 25]),
            // A rate: more than two within ten seconds.
            (2, 10, 100, &[1, 2], &[]),
            (2, 10, 100, &[1, 2, 11], &[11]),
            (2, 10, 100, &[1, 2, 12], &[]),
            (2, 10, 100, &[1, 1, 1, 1], &[1]),
            (2, 10, 100, &[1, 2, 3, 20, 21, 22], &[3, 22]),
        ] {
            let mut watched = Watched::new(&alert(over, within, pause), None);
            let seen = told(&mut watched, lines, 60);
            assert_eq!(seen, expected, "over {over} in {within} s: {lines:?}");
        }
    }

    #[test]
    fn what_was_told_before_a_restart_is_not_told_again() {
        let mut watched = Watched::new(&alert(0, 10, 100), Some(at(0)));
        assert_eq!(
            told(&mut watched, &[5, 30], 60),
            [30],
            "it had ended by then"
        );
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut watched = Watched::new(&alert(3, 10, 100), None);
        for second in 0..1000 {
            watched.line(at(second), &"ñ".repeat(9000), at(second));
        }
        assert_eq!((watched.moments.len(), watched.lines.len()), (4, LINES));
        let longest = watched
            .lines()
            .iter()
            .map(|line| line.chars().count())
            .max();
        assert_eq!(longest, Some(LONGEST));
    }

    #[test]
    fn lines_of_long_ago_tell_nothing() {
        let mut watched = Watched::new(&alert(0, 10, 100), None);
        watched.line(at(0), "old", at(3601));
        assert!(!watched.is_due(at(3601)));
        watched.line(at(9000), "ahead", at(3602));
        assert!(watched.is_due(at(3602)));
    }
}
