//! From a line that an instance wrote to a record.

use estiba_model::{LogLine, Stream};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};

use crate::document::{OTHER_MOMENT, is_believed};
use crate::moment::whole_microseconds;
use crate::names::TIME;
use crate::{Level, Origin, Record, logfmt, moment};

/// A line's own time is another word for that of its capture, unless it is further off:
/// what reads files waits a second for the rest of an event.
const SAME_MOMENT: SignedDuration = SignedDuration::from_secs(5);

impl Record {
    /// The record of a line that a target captured. Its moment is that of the capture,
    /// which never goes back within an instance, and not one that the line says.
    ///
    /// A line that is a JSON object or logfmt has its members as attributes, but for a
    /// time that is that of the capture, and its own text and level under the names that
    /// [`Record::from_document`] knows. In a line without a level, unless it is an object,
    /// it is looked for by [`Level::in_text`]. `place` says what the line doesn't:
    /// team, project, environment, workload and release.
    #[must_use]
    pub fn from_line(line: &LogLine, place: &Origin) -> Self {
        let mut origin = place.clone();
        origin.instance = Some(line.instance.to_string());
        origin.container = Some(line.container.to_string());
        origin.stream = line.stream.map(|stream| stream_name(stream).to_owned());
        let at = whole_microseconds(line.at);
        let Some(mut document) = members(&line.text) else {
            return Self {
                level: Level::in_text(&line.text),
                origin,
                ..Self::new(at, line.text.clone())
            };
        };
        for name in TIME {
            let own = document.get(name).and_then(moment::of_value);
            if own.is_some_and(|own| own.duration_since(at).abs() < SAME_MOMENT) {
                document.shift_remove(name);
            }
        }
        // The name is the record's own.
        if let Some(own) = document.shift_remove(TIME[0]) {
            let is_moment = moment::of_value(&own).is_some_and(|own| is_believed(own, at));
            let name = match is_moment && !document.contains_key(TIME[1]) {
                true => TIME[1],
                false => OTHER_MOMENT,
            };
            document.entry(name).or_insert(own);
        }
        let mut record = Self::from_document(with_origin(document, at, &origin), at);
        record.origin = origin;
        if record.text.is_empty() {
            record.text.clone_from(&line.text);
        }
        if record.level.is_none() && !is_object(&line.text) {
            record.level = Level::in_text(&line.text);
        }
        record
    }
}

fn members(text: &str) -> Option<Map<String, Value>> {
    match is_object(text) {
        true => serde_json::from_str(text).ok(),
        false => logfmt::members(text.trim_ascii()),
    }
}

fn is_object(text: &str) -> bool {
    text.trim_ascii_start().starts_with('{')
}

/// The document with what is known of its line, so that members of other names, such
/// as the `host` of a request, stay the attributes that they are.
fn with_origin(
    mut document: Map<String, Value>,
    at: Timestamp,
    origin: &Origin,
) -> Map<String, Value> {
    document.insert("@timestamp".into(), at.to_string().into());
    for (name, value) in Origin::FIELDS.into_iter().zip(origin.values()) {
        document.insert(name.into(), value.unwrap_or("-").into());
    }
    document
}

