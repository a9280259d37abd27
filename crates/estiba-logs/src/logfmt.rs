//! `key=value key="a value"` (<https://brandur.org/logfmt>).

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::names::{MOST_MEMBERS, TEXT, is_field};

/// A double holds all numbers of so many digits as they are written.
const MOST_DIGITS: usize = 15;

/// A line is taken for logfmt where one of its pairs has such a key.
const TELLING: [&str; 7] = ["level", "lvl", "msg", "time", "ts", "severity", "at"];

/// Whether a line looks like logfmt: it begins with a pair, and one of its pairs
/// has a key that loggers write.
#[must_use]
pub fn looks_like(text: &str) -> bool {
    let begins_with_a_pair = text
        .bytes()
        .position(|byte| !is_key(byte))
        .is_some_and(|at| at > 0 && text.as_bytes()[at] == b'=');
    begins_with_a_pair
        && pairs(text)
            .take(20)
            .any(|(key, value)| value.is_some() && TELLING.contains(&key))
}

/// The value of a pair.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written<'a> {
    /// As it is written, with its quotes.
    pub raw: &'a str,
    /// What it says.
    pub text: Cow<'a, str>,
}

impl Written<'_> {
    /// Whether it is a number as JSON writes it, so that `status:>=500` finds it. What would
    /// not read back as it was written is none: `007`, `1.10` and long ids are texts, and
    /// `12e7` may be the beginning of a hash. Nor is it one where `name` is a name of the text.
    #[must_use]
    pub fn is_number(&self, name: &str) -> bool {
        let raw = self.raw;
        raw.len() <= MOST_DIGITS && is_canonical(raw) && !TEXT.contains(&name)
    }
}

/// The pairs of a line, one after another.
#[derive(Debug, Clone)]
pub struct Pairs<'a> {
    rest: &'a str,
}

impl<'a> Pairs<'a> {
    /// What comes behind the pair that was read last.
    #[must_use]
    pub fn rest(&self) -> &'a str {
        self.rest
    }
}

impl<'a> Iterator for Pairs<'a> {
    type Item = (&'a str, Option<Written<'a>>);

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.rest.bytes().position(is_key)?;
        let rest = &self.rest[start..];
        let end = rest
            .bytes()
            .position(|byte| !is_key(byte))
            .unwrap_or(rest.len());
        let (key, rest) = rest.split_at(end);
        self.rest = rest;
        let Some(after) = rest.strip_prefix('=') else {
            return Some((key, None));
        };
        let (text, left) = value(after);
        self.rest = left;
        let raw = &after[..after.len() - left.len()];
        Some((key, Some(Written { raw, text })))
    }
}

/// The pairs of a line; a key by itself has no value. What is no key is passed
/// over.
#[must_use]
pub fn pairs(text: &str) -> Pairs<'_> {
    Pairs { rest: text }
}

/// The pairs of a line that looks like logfmt. A key that is there twice, or that is no
/// field, makes a text of it.
pub(crate) fn members(text: &str) -> Option<Map<String, Value>> {
    if !looks_like(text) {
        return None;
    }
    let mut members = Map::new();
    for (key, value) in pairs(text) {
        let value = value.map_or(Value::Bool(true), |value| value_of(key, value));
        let is_another = members.insert(key.to_owned(), value).is_none();
        if !is_another || !is_field(key) || members.len() > MOST_MEMBERS {
            return None;
        }
    }
    Some(members)
}

fn value_of(name: &str, value: Written<'_>) -> Value {
    if value.is_number(name)
        && let Ok(number) = serde_json::from_str(value.raw)
    {
        return number;
    }
    value.text.into_owned().into()
}

fn is_canonical(number: &str) -> bool {
    let digits = number.strip_prefix('-').unwrap_or(number);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let are_digits =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    are_digits(whole)
        && are_digits(fraction)
        && (whole == "0" || !whole.starts_with('0'))
        && (fraction == "0" || !fraction.ends_with('0'))
        && number != "-0"
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'@' | b'/') || byte >= 0x80
}

fn value(text: &str) -> (Cow<'_, str>, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([' ', '\t', '\n']).unwrap_or(text.len());
        return (Cow::Borrowed(&text[..end]), &text[end..]);
    };
    let Some(end) = quote_end(quoted) else {
        // A quote that nothing ends is part of the value.
        return (Cow::Borrowed(text), "");
    };
    let (inside, rest) = (&quoted[..end], &quoted[end + 1..]);
    if !inside.contains('\\') {
        return (Cow::Borrowed(inside), rest);
    }
    // Its escapes are those of JSON; what isn't, stays as it is.
    let unescaped = serde_json::from_str::<String>(&text[..end + 2]);
    (unescaped.map_or(Cow::Borrowed(inside), Cow::Owned), rest)
}

/// Where the quote is that ends a text, which one before `text` began.
#[must_use]
pub fn quote_end(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| match byte {
        _ if escaped => {
            escaped = false;
            false
        }
        b'\\' => {
            escaped = true;
            false
        }
        byte => byte == b'"',
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn pairs_of_lines() {
        let read = |text: &'static str| {
            pairs(text)
                .map(|(key, value)| {
                    format!("{key}={}", value.map_or("-".into(), |value| value.text))
                })
                .collect::<Vec<_>>()
        };
        assert_eq!(
            read(r#"level=info msg="a \"b\" c" n=1"#),
            ["level=info", "msg=a \"b\" c", "n=1"]
        );
        assert_eq!(read("debug a= b=2"), ["debug=-", "a=", "b=2"]);
        assert_eq!(read(r#"a="open"#), [r#"a="open"#]);
        assert_eq!(read(r#"a="x\q" b"#), [r"a=x\q", "b=-"]);
        assert_eq!(read(" , ="), Vec::<String>::new());
    }

    #[test]
    fn numbers_of_pairs() {
        for (raw, yes) in [
            ("503", true),
            ("0", true),
            ("-7", true),
            ("0.25", true),
            ("1.0", true),
            ("999999999999999", true),
            ("9999999999999999", false),
            ("007", false),
            ("1.10", false),
            ("-0", false),
            ("+5", false),
            (".5", false),
            ("5.", false),
            ("1e5", false),
            ("1.2.3", false),
            ("12ms", false),
            ("-", false),
            ("", false),
            ("\"503\"", false),
            ("٣", false),
        ] {
            let line = format!("msg={raw} n={raw}");
            let members = members(&line).unwrap();
            assert_eq!(members["n"].is_number(), yes, "{raw}");
            if yes {
                assert_eq!(members["n"].to_string(), raw);
            }
            assert!(members["msg"].is_string(), "{raw}");
        }
    }

    #[test]
    fn what_looks_like_it() {
        for (text, yes) in [
            ("level=info msg=x", true),
            ("time=2026 a=b", true),
            ("a=b c=d", false),
            ("GET /x?level=info", false),
            ("x level=info", false),
            ("", false),
        ] {
            assert_eq!(looks_like(text), yes, "{text}");
        }
    }

    proptest! {
        #[test]
        fn values_are_read_as_they_were_quoted(value in ".*") {
            let line = format!("key={} next=1", serde_json::to_string(&value).unwrap());
            let read: Vec<_> = pairs(&line).collect();
            prop_assert_eq!(read[0].0, "key");
            prop_assert_eq!(&read[0].1.as_ref().unwrap().text, &value);
            let next = Written { raw: "1", text: "1".into() };
            prop_assert_eq!(&read[1], &("next", Some(next)));
        }
    }
}
