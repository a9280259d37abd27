//! A record as the JSON document that shippers send and searches answer.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use crate::moment::{self, is_of_a_line, parse_time, whole_microseconds};
use crate::names::{LEVEL, TEXT, TIME};
use crate::{Level, Origin, Record};

/// Why a document is no record.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// It is JSON, but not an object.
    #[error("a document has to be a JSON object")]
    NoObject,
}

/// Other names of each field of the origin, in the order of [`Origin::FIELDS`]: of
/// the Elastic Common Schema, Filebeat, Fluent Bit, Vector, rsyslog and syslog-ng.
const ORIGIN: [&[&str]; 8] = [
    &[
        "fields.team",
        "kubernetes.labels.estiba.dev/team",
        "kubernetes.labels.estiba_dev/team",
    ],
    &[
        "fields.project",
        "kubernetes.labels.estiba.dev/project",
        "kubernetes.labels.estiba_dev/project",
    ],
    &[
        "fields.environment",
        "service.environment",
        "kubernetes.labels.estiba.dev/environment",
        "kubernetes.labels.estiba_dev/environment",
    ],
    &[
        "fields.workload",
        "kubernetes.labels.estiba.dev/workload",
        "kubernetes.labels.estiba_dev/workload",
        "service.name",
        "service",
        "app",
        "appname",
        "programname",
        "PROGRAM",
        "syslogtag",
    ],
    &[
        "fields.instance",
        "kubernetes.pod.name",
        "kubernetes.pod_name",
        "host.name",
        "host.hostname",
        "host",
        "hostname",
        "HOST",
    ],
    &["fields.release", "service.version"],
    &[
        "fields.container",
        "container.name",
        "kubernetes.container.name",
        "kubernetes.container_name",
        "container_name",
    ],
    &["fields.stream"],
];

/// A clock that is a little ahead, or a zone that was not said, is no further off.
const MOST_AHEAD: SignedDuration = SignedDuration::from_hours(24);

/// What a moment that can't be taken is called, so that the record's own does not hide it.
pub(crate) const OTHER_MOMENT: &str = "line_timestamp";

impl Record {
    /// Reads a document. It is liberal: moment, text, level and origin are looked
    /// for under all names that common shippers use, dotted or nested; what is not
    /// understood stays an attribute. Where no moment is given, it is `received`. One
    /// before 2001, or more than a day after that, is of a wrong clock and not understood;
    /// its attribute is `line_timestamp` where it was called `@timestamp`.
    #[must_use]
    pub fn from_document(mut document: Map<String, Value>, received: Timestamp) -> Self {
        let is_believed = |at: &Timestamp| is_believed(*at, received);
        let moment_of = |value: &Value| moment::of_value(value).filter(is_believed);
        let day_of = |value: &Value| day_of(value).filter(is_believed);
        let at = take_first(&mut document, &TIME, moment_of)
            .or_else(|| take(&mut document, TIME[0], &day_of))
            .map_or(received, whole_microseconds);
        if let Some(other) = document.shift_remove(TIME[0]) {
            document.entry(OTHER_MOMENT).or_insert(other);
        }
        let text = take(&mut document, TEXT[0], &scalar_of)
            .or_else(|| take_first(&mut document, &TEXT[1..], text_of))
            .unwrap_or_default();
        let level = take_first(&mut document, &LEVEL, Level::from_value);
        let mut origin = Origin::default();
        for ((value, name), others) in origin
            .values_mut()
            .into_iter()
            .zip(Origin::FIELDS)
            .zip(ORIGIN)
        {
            *value = take(&mut document, name, &name_of)
                .or_else(|| take_first(&mut document, others, name_of));
        }
        Self {
            at,
            level,
            text,
            origin,
            attributes: document,
        }
    }

    /// Reads a document from any JSON.
    ///
    /// # Errors
    /// If it is not an object.
    pub fn from_value(document: Value, received: Timestamp) -> Result<Self, RecordError> {
        match document {
            Value::Object(document) => Ok(Self::from_document(document, received)),
            _ => Err(RecordError::NoObject),
        }
    }

    /// The document: `@timestamp`, `message`, `level`, the fields of the origin that
    /// are known, then all attributes. An attribute never stands for one of these.
    #[must_use]
    pub fn to_document(&self) -> Map<String, Value> {
        let mut document = Map::with_capacity(4 + self.attributes.len());
        document.insert("@timestamp".into(), format!("{:.6}", self.at).into());
        document.insert("message".into(), self.text.as_str().into());
        if let Some(level) = self.level {
            document.insert("level".into(), level.as_str().into());
        }
        for (name, value) in Origin::FIELDS.iter().zip(self.origin.values()) {
            if let Some(value) = value {
                document.insert((*name).into(), value.into());
            }
        }
        for (name, value) in &self.attributes {
            if !document.contains_key(name) {
                document.insert(name.clone(), value.clone());
            }
        }
        document
    }
}

/// What Elasticsearch takes for a moment too, as a day alone is.
fn day_of(value: &Value) -> Option<Timestamp> {
    parse_time(value).filter(is_of_a_line)
}

/// Whether a line that came at `received` may be of this moment. Where nobody knows when
/// it came, which no moment of a line says, all are believed.
pub(crate) fn is_believed(at: Timestamp, received: Timestamp) -> bool {
    let is_of_now = || is_of_a_line(&at) && at.duration_since(received) <= MOST_AHEAD;
    !is_of_a_line(&received) || is_of_now()
}

fn text_of(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn scalar_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

fn name_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(_) => Some(value.to_string()),
        _ => None,
    }
}

fn take_first<T>(
    document: &mut Map<String, Value>,
    names: &[&str],
    read: impl Fn(&Value) -> Option<T>,
) -> Option<T> {
    names.iter().find_map(|name| take(document, name, &read))
}

/// Takes the value out where it can be read, under its dotted name or nested.
fn take<T>(
    document: &mut Map<String, Value>,
    name: &str,
    read: &impl Fn(&Value) -> Option<T>,
) -> Option<T> {
    if let Some(value) = document.get(name) {
        let read = read(value);
        if read.is_some() {
            document.shift_remove(name);
        }
        return read;
    }
    for (dot, _) in name.match_indices('.') {
        let (outer, inner) = (&name[..dot], &name[dot + 1..]);
        if let Some(Value::Object(nested)) = document.get_mut(outer)
            && let Some(read) = take(nested, inner, read)
        {
            if nested.is_empty() {
                document.shift_remove(outer);
            }
            return Some(read);
        }
    }
    None
}

#[cfg(test)]
#[path = "document_tests.rs"]
mod tests;
