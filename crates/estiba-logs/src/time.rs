//! The moments that shippers write, in all their forms.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;

/// The moment that a JSON value means, with microseconds: RFC 3339, the same with
/// a space or a comma for the fraction (UTC where no offset is given), or a number
/// since 1970 in seconds, milliseconds, microseconds or nanoseconds, told apart by
/// its size. `None` where it is no moment.
#[must_use]
pub fn parse_time(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(whole) => from_whole(whole),
            None => from_fraction(number.as_f64()?),
        },
        Value::String(text) => from_text(text.trim()),
        _ => None,
    }
}

fn from_text(text: &str) -> Option<Timestamp> {
    if text.is_empty() {
        return None;
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return from_whole(text.parse().ok()?);
    }
    if let Ok(number) = text.parse::<f64>() {
        return from_fraction(number);
    }
    let at = text
        .parse::<Timestamp>()
        .or_else(|_| text.replacen(',', ".", 1).parse::<Timestamp>())
        .or_else(|_| {
            text.replacen(',', ".", 1)
                .parse::<DateTime>()
                .and_then(|civil| civil.to_zoned(TimeZone::UTC))
                .map(|zoned| zoned.timestamp())
        })
        .ok()?;
    in_microseconds(at)
}

/// Whole numbers up to the year 5138 in the smallest unit that they can mean.
fn from_whole(number: i64) -> Option<Timestamp> {
    let at = match number.unsigned_abs() {
        0..100_000_000_000 => Timestamp::from_second(number),
        100_000_000_000..100_000_000_000_000 => Timestamp::from_millisecond(number),
        100_000_000_000_000..100_000_000_000_000_000 => Timestamp::from_microsecond(number),
        _ => Timestamp::from_nanosecond(i128::from(number)),
    };
    in_microseconds(at.ok()?)
}

fn from_fraction(number: f64) -> Option<Timestamp> {
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

fn in_microseconds(at: Timestamp) -> Option<Timestamp> {
    Timestamp::from_microsecond(at.as_microsecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_form_is_one_moment() {
        let at: Timestamp = "2026-05-01T12:00:00.25Z".parse().unwrap();
        for value in [
            json!("2026-05-01T12:00:00.250Z"),
            json!("2026-05-01T09:00:00.25-03:00"),
            json!("2026-05-01 12:00:00,250"),
            json!("2026-05-01T12:00:00.25"),
            json!(1_777_636_800.25),
            json!("1777636800.25"),
            json!(1_777_636_800_250_u64),
            json!("1777636800250"),
            json!(1_777_636_800_250_000_u64),
            json!(1_777_636_800_250_000_000_u64),
        ] {
            assert_eq!(parse_time(&value), Some(at), "{value}");
        }
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for value in [
            json!("yesterday"),
            json!(""),
            json!(null),
            json!({}),
            json!(1e300),
            json!("99999-01-01T00:00:00Z"),
        ] {
            assert_eq!(parse_time(&value), None, "{value}");
        }
    }
}
