//! Aggregations: tantivy's are Elasticsearch's, under other names of fields.

use estiba_logs::Field;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::answer::Failure;
use super::bounds;
use super::dsl::{field, is_utc, object, text_of, unsupported};
use crate::partition::Fields;
use crate::reads;

/// How deep aggregations may be in one another.
const DEEPEST: usize = 8;

/// What tantivy has of Elasticsearch's aggregations, with the options that it knows.
const KNOWN: [(&str, &[&str]); 13] = [
    (
        "date_histogram",
        &[
            "field",
            "fixed_interval",
            "interval",
            "calendar_interval",
            "min_doc_count",
            "offset",
            "extended_bounds",
            "hard_bounds",
            "keyed",
            "format",
            "time_zone",
            "order",
        ],
    ),
    (
        "histogram",
        &[
            "field",
            "interval",
            "min_doc_count",
            "offset",
            "extended_bounds",
            "hard_bounds",
            "keyed",
        ],
    ),
    (
        "terms",
        &[
            "field",
            "size",
            "shard_size",
            "order",
            "min_doc_count",
            "missing",
            "show_term_doc_count_error",
        ],
    ),
    ("range", &["field", "ranges", "keyed"]),
    ("avg", &["field", "missing"]),
    ("min", &["field", "missing"]),
    ("max", &["field", "missing"]),
    ("sum", &["field", "missing"]),
    ("stats", &["field", "missing"]),
    ("extended_stats", &["field", "missing", "sigma"]),
    ("percentiles", &["field", "percents", "keyed", "missing"]),
    ("cardinality", &["field", "missing"]),
    ("value_count", &["field", "missing"]),
];

/// The aggregations in tantivy's words.
pub(super) fn request(aggregations: &Value) -> Result<Value, Failure> {
    level(aggregations, 0)
}

fn level(aggregations: &Value, depth: usize) -> Result<Value, Failure> {
    if depth > DEEPEST {
        return Err(unsupported("aggs", "…"));
    }
    let mut read = Map::new();
    for (name, aggregation) in object(aggregations, "aggs")? {
        let mut one = Map::new();
        for (kind, body) in object(aggregation, name)? {
            match kind.as_str() {
                "aggs" | "aggregations" => {
                    one.insert("aggs".into(), level(body, depth + 1)?);
                }
                "meta" => {}
                kind => {
                    one.insert(kind.to_owned(), options(kind, body)?);
                }
            }
        }
        read.insert(name.clone(), one.into());
    }
    Ok(read.into())
}

fn options(kind: &str, body: &Value) -> Result<Value, Failure> {
    let (_, known) = KNOWN
        .iter()
        .find(|(name, _)| *name == kind)
        .ok_or_else(|| unsupported("aggs", kind))?;
    let mut read = Map::new();
    for (name, value) in object(body, kind)? {
        if !known.contains(&name.as_str()) {
            return Err(unsupported(kind, name));
        }
        let (name, value) = match (kind, name.as_str()) {
            (
                "sum" | "stats" | "extended_stats" | "percentiles" | "range" | "histogram",
                "field",
            ) if field(&text_of(value)).as_str() == Field::AT => {
                return Err(unsupported(kind, Field::AT));
            }
            (_, "field") => ("field", column(value)?),
            (_, "format" | "show_term_doc_count_error") => continue,
            (_, "time_zone") if is_utc(value) => continue,
            (_, "time_zone") => return Err(unsupported(kind, "time_zone")),
            ("date_histogram", "interval" | "calendar_interval") => {
                ("fixed_interval", fixed(value)?)
            }
            ("date_histogram", "order") if ascending(value) => continue,
            ("date_histogram", "order") => return Err(unsupported(kind, "order")),
            (_, "size" | "shard_size" | "min_doc_count") => (name.as_str(), number(value)),
            (_, "extended_bounds" | "hard_bounds") => {
                let bounds = object(value, name)?.iter();
                let bounds = bounds.map(|(end, value)| (end.clone(), number(value)));
                (name.as_str(), Value::Object(bounds.collect()))
            }
            (_, "percents") => {
                let percents = value.as_array().into_iter().flatten().map(number);
                ("percents", Value::Array(percents.collect()))
            }
            ("terms", "order") => ("order", order(value)),
            (_, other) => (other, value.clone()),
        };
        read.insert(name.to_owned(), value);
    }
    bounds::check(kind, &read)?;
    Ok(read.into())
}

fn column(name: &Value) -> Result<Value, Failure> {
    let name = text_of(name);
    let column = reads::column(field(&name).as_str());
    column
        .map(Value::from)
        .ok_or_else(|| unsupported("aggs", &name))
}

/// Calendar units that always have one length; months and years have not.
fn fixed(interval: &Value) -> Result<Value, Failure> {
    let interval = text_of(interval);
    Ok(match interval.as_str() {
        "second" => "1s",
        "minute" => "1m",
        "hour" => "1h",
        "day" => "1d",
        "week" | "1w" => "7d",
        "month" | "1M" | "quarter" | "1q" | "year" | "1y" => {
            return Err(unsupported("calendar_interval", &interval));
        }
        other => other,
    }
    .into())
}

