//! Moments counted from now, such as `now-15m` and `now-1d/d`.
//! <https://www.elastic.co/guide/en/elasticsearch/reference/8.19/common-options.html#date-math>

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, ToSpan, Zoned};

/// The moment, in UTC; `None` where the text is none of these. Rounding goes down, or
/// to the end of the unit where `up`.
pub(super) fn moment(text: &str, now: Timestamp, up: bool) -> Option<Timestamp> {
    let mut rest = text.trim().strip_prefix("now")?;
    let mut at = now.to_zoned(TimeZone::UTC);
    while !rest.is_empty() {
        let (operator, after) = rest.split_at_checked(1)?;
        if operator == "/" {
            let (unit, after) = after.split_at_checked(1)?;
            at = round(&at, unit, up)?;
            rest = after;
            continue;
        }
        let digits = after.len()
            - after
                .trim_start_matches(|letter: char| letter.is_ascii_digit())
                .len();
        let (number, after) = after.split_at(digits);
        let number: i64 = if number.is_empty() {
            1
        } else {
            number.parse().ok()?
        };
        let (unit, after) = after.split_at_checked(1)?;
        let number = match operator {
            "+" => number,
            "-" => -number,
            _ => return None,
        };
        at = at.checked_add(span(number, unit)?).ok()?;
        rest = after;
    }
    Some(at.timestamp())
}

fn span(number: i64, unit: &str) -> Option<Span> {
    let span = Span::new();
    match unit {
        "s" => span.try_seconds(number),
        "m" => span.try_minutes(number),
        "h" | "H" => span.try_hours(number),
        "d" => span.try_days(number),
        "w" => span.try_weeks(number),
        "M" => span.try_months(number),
        "y" => span.try_years(number),
        _ => return None,
    }
    .ok()
}

fn round(at: &Zoned, unit: &str, up: bool) -> Option<Zoned> {
    let day = at.start_of_day().ok()?;
    let (start, length) = match unit {
        "s" => (at.with().subsec_nanosecond(0).build().ok()?, 1.second()),
        "m" => (
            at.with().second(0).subsec_nanosecond(0).build().ok()?,
            1.minute(),
        ),
        "h" | "H" => (
            at.with()
                .minute(0)
                .second(0)
                .subsec_nanosecond(0)
                .build()
                .ok()?,
            1.hour(),
        ),
        "d" => (day, 1.day()),
        "w" => {
            let days = i64::from(at.weekday().to_monday_zero_offset());
            (
                day.checked_sub(Span::new().try_days(days).ok()?).ok()?,
                1.week(),
            )
        }
        "M" => (day.first_of_month().ok()?, 1.month()),
        "y" => (day.first_of_year().ok()?, 1.year()),
        _ => return None,
    };
    if up {
        return start
            .checked_add(length)
            .ok()?
            .checked_sub(1.microsecond())
            .ok();
    }
    Some(start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_counted_from_now() {
        let now: Timestamp = "2026-05-06T12:34:56.5Z".parse().unwrap();
        for (text, up, expected) in [
            ("now", false, Some("2026-05-06T12:34:56.5Z")),
            ("now-15m", false, Some("2026-05-06T12:19:56.5Z")),
            ("now+1h", false, Some("2026-05-06T13:34:56.5Z")),
            ("now-d", false, Some("2026-05-05T12:34:56.5Z")),
            ("now/s", false, Some("2026-05-06T12:34:56Z")),
            ("now/m", false, Some("2026-05-06T12:34:00Z")),
            ("now/h", false, Some("2026-05-06T12:00:00Z")),
            ("now-1d/d", false, Some("2026-05-05T00:00:00Z")),
            ("now/d", true, Some("2026-05-06T23:59:59.999999Z")),
            ("now/w", false, Some("2026-05-04T00:00:00Z")),
            ("now-1M/M", false, Some("2026-04-01T00:00:00Z")),
            ("now/y", false, Some("2026-01-01T00:00:00Z")),
            ("now-15x", false, None),
            ("now*2h", false, None),
            ("now-", false, None),
            ("nowé", false, None),
            ("yesterday", false, None),
        ] {
            let expected = expected.map(|at| at.parse().unwrap());
            assert_eq!(moment(text, now, up), expected, "{text}");
        }
    }
}
