//! A record in few bytes: what the write-ahead log holds and the index stores.
//!
//! It is a JSON list without names. The environment is not in it: it is known from
//! the frame or the folder.

use estiba_logs::{Level, Origin, Record};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tantivy::TantivyDocument;
use tantivy::schema::Field;
use tantivy::schema::document::Value as _;

use crate::Environment;

/// The moments that the index can hold: those of 64 bits of nanoseconds since 1970.
/// Others become the nearest.
pub(crate) const FIRST_US: i64 = -9_223_372_036_854_775;
pub(crate) const LAST_US: i64 = 9_223_372_036_854_775;

#[derive(Serialize)]
struct Written<'a>(
    i64,
    Option<Level>,
    &'a str,
    [Option<&'a str>; 5],
    Option<&'a Map<String, Value>>,
);

/// A line as it is read back.
#[derive(Deserialize)]
pub(crate) struct Line(
    i64,
    Option<Level>,
    String,
    [Option<String>; 5],
    Option<Map<String, Value>>,
);

/// Appends the line to `into`. Nothing that a record can hold fails to be written.
pub(crate) fn write(record: &Record, into: &mut Vec<u8>) {
    let origin = &record.origin;
    let written = Written(
        record.at.as_microsecond().clamp(FIRST_US, LAST_US),
        record.level,
        &record.text,
        [
            origin.workload.as_deref(),
            origin.instance.as_deref(),
            origin.release.as_deref(),
            origin.container.as_deref(),
            origin.stream.as_deref(),
        ],
        Some(&record.attributes).filter(|attributes| !attributes.is_empty()),
    );
    let start = into.len();
    if serde_json::to_writer(&mut *into, &written).is_err() {
        into.truncate(start);
    }
}

impl Line {
    pub(crate) fn read(bytes: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(bytes)
    }

    pub(crate) fn at_us(&self) -> i64 {
        self.0
    }

    pub(crate) fn level(&self) -> Option<Level> {
        self.1
    }

    pub(crate) fn text(&self) -> &str {
        &self.2
    }

    /// Workload, instance, release, container and stream.
    pub(crate) fn places(&self) -> [Option<&str>; 5] {
        self.3.each_ref().map(Option::as_deref)
    }

    pub(crate) fn attributes(&self) -> Option<&Map<String, Value>> {
        self.4.as_ref()
    }

    pub(crate) fn into_record(self, environment: &Environment) -> Record {
        let [workload, instance, release, container, stream] = self.3;
        Record {
            at: Timestamp::from_microsecond(self.0).unwrap_or_default(),
            level: self.1,
            text: self.2,
            origin: Origin {
                workload,
                instance,
                release,
                container,
                stream,
                ..environment.origin()
            },
            attributes: self.4.unwrap_or_default(),
        }
    }
}

/// The line that a document of the index holds.
pub(crate) fn stored(document: &TantivyDocument, line: Field) -> Option<Line> {
    let value = document.get_first(line)?;
    Line::read(value.as_bytes()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_line_reads_back() {
        let now = "2026-05-01T12:00:00.123456Z".parse().unwrap();
        for document in [
            json!({}),
            json!({"message": "a \"b\" \u{0} é", "level": "warn", "team": "moria",
                "environment": "prod", "instance": "i", "stream": "stderr",
                "a": {"b": [1, 2.5, null]}, "big": u64::MAX}),
        ] {
            let record = Record::from_value(document, now).unwrap();
            let mut bytes = Vec::new();
            write(&record, &mut bytes);
            let environment = Environment::of(&record.origin);
            let read = Line::read(&bytes).unwrap().into_record(&environment);
            assert_eq!(read, record);
        }
    }

    #[test]
    fn moments_outside_of_the_index_become_the_nearest() {
        let mut bytes = Vec::new();
        write(&Record::new(Timestamp::MAX, ""), &mut bytes);
        assert_eq!(Line::read(&bytes).unwrap().at_us(), LAST_US);
    }
}
