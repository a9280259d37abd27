//! Members of a line's own object, written as those of a document.

use std::io::Write as _;

use estiba_logs::names::{LEVEL, MOST_MEMBERS, TEXT, TIME, is_field};
use estiba_logs::{Level, moment};
use jiff::Timestamp;

use crate::document::quote;

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

impl Room {
    /// Notes a time as documents have it.
    pub(crate) fn note(&mut self, at: Timestamp) {
        // Writing to memory does not fail.
        let _ = write!(self.time, "{at}");
    }
}

/// Writes a line's members into a document, one after another.
pub(crate) struct Members<'a> {
    out: &'a mut Vec<u8>,
    room: &'a mut Room,
    /// Names of the document's own members.
    reserved: &'a [Box<str>],
    /// Whether the document says of which stream the line is.
    has_stream: bool,
    pub(crate) level: Option<Level>,
    has_level_key: bool,
    /// Which of [`TEXT`] is the name of the member that `room.message` is the value of.
    held: Option<usize>,
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
    pub(crate) fn new(
        out: &'a mut Vec<u8>,
        room: &'a mut Room,
        reserved: &'a [Box<str>],
        has_stream: bool,
    ) -> Self {
        room.seen.clear();
        room.time.clear();
        room.message.clear();
        Self {
            out,
            room,
            reserved,
            has_stream,
            level: None,
            has_level_key: false,
            held: None,
            has_message: false,
            inner: None,
        }
    }

    /// One member; `raw` is its value as JSON.
    pub(crate) fn add(&mut self, key: &str, raw: &str) -> Result<(), NotMembers> {
        self.note(key)?;
        if self.room.time.is_empty() && TIME.contains(&key) {
            if let Some(at) = moment::of_json(raw).filter(moment::is_of_a_line) {
                self.room.note(at);
                return Ok(());
            }
        } else if !self.has_level_key && LEVEL.contains(&key) && self.take_level(raw) {
            return Ok(());
        } else if key == TEXT[0] {
            self.has_message = true;
            self.out.extend_from_slice(b"\"message\":");
            self.text(raw);
            self.out.push(b',');
            return Ok(());
        } else if raw.starts_with('"')
            && let Some(rank) = self.says_more(key)
        {
            return self.hold(rank, raw);
        }
        let start = self.out.len();
        self.write(key, raw.as_bytes())?;
        if key == "fields" && raw.starts_with('{') {
            self.inner = Some(Inner {
                start: start + "\"fields\":".len(),
                end: self.out.len() - 1,
            });
        }
        Ok(())
    }

    /// After the last member.
    pub(crate) fn finish(mut self) -> Result<Found, NotMembers> {
        if let Some(rank) = self.held {
            let name = if self.has_message { rank } else { 0 };
            self.write_held(TEXT[name])?;
            self.has_message = true;
        }
        if !self.has_message
            && let Some(inner) = &self.inner
            && let Some(message) = super::json::message_of(&self.out[inner.start..inner.end])
        {
            let message = message.to_vec();
            self.write("message", &message)?;
            self.has_message = true;
        }
        Ok(Found {
            level: self.level,
            has_message: self.has_message,
        })
    }

    /// A key that Elasticsearch has no field for makes the whole document refused.
    fn note(&mut self, key: &str) -> Result<(), NotMembers> {
        if !is_field(key) || self.room.seen.len() >= MOST_MEMBERS {
            return Err(NotMembers);
        }
        self.see(key)
    }

    /// And so does one that is there twice.
    fn see(&mut self, name: &str) -> Result<(), NotMembers> {
        let hash = hash(name);
        if self.room.seen.contains(&hash) {
            return Err(NotMembers);
        }
        self.room.seen.push(hash);
        Ok(())
    }

    fn take_level(&mut self, raw: &str) -> bool {
        self.level = Level::from_text(raw.trim_matches('"'));
        self.has_level_key = self.level.is_some();
        self.has_level_key
    }

    /// Which name of the message it is, unless one that says more is held.
    fn says_more(&self, key: &str) -> Option<usize> {
        let names = &TEXT[..self.held.unwrap_or(TEXT.len())];
        names.iter().position(|name| *name == key)
    }

    /// Holds a value until it is known whether it is the message.
    fn hold(&mut self, rank: usize, raw: &str) -> Result<(), NotMembers> {
        if let Some(other) = self.held.replace(rank) {
            self.write_held(TEXT[other])?;
        }
        self.room.message.clear();
        self.room.message.extend_from_slice(raw.as_bytes());
        Ok(())
    }

    fn write_held(&mut self, key: &str) -> Result<(), NotMembers> {
        let message = std::mem::take(&mut self.room.message);
        let written = self.write(key, &message);
        self.room.message = message;
        written
    }

    /// A value that has to be a text.
    fn text(&mut self, raw: &str) {
        if raw.starts_with('"') {
            self.out.extend_from_slice(raw.as_bytes());
        } else {
            quote(raw, self.out);
        }
    }

    /// Whether the document has a member of this name that is not the line's.
    fn is_documents(&self, name: &str) -> bool {
        matches!(name, "@timestamp" | "level")
            || self.has_stream && name == "stream"
            || self.reserved.iter().any(|reserved| **reserved == *name)
    }

    fn write(&mut self, key: &str, raw: &[u8]) -> Result<(), NotMembers> {
        // `_id` and its likes are Elasticsearch's own.
        if key.starts_with('_') || self.is_documents(key) {
            let name = format!("line_{}", key.trim_start_matches(['_', '@']));
            // The line may have a member of this name too.
            self.see(&name)?;
            if self.is_documents(&name) {
                return Err(NotMembers);
            }
            quote(&name, self.out);
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
        Ok(())
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
