//! How grave a line of plain text says it is.

use crate::Level;

/// A level stands among the first so many bytes, or nowhere.
const LOOKED_AT_BYTES: usize = 160;

impl Level {
    /// Looks for a level at the beginning of a text: a word in capitals, in brackets,
    /// before a colon, or after `level=`; or syslog's `<PRI>`.
    #[must_use]
    pub fn in_text(text: impl AsRef<[u8]>) -> Option<Self> {
        let text = text.as_ref();
        if let Some(level) = priority(text) {
            return Some(level);
        }
        let text = &text[..text.len().min(LOOKED_AT_BYTES)];
        let text = &text[..text
            .iter()
            .position(|byte| *byte == b'\n')
            .unwrap_or(text.len())];
        let mut start = 0;
        while start < text.len() {
            let length = text[start..]
                .iter()
                .take_while(|byte| byte.is_ascii_alphabetic())
                .count();
            if length == 0 {
                start += 1;
                continue;
            }
            let end = start + length;
            if let Some(level) = at(text, start, end) {
                return Some(level);
            }
            start = end;
        }
        None
    }
}

fn at(text: &[u8], start: usize, end: usize) -> Option<Level> {
    if !(3..=13).contains(&(end - start)) {
        return None;
    }
    let before = start.checked_sub(1).map(|at| text[at]);
    let after = text.get(end).copied();
    let joins = |byte: u8| byte.is_ascii_digit() || byte == b'_' || byte == b'-' || byte == b'.';
    if before.is_some_and(joins) || after.is_some_and(|byte| byte.is_ascii_digit() || byte == b'_')
    {
        return None;
    }
    let word = &text[start..end];
    let in_capitals = word.iter().all(u8::is_ascii_uppercase);
    let in_brackets = matches!(
        (before, after),
        (Some(b'['), Some(b']' | b':'))
            | (Some(b'('), Some(b')'))
            | (Some(b'<'), Some(b'>'))
            | (Some(b'|'), Some(b'|'))
    );
    let begins_a_line = start == 0 && matches!(after, Some(b':'));
    let is_value = || {
        let key = &text[..start];
        let key = key.strip_suffix(b"\"").unwrap_or(key);
        [&b"level="[..], b"lvl=", b"severity=", b"level\":"]
            .iter()
            .any(|name| key.ends_with(name))
    };
    if !in_capitals && !in_brackets && !begins_a_line && !is_value() {
        return None;
    }
    // In capitals these are as often names of other things.
    Level::from_word(word)
        .filter(|_| !matches!(word, b"LOG" | b"CONFIG" | b"FINE" | b"NOTE" | b"FAIL"))
}

fn priority(text: &[u8]) -> Option<Level> {
    let rest = text.strip_prefix(b"<")?;
    let end = rest.iter().take(4).position(|byte| *byte == b'>')?;
    let number: u64 = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    (number < 192).then(|| Level::from_syslog(number % 8))
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
            ("<11>1 2026 host", Some(Level::Error)),
            ("<999>x", None),
            ("first\nERROR second", None),
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
