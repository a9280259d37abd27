//! The body of a `_bulk` request: pairs of an action and a document, each a line.
//! <https://www.elastic.co/guide/en/elasticsearch/reference/8.19/docs-bulk.html>

use std::io::{self, BufRead, Read};

use estiba_logs::Record;
use estiba_model::{Message, message};
use jiff::Timestamp;
use serde_json::{Map, Value};

/// The longest line, in bytes, where nothing else is said.
const LONGEST: usize = 3 << 20;

/// What an action wants and its document has.
#[derive(Debug)]
pub struct Item {
    /// The action, which the answer repeats: `create`, `index`, or what is refused.
    pub action: &'static str,
    /// The id that a `create` gives its document: there is one of it at most.
    pub id: Option<String>,
    /// The record, or why there is none.
    pub record: Result<Record, Unread>,
    /// How long the document was, in bytes.
    pub bytes: usize,
}

/// Why a document is no record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unread {
    /// It is wrong in itself.
    Wrong(Message),
    /// It is longer than so many bytes.
    TooLong(usize),
}

/// Why the rest of a body can't be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BulkError {
    /// It can't be unpacked, or is too long.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// What has to be an action is none, so that nobody knows what follows.
    #[error("Malformed action/metadata line [{line}]")]
    Action {
        /// The number of the line, from 1.
        line: usize,
    },
}

/// Reads a body bit by bit.
#[derive(Debug)]
pub struct Items<R> {
    body: R,
    line: usize,
    text: Vec<u8>,
    longest: usize,
    received: Timestamp,
    ended: bool,
}

/// What was read of the body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// A line.
    Whole,
    /// The start of one that is too long.
    TooLong,
    /// Nothing: the body is at its end.
    None,
}

impl<R: BufRead> Items<R> {
    /// Reads `body`, which came at `received`.
    pub fn new(body: R, received: Timestamp) -> Self {
        Self {
            body,
            line: 0,
            text: Vec::new(),
            longest: LONGEST,
            received,
            ended: false,
        }
    }

    /// Documents of more than so many bytes are told and skipped: a few packed bytes may
    /// be one endless line, of which no more than that is ever in memory.
    #[must_use]
    pub fn with_longest(mut self, bytes: usize) -> Self {
        self.longest = bytes;
        self
    }

    /// The next line that is not blank: rsyslog writes blank ones between pairs.
    fn next_line(&mut self) -> io::Result<Line> {
        loop {
            let read = self.read_line()?;
            if read == Line::Whole && self.text.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            return Ok(read);
        }
    }

    fn read_line(&mut self) -> io::Result<Line> {
        self.text.clear();
        let most = (self.longest as u64).saturating_add(1);
        let mut start = self.body.by_ref().take(most);
        if start.read_until(b'\n', &mut self.text)? == 0 {
            return Ok(Line::None);
        }
        self.line += 1;
        if self.text.len() <= self.longest {
            return Ok(Line::Whole);
        }
        if !self.text.ends_with(b"\n") {
            self.body.skip_until(b'\n')?;
        }
        Ok(Line::TooLong)
    }

    fn next_item(&mut self) -> Result<Option<Item>, BulkError> {
        if self.next_line()? == Line::None {
            return Ok(None);
        }
        let (action, id) = action(&self.text).ok_or(BulkError::Action { line: self.line })?;
        let record = self.record(action)?;
        Ok(Some(Item {
            action,
            id,
            record,
            bytes: self.text.len(),
        }))
    }

    /// The record of an action, from the line after it where there has to be one.
    fn record(&mut self, action: &str) -> io::Result<Result<Record, Unread>> {
        let read = if action == "delete" {
            Line::Whole
        } else {
            self.next_line()?
        };
        Ok(match read {
            Line::None => Err(Unread::Wrong(message!(
                "the document after the action is missing",
                "falta el documento después de la acción"
            ))),
            _ if !matches!(action, "create" | "index") => Err(Unread::Wrong(message!(
                "{action}: lines of a log are only added: use create or index",
                "{action}: a un log solo se agregan líneas: usa create o index"
            ))),
            Line::TooLong => Err(Unread::TooLong(self.longest)),
            Line::Whole => document(&self.text)
                .map(|document| Record::from_document(document, self.received))
                .map_err(Unread::Wrong),
        })
    }
}