/// Numbers come as texts from Grafana.
fn number(value: &Value) -> Value {
    match value.as_str() {
        Some(text) => serde_json::from_str(text).unwrap_or_else(|_| value.clone()),
        None => value.clone(),
    }
}

/// Of several orders the first counts; `_term` is the old name of `_key`.
fn order(value: &Value) -> Value {
    let first = match value {
        Value::Array(list) => list.first().cloned().unwrap_or_default(),
        one => one.clone(),
    };
    match first.get("_term") {
        Some(direction) => json!({"_key": direction}),
        None => first,
    }
}

fn ascending(order: &Value) -> bool {
    self::order(order)["_key"].as_str() == Some("asc")
}

/// The answer to what was asked in tantivy's words, in Elasticsearch's. Moments are whole
/// milliseconds, which tantivy writes with a fraction.
pub(super) fn answer(mut answer: Value, asked: &Value) -> Value {
    whole_keys(&mut answer);
    moments(&mut answer, asked);
    answer
}

/// The first, the last and the middle moment, which tantivy answers in nanoseconds.
fn moments(answer: &mut Value, asked: &Value) {
    for (name, aggregation) in asked.as_object().into_iter().flatten() {
        let Some(answer) = answer.get_mut(name) else {
            continue;
        };
        let is_of_moments = ["min", "max", "avg"]
            .iter()
            .any(|kind| aggregation[*kind]["field"] == Fields::AT);
        if is_of_moments && let Some(nanoseconds) = answer["value"].as_f64() {
            #[expect(clippy::cast_possible_truncation, reason = "it is a moment of a line")]
            let milliseconds = (nanoseconds / 1e6).round() as i64;
            answer["value"] = milliseconds.into();
            if let Ok(at) = Timestamp::from_millisecond(milliseconds) {
                answer["value_as_string"] = format!("{at:.3}").into();
            }
        }
        let inner = &aggregation["aggs"];
        match answer.get_mut("buckets") {
            Some(Value::Array(buckets)) => {
                buckets.iter_mut().for_each(|bucket| moments(bucket, inner));
            }
            Some(Value::Object(buckets)) => {
                buckets
                    .values_mut()
                    .for_each(|bucket| moments(bucket, inner));
            }
            _ => {}
        }
    }
}

fn whole_keys(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                if name == "key"
                    && let Some(number) = value
                        .as_f64()
                        .filter(|number| number.fract() == 0.0 && number.abs() < 9e15)
                {
                    #[expect(
                        clippy::cast_possible_truncation,
                        reason = "it is whole and not too large"
                    )]
                    let whole = number as i64;
                    *value = whole.into();
                } else {
                    whole_keys(value);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(whole_keys),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grafanas_aggregations_are_understood() {
        let grafana = json!({
            "2": {
                "date_histogram": {"interval": "30s", "field": "@timestamp", "min_doc_count": "0",
                    "extended_bounds": {"min": "1780000000000", "max": 1_780_000_060_000_u64}, "format": "epoch_millis"},
                "aggs": {"3": {
                    "terms": {"field": "level.keyword", "size": "10", "order": {"_term": "desc"}, "min_doc_count": 1},
                    "aggs": {"1": {"percentiles": {"field": "took", "percents": ["50", 95]}}},
                }},
            },
        });
        assert_eq!(
            request(&grafana).unwrap(),
            json!({
                "2": {
                    "date_histogram": {"fixed_interval": "30s", "field": "at", "min_doc_count": 0,
                        "extended_bounds": {"min": 1_780_000_000_000_u64, "max": 1_780_000_060_000_u64}},
                    "aggs": {"3": {
                        "terms": {"field": "level", "size": 10, "order": {"_key": "desc"}, "min_doc_count": 1},
                        "aggs": {"1": {"percentiles": {"field": "attributes.took", "percents": [50, 95]}}},
                    }},
                },
            })
        );
    }

    #[test]
    fn what_is_not_supported_is_named() {
        for (aggregations, named) in [
            (json!({"a": {"top_hits": {}}}), "top_hits"),
            (
                json!({"a": {"filter": {"query_string": "team:rohan"}}}),
                "filter",
            ),
            (json!({"a": {"terms": {"script": "x"}}}), "script"),
            (json!({"a": {"terms": {"field": "message"}}}), "message"),
            (
                json!({"a": {"date_histogram": {"field": "@timestamp", "calendar_interval": "month"}}}),
                "month",
            ),
            (
                json!({"a": {"date_histogram": {"field": "@timestamp", "time_zone": "Asia/Tokyo"}}}),
                "time_zone",
            ),
            (json!([]), "aggs"),
        ] {
            let failure = request(&aggregations).unwrap_err();
            assert!(failure.body().to_string().contains(named), "{aggregations}");
        }
    }
}
