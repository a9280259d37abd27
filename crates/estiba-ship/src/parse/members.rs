//! Members of a line's own object, written as those of a document.

use estiba_logs::Level;

use super::time;
use crate::document::quote;

/// Keys of the time, the level and the message, as loggers call them. The first
/// that is there is taken.
const TIMES: [&str; 9] = [
    "@timestamp",
    "timestamp",
    "time",
    "ts",
    "@t",
    "datetime",
    "date",
    "asctime",
    "eventTime",
];
const LEVELS: [&str; 8] = [
    "level",
    "severity",
    "lvl",
    "log.level",
    "loglevel",
    "levelname",
    "@l",
    "log_level",
];
const MESSAGES: [&str; 5] = ["msg", "log", "event", "@m", "@mt"];

/// An object with more members than this is a text.
const MOST_MEMBERS: usize = 1_000;

/// The line can't be spread over a document's members: it becomes a text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotMembers;

/// What is kept from one line to the next: only room.
#[derive(Debug, Default)]
pub(crate) struct Room {
    seen: Vec<u64>,
    pub(crate) time: Vec<u8>,
    /// The raw value of the message's second names.
    message: Vec<u8>,
}

/// Writes a line's members into a document, one after another.
pub(crate) struct Members<'a> {
    out: &'a mut Vec<u8>,
    room: &'a mut Room,
    /// Names of the document's own members.
    reserved: &'a [Box<str>],
    pub(crate) level: Option<Level>,
    has_level_key: bool,
    /// The name of the member that `room.message` is the value of.
    message_key: Option<&'static str>,
    pub(crate) has_message: bool,
    inner: Option<Inner>,
}

/// Where a nested `fields` object was written.
struct Inner {
    start: usize,
    end: usize,
}

impl<'a> Members<'a> {
    /// `out` ends where a member may follow: each is written with a comma behind.
    pub(crate) fn new(out: &'a mut Vec<u8>, room: &'a mut Room, reserved: &'a [Box<str>]) -> Self {
        room.seen.clear();
        room.time.clear();
        room.message.clear();
        Self {
            out,
            room,
            reserved,
            level: None,
            has_level_key: false,
            message_key: None,
            has_message: false,
            inner: None,
        }
    }

    /// One member; `raw` is its value as JSON.
    pub(crate) fn add(&mut self, key: &str, raw: &str) -> Result<(), NotMembers> {
        self.note(key)?;
        if self.room.time.is_empty() && TIMES.contains(&key) {
            if let Some(at) = time::of_value(raw.as_bytes()) {
                time::append(at, &mut self.room.time);
                return Ok(());
            }
        } else if !self.has_level_key && LEVELS.contains(&key) && self.take_level(raw) {
            return Ok(());
        } else if key == "message" {
            self.has_message = true;
            self.out.extend_from_slice(b"\"message\":");
            self.text(raw);
            self.out.push(b',');
            return Ok(());
        } else if self.message_key.is_none()
            && raw.starts_with('"')
            && let Some(name) = MESSAGES.iter().find(|name| **name == key)
        {
            self.message_key = Some(name);
            self.room.message.extend_from_slice(raw.as_bytes());
            return Ok(());
        }
        let start = self.out.len();
        self.write(key, raw.as_bytes());
        if key == "fields" && raw.starts_with('{') {
            self.inner = Some(Inner {
                start: start + "\"fields\":".len(),
                end: self.out.len() - 1,
            });
        }
        Ok(())
    }

    /// After the last member.
    pub(crate) fn finish(mut self) -> Found {
        if let Some(key) = self.message_key {
            let message = std::mem::take(&mut self.room.message);
            self.write(if self.has_message { key } else { "message" }, &message);
            self.room.message = message;
            self.has_message = true;
        }
        if !self.has_message
            && let Some(inner) = &self.inner
            && let Some(message) = super::json::message_of(&self.out[inner.start..inner.end])
        {
            let message = message.to_vec();
            self.write("message", &message);
            self.has_message = true;
        }
        Found {
            level: self.level,
            has_message: self.has_message,
        }
    }

    /// A key that is there twice, or that Elasticsearch has no field for, makes
    /// the whole document refused.
    fn note(&mut self, key: &str) -> Result<(), NotMembers> {
        let is_field =
            !key.is_empty() && !key.starts_with('.') && !key.ends_with('.') && !key.contains("..");
        let hash = hash(key);
        if !is_field || self.room.seen.len() >= MOST_MEMBERS || self.room.seen.contains(&hash) {
            return Err(NotMembers);
        }
        self.room.seen.push(hash);
        Ok(())
    }

    fn take_level(&mut self, raw: &str) -> bool {
        let word = raw.trim_matches('"');
        self.level =
            Level::from_name(word).or_else(|| word.parse().ok().and_then(Level::from_number));
        self.has_level_key = self.level.is_some();
        self.has_level_key
    }

    /// A value that has to be a text.
    fn text(&mut self, raw: &str) {
        if raw.starts_with('"') {
            self.out.extend_from_slice(raw.as_bytes());
        } else {
            quote(raw, self.out);
        }
    }

    fn write(&mut self, key: &str, raw: &[u8]) {
        // `_id` and its likes are Elasticsearch's own.
        let is_taken = key.starts_with('_')
            || matches!(key, "@timestamp" | "level")
            || self.reserved.iter().any(|name| **name == *key);
        if is_taken {
            quote(
                &format!("line_{}", key.trim_start_matches(['_', '@'])),
                self.out,
            );
        } else {
            quote(key, self.out);
        }
        self.out.push(b':');
        let start = self.out.len();
        self.out.extend_from_slice(raw);
        // Outside of texts, where JSON has no line ends, they are blanks.
        if memchr::memchr2(b'\n', b'\r', raw).is_some() {
            for byte in &mut self.out[start..] {
                if matches!(byte, b'\n' | b'\r') {
                    *byte = b' ';
                }
            }
        }
        self.out.push(b',');
    }
}

/// What a line said about itself; its time is in [`Room::time`].
pub(crate) struct Found {
    pub(crate) level: Option<Level>,
    pub(crate) has_message: bool,
}

/// FNV-1a: two keys that collide make a text of a line, no more.
fn hash(key: &str) -> u64 {
    key.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
