//! From an event to a document, as bytes at the end of a batch.

use std::borrow::Cow;

use estiba_logs::{Level, logfmt, moment};

use crate::fields::Fields;
use crate::framing::Event;
use crate::parse::members::{Members, NotMembers, Room};
use crate::parse::{Parse, json};
use crate::rules::Rules;

/// What stands at the end of a text that was cut.
const CUT: &str = " …[cut]";

/// Makes documents: one line of JSON each.
#[derive(Debug)]
pub struct Encoder {
    parse: Parse,
    rules: Rules,
    room: Room,
    value: Vec<u8>,
}

/// What is known of an event besides its text.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Who wrote it.
    pub fields: &'a Fields,
    /// When it was read, in RFC 3339, for events that say no time.
    pub read_at: &'a str,
    /// How grave, where it came with a severity.
    pub level: Option<Level>,
}

impl Encoder {
    /// An encoder with these rules.
    #[must_use]
    pub fn new(parse: Parse, rules: Rules) -> Self {
        Self {
            parse,
            rules,
            room: Room::default(),
            value: Vec::new(),
        }
    }

    /// Appends the event's document with a line's end, and says whether there is
    /// one: a rule may have left it out.
    pub fn encode(&mut self, event: &Event<'_>, known: &Known<'_>, out: &mut Vec<u8>) -> bool {
        let Some(text) = self.rules.apply(event.text) else {
            return false;
        };
        let text = String::from_utf8_lossy(&text);
        let start = out.len();
        out.push(b'{');
        let is_structured = !event.cut && self.structured(&text, event, known, out);
        if !is_structured {
            out.truncate(start + 1);
            self.text(&text, event, known, out);
        }
        out.extend_from_slice(known.fields.json());
        if let Some(stream) = event.stream {
            out.extend_from_slice(b"\"stream\":\"");
            out.extend_from_slice(stream.name().as_bytes());
            out.extend_from_slice(b"\",");
        }
        // Every member has a comma behind; the last one needs none.
        out.pop();
        out.extend_from_slice(b"}\n");
        true
    }

    fn text(&mut self, text: &str, event: &Event<'_>, known: &Known<'_>, out: &mut Vec<u8>) {
        let looks = self.parse != Parse::None;
        self.room.time.clear();
        let found = looks.then(|| moment::at_start(text)).flatten();
        let has_zone = found.map(|(at, has_zone)| {
            self.room.note(at);
            has_zone
        });
        let time = match (has_zone, event.time) {
            // A time without a zone may be hours off; the runtime's is not.
            (None | Some(false), Some(time)) => time,
            (Some(_), _) => std::str::from_utf8(&self.room.time).unwrap_or(known.read_at),
            (None, None) => known.read_at,
        };
        write_time(time, out);
        let level = known
            .level
            .or_else(|| looks.then(|| Level::in_text(text)).flatten());
        write_level(level, out);
        out.extend_from_slice(b"\"message\":");
        if event.cut {
            quote(&format!("{text}{CUT}"), out);
            out.extend_from_slice(b",\"cut\":true");
        } else {
            quote(text, out);
        }
        out.push(b',');
    }

    fn structured(
        &mut self,
        text: &str,
        event: &Event<'_>,
        known: &Known<'_>,
        out: &mut Vec<u8>,
    ) -> bool {
        let trimmed = text.trim_ascii();
        let is_json = matches!(self.parse, Parse::Auto | Parse::Json) && trimmed.starts_with('{');
        let is_logfmt = match self.parse {
            Parse::Logfmt => true,
            Parse::Auto => !is_json && logfmt::looks_like(trimmed),
            _ => false,
        };
        if !is_json && !is_logfmt {
            return false;
        }
        let names = known.fields.names();
        let mut members = Members::new(out, &mut self.room, names, event.stream.is_some());
        let spread = if is_json {
            json::spread(trimmed, &mut members)
        } else {
            let mut any = false;
            logfmt::pairs(trimmed)
                .try_for_each(|(key, value)| {
                    any |= value.is_some();
                    self.value.clear();
                    match value {
                        Some(value) => quote(&value, &mut self.value),
                        None => self.value.extend_from_slice(b"true"),
                    }
                    // What was quoted is UTF-8.
                    members.add(key, &String::from_utf8_lossy(&self.value))
                })
                .and(if any { Ok(()) } else { Err(NotMembers) })
        };
        let Ok(found) = spread.and_then(|()| members.finish()) else {
            return false;
        };
        let time = match (self.room.time.is_empty(), event.time) {
            (false, _) => Cow::Owned(String::from_utf8_lossy(&self.room.time).into_owned()),
            (true, Some(time)) => Cow::Borrowed(time),
            (true, None) => Cow::Borrowed(known.read_at),
        };
        write_time(&time, out);
        let level = found.level.or(known.level);
        let in_text = || is_logfmt.then(|| Level::in_text(text)).flatten();
        write_level(level.or_else(in_text), out);
        if !found.has_message {
            out.extend_from_slice(b"\"message\":");
            quote(text, out);
            out.push(b',');
        }
        true
    }
}

