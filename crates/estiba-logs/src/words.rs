//! How a text falls into words. The store's index and [`Query::matches`](crate::Query::matches)
//! use this alone, so that they never disagree.

/// A longer word is cut here, in bytes.
pub const LONGEST_WORD_BYTES: usize = 255;

/// Only so much of a value is searched, in bytes; messages are searched as a whole.
pub const LONGEST_VALUE_BYTES: usize = 1024;

/// A value as it is compared: in lower case, cut to [`LONGEST_VALUE_BYTES`].
#[must_use]
pub fn whole(value: &str) -> String {
    let mut lower = String::with_capacity(value.len().min(LONGEST_VALUE_BYTES));
    push_lower(value, LONGEST_VALUE_BYTES, &mut lower);
    lower
}

/// The words of a text: runs of letters and digits of any script, in lower case.
#[must_use]
pub fn words(text: &str) -> Words<'_> {
    Words { text, at: 0 }
}

/// The iterator of [`words`]: each word with where it is in the text, in bytes.
#[derive(Debug, Clone)]
pub struct Words<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Words<'a> {
    /// The next word's place, before it is put in lower case. It copies nothing.
    pub fn next_span(&mut self) -> Option<(usize, usize)> {
        let bytes = self.text.as_bytes();
        let mut from = self.at;
        while let Some(byte) = bytes.get(from) {
            match byte {
                _ if byte.is_ascii_alphanumeric() => break,
                _ if byte.is_ascii() => from += 1,
                _ => {
                    let letter = self.text[from..].chars().next()?;
                    if letter.is_alphanumeric() {
                        break;
                    }
                    from += letter.len_utf8();
                }
            }
        }
        let mut until = from;
        while let Some(byte) = bytes.get(until) {
            match byte {
                _ if byte.is_ascii_alphanumeric() => until += 1,
                _ if byte.is_ascii() => break,
                _ => match self.text[until..].chars().next() {
                    Some(letter) if letter.is_alphanumeric() => until += letter.len_utf8(),
                    _ => break,
                },
            }
        }
        self.at = until;
        (until > from).then_some((from, until))
    }

    /// Appends a word in lower case, cut to [`LONGEST_WORD_BYTES`].
    pub fn push_lower(word: &str, into: &mut String) {
        push_lower(word, LONGEST_WORD_BYTES, into);
    }

    /// The text that is read.
    #[must_use]
    pub fn text(&self) -> &'a str {
        self.text
    }
}

impl Iterator for Words<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let (from, until) = self.next_span()?;
        let mut word = String::with_capacity(until - from);
        Self::push_lower(&self.text[from..until], &mut word);
        Some(word)
    }
}

fn push_lower(text: &str, longest: usize, into: &mut String) {
    let start = into.len();
    if text.is_ascii() {
        into.push_str(&text[..text.len().min(longest)]);
        into[start..].make_ascii_lowercase();
        return;
    }
    for letter in text.chars().flat_map(char::to_lowercase) {
        if into.len() - start + letter.len_utf8() > longest {
            return;
        }
        into.push(letter);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        words(text).collect()
    }

    #[test]
    fn words_are_letters_and_digits_in_lower_case() {
        assert_eq!(
            all("GET /Api/v1?id=7 — Conexión RECHAZADA: 連接 失敗"),
            [
                "get",
                "api",
                "v1",
                "id",
                "7",
                "conexión",
                "rechazada",
                "連接",
                "失敗"
            ]
        );
        assert_eq!(all("  ...  "), Vec::<String>::new());
        assert_eq!(all("a_b-c.d"), ["a", "b", "c", "d"]);
    }

    #[test]
    fn a_long_word_is_cut_between_letters() {
        let long = "É".repeat(400);
        let word = all(&long).remove(0);
        assert!(word.len() <= LONGEST_WORD_BYTES);
        assert_eq!(word, "é".repeat(LONGEST_WORD_BYTES / 2));
    }
}
