//! How grave a line is, in the words of many loggers.

/// How grave a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Steps of an algorithm.
    Trace,
    /// For whoever looks for a mistake.
    Debug,
    /// What happens.
    Info,
    /// What may become trouble.
    Warn,
    /// What failed.
    Error,
    /// What ends the program.
    Fatal,
}

/// A level stands among the first so many bytes, or nowhere.
const LOOKED_AT_BYTES: usize = 160;

impl Level {
    /// Its name in documents.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// What a logger calls it, in any case.
    #[must_use]
    pub fn from_word(word: &[u8]) -> Option<Self> {
        let mut lower = [0_u8; 13];
        let lower = lower.get_mut(..word.len())?;
        lower.copy_from_slice(word);
        lower.make_ascii_lowercase();
        Some(match &*lower {
            b"trace" | b"trc" | b"trce" | b"verbose" | b"finer" | b"finest" | b"silly" => {
                Self::Trace
            }
            b"debug" | b"dbg" | b"dbug" | b"fine" | b"config" => Self::Debug,
            b"info" | b"inf" | b"information" | b"informational" | b"notice" | b"log" => Self::Info,
            b"warn" | b"wrn" | b"warning" => Self::Warn,
            b"error" | b"err" | b"eror" | b"fail" | b"failure" | b"severe" => Self::Error,
            b"fatal" | b"ftl" | b"critical" | b"crit" | b"panic" | b"dpanic" | b"alert"
            | b"emerg" | b"emergency" => Self::Fatal,
            _ => return None,
        })
    }

    /// A number: syslog's below 8, else those of Bunyan and Pino, where 30 is
    /// [`Level::Info`].
    #[must_use]
    pub fn from_number(number: u64) -> Option<Self> {
        Some(match number {
            0..8 => Self::from_syslog(number),
            10..20 => Self::Trace,
            20..30 => Self::Debug,
            30..40 => Self::Info,
            40..50 => Self::Warn,
            50..60 => Self::Error,
            60..=100 => Self::Fatal,
            _ => return None,
        })
    }

    /// A severity of syslog (RFC 5424, table 2), 0 to 7.
    #[must_use]
    pub fn from_syslog(severity: u64) -> Self {
        match severity {
            0..=2 => Self::Fatal,
            3 => Self::Error,
            4 => Self::Warn,
            5 | 6 => Self::Info,
            _ => Self::Debug,
        }
    }
}

/// Looks for a level at the beginning of a text: a word in capitals, in brackets,
/// before a colon, or after `level=`; or syslog's `<PRI>`.
#[must_use]
pub fn find(text: &[u8]) -> Option<Level> {
    if let Some(level) = priority(text) {
        return Some(level);
    }
    let text = &text[..text.len().min(LOOKED_AT_BYTES)];
    let text = &text[..memchr::memchr(b'\n', text).unwrap_or(text.len())];
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
    // `LOG` and `CONFIG` in capitals are as often names of other things.
    Level::from_word(word).filter(|_| !matches!(word, b"LOG" | b"CONFIG" | b"FINE"))
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

    #[test]
    fn levels_in_texts() {
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
            ("<11>1 2026 host", Some(Level::Error)),
            ("<999>x", None),
            ("no error here", None),
            ("an Error happened", None),
            ("HTTP-ERROR x", None),
            ("ERRORS: 3", None),
            ("MY_ERROR=3", None),
            ("", None),
            ("first\nERROR second", None),
        ] {
            assert_eq!(find(text.as_bytes()), level, "{text}");
        }
    }

    #[test]
    fn words_and_numbers() {
        assert_eq!(Level::from_word(b"Information"), Some(Level::Info));
        assert_eq!(Level::from_word(b"averyverylongword"), None);
        assert_eq!(Level::from_number(30), Some(Level::Info));
        assert_eq!(Level::from_number(3), Some(Level::Error));
        assert_eq!(Level::from_number(9), None);
    }
}
