//! Lines that are left out, thinned, or shown without what must not be seen.

use std::borrow::Cow;

use regex::bytes::{NoExpand, Regex};

/// What stands where something was redacted.
pub(crate) const REDACTED: &str = "***";

/// Rules for events, in this order: dropped and sampled by their raw text, redacted by
/// what they say.
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

    /// Whether the event goes on.
    pub fn keep(&mut self, text: &[u8]) -> bool {
        if self.drop.iter().any(|pattern| pattern.is_match(text)) {
            return false;
        }
        for sample in &mut self.sample {
            if sample.pattern.is_match(text) {
                sample.seen += 1;
                if !(sample.seen - 1).is_multiple_of(sample.one_in) {
                    return false;
                }
            }
        }
        true
    }

    /// Whether there is anything that must not be seen.
    #[must_use]
    pub fn redacts(&self) -> bool {
        !self.redact.is_empty()
    }

    /// The text without what must not be seen; nothing where all of it may be.
    #[must_use]
    pub fn redacted(&self, text: &str) -> Option<String> {
        let mut bytes = Cow::Borrowed(text.as_bytes());
        for pattern in &self.redact {
            if let Cow::Owned(replaced) = pattern.replace_all(&bytes, NoExpand(REDACTED.as_bytes()))
            {
                bytes = Cow::Owned(replaced);
            }
        }
        match bytes {
            Cow::Borrowed(_) => None,
            // A pattern without Unicode may take half of a letter.
            Cow::Owned(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
        }
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
                .keep(text.as_bytes())
                .then(|| rules.redacted(text).unwrap_or_else(|| text.to_owned()))
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