impl<R: BufRead> Iterator for Items<R> {
    type Item = Result<Item, BulkError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.next_item().transpose();
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

/// The name of the action of a line, and the id that it gives.
fn action(line: &[u8]) -> Option<(&'static str, Option<String>)> {
    let map: Map<String, Value> = serde_json::from_slice(line).ok()?;
    // Some clients write of their own beside it, as Elasticsearch lets them.
    let mut objects = map.iter().filter(|(_, value)| value.is_object());
    let (name, value) = objects.next()?;
    if objects.next().is_some() {
        return None;
    }
    let action = ["create", "index", "update", "delete"]
        .into_iter()
        .find(|known| known == name)?;
    let id = value["_id"].as_str().filter(|_| action == "create");
    Some((action, id.map(str::to_owned)))
}

/// Reads a document; what is no UTF-8 in it becomes `�`.
pub(super) fn document(text: &[u8]) -> Result<Map<String, Value>, Message> {
    let read = serde_json::from_slice(text).or_else(|error| match std::str::from_utf8(text) {
        Ok(_) => Err(error),
        Err(_) => serde_json::from_str(&String::from_utf8_lossy(text)),
    });
    read.map_err(|error| {
        message!(
            "the document is no JSON object: {error}",
            "el documento no es un objeto JSON: {error}"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(body: &[u8]) -> Items<&[u8]> {
        Items::new(body, Timestamp::UNIX_EPOCH)
    }

    fn told(item: Result<Item, BulkError>) -> String {
        match item {
            Ok(Item { action, record, .. }) => match record {
                Ok(record) => format!("{action} {}", record.text),
                Err(Unread::Wrong(_)) => format!("{action} refused"),
                Err(Unread::TooLong(most)) => format!("{action} over {most}"),
            },
            Err(error) => error.to_string(),
        }
    }

    fn read(body: &[u8]) -> Vec<String> {
        items(body).map(told).collect()
    }

    #[test]
    fn pairs_are_read_as_shippers_write_them() {
        for (body, expected) in [
            ("{\"create\":{}}\n{\"message\":\"a\"}\n", vec!["create a"]),
            (
                "{\"index\":{\"_index\":\"x\",\"_type\":\"_doc\"}}\r\n{\"message\":\"a\"}\r\n",
                vec!["index a"],
            ),
            (
                "\n\n{\"create\":{}}\n\n{\"message\":\"a\"}\n\n\n{\"create\":{}}\n{\"message\":\"b\"}",
                vec!["create a", "create b"],
            ),
            (
                "{\"create\":{}}\n{broken}\n{\"create\":{}}\n{\"message\":\"b\"}\n",
                vec!["create refused", "create b"],
            ),
            (
                "{\"delete\":{\"_id\":\"1\"}}\n{\"update\":{}}\n{\"doc\":{}}\n{\"create\":{}}\n{\"message\":\"b\"}\n",
                vec!["delete refused", "update refused", "create b"],
            ),
            (
                "{\"index\":{},\"attempts\":0}\n{\"message\":\"a\"}\n",
                vec!["index a"],
            ),
            ("{\"create\":{}}\n", vec!["create refused"]),
            ("{\"create\":{}}\n[1]\n", vec!["create refused"]),
            ("", vec![]),
            (
                "{\"create\":{}}\n{}\nnonsense\n{}\n{\"create\":{}}\n{}\n",
                vec!["create ", "Malformed action/metadata line [3]"],
            ),
            (
                "{\"create\":{},\"index\":{}}\n{}\n",
                vec!["Malformed action/metadata line [1]"],
            ),
        ] {
            assert_eq!(read(body.as_bytes()), expected, "{body}");
        }
    }

    #[test]
    fn what_is_no_utf_8_is_kept_as_far_as_it_can_be() {
        assert_eq!(
            read(b"{\"create\":{}}\n{\"message\":\"a\xff\"}\n"),
            ["create a\u{fffd}"]
        );
    }
    #[test]
    fn a_line_that_is_too_long_is_skipped_and_never_in_memory() {
        let pair = |text: &str| format!("{{\"create\":{{}}}}\n{{\"message\":\"{text}\"}}\n");
        let (fits, long) = ("m".repeat(45), "m".repeat(1 << 20));
        let body = [
            pair("a"),
            pair(&long),
            pair(&fits),
            pair(&format!("{fits}m")),
        ]
        .concat();
        for body in [body.as_str(), body.trim_end()] {
            let mut items = items(body.as_bytes()).with_longest(60);
            let told: Vec<_> = items.by_ref().map(told).collect();
            let last = if body.ends_with('\n') {
                "create over 60".to_owned()
            } else {
                format!("create {fits}m")
            };
            let fits = format!("create {fits}");
            assert_eq!(told, ["create a", "create over 60", &fits, &last]);
            assert!(items.text.capacity() < 1000, "{}", items.text.capacity());
        }
        let endless = format!("{}\n{{}}\n", " ".repeat(1000));
        let told: Vec<_> = items(endless.as_bytes())
            .with_longest(60)
            .map(told)
            .collect();
        assert_eq!(told, ["Malformed action/metadata line [1]"]);
    }
}
