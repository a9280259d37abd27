//! How far the lines of a workload are stored, so that whoever follows them again
//! stores none twice and leaves none out.
//!
//! Each container of an instance writes its lines one after another, and a target gives
//! them in that order whenever it is asked. So the moment of the newest stored line of
//! each, and how many lines have that very moment, say which lines are new. Where a
//! clock goes back meanwhile, lines are stored twice rather than lost.

use std::collections::HashMap;

use estiba_model::{InstanceName, LogLine, Name};
use jiff::{SignedDuration, Timestamp};

/// How long after the newest line of a workload, a line of another instance that is
/// older than it may still come.
pub(super) const LAG: SignedDuration = SignedDuration::from_mins(5);
/// More containers are remembered only while their lines may be asked for again.
const MOST_SOURCES: usize = 1000;

/// Who writes lines one after another.
pub(super) type Source = (InstanceName, Name);

/// The newest stored line of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    /// When it was written, in microseconds since 1970.
    pub at_us: i64,
    /// How many lines of that moment are stored.
    pub lines: u64,
}

/// The newest stored lines of a workload.
#[derive(Debug, Default)]
pub(super) struct Marks {
    of: HashMap<Source, Mark>,
}

impl Marks {
    /// A source is stored so far.
    pub fn set(&mut self, source: Source, mark: Mark) {
        self.of.insert(source, mark);
    }

    /// A line is stored.
    pub fn note(&mut self, line: &LogLine) {
        let at_us = line.at.as_microsecond();
        let mark = self
            .of
            .entry(source(line))
            .or_insert(Mark { at_us, lines: 0 });
        if mark.at_us == at_us {
            mark.lines += 1;
        } else {
            *mark = Mark { at_us, lines: 1 };
        }
        if self.of.len() > MOST_SOURCES {
            self.forget_old();
        }
    }

    /// From when on lines have to be read again; all of them where none is stored.
    pub fn since(&self) -> Option<Timestamp> {
        let newest = self.of.values().map(|mark| mark.at_us).max()?;
        let newest = Timestamp::from_microsecond(newest).ok()?;
        newest.checked_sub(LAG).ok()
    }

    /// Tells stored lines from new ones, among those from [`Marks::since`] on.
    pub fn replay(&self) -> Replay {
        Replay {
            of: self.of.clone(),
        }
    }

    /// Sources whose lines are not read again need no mark.
    fn forget_old(&mut self) {
        if let Some(since) = self.since() {
            let since = since.as_microsecond();
            self.of.retain(|_, mark| mark.at_us >= since);
        }
    }
}

/// Lines as they come again.
#[derive(Debug)]
pub(super) struct Replay {
    of: HashMap<Source, Mark>,
}

impl Replay {
    /// Whether the line was not stored before.
    pub fn is_new(&mut self, line: &LogLine) -> bool {
        if self.of.is_empty() {
            return true;
        }
        let source = source(line);
        let Some(mark) = self.of.get_mut(&source) else {
            return true;
        };
        let at_us = line.at.as_microsecond();
        if at_us < mark.at_us {
            return false;
        }
        if at_us == mark.at_us && mark.lines > 0 {
            mark.lines -= 1;
            return false;
        }
        // All that follows is newer, also where the clock goes back.
        self.of.remove(&source);
        true
    }
}

fn source(line: &LogLine) -> Source {
    (line.instance.clone(), line.container.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(instance: u8, at_us: i64, text: usize) -> LogLine {
        LogLine {
            at: Timestamp::from_microsecond(at_us).unwrap(),
            instance: format!("api-12345678-{instance}").parse().unwrap(),
            container: "main".parse().unwrap(),
            stream: None,
            text: text.to_string(),
        }
    }

    /// Lines of some instances as a target gives them: in order of time, many of one
    /// moment.
    fn lines() -> impl Strategy<Value = Vec<LogLine>> {
        let written = prop::collection::vec((0..3_u8, 0..3_i64), 0..60);
        written.prop_map(|written| {
            let mut at_us = 1_700_000_000_000_000;
            let lines = written.into_iter().enumerate();
            lines
                .map(|(text, (instance, passed))| {
                    at_us += passed;
                    line(instance, at_us, text)
                })
                .collect()
        })
    }

    proptest! {
        /// Wherever somebody is killed, each line is stored once.
        #[test]
        fn no_line_is_stored_twice_or_lost(lines in lines(), stops in prop::collection::vec(0..60_usize, 0..4)) {
            let mut marks = Marks::default();
            let mut stored = Vec::new();
            for stop in stops.into_iter().chain([lines.len()]) {
                let since = marks.since();
                let mut replay = marks.replay();
                let again = lines.iter().filter(|line| since.is_none_or(|since| line.at >= since));
                for line in again.take(stop) {
                    if replay.is_new(line) {
                        marks.note(line);
                        stored.push(line.text.clone());
                    }
                }
            }
            stored.sort_by_key(|text| text.parse::<usize>().unwrap());
            let written: Vec<_> = lines.iter().map(|line| line.text.clone()).collect();
            prop_assert_eq!(stored, written);
        }
    }

    #[test]
    fn a_clock_that_goes_back_loses_no_line() {
        let mut marks = Marks::default();
        let (early, late, back) = (line(0, 10, 0), line(0, 1_000_000_000, 1), line(0, 20, 2));
        let mut replay = marks.replay();
        for line in [&early, &late, &back] {
            assert!(replay.is_new(line));
            marks.note(line);
        }
        let next = line(0, 30, 3);
        let mut replay = marks.replay();
        assert!(!replay.is_new(&early));
        assert!(replay.is_new(&late), "twice rather than never");
        assert!(replay.is_new(&next));
    }

    #[test]
    fn sources_that_ended_are_forgotten() {
        let mut marks = Marks::default();
        let hour = 3_600_000_000;
        for number in 0..3000_i64 {
            let instance = format!("api-12345678-{number}");
            let instance = LogLine {
                instance: instance.parse().unwrap(),
                ..line(0, number * hour, 0)
            };
            marks.note(&instance);
        }
        assert!(marks.of.len() <= MOST_SOURCES, "{}", marks.of.len());
    }
}
