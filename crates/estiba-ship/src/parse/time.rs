//! When a line was written, where it says so.

use std::io::Write as _;

use jiff::Timestamp;
use jiff::civil::Date;

/// Reads the time with which a text begins (after a bracket or syslog's `<PRI>1`),
/// and appends it to `out` in RFC 3339. `T`, a blank or slashes are fine; a time
/// without a zone is taken as UTC, and `false` says that it was one.
pub(crate) fn find(text: &[u8], out: &mut Vec<u8>) -> Option<HasZone> {
    let (at, has_zone) = parse(after_prefix(text))?;
    append(at, out);
    Some(has_zone)
}

/// Whether a time says its zone.
pub(crate) type HasZone = bool;

/// Appends a time as documents have it.
pub(crate) fn append(at: Timestamp, out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = write!(out, "{at}");
}

/// A whole value that is a time: a text, or seconds, milliseconds, microseconds
/// or nanoseconds since 1970, as their size says.
pub(crate) fn of_value(raw: &[u8]) -> Option<Timestamp> {
    if let Some(text) = raw.strip_prefix(b"\"") {
        let text = text.strip_suffix(b"\"")?;
        return parse(text).map(|(at, _)| at).or_else(|| of_number(text));
    }
    of_number(raw)
}

fn of_number(raw: &[u8]) -> Option<Timestamp> {
    if !raw.first()?.is_ascii_digit() {
        return None;
    }
    let text = std::str::from_utf8(raw).ok()?;
    if let Ok(whole) = text.parse::<i64>() {
        // Before 2001 and after 2286 nobody's log is.
        return match whole {
            1_000_000_000..10_000_000_000 => Timestamp::from_second(whole),
            1_000_000_000_000..10_000_000_000_000 => Timestamp::from_millisecond(whole),
            1_000_000_000_000_000..10_000_000_000_000_000 => Timestamp::from_microsecond(whole),
            1_000_000_000_000_000_000.. => Timestamp::from_nanosecond(i128::from(whole)),
            _ => return None,
        }
        .ok();
    }
    let seconds: f64 = text.parse().ok()?;
    if !(1e9..1e10).contains(&seconds) {
        return None;
    }
    // A double has microseconds, no more.
    Timestamp::from_microsecond((seconds * 1e6).round() as i64).ok()
}

fn after_prefix(text: &[u8]) -> &[u8] {
    let text = text.strip_prefix(b"[").unwrap_or(text);
    let Some(rest) = text.strip_prefix(b"<") else {
        return text;
    };
    let Some(end) = rest.iter().take(4).position(|byte| *byte == b'>') else {
        return text;
    };
    let rest = &rest[end + 1..];
    rest.strip_prefix(b"1 ").unwrap_or(rest)
}

/// `2026-01-02T03:04:05[.123][Z|±HH[:MM]]` and its likes, at the beginning.
fn parse(text: &[u8]) -> Option<(Timestamp, HasZone)> {
    let head = text.get(..19)?;
    let date_mark = head[4];
    let shape = (date_mark == b'-' || date_mark == b'/')
        && head[7] == date_mark
        && matches!(head[10], b'T' | b't' | b' ')
        && head[13] == b':'
        && head[16] == b':';
    if !shape {
        return None;
    }
    let number = |from: usize, to: usize| {
        head[from..to].iter().try_fold(0_i16, |number, byte| {
            byte.is_ascii_digit()
                .then(|| number * 10 + i16::from(byte - b'0'))
        })
    };
    let small = |from: usize| number(from, from + 2).and_then(|number| i8::try_from(number).ok());
    let date = Date::new(number(0, 4)?, small(5)?, small(8)?).ok()?;
    // A leap second is the one before it.
    let (hour, minute, second) = (small(11)?, small(14)?, small(17)?.min(59));
    let (nanoseconds, rest) = fraction(&text[19..]);
    if !(0..24).contains(&hour) || !(0..60).contains(&minute) {
        return None;
    }
    let (offset, has_zone) = zone(rest);
    let local = date.at(hour, minute, second, nanoseconds);
    let at = jiff::tz::Offset::from_seconds(offset)
        .ok()?
        .to_timestamp(local)
        .ok()?;
    Some((at, has_zone))
}

