//! Lines without what must not be seen. Patterns are for what a line says: in its raw text
//! the same may be written with escapes, and what is found there may end in the middle of
//! a value.

use std::borrow::Cow;
use std::ops::Range;

use estiba_logs::logfmt::{self, Written, quote_end};

use super::Form;
use crate::document::quote;
use crate::rules::{REDACTED, Rules};

/// The line with each of its values redacted, and what it may be read as. Where that is a
/// text, or becomes one, it has to be redacted as a text too.
pub(crate) fn values<'a>(line: Cow<'a, str>, form: Form, rules: &Rules) -> (Cow<'a, str>, Form) {
    // Also where it was cut or is not to be looked at: its texts have escapes even so.
    let line = match line.trim_start_matches(is_before).starts_with('{') {
        true => object(&line, rules).map_or(line, Cow::Owned),
        false => line,
    };
    if form != Form::Pairs {
        return (line, form);
    }
    let (redacted, form) = pairs(&line, rules);
    (redacted.map_or(line, Cow::Owned), form)
}

/// Blanks, and the mark with which some files begin.
fn is_before(letter: char) -> bool {
    letter.is_ascii_whitespace() || letter == '\u{feff}'
}

/// An object with its values redacted, but for names. It is not checked: what is no JSON
/// is read as if it were.
fn object(line: &str, rules: &Rules) -> Option<String> {
    let mut parts = Parts::of(line);
    let mut at = 0;
    while let Some(byte) = line.as_bytes().get(at) {
        let start = at;
        if *byte == b'"' {
            let (text, length) = quoted(&line[at..]);
            at += length;
            let is_name = line[at..].trim_ascii_start().starts_with(':');
            if !is_name && let Some(redacted) = rules.redacted(&text) {
                parts.replace(start..at, |out| quote(&redacted, out));
            }
        } else if is_bare(*byte) {
            let rest = line.as_bytes()[at..].iter();
            at += rest.take_while(|byte| is_bare(**byte)).count();
            let is_number = matches!(byte, b'-' | b'0'..=b'9');
            if is_number && rules.redacted(&line[start..at]).is_some() {
                // A store that has numbers there refuses a text.
                parts.replace(start..at, |out| out.extend_from_slice(b"null"));
            }
        } else {
            at += 1;
        }
    }
    parts.finish()
}

/// Pairs with their values redacted. Patterns are also written for `name=value`. What they
/// find elsewhere, as in words without a value, makes a text of the line.
fn pairs(line: &str, rules: &Rules) -> (Option<String>, Form) {
    let (mut parts, mut others) = (Parts::of(line), Parts::of(line));
    let mut pairs = logfmt::pairs(line);
    while let Some((name, value)) = pairs.next() {
        if let Some(value) = value
            && let Some(redacted) = pair(name, &value, rules)
        {
            let end = line.len() - pairs.rest().len();
            let start = end - value.raw.len();
            parts.replace(start..end, |out| write_value(&redacted, out));
            others.replace(start - 1 - name.len()..end, |_| {});
        }
    }
    let others = others.finish();
    let form = match rules.redacted(others.as_deref().unwrap_or(line)) {
        Some(_) => Form::Text,
        None => Form::Pairs,
    };
    (parts.finish(), form)
}

/// The value of a pair, where it has to be another. Names are left.
fn pair(name: &str, value: &Written<'_>, rules: &Rules) -> Option<String> {
    let text = match value.raw.starts_with('"') {
        true => quoted(value.raw).0,
        false => Cow::Borrowed(value.raw),
    };
    let mut redacted = rules.redacted(&text);
    for in_quotes in [false, true] {
        let value = redacted.as_deref().unwrap_or(&text);
        let mut pair = format!("{name}=").into_bytes();
        match in_quotes {
            true => quote(value, &mut pair),
            false => pair.extend_from_slice(value.as_bytes()),
        }
        let pair = String::from_utf8_lossy(&pair);
        if let Some(whole) = rules.redacted(&pair)
            && !whole.ends_with(&pair[name.len()..])
        {
            let value = whole.strip_prefix(&pair[..=name.len()]);
            let value = value.filter(|_| !in_quotes).unwrap_or(REDACTED);
            redacted = Some(value.to_owned());
        }
    }
    redacted
}

fn write_value(text: &str, out: &mut Vec<u8>) {
    let is_word = |byte: u8| byte > b' ' && byte != b'"';
    match text.bytes().all(is_word) {
        true => out.extend_from_slice(text.as_bytes()),
        false => quote(text, out),
    }
}

/// Whether it is of a number, or of what is no JSON.
fn is_bare(byte: u8) -> bool {
    !byte.is_ascii_whitespace() && !matches!(byte, b'"' | b'{' | b'}' | b'[' | b']' | b':' | b',')
}

/// What the quoted text says with which `text` begins, and its length there. It may have
/// no end.
fn quoted(text: &str) -> (Cow<'_, str>, usize) {
    let inside = &text[1..];
    match quote_end(inside) {
        Some(end) => (unescaped(&inside[..end]), end + 2),
        None => (unescaped(inside), text.len()),
    }
}

/// Text without JSON's escapes. What is no escape stays as it is, and half a surrogate
/// pair is no letter: such a text is shipped too, and has to be redacted.
fn unescaped(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let (letter, length) = escape(&rest[at..]).unwrap_or(('\\', 1));
        out.push(letter);
        rest = &rest[at + length..];
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn escape(text: &str) -> Option<(char, usize)> {
    let letter = match text.as_bytes().get(1)? {
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'n' => '\n',
        b'r' => '\r',
        b't' => '\t',
        byte @ (b'"' | b'\\' | b'/') => char::from(*byte),
        b'u' => return code(text),
        _ => return None,
    };
    Some((letter, 2))
}

/// `\u0065`, or two of them that are one letter.
fn code(text: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let digits = text.get(at..)?.strip_prefix("\\u")?.get(..4)?;
        u16::from_str_radix(digits, 16).ok()
    };
    let units = std::iter::once(unit(0)?).chain(unit(6));
    let letter = char::decode_utf16(units).next()?;
    let letter = letter.unwrap_or(char::REPLACEMENT_CHARACTER);
    Some((letter, 6 * letter.len_utf16()))
}

/// A line of which parts are replaced, from its start to its end.
struct Parts<'a> {
    line: &'a str,
    /// Up to where it is in `out`.
    copied: usize,
    out: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn of(line: &'a str) -> Self {
        Self {
            line,
            copied: 0,
            out: Vec::new(),
        }
    }

    fn replace(&mut self, part: Range<usize>, write: impl FnOnce(&mut Vec<u8>)) {
        let before = &self.line[self.copied..part.start];
        self.out.extend_from_slice(before.as_bytes());
        write(&mut self.out);
        self.copied = part.end;
    }

    /// The line; nothing where it is as it was.
    fn finish(mut self) -> Option<String> {
        if self.copied == 0 {
            return None;
        }
        let rest = &self.line[self.copied..];
        self.out.extend_from_slice(rest.as_bytes());
        Some(String::from_utf8_lossy(&self.out).into_owned())
    }
}
