//! The moments that loggers and shippers write, in all their forms.

use std::ops::Range;

use jiff::civil::{Date, DateTime};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Number, Value};

/// Whether a moment says its zone; one without is taken for UTC.
pub type HasZone = bool;

/// Seconds since 1970 from 2001 to 2286: no line is of another moment, and a number
/// that would be one counts something else.
const OF_LINES: Range<i64> = 1_000_000_000..10_000_000_000;

/// `2026-01-02T03Z`: no shorter text is a moment.
const SHORTEST: usize = 14;

/// The moment with which a text begins, after a bracket or syslog's `<PRI>1`. `T`, a
/// blank or slashes are fine.
#[must_use]
pub fn at_start(text: &str) -> Option<(Timestamp, HasZone)> {
    let (at, has_zone, _) = usual(after_prefix(text.as_bytes()))?;
    Some((at, has_zone))
}

/// The moment that a whole text says: RFC 3339 and its likes, or a number since 1970 in
/// seconds, milliseconds, microseconds or nanoseconds, told apart by its size. A number
/// that is too small for a line's moment is none.
#[must_use]
pub fn of_text(text: &str) -> Option<Timestamp> {
    let text = text.trim_ascii();
    whole(text)
        .or_else(|| number(text).filter(is_of_a_line))
        .or_else(|| unusual(text))
}

/// The same of a JSON value as it is written, without building it.
#[must_use]
pub fn of_json(raw: &str) -> Option<Timestamp> {
    match raw.strip_prefix('"') {
        Some(text) => of_text(text.strip_suffix('"')?),
        None => number(raw).filter(is_of_a_line),
    }
}

/// The same of a JSON value.
#[must_use]
pub fn of_value(value: &Value) -> Option<Timestamp> {
    match value {
        Value::String(text) => of_text(text),
        Value::Number(number) => of_number(number).filter(is_of_a_line),
        _ => None,
    }
}

/// The moment that the end of a search means, with microseconds: also a day alone, and
/// any number since 1970, as small as it may be.
#[must_use]
pub fn parse_time(value: &Value) -> Option<Timestamp> {
    let at = match value {
        Value::String(text) => {
            let text = text.trim();
            whole(text)
                .or_else(|| number(text))
                .or_else(|| text.parse().ok())
                .or_else(|| in_utc(text))
        }
        Value::Number(number) => of_number(number),
        _ => None,
    };
    at.map(whole_microseconds)
}

/// The last moment that the end of a search means: a day alone is that whole day, and a
/// second or a millisecond all of it, as Elasticsearch rounds an end up.
#[must_use]
pub fn parse_time_up(value: &Value) -> Option<Timestamp> {
    let at = parse_time(value)?;
    let unsaid = match value {
        Value::String(text) => unsaid(text.trim()),
        value => unsaid(&value.to_string()),
    };
    at.checked_add(SignedDuration::from_micros(unsaid)).ok()
}

/// How many microseconds a moment lasts as it is written.
fn unsaid(text: &str) -> i64 {
    const SECOND: i64 = 1_000_000;
    if let Ok(number) = text.parse::<i64>() {
        return match number.unsigned_abs() {
            0..100_000_000_000 => SECOND - 1,
            100_000_000_000..100_000_000_000_000 => 999,
            _ => 0,
        };
    }
    let colons = text.bytes().filter(|byte| *byte == b':').count();
    match (text.len(), text.get(19..)) {
        (..=10, _) if text.parse::<Date>().is_ok() => 86_400 * SECOND - 1,
        (16 | 17, _) if colons == 1 => 60 * SECOND - 1,
        (_, Some(rest)) => {
            let digits = rest.strip_prefix(['.', ',']).unwrap_or_default();
            let digits = digits.bytes().take_while(u8::is_ascii_digit).take(6);
            digits.fold(SECOND, |left, _| left / 10) - 1
        }
        _ => 0,
    }
}

/// Whether a line may have been written then: not before 2001, nor after 2286.
#[must_use]
pub fn is_of_a_line(at: &Timestamp) -> bool {
    OF_LINES.contains(&at.as_second())
}