fn write_time(time: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"\"@timestamp\":");
    quote(time, out);
    out.push(b',');
}

fn write_level(level: Option<Level>, out: &mut Vec<u8>) {
    if let Some(level) = level {
        out.extend_from_slice(b"\"level\":\"");
        out.extend_from_slice(level.as_str().as_bytes());
        out.extend_from_slice(b"\",");
    }
}

/// Appends a text as JSON.
pub(crate) fn quote(text: &str, out: &mut Vec<u8>) {
    // Writing to memory does not fail.
    let _ = serde_json::to_writer(out, text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::framing::Stream;
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn encode(parse: Parse, text: &[u8]) -> Value {
        encode_event(
            parse,
            &Event {
                text,
                time: None,
                stream: None,
                cut: false,
            },
        )
    }

    fn encode_event(parse: Parse, event: &Event<'_>) -> Value {
        let mut fields = Fields::default();
        fields.add("team", "moria");
        let known = Known {
            fields: &fields,
            read_at: "2026-05-05T00:00:00Z",
            level: None,
        };
        let mut out = Vec::new();
        assert!(Encoder::new(parse, Rules::default()).encode(event, &known, &mut out));
        assert_eq!(memchr::memchr(b'\n', &out), Some(out.len() - 1));
        serde_json::from_slice(&out)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&out)))
    }

    const READ_AT: &str = "2026-05-05T00:00:00Z";

    #[test]
    fn texts() {
        let line = "2026-01-02T03:04:05Z ERROR a \"b\"";
        assert_eq!(
            encode(Parse::Auto, line.as_bytes()),
            json!({"@timestamp": "2026-01-02T03:04:05Z", "level": "error", "message": line, "team": "moria"})
        );
        assert_eq!(
            encode(Parse::None, line.as_bytes()),
            json!({"@timestamp": READ_AT, "message": line, "team": "moria"})
        );
        assert_eq!(encode(Parse::Auto, b"a\xff\0b")["message"], "a\u{fffd}\0b");
        assert_eq!(encode(Parse::Auto, b"")["message"], "");
    }

    #[test]
    fn objects_are_spread() {
        let table = [
            (
                json!({"msg": "hi", "level": "WARNING", "ts": 1_767_323_045, "n": {"a": [1]}}),
                json!({"message": "hi", "level": "warn", "@timestamp": "2026-01-02T03:04:05Z", "n": {"a": [1]}}),
            ),
            (
                json!({"message": "hi", "msg": "other", "level": 50}),
                json!({"message": "hi", "msg": "other", "level": "error", "@timestamp": READ_AT}),
            ),
            (
                json!({"message": {"a": 1}, "level": "odd", "team": "x", "_id": 1, "@timestamp": "never"}),
                json!({"message": "{\"a\":1}", "line_level": "odd", "line_team": "x", "line_id": 1,
                    "line_timestamp": "never", "@timestamp": READ_AT}),
            ),
            (
                json!({"timestamp": "2026-01-02T03:04:05.5Z", "level": "INFO", "fields": {"message": "m", "k": 1}}),
                json!({"@timestamp": "2026-01-02T03:04:05.5Z", "level": "info", "message": "m", "fields": {"message": "m", "k": 1}}),
            ),
        ];
        for (line, mut expected) in table {
            expected["team"] = json!("moria");
            assert_eq!(
                encode(Parse::Auto, line.to_string().as_bytes()),
                expected,
                "{line}"
            );
            if line["message"].is_object() {
                continue;
            }
            let spread = serde_json::to_string_pretty(&line).unwrap();
            assert_eq!(encode(Parse::Json, spread.as_bytes()), expected, "{spread}");
        }
        let with_day = r#"{"date":"2026-05-01","ts":12,"msg":"hi"}"#;
        assert_eq!(
            encode(Parse::Auto, with_day.as_bytes()),
            json!({"@timestamp": READ_AT, "date": "2026-05-01", "ts": 12, "message": "hi", "team": "moria"})
        );
        let no_message = encode(Parse::Auto, br#"{"user":"x"}"#);
        assert_eq!(no_message["message"], r#"{"user":"x"}"#);
    }

    #[test]
    fn every_loggers_names_are_known() {
        for (line, said, level) in [
            (
                r#"{"PRIORITY":"4","MESSAGE":"journald"}"#,
                "journald",
                "warn",
            ),
            (
                r#"{"body":"opentelemetry","severity_text":"ERROR"}"#,
                "opentelemetry",
                "error",
            ),
            (
                r#"{"levelname":"WARNING","event.original":"ecs"}"#,
                "ecs",
                "warn",
            ),
        ] {
            assert_eq!(
                encode(Parse::Auto, line.as_bytes()),
                json!({"@timestamp": READ_AT, "message": said, "level": level, "team": "moria"})
            );
        }
    }

    #[test]
    fn the_name_that_says_most_is_the_message() {
        for line in [
            r#"{"body":"b","event":"e","msg":"m","log":"l"}"#,
            r#"{"log":"l","msg":"m","event":"e","body":"b"}"#,
        ] {
            assert_eq!(
                encode(Parse::Auto, line.as_bytes()),
                json!({"@timestamp": READ_AT, "message": "m", "log": "l", "event": "e", "body": "b",
                    "team": "moria"})
            );
        }
    }

    #[test]
    fn what_would_be_refused_is_a_text() {
        for line in [
            r#"{"a":1,"a":2}"#,
            r#"{"_id":1,"line_id":2}"#,
            r#"{"line_id":2,"_id":1}"#,
            r#"{"_id":1,"__id":2}"#,
            r#"{"team":1,"_team":2}"#,
            r#"{"a":1"#,
            r#"{"":1}"#,
            r#"{"a..b":1}"#,
            r#"{"a":01}"#,
            "{}x",
            "{a:1}",
            "[1]",
        ] {
            assert_eq!(
                encode(Parse::Auto, line.as_bytes()),
                json!({"@timestamp": READ_AT, "message": line, "team": "moria"})
            );
        }
    }

    #[test]
    fn pairs_are_spread() {
        assert_eq!(
            encode(
                Parse::Auto,
                br#"time=2026-01-02T03:04:05Z level=error msg="a b" n=1 flag"#
            ),
            json!({"@timestamp": "2026-01-02T03:04:05Z", "level": "error", "message": "a b", "n": "1",
                   "flag": true, "team": "moria"})
        );
        assert_eq!(encode(Parse::Logfmt, b"no pairs")["message"], "no pairs");
        let no_level = encode(Parse::Auto, br#"at=info desc="[error] no route""#);
        assert_eq!(no_level["level"], "error");
    }

    #[test]
    fn the_runtimes_time_and_stream() {
        let event = |text, cut| Event {
            text,
            time: Some("2026-02-02T00:00:00.1Z"),
            stream: Some(Stream::Stderr),
            cut,
        };
        assert_eq!(
            encode_event(Parse::Auto, &event(b"2026-01-02 03:04:05 x", false)),
            json!({"@timestamp": "2026-02-02T00:00:00.1Z", "message": "2026-01-02 03:04:05 x", "team": "moria", "stream": "stderr"})
        );
        assert_eq!(
            encode_event(Parse::Auto, &event(br#"{"a":1}"#, true)),
            json!({"@timestamp": "2026-02-02T00:00:00.1Z", "message": "{\"a\":1} …[cut]", "cut": true, "team": "moria", "stream": "stderr"})
        );
    }

    #[test]
    fn a_stream_that_the_line_says_is_not_the_runtimes() {
        let event = |stream| Event {
            text: br#"{"msg":"hi","stream":"audit"}"#,
            time: None,
            stream,
            cut: false,
        };
        let document = encode_event(Parse::Auto, &event(None));
        assert_eq!(document["stream"], "audit");
        assert_eq!(
            encode_event(Parse::Auto, &event(Some(Stream::Stderr))),
            json!({"@timestamp": READ_AT, "message": "hi", "line_stream": "audit", "team": "moria",
                "stream": "stderr"})
        );
    }

    proptest! {
        #[test]
        fn any_bytes_become_one_line_of_json(text in proptest::collection::vec(any::<u8>(), 0..200)) {
            let document = encode(Parse::Auto, &text);
            prop_assert!(document["message"].is_string());
        }

        #[test]
        fn any_object_keeps_its_members(members in proptest::collection::btree_map("x[a-z]{1,9}", any::<Option<i32>>(), 0..6)) {
            let line = serde_json::to_string(&members).unwrap();
            let document = encode(Parse::Auto, line.as_bytes());
            for (key, value) in members {
                prop_assert_eq!(document.get(&key), Some(&json!(value)));
            }
        }
    }
}
