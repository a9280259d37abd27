//! Lines that are left out, thinned, or shown without what must not be seen.

use std::borrow::Cow;

use regex::bytes::{NoExpand, Regex};

/// What stands where something was redacted.
const REDACTED: &[u8] = b"***";

/// Rules for the text of events, in this order: dropped, sampled, redacted.
#[derive(Debug, Default)]
pub struct Rules {
    drop: Vec<Regex>,
    sample: Vec<Sample>,
    redact: Vec<Regex>,
}

#[derive(Debug)]
struct Sample {
    pattern: Regex,
    one_in: u64,
    seen: u64,
}

impl Rules {
    /// Leaves out what matches.
    pub fn drop(&mut self, pattern: Regex) {
        self.drop.push(pattern);
    }

    /// Of what matches, lets the first of every `one_in` through.
    pub fn sample(&mut self, pattern: Regex, one_in: u64) {
        self.sample.push(Sample {
            pattern,
            one_in: one_in.max(1),
            seen: 0,
        });
    }

    /// Replaces what matches by `***`.
    pub fn redact(&mut self, pattern: Regex) {
        self.redact.push(pattern);
    }

    /// The text as it may go on; nothing where it is left out.
    pub fn apply<'a>(&mut self, text: &'a [u8]) -> Option<Cow<'a, [u8]>> {
        if self.drop.iter().any(|pattern| pattern.is_match(text)) {
            return None;
        }
        for sample in &mut self.sample {
            if sample.pattern.is_match(text) {
                sample.seen += 1;
                if !(sample.seen - 1).is_multiple_of(sample.one_in) {
                    return None;
                }
            }
        }
        let mut text = Cow::Borrowed(text);
        for pattern in &self.redact {
            if let Cow::Owned(replaced) = pattern.replace_all(&text, NoExpand(REDACTED)) {
                text = Cow::Owned(replaced);
            }
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regex(pattern: &str) -> Regex {
        Regex::new(pattern).unwrap()
    }

    #[test]
    fn rules_in_their_order() {
        let mut rules = Rules::default();
        rules.drop(regex("^GET /health"));
        rules.sample(regex("^GET"), 3);
        rules.redact(regex("token=\\S+"));
        rules.redact(regex("\\d{4}"));
        let mut apply = |text: &str| {
            rules
                .apply(text.as_bytes())
                .map(|text| String::from_utf8(text.into_owned()).unwrap())
        };
        assert_eq!(apply("GET /health"), None);
        assert_eq!(
            apply("GET /1?token=a$1 1234"),
            Some("GET /1?*** ***".into())
        );
        assert_eq!([apply("GET /2"), apply("GET /3")], [None, None]);
        assert_eq!(apply("GET /4"), Some("GET /4".into()));
        assert_eq!(apply("POST"), Some("POST".into()));
    }
}
