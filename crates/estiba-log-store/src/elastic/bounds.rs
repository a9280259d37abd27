//! What an aggregation may ask for: the index takes what it is given, and ends where it
//! can't count that far.

use estiba_model::message;
use serde_json::{Map, Value};

use super::answer::Failure;

/// As many as Elasticsearch makes at the most
/// (<https://www.elastic.co/guide/en/elasticsearch/reference/8.19/search-settings.html>).
const MOST_BUCKETS: f64 = 65_536.0;
/// A hundred years.
const LONGEST_MS: f64 = 100.0 * 365.0 * 86_400_000.0;

/// Refuses an aggregation that has no end, or no begin.
pub(super) fn check(kind: &str, options: &Map<String, Value>) -> Result<(), Failure> {
    match kind {
        "range" => some_ranges(options),
        "histogram" => {
            let said = options.get("interval");
            buckets(kind, said, said.and_then(Value::as_f64), options)
        }
        "date_histogram" => {
            let said = options.get("fixed_interval");
            let interval = said.and_then(Value::as_str).and_then(milliseconds);
            let interval = interval.filter(|length| *length <= LONGEST_MS);
            buckets(kind, said, interval, options)
        }
        _ => Ok(()),
    }
}

fn some_ranges(options: &Map<String, Value>) -> Result<(), Failure> {
    let ranges = options.get("ranges").and_then(Value::as_array);
    if ranges.is_some_and(|ranges| !ranges.is_empty()) {
        return Ok(());
    }
    Err(Failure::wrong(&message!(
        "[range] has no ranges",
        "[range] no tiene rangos"
    )))
}

fn buckets(
    kind: &str,
    said: Option<&Value>,
    interval: Option<f64>,
    options: &Map<String, Value>,
) -> Result<(), Failure> {
    let Some(interval) = interval.filter(|length| length.is_finite() && *length > 0.0) else {
        let said = said.unwrap_or(&Value::Null);
        return Err(Failure::wrong(&message!(
            "[{kind}] {said} is no interval: write a number above 0, or for times 30s, 5m, 1h, 1d",
            "[{kind}] {said} no es un intervalo: escriba un número mayor que 0, o para fechas 30s, 5m, 1h, 1d"
        )));
    };
    for bounds in ["extended_bounds", "hard_bounds"] {
        let Some(bounds) = options.get(bounds) else {
            continue;
        };
        let end = |name: &str| bounds.get(name).and_then(Value::as_f64);
        if let (Some(min), Some(max)) = (end("min"), end("max"))
            && (max - min) / interval > MOST_BUCKETS
        {
            return Err(Failure::wrong(&message!(
                "[{kind}] asks for more than {MOST_BUCKETS} buckets: make the interval longer",
                "[{kind}] pide más de {MOST_BUCKETS} intervalos: alargue el intervalo"
            )));
        }
    }
    Ok(())
}

/// A length of time as Elasticsearch writes it
/// (<https://www.elastic.co/guide/en/elasticsearch/reference/8.19/api-conventions.html#time-units>).
fn milliseconds(text: &str) -> Option<f64> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let number: f64 = text[..unit].parse().ok()?;
    let each = match &text[unit..] {
        "ms" => 1.0,
        "s" => 1000.0,
        "m" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    Some(number * each)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_has_no_end_is_refused() {
        let far = json!({"min": 0, "max": 1_152_921_504_606_846_976_u64});
        for (kind, options, is_good) in [
            ("range", json!({"ranges": []}), false),
            ("range", json!({"ranges": [{"to": 1}]}), true),
            (
                "histogram",
                json!({"interval": 1, "extended_bounds": far}),
                false,
            ),
            (
                "histogram",
                json!({"interval": 1, "hard_bounds": far}),
                false,
            ),
            ("histogram", json!({"interval": 0}), false),
            ("histogram", json!({"interval": -1}), false),
            ("histogram", json!({}), false),
            (
                "histogram",
                json!({"interval": 0.5, "extended_bounds": {"min": 0, "max": 9}}),
                true,
            ),
            (
                "date_histogram",
                json!({"fixed_interval": "99999999999999999d"}),
                false,
            ),
            ("date_histogram", json!({"fixed_interval": "0s"}), false),
            ("date_histogram", json!({"fixed_interval": "soon"}), false),
            ("date_histogram", json!({"fixed_interval": "30s"}), true),
            ("terms", json!({}), true),
        ] {
            let checked = check(kind, options.as_object().unwrap());
            assert_eq!(checked.is_ok(), is_good, "{kind} {options}");
        }
    }
}
