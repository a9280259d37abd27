//! Stored lines of logs: what can be asked for, and the answers.

use std::collections::BTreeMap;

use estiba_logs::{Level, Record};
use estiba_model::Name;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

/// Which lines are wanted. What is not said narrows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogSelection {
    /// What they are like, in the query language: `refused level:>=warn -path:/health*`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(max_length = 16384)]
    pub q: Option<String>,
    /// The first moment, in RFC 3339, or how long ago it was: `90s`, `10m`, `2h`, `1d`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(max_length = 64)]
    pub from: Option<String>,
    /// The first moment after them, or how long ago it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(max_length = 64)]
    pub until: Option<String>,
    /// Only of these environments: names with commas between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(max_length = 4096)]
    pub environment: Option<String>,
    /// Only of these workloads: names with commas between them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(max_length = 4096)]
    pub workload: Option<String>,
    /// Only of this instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(max_length = 256)]
    pub instance: Option<String>,
    /// Only of this release.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(max_length = 256)]
    pub release: Option<String>,
    /// Only of this level or worse.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(value_type = Option<LogLevel>)]
    pub level: Option<Level>,
}

impl LogSelection {
    /// Names as a parameter has them; none where there are none.
    #[must_use]
    pub fn names(names: &[Name]) -> Option<String> {
        let names: Vec<&str> = names.iter().map(Name::as_str).collect();
        (!names.is_empty()).then(|| names.join(","))
    }
}

/// How grave a line is: [`Level`] as the API's document has it.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
pub enum LogLevel {
    /// Steps within a function.
    Trace,
    /// For whoever develops the workload.
    Debug,
    /// What goes as it should.
    Info,
    /// What may become a failure.
    Warn,
    /// Something failed.
    Error,
    /// The workload can't go on.
    Fatal,
}

/// In which order lines come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogOrder {
    /// The newest first.
    #[default]
    Newest,
    /// The oldest first.
    Oldest,
}

/// Which part of the lines is wanted, and what around each.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogPaging {
    /// How many at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000, default = 100)]
    pub limit: Option<u32>,
    /// What `next` of the page before says.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(max_length = 64)]
    pub cursor: Option<String>,
    /// In which order they come.
    #[serde(default)]
    #[param(inline)]
    pub order: LogOrder,
    /// How many lines of the same instance before each. With some, a page has at
    /// most 100 lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(minimum = 0, maximum = 50, default = 0)]
    pub before: Option<u32>,
    /// How many lines of the same instance after each.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(minimum = 0, maximum = 50, default = 0)]
    pub after: Option<u32>,
}

/// How lines are counted over time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogBars {
    /// The field that each bar is split by, such as `level`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(max_length = 256)]
    pub by: Option<String>,
    /// The width of a bar (`10s`, `5m`, `1h`); one that gives about sixty where none is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(max_length = 64)]
    pub interval: Option<String>,
}

/// Of which field the values are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LogValues {
    /// The field, such as `workload` or `status`.
    // Without it the request is refused, though not before it is known who asks.
    #[serde(default)]
    #[param(required, min_length = 1, max_length = 256)]
    pub field: String,
    /// How many values at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[param(minimum = 1, maximum = 1000, default = 10)]
    pub limit: Option<u32>,
}

/// One line, and where it comes from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LogRecord {
    /// When it was written, with microseconds.
    pub at: Timestamp,
    /// How grave it is, where that is known.
    #[schema(value_type = Option<LogLevel>)]
    pub level: Option<Level>,
    /// The text that people read.
    pub text: String,
    /// The environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The workload.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workload: Option<String>,
    /// Who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
    /// The release's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<String>,
    /// The container within the instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// `stdout`, `stderr`, or a file's path; none on a target that keeps both in one.
    #[serde(default)]
    pub stream: Option<String>,
    /// All else that it has, as it came.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    #[schema(value_type = Object)]
    pub attributes: Map<String, Value>,
}

impl From<Record> for LogRecord {
    fn from(record: Record) -> Self {
        let origin = record.origin;
        Self {
            at: record.at,
            level: record.level,
            text: record.text,
            environment: origin.environment,
            workload: origin.workload,
            instance: origin.instance,
            release: origin.release,
            container: origin.container,
            stream: origin.stream,
            attributes: record.attributes,
        }
    }
}

/// A line that was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct LogHit {
    /// Its place among all lines: by it the line is found again.
    pub cursor: String,
    /// The line.
    #[serde(flatten)]
    pub record: LogRecord,
    /// Lines of the same instance before it, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<LogRecord>,
    /// Lines of the same instance after it, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<LogRecord>,
}

/// What somebody who follows gets: one JSON object a line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogTailed {
    /// A new line.
    Line(Box<LogHit>),
    /// So many lines were left out here, since they came faster than they were read;
    /// a search finds them.
    Missed(u64),
}

/// Lines over time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogHistogram {
    /// The width of a bar.
    pub interval_ms: u64,
    /// The bars that have lines, the oldest first.
    pub buckets: Vec<LogBucket>,
}

/// A bar of a [`LogHistogram`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogBucket {
    /// Where it begins.
    pub from: Timestamp,
    /// How many lines it has.
    pub lines: u64,
    /// How many of them have which value; lines without one are in `lines` alone.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by: BTreeMap<String, u64>,
}

/// An alert of an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlertView {
    /// Its name.
    pub name: Name,
    /// What its lines are like, in the query language.
    pub when: String,
    /// It is told when there are more than so many.
    pub over: u32,
    /// Within so many seconds.
    pub within_seconds: u64,
    /// What goes on is told again after so many seconds.
    pub pause_seconds: u64,
    /// When it was last told.
    pub told_at: Option<Timestamp>,
    /// Until when it is not told.
    pub muted_until: Option<Timestamp>,
}

/// How long an alert is not to be told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MuteAlert {
    /// In minutes.
    #[schema(minimum = 1, maximum = 43200)]
    pub minutes: u32,
}

/// The values of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogTerms {
    /// The most frequent values first.
    pub terms: Vec<LogTerm>,
    /// How many lines have other values.
    pub others: u64,
}

/// A value of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogTerm {
    /// The value as a text.
    pub value: String,
    /// How many lines have it.
    pub lines: u64,
}
