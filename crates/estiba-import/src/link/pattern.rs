//! Looking for patterns in texts that have references in them.

use regex::{Captures, Regex};

use crate::text::{Piece, Text};

/// Around the number of a reference; private use characters, which no file has.
const OPEN: char = '\u{E000}';
const CLOSE: char = '\u{E001}';

/// A character of a host, a user or a password, where a reference may stand.
pub(super) const WORD: &str = r"[^\s/@:?#,;'\x22]";

/// `text` with what `change` makes of each match of `pattern`, in which a
/// reference stands as one word; `None` leaves a match as it is.
pub(super) fn replace(
    text: &Text,
    pattern: &Regex,
    change: &mut dyn FnMut(&Captures<'_>, &Flat) -> Option<Text>,
) -> Text {
    let flat = Flat::new(text);
    let mut replaced = Text::default();
    let mut last = 0;
    for found in pattern.captures_iter(&flat.text) {
        let Some(whole) = found.get(0) else { continue };
        let Some(new) = change(&found, &flat) else {
            continue;
        };
        flat.restore(&flat.text[last..whole.start()], &mut replaced);
        new.0.into_iter().for_each(|piece| replaced.push(piece));
        last = whole.end();
    }
    flat.restore(&flat.text[last..], &mut replaced);
    replaced
}

/// A text whose references are words.
pub(super) struct Flat {
    text: String,
    references: Vec<Piece>,
}

impl Flat {
    fn new(text: &Text) -> Self {
        let mut flat = Self {
            text: String::new(),
            references: Vec::new(),
        };
        for piece in &text.0 {
            match piece {
                Piece::Plain(plain) => flat.text.push_str(plain),
                other => {
                    let number = flat.references.len();
                    flat.text.push_str(&format!("{OPEN}{number}{CLOSE}"));
                    flat.references.push(other.clone());
                }
            }
        }
        flat
    }

    /// A part of the text, with its references.
    pub fn part(&self, text: &str) -> Text {
        let mut part = Text::default();
        self.restore(text, &mut part);
        part
    }

    fn restore(&self, text: &str, into: &mut Text) {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(OPEN) {
            into.push(Piece::Plain(before.to_owned()));
            let Some((number, after)) = after.split_once(CLOSE) else {
                return;
            };
            let reference = number.parse::<usize>().ok();
            if let Some(piece) = reference.and_then(|number| self.references.get(number)) {
                into.push(piece.clone());
            }
            rest = after;
        }
        into.push(Piece::Plain(rest.to_owned()));
    }
}
