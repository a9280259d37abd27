//! Alerts, as `estiba.yaml` has them.

use std::sync::LazyLock;
use std::time::Duration;

use estiba_model::{Alert, Name};
use regex::Regex;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::file::name;

/// `10 in 5m`.
pub(crate) const OVER_PATTERN: &str = "^(0|[1-9][0-9]{0,3}) in ([1-9][0-9]{0,4})(s|m|h|d)$";
/// `1h`.
pub(crate) const SPAN_PATTERN: &str = "^([1-9][0-9]{0,4})(s|m|h|d)$";
/// The longest time in which lines are counted.
const LONGEST_WITHIN: Duration = Duration::from_secs(24 * 3600);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(7 * 24 * 3600);
/// An alert without a rate has ended when no line has come for so long.
const WITHIN: Duration = Duration::from_secs(5 * 60);
/// What goes on is told again after so long where nothing is said.
const PAUSE: Duration = Duration::from_secs(3600);
/// The most alerts of a project.
pub(crate) const MOST: usize = 20;

/// Lines of logs that people are told of.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Alert")]
pub(crate) struct AlertFile {
    /// What the lines are like, in the query language of `estiba logs`.
    #[schemars(schema_with = "query")]
    pub when: String,
    /// How many are too many: `10 in 5m` tells when there are more than 10 within 5
    /// minutes. Without it the first line is told.
    #[serde(default)]
    #[schemars(schema_with = "over")]
    pub over: Option<String>,
    /// What goes on is told again after this: `30m`, `2h`; an hour where nothing is said.
    #[serde(default)]
    #[schemars(schema_with = "pause")]
    pub pause: Option<String>,
    /// The environments whose lines are meant; all but previews where none is named.
    #[serde(default, rename = "in")]
    #[schemars(schema_with = "environments")]
    pub environments: Vec<Name>,
}

impl AlertFile {
    /// What it means. What can't be read was told, and is as if it were not there.
    pub fn alert(self) -> Alert {
        let rate = self.over.as_deref().and_then(rate);
        let (over, within) = rate.unwrap_or((0, WITHIN));
        Alert {
            when: self.when,
            over,
            within,
            pause: self.pause.as_deref().and_then(span).unwrap_or(PAUSE),
            environments: self.environments.into_iter().collect(),
        }
    }
}

/// How many lines in which time.
pub(crate) fn rate(text: &str) -> Option<(u32, Duration)> {
    static RATE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(OVER_PATTERN).ok());
    let parts = RATE.as_ref()?.captures(text)?;
    let within = length(&parts[2], &parts[3])?;
    (within <= LONGEST_WITHIN).then_some((parts[1].parse().ok()?, within))
}

/// A span of time.
pub(crate) fn span(text: &str) -> Option<Duration> {
    static SPAN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(SPAN_PATTERN).ok());
    let parts = SPAN.as_ref()?.captures(text)?;
    length(&parts[1], &parts[2]).filter(|length| *length <= LONGEST_PAUSE)
}

fn length(number: &str, unit: &str) -> Option<Duration> {
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => 24 * 3600,
    };
    Some(Duration::from_secs(number.parse::<u64>().ok()? * seconds))
}

pub(crate) fn alerts(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = crate::file::by_name::<AlertFile>(generator);
    schema.insert("maxProperties".to_owned(), MOST.into());
    schema
}

fn query(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string", "minLength": 1, "maxLength": 1000,
        "examples": ["level:error", "panicked OR \"out of memory\"", "status:>=500 -path:/health*"],
    })
}

fn over(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": OVER_PATTERN, "examples": ["10 in 5m"] })
}

fn pause(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": SPAN_PATTERN, "examples": ["1h"] })
}

fn environments(generator: &mut SchemaGenerator) -> Schema {
    let name = name(generator);
    json_schema!({ "type": "array", "minItems": 1, "items": name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_and_spans_are_read() {
        for (text, expected) in [
            ("10 in 5m", Some((10, 300))),
            ("0 in 1s", Some((0, 1))),
            ("9999 in 24h", Some((9999, 86_400))),
            ("9 in 1d", Some((9, 86_400))),
            ("10 in 25h", None),
            ("10000 in 5m", None),
            ("10 in 0m", None),
            ("10in5m", None),
            ("10", None),
        ] {
            let expected = expected.map(|(over, seconds)| (over, Duration::from_secs(seconds)));
            assert_eq!(rate(text), expected, "{text}");
        }
        for (text, expected) in [
            ("90s", Some(90)),
            ("2h", Some(7200)),
            ("169h", None),
            ("7d", Some(7 * 86_400)),
            ("8d", None),
            ("1w", None),
            ("", None),
        ] {
            assert_eq!(span(text), expected.map(Duration::from_secs), "{text}");
        }
    }
}
