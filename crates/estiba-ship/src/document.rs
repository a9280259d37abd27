//! From an event to a document, as bytes at the end of a batch.

use std::borrow::Cow;

use estiba_logs::{Level, logfmt, moment};

use crate::fields::Fields;
use crate::framing::Event;
use crate::parse::members::{Members, NotMembers, Room};
use crate::parse::{Form, Parse, json, redact};
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
        if !self.rules.keep(event.text) {
            return false;
        }
        let text = String::from_utf8_lossy(event.text);
        let form = self.parse.form(&text);
        let (text, form) = match self.rules.redacts() {
            true => redact::values(text, form, &self.rules),
            false => (text, form),
        };
        let start = out.len();
        out.push(b'{');
        let is_structured = !event.cut && self.structured(&text, form, event, known, out);
        if !is_structured {
            out.truncate(start + 1);
            let redacted = self.rules.redacted(&text);
            self.text(redacted.as_deref().unwrap_or(&text), event, known, out);
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
        let found = found.filter(|(at, _)| moment::is_of_a_line(at));
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
        form: Form,
        event: &Event<'_>,
        known: &Known<'_>,
        out: &mut Vec<u8>,
    ) -> bool {
        if form == Form::Text {
            return false;
        }
        let trimmed = text.trim_ascii();
        let is_logfmt = form == Form::Pairs;
        let names = known.fields.names();
        let mut members = Members::new(out, &mut self.room, names, event.stream.is_some());
        let spread = if form == Form::Object {
            json::spread(trimmed, &mut members)
        } else {
            let mut any = false;
            logfmt::pairs(trimmed)
                .try_for_each(|(key, value)| {
                    any |= value.is_some();
                    self.value.clear();
                    match value {
                        Some(value) if value.is_number(key) => {
                            self.value.extend_from_slice(value.raw.as_bytes());
                        }
                        Some(value) => quote(&value.text, &mut self.value),
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
#[path = "document_tests.rs"]
mod tests;
