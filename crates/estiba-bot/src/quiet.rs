//! Hours in which a chat is not to be disturbed.

use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};
use serde::{Deserialize, Serialize};

/// From one full hour to another, every day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quiet {
    /// The first hour.
    pub from: i8,
    /// The hour in which it ends.
    pub to: i8,
    /// Hours east of UTC; as the bot's own clock where none is told.
    pub offset: Option<i8>,
}

impl Quiet {
    /// From words as people write them: `22-8`, `22-8 -3`, `22-8 UTC-3`.
    pub fn parse(words: &[String]) -> Option<Self> {
        let (span, offset) = match words {
            [span] => (span, None),
            [span, offset] => {
                let offset = offset.to_ascii_uppercase();
                let hours = offset.strip_prefix("UTC").unwrap_or(&offset);
                let hours: i8 = hours.parse().ok()?;
                (span, Some(hours).filter(|h| (-12..=14).contains(h)))
            }
            _ => return None,
        };
        if words.len() == 2 && offset.is_none() {
            return None;
        }
        let (from, to) = span.split_once('-')?;
        let hour = |text: &str| {
            let hour: i8 = text.trim_end_matches('h').parse().ok()?;
            (0..=24).contains(&hour).then_some(hour % 24)
        };
        let (from, to) = (hour(from)?, hour(to)?);
        (from != to).then_some(Self { from, to, offset })
    }

    /// Whether a moment is in it.
    pub fn has(&self, moment: Timestamp) -> bool {
        let hour = moment.to_zoned(self.zone()).hour();
        if self.from < self.to {
            (self.from..self.to).contains(&hour)
        } else {
            hour >= self.from || hour < self.to
        }
    }

    /// The clock by which its hours are.
    pub fn zone(&self) -> TimeZone {
        match self.offset.and_then(|hours| Offset::from_hours(hours).ok()) {
            Some(offset) => TimeZone::fixed(offset),
            None => TimeZone::system(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_are_read_as_people_write_them() {
        let quiet = |from, to, offset| Some(Quiet { from, to, offset });
        let cases = [
            ("22-8", quiet(22, 8, None)),
            ("22h-8h -3", quiet(22, 8, Some(-3))),
            ("0-24", None),
            ("1-24 UTC+2", quiet(1, 0, Some(2))),
            ("22", None),
            ("22-25", None),
            ("a-b", None),
            ("22-8 -30", None),
            ("22-8 here", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
            assert_eq!(Quiet::parse(&words), expected, "{text}");
        }
    }

    #[test]
    fn a_span_may_go_over_midnight() {
        let night = |offset| Quiet {
            from: 22,
            to: 8,
            offset: Some(offset),
        };
        let noon = Quiet {
            from: 12,
            to: 14,
            offset: Some(0),
        };
        let cases = [
            (night(0), "2024-05-01T21:59:00Z", false),
            (night(0), "2024-05-01T22:00:00Z", true),
            (night(0), "2024-05-02T07:59:00Z", true),
            (night(0), "2024-05-02T08:00:00Z", false),
            (night(-3), "2024-05-02T10:59:00Z", true),
            (night(-3), "2024-05-02T11:00:00Z", false),
            (noon, "2024-05-02T13:00:00Z", true),
            (noon, "2024-05-02T14:00:00Z", false),
        ];
        for (quiet, moment, expected) in cases {
            assert_eq!(quiet.has(moment.parse().unwrap()), expected, "{moment}");
        }
    }
}