/// Records have microseconds; who wrote them may have more.
pub(crate) fn whole_microseconds(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

/// A whole text that is a moment in the usual way. Behind the zone may stand what it is
/// called: Go writes `+0000 UTC m=+0.1`.
fn whole(text: &str) -> Option<Timestamp> {
    let (at, has_zone, rest) = usual(text.as_bytes())?;
    let is_whole = match rest.first() {
        None => true,
        Some(b' ' | b'[') if has_zone => true,
        _ => matches!(rest, b" UTC" | b" GMT" | b" Z"),
    };
    is_whole.then_some(at)
}

/// Moments that are whole by the standard, but that few write: without seconds, or
/// without marks.
fn unusual(text: &str) -> Option<Timestamp> {
    let may_be = text.len() >= SHORTEST && text.as_bytes()[0].is_ascii_digit();
    may_be.then(|| text.parse().ok()).flatten()
}

fn in_utc(text: &str) -> Option<Timestamp> {
    let civil: DateTime = text.parse().ok()?;
    let zoned = civil.to_zoned(TimeZone::UTC).ok()?;
    Some(zoned.timestamp())
}

fn of_number(number: &Number) -> Option<Timestamp> {
    match number.as_i64() {
        Some(whole) => since_1970(whole),
        None => fraction_since_1970(number.as_f64()?),
    }
}

fn number(text: &str) -> Option<Timestamp> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.as_bytes().first()?.is_ascii_digit() {
        return None;
    }
    match text.parse() {
        Ok(whole) => since_1970(whole),
        Err(_) => fraction_since_1970(text.parse().ok()?),
    }
}

/// Up to the year 5138, in the biggest unit in which it lies before it.
fn since_1970(number: i64) -> Option<Timestamp> {
    match number.unsigned_abs() {
        0..100_000_000_000 => Timestamp::from_second(number),
        100_000_000_000..100_000_000_000_000 => Timestamp::from_millisecond(number),
        100_000_000_000_000..100_000_000_000_000_000 => Timestamp::from_microsecond(number),
        _ => Timestamp::from_nanosecond(i128::from(number)),
    }
    .ok()
}

/// The same; a double has microseconds, no more.
fn fraction_since_1970(number: f64) -> Option<Timestamp> {
    let unit = match number.abs() {
        size if size < 1e11 => 1e6,
        size if size < 1e14 => 1e3,
        _ => 1.0,
    };
    let microseconds = (number * unit).round();
    if !microseconds.is_finite() || microseconds.abs() >= 9e18 {
        return None;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the size was tested")]
    Timestamp::from_microsecond(microseconds as i64).ok()
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

/// `2026-01-02T03:04:05[.123][Z|±HH[:MM]]` and its likes, at the beginning, and what
/// comes behind.
fn usual(text: &[u8]) -> Option<(Timestamp, HasZone, &[u8])> {
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
    let (offset, has_zone, rest) = zone(rest);
    let local = date.at(hour, minute, second, nanoseconds);
    let offset = Offset::from_seconds(offset).ok()?;
    Some((offset.to_timestamp(local).ok()?, has_zone, rest))
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

/// The offset in seconds, whether it was said, and what comes behind.
fn zone(text: &[u8]) -> (i32, HasZone, &[u8]) {
    let rest = text
        .strip_prefix(b" ")
        .filter(|rest| matches!(rest.first(), Some(b'+' | b'-')))
        .unwrap_or(text);
    let (sign, rest) = match rest.split_first() {
        Some((b'Z' | b'z', rest)) => return (0, true, rest),
        Some((b'+', rest)) => (1, rest),
        Some((b'-', rest)) => (-1, rest),
        _ => return (0, false, text),
    };
    let Some((hours, rest)) = pair(rest).filter(|(hours, _)| *hours < 24) else {
        return (0, false, text);
    };
    let (minutes, rest) = pair(rest.strip_prefix(b":").unwrap_or(rest))
        .filter(|(minutes, _)| *minutes < 60)
        .unwrap_or((0, rest));
    (sign * (hours * 3600 + minutes * 60), true, rest)
}

fn pair(text: &[u8]) -> Option<(i32, &[u8])> {
    let (digits, rest) = text.split_first_chunk::<2>()?;
    let is_number = digits.iter().all(u8::is_ascii_digit);
    let number = || i32::from(digits[0] - b'0') * 10 + i32::from(digits[1] - b'0');
    is_number.then(|| (number(), rest))
}

#[cfg(test)]
#[path = "moment_tests.rs"]
mod tests;