fn stream_name(stream: Stream) -> &'static str {
    match stream {
        Stream::Stdout => "stdout",
        Stream::Stderr => "stderr",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Query;

    fn record(text: &str) -> Record {
        let line = LogLine {
            at: "2026-01-02T03:04:05.123456789Z".parse().unwrap(),
            instance: "bot-12345678-0".parse().unwrap(),
            container: "main".parse().unwrap(),
            stream: Some(Stream::Stderr),
            text: text.to_owned(),
        };
        let place = Origin {
            team: Some("moria".into()),
            ..Origin::default()
        };
        Record::from_line(&line, &place)
    }

    #[test]
    fn a_plain_line_is_its_text() {
        let record = record("WARN the gate is open");
        assert_eq!(record.text, "WARN the gate is open");
        assert_eq!(record.level, Some(Level::Warn));
        assert_eq!(record.at.to_string(), "2026-01-02T03:04:05.123456Z");
        assert_eq!(
            record.origin.values(),
            [
                Some("moria"),
                None,
                None,
                None,
                Some("bot-12345678-0"),
                None,
                Some("main"),
                Some("stderr")
            ]
        );
    }

    #[test]
    fn members_of_json_are_attributes_and_name_nobody_else() {
        let record = record(
            r#"{"ts":1,"lvl":"ERROR","msg":"refused","host":"api.example.edu","team":"mordor","status":502}"#,
        );
        assert_eq!(record.text, "refused");
        assert_eq!(record.level, Some(Level::Error));
        assert_eq!(record.at.to_string(), "2026-01-02T03:04:05.123456Z");
        assert_eq!(record.origin.get("team"), Some("moria"));
        assert_eq!(record.origin.get("instance"), Some("bot-12345678-0"));
        assert_eq!(record.attributes["host"], "api.example.edu");
        assert_eq!(record.attributes["status"], 502);
        assert_eq!(record.attributes["ts"], 1);
        assert!(!record.attributes.contains_key("team"));
    }

    #[test]
    fn the_moment_is_not_told_twice() {
        let own = r#"{"timestamp":"2026-01-02T03:04:05.1Z","msg":"now"}"#;
        assert!(record(own).attributes.is_empty());
        let held = r#"{"@timestamp":"2026-01-02T03:04:03.9Z","message":"read from a file"}"#;
        assert!(record(held).attributes.is_empty());
        let another = r#"{"timestamp":"2026-01-02T02:04:05Z","msg":"an hour ago"}"#;
        assert_eq!(
            record(another).attributes["timestamp"],
            "2026-01-02T02:04:05Z"
        );
        let shipped = r#"{"message":"an hour ago","@timestamp":"2026-01-02T02:04:05Z"}"#;
        assert_eq!(
            record(shipped).attributes["timestamp"],
            "2026-01-02T02:04:05Z"
        );
    }

    #[test]
    fn a_wrong_clock_of_a_line_is_told() {
        for own in ["0001-01-01T00:00:00Z", "2026-01-04T00:00:00Z", "never"] {
            let record = record(&format!(r#"{{"@timestamp":"{own}","message":"m"}}"#));
            assert_eq!(record.at.to_string(), "2026-01-02T03:04:05.123456Z");
            assert_eq!(
                Value::Object(record.attributes),
                serde_json::json!({ "line_timestamp": own })
            );
        }
        let two = record(
            r#"{"@timestamp":"2026-01-02T02:04:05Z","timestamp":"2026-01-01T00:00:00Z","msg":"m"}"#,
        );
        assert_eq!(two.attributes["timestamp"], "2026-01-01T00:00:00Z");
        assert_eq!(two.attributes["line_timestamp"], "2026-01-02T02:04:05Z");
        let at_start = "1970-01-01T00:00:00.5Z".parse().unwrap();
        let line = LogLine {
            at: at_start,
            instance: "bot-12345678-0".parse().unwrap(),
            container: "main".parse().unwrap(),
            stream: None,
            text: r#"{"message":"m"}"#.to_owned(),
        };
        let record = Record::from_line(&line, &Origin::default());
        assert_eq!(record.at, at_start);
        assert!(record.attributes.is_empty());
    }

    #[test]
    fn every_loggers_names_are_known() {
        for (text, said, level) in [
            (
                r#"{"asctime":"2026-01-02 03:04:05,100","levelname":"WARNING","message":"python"}"#,
                "python",
                Level::Warn,
            ),
            (
                r#"{"@t":"2026-01-02T03:04:05.1Z","@l":"Error","@m":"serilog"}"#,
                "serilog",
                Level::Error,
            ),
            (
                r#"{"timestamp":"2026-01-02T03:04:05.1Z","level":"INFO","fields":{"message":"tracing"}}"#,
                "tracing",
                Level::Info,
            ),
            (
                r#"{"event":"structlog","log_level":"debug"}"#,
                "structlog",
                Level::Debug,
            ),
        ] {
            let record = record(text);
            assert_eq!((&*record.text, record.level), (said, Some(level)));
            assert!(record.attributes.is_empty(), "{:?}", record.attributes);
        }
    }

    #[test]
    fn pairs_are_attributes() {
        let record =
            record(r#"time=2026-01-02T03:04:05.1Z level=error msg="a b" n=1 team=mordor flag"#);
        assert_eq!(record.text, "a b");
        assert_eq!(record.level, Some(Level::Error));
        assert_eq!(record.at.to_string(), "2026-01-02T03:04:05.123456Z");
        assert_eq!(record.origin.get("team"), Some("moria"));
        assert_eq!(
            Value::Object(record.attributes),
            serde_json::json!({"n": 1, "flag": true})
        );
    }

    #[test]
    fn numbers_of_pairs_are_found_by_their_size() {
        let line = r#"at=error code=H12 method=GET path="/" service=30000ms status=503 bytes=0"#;
        let record = record(line);
        for (query, is_found) in [
            ("status:>=500", true),
            ("status:503", true),
            ("status:[400 TO 499]", false),
            ("bytes:<1", true),
            ("service:30000ms", true),
        ] {
            let query: Query = query.parse().unwrap();
            assert_eq!(query.matches(&record), is_found, "{query}");
        }
    }

    #[test]
    fn pairs_without_a_level_are_looked_at_as_a_text() {
        let text = r#"at=info desc="[error] no route""#;
        let record = record(text);
        assert_eq!(record.text, text);
        assert_eq!(record.level, Some(Level::Error));
        assert_eq!(record.attributes["desc"], "[error] no route");
    }

    #[test]
    fn a_text_with_pairs_is_a_text() {
        for text in [
            "a=b",
            "retrying with level=3",
            "GET /x?level=info",
            "level=info level=error",
            "level=info see http://a..b",
        ] {
            let record = record(text);
            assert_eq!(record.text, text);
            assert!(record.attributes.is_empty(), "{text}");
        }
    }

    #[test]
    fn json_without_a_text_is_shown_as_it_is() {
        assert_eq!(record(r#"{"a":1}"#).text, r#"{"a":1}"#);
        assert_eq!(record(r#"{"a":"#).text, r#"{"a":"#);
    }
}
