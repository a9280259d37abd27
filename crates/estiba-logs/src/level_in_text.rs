//! How grave a line of plain text says it is.

use crate::Level;

/// A level stands among the first so many bytes, or nowhere.
const LOOKED_AT_BYTES: usize = 160;

impl Level {
    /// Looks for a level at the beginning of a line: a word in capitals, in brackets,
    /// before a colon at its begin, or after `level=`.
    #[must_use]
    pub fn in_text(text: &str) -> Option<Self> {
        let text = &text[..text.floor_char_boundary(LOOKED_AT_BYTES)];
        let mut rest = text;
        while let Some(start) = rest.find(|c: char| c.is_ascii_alphabetic()) {
            let word = &rest[start..];
            let length = word.find(|c: char| !c.is_ascii_alphabetic());
            let (word, after) = word.split_at(length.unwrap_or(word.len()));
            let before = &text[..text.len() - after.len() - word.len()];
            if says_level(before, word, after)
                && let Some(level) = Self::from_name(word)
            {
                return Some(level);
            }
            rest = after;
        }
        None
    }
}

/// Names of the level before its value.
const KEYS: [&str; 3] = ["level=", "lvl=", "severity="];

fn says_level(before: &str, word: &str, after: &str) -> bool {
    let joins = |c: char| c.is_ascii_digit() || "_-.".contains(c);
    let (left, right) = (before.chars().next_back(), after.chars().next());
    if left.is_some_and(joins) || right.is_some_and(|c| c.is_ascii_digit() || c == '_') {
        return false;
    }
    let in_brackets = matches!(
        (left, right),
        (Some('['), Some(']' | ':'))
            | (Some('('), Some(')'))
            | (Some('<'), Some('>'))
            | (Some('|'), Some('|'))
    );
    let key = before.strip_suffix('"').unwrap_or(before);
    let is_value = KEYS.iter().any(|name| key.ends_with(name));
    let begins = before.is_empty() && right == Some(':');
    // In capitals these are as often names of other things.
    let in_capitals = word.bytes().all(|byte| byte.is_ascii_uppercase())
        && !matches!(word, "CONFIG" | "FINE" | "NOTE" | "FAIL");
    in_capitals || in_brackets || is_value || begins
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn levels_are_found_where_loggers_write_them() {
        for (text, level) in [
            ("2026-01-02T03:04:05Z ERROR cannot", Some(Level::Error)),
            ("[error] cannot", Some(Level::Error)),
            ("ts=1 level=warning msg=x", Some(Level::Warn)),
            ("x level=\"error\" y", Some(Level::Error)),
            ("WARNING:root:careful", Some(Level::Warn)),
            ("warn: Microsoft.X[3]", Some(Level::Warn)),
            (
                "E, [2026-01-02T03:04:05 #1] ERROR -- : x",
                Some(Level::Error),
            ),
            (
                "2026-01-02 03:04:05,123 - app - CRITICAL - x",
                Some(Level::Fatal),
            ),
            ("no error here", None),
            ("an Error happened", None),
            ("HTTP-ERROR x", None),
            ("ERRORS: 3", None),
            ("MY_ERROR=3", None),
            ("", None),
        ] {
            assert_eq!(Level::in_text(text), level, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_looked_at(text in ".{0,400}") {
            let _ = Level::in_text(&text);
        }
    }
}
