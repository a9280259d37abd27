//! Where reading a container's log goes on.

use estiba_target::LogLine;
use jiff::Timestamp;

/// How far a log was told, by the clock of its own node: the latest moment of which a
/// line was told, and the place of the last line behind it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mark {
    /// That moment, or from when on lines are wanted.
    pub(super) at: Option<Timestamp>,
    /// Lines of that very moment: a runtime gives one to all that it read at once.
    lines: usize,
    /// Lines behind these that are older, but of the same second: the two outputs of a
    /// container are not written in the order of their moments, and a log is read anew
    /// from a whole second on.
    older: usize,
}

impl Mark {
    /// After these lines of one log, in their order, of which no more than `tail` were
    /// asked for. Where there are none, all that is not older than `since` is new.
    pub(super) fn after(lines: &[LogLine], since: Option<Timestamp>, tail: Option<usize>) -> Self {
        let mut mark = Self::default();
        for line in lines {
            mark.note(line.at);
        }
        // Those before may be of that moment too, and were not wanted.
        if mark.lines > 0 && tail.is_some_and(|tail| mark.lines >= tail) {
            mark.lines = usize::MAX;
        }
        mark.at = mark.at.or(since);
        mark
    }

    /// A line more was told.
    pub(super) fn note(&mut self, at: Timestamp) {
        match self.at {
            Some(latest) if at < latest => {
                self.older += usize::from(at.as_second() == latest.as_second());
            }
            Some(latest) if at == latest => {
                self.lines = self.lines.saturating_add(1);
                self.older = 0;
            }
            _ => {
                *self = Self {
                    at: Some(at),
                    lines: 1,
                    older: 0,
                }
            }
        }
    }

    /// Finds the mark in the same log, read anew.
    pub(super) fn again(self) -> Again {
        Again {
            mark: self,
            lines: 0,
            older: 0,
            is_past: self.at.is_none(),
        }
    }
}

/// A log that is read once more, up to its mark and on.
#[derive(Debug)]
pub(super) struct Again {
    mark: Mark,
    lines: usize,
    older: usize,
    is_past: bool,
}

impl Again {
    /// Whether the next line, of this moment, has not been told. Behind the mark all
    /// are new, also where the node's clock was set back.
    pub(super) fn is_new(&mut self, at: Timestamp) -> bool {
        self.is_past = self.is_past || self.is_behind(at);
        self.is_past
    }

    fn is_behind(&mut self, at: Timestamp) -> bool {
        let Mark { lines, older, .. } = self.mark;
        match self.mark.at {
            Some(latest) if at < latest && self.lines < lines.max(1) => false,
            Some(latest) if at < latest && self.older < older => {
                self.older += 1;
                false
            }
            Some(latest) if at == latest && self.lines < lines => {
                self.lines += 1;
                false
            }
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(moments: &[i64]) -> Vec<LogLine> {
        let line = |at: &i64| LogLine {
            at: Timestamp::from_microsecond(*at).unwrap(),
            instance: "api-1".parse().unwrap(),
            container: "main".parse().unwrap(),
            stream: None,
            text: String::new(),
        };
        moments.iter().map(line).collect()
    }

    /// Which lines of `log` are new where it is read again from the mark on.
    fn new(mark: Mark, log: &[i64]) -> Vec<i64> {
        let mut again = mark.again();
        let is_new = |at: &&i64| again.is_new(Timestamp::from_microsecond(**at).unwrap());
        log.iter().filter(is_new).copied().collect()
    }

    fn after(told: &[i64]) -> Mark {
        Mark::after(&lines(told), None, None)
    }

    #[test]
    fn what_was_written_after_the_last_line_is_new_and_no_line_is_told_twice() {
        for (told, since_then) in [
            (&[10, 20][..], &[30, 40][..]),
            // By no clock but the node's.
            (&[10, 20], &[21]),
            // Of one moment.
            (&[10, 20, 20], &[20, 20, 30]),
            // Of two outputs, the older line last.
            (&[10, 30, 20], &[30, 40]),
            (&[10, 30, 30, 20, 25], &[26, 30, 40]),
            (&[10, 30], &[20, 40]),
            // The clock was set back.
            (&[10, 20], &[5, 6]),
            (&[], &[10, 20]),
        ] {
            let log = [told, since_then].concat();
            assert_eq!(new(after(told), &log), since_then, "{told:?}");
        }
    }

    #[test]
    fn a_mark_goes_on_with_the_lines() {
        let (log, mut mark) = ([10, 20, 20, 15, 30, 30, 25], Mark::default());
        for (number, line) in lines(&log).iter().enumerate() {
            mark.note(line.at);
            assert_eq!(mark, after(&log[..=number]));
            assert_eq!(new(mark, &log), log[number + 1..]);
        }
    }

    #[test]
    fn a_log_that_begins_anew_is_new() {
        assert_eq!(new(after(&[10, 20, 20]), &[30, 40]), [30, 40]);
        assert_eq!(new(after(&[10, 30, 20]), &[40, 25]), [40, 25]);
    }

    #[test]
    fn older_lines_of_a_second_before_are_not_read_again() {
        let second = 1_000_000;
        let mark = after(&[second + 20, second - 1]);
        assert_eq!(new(mark, &[second + 20, second + 10]), [second + 10]);
    }

    #[test]
    fn without_lines_it_begins_where_it_was_asked_to() {
        let since = Timestamp::from_microsecond(20).unwrap();
        let mark = Mark::after(&[], Some(since), Some(5));
        assert_eq!(new(mark, &[10, 19, 20, 20, 15]), [20, 20, 15]);
    }

    #[test]
    fn what_stands_before_the_tail_is_not_new() {
        let told = lines(&[20, 20]);
        let log = [20, 20, 20, 20, 30];
        assert_eq!(new(Mark::after(&told, None, Some(2)), &log), [30]);
        // Of the run before, and of this one.
        let told = lines(&[20, 20, 20, 20]);
        assert_eq!(new(Mark::after(&told, None, Some(2)), &log), [30]);
        let told = lines(&[10, 20]);
        let log = [5, 10, 10, 20, 20];
        assert_eq!(new(Mark::after(&told, None, Some(2)), &log), [20]);
    }
}
