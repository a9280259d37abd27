//! Where reading a log goes on.

use estiba_target::LogLine;
use jiff::Timestamp;

/// How far a container's lines were told. Podman tells whole seconds, so those of
/// one moment are counted.
#[derive(Debug, Default)]
pub(crate) struct Mark {
    /// When the last one was written.
    pub(crate) at: Option<Timestamp>,
    /// Lines of that moment.
    lines: usize,
}

impl Mark {
    /// After these lines, all since then.
    pub(crate) fn after(lines: &[LogLine], since: Option<Timestamp>) -> Self {
        let at = lines.last().map(|line| line.at);
        let of_last = lines.iter().rev().take_while(|line| Some(line.at) == at);
        Self {
            lines: of_last.count(),
            at: at.or(since),
        }
    }

    /// Whether the next line, of this moment, has not been told.
    pub(crate) fn is_behind(&mut self, at: Timestamp) -> bool {
        match self.at {
            Some(told) if at < told => false,
            Some(told) if at == told && self.lines > 0 => {
                self.lines -= 1;
                false
            }
            _ => true,
        }
    }
}

/// Whether a line is older; one of a whole second may be of any moment in it.
pub(crate) fn is_before(at: Timestamp, since: Timestamp) -> bool {
    let may_be_later = at.subsec_nanosecond() == 0 && at.as_second() == since.as_second();
    at < since && !may_be_later
}

#[cfg(test)]
mod tests {
    use estiba_target::Stream;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn line(time: &str) -> LogLine {
        LogLine {
            at: at(time),
            instance: "api-1".parse().unwrap(),
            container: "main".parse().unwrap(),
            stream: Some(Stream::Stdout),
            text: String::new(),
        }
    }

    #[test]
    fn lines_of_one_second_are_told_once_each() {
        let told = [
            line("2026-01-01T00:00:01Z"),
            line("2026-01-01T00:00:02Z"),
            line("2026-01-01T00:00:02Z"),
        ];
        let mut mark = Mark::after(&told, None);
        let again = told.iter().map(|line| mark.is_behind(line.at));
        assert_eq!(again.collect::<Vec<_>>(), [false; 3]);
        assert!(mark.is_behind(at("2026-01-01T00:00:02Z")));
        assert!(mark.is_behind(at("2026-01-01T00:00:03Z")));
    }

    #[test]
    fn what_is_older_than_asked_is_not_followed() {
        let mut mark = Mark::after(&[], Some(at("2026-01-01T00:00:02Z")));
        assert!(!mark.is_behind(at("2026-01-01T00:00:01Z")));
        assert!(mark.is_behind(at("2026-01-01T00:00:02Z")));
    }

    #[test]
    fn a_whole_second_may_be_any_moment_in_it() {
        let since = at("2026-01-01T00:00:02.5Z");
        assert!(!is_before(at("2026-01-01T00:00:02Z"), since));
        assert!(is_before(at("2026-01-01T00:00:02.4Z"), since));
        assert!(is_before(at("2026-01-01T00:00:01Z"), since));
    }
}