fn fraction(rest: &[u8]) -> (i32, &[u8]) {
    let Some((b'.' | b',', digits)) = rest.split_first() else {
        return (0, rest);
    };
    let length = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    if length == 0 {
        return (0, rest);
    }
    let nanoseconds = (0..9).fold(0, |number, at| {
        let digit = if at < length {
            i32::from(digits[at] - b'0')
        } else {
            0
        };
        number * 10 + digit
    });
    (nanoseconds, &digits[length..])
}

/// The offset in seconds, and whether it was said.
fn zone(rest: &[u8]) -> (i32, HasZone) {
    let rest = rest
        .strip_prefix(b" ")
        .filter(|rest| matches!(rest.first(), Some(b'+' | b'-')))
        .unwrap_or(rest);
    let sign = match rest.first() {
        Some(b'Z' | b'z') => return (0, true),
        Some(b'+') => 1,
        Some(b'-') => -1,
        _ => return (0, false),
    };
    let digit = |at: usize| {
        rest.get(at)
            .filter(|byte| byte.is_ascii_digit())
            .map(|byte| i32::from(byte - b'0'))
    };
    let pair = |at: usize| Some(digit(at)? * 10 + digit(at + 1)?);
    let Some(hours) = pair(1).filter(|hours| *hours < 24) else {
        return (0, false);
    };
    let minutes_at = if rest.get(3) == Some(&b':') { 4 } else { 3 };
    let minutes = pair(minutes_at)
        .filter(|minutes| *minutes < 60)
        .unwrap_or(0);
    (sign * (hours * 3600 + minutes * 60), true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_in_texts() {
        for (text, expected) in [
            ("2026-01-02T03:04:05Z x", "2026-01-02T03:04:05Z"),
            ("[2026-01-02 03:04:05,123] x", "2026-01-02T03:04:05.123Z"),
            ("2026/01/02 03:04:05 x", "2026-01-02T03:04:05Z"),
            ("2026-01-02T03:04:05.5+02:00", "2026-01-02T01:04:05.5Z"),
            ("2026-01-02 03:04:05 -0300 x", "2026-01-02T06:04:05Z"),
            ("2026-01-02T03:04:60Z", "2026-01-02T03:04:59Z"),
            ("<11>1 2026-01-02T03:04:05Z h", "2026-01-02T03:04:05Z"),
            ("2026-01-02 03:04:05 - app", "2026-01-02T03:04:05Z"),
        ] {
            let mut out = Vec::new();
            find(text.as_bytes(), &mut out).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(String::from_utf8(out).unwrap(), expected, "{text}");
        }
        for text in [
            "",
            "2026-13-02T03:04:05Z",
            "2026-01-02T25:04:05Z",
            "x2026-01-02T03:04:05Z",
            "2026-01-02x03:04:05",
            "20a6-01-02T03:04:05Z",
        ] {
            assert_eq!(find(text.as_bytes(), &mut Vec::new()), None, "{text}");
        }
    }

    #[test]
    fn times_as_values() {
        for (raw, expected) in [
            ("\"2026-01-02T03:04:05Z\"", Some("2026-01-02T03:04:05Z")),
            ("1767323045", Some("2026-01-02T03:04:05Z")),
            ("1767323045123", Some("2026-01-02T03:04:05.123Z")),
            ("1767323045.25", Some("2026-01-02T03:04:05.25Z")),
            ("\"1767323045000000\"", Some("2026-01-02T03:04:05Z")),
            ("1767323045000000000", Some("2026-01-02T03:04:05Z")),
            ("12", None),
            ("null", None),
            ("\"x\"", None),
            ("\"", None),
        ] {
            assert_eq!(
                of_value(raw.as_bytes()).map(|at| at.to_string()).as_deref(),
                expected,
                "{raw}"
            );
        }
    }
}
