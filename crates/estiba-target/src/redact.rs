//! Secrets kept out of everything that is written, by their value.

use std::borrow::Cow;

use aho_corasick::{AhoCorasick, MatchKind};
use estiba_model::secret::REDACTED;
use estiba_model::{Message, SecretString};

use crate::{Progress, TargetError};

/// Values shorter than this are left alone: hiding every `1` or `true` would
/// make a log unreadable and tell more than it hides.
const SHORTEST_BYTES: usize = 6;

/// Replaces known secrets in a text by `•••`.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    matcher: Option<AhoCorasick>,
}

impl Redactor {
    /// A redactor of `secrets`: each as it is, line by line where it has
    /// several, and as it stands inside a JSON text or a URL.
    #[must_use]
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a SecretString>) -> Self {
        let mut patterns: Vec<String> = secrets
            .into_iter()
            .flat_map(|secret| forms(secret.expose()))
            .filter(|form| form.len() >= SHORTEST_BYTES)
            .collect();
        patterns.sort_unstable();
        patterns.dedup();
        if patterns.is_empty() {
            return Self::default();
        }
        let matcher = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&patterns)
            .ok();
        Self { matcher }
    }

    /// `text` without secrets.
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match &self.matcher {
            Some(matcher) if matcher.is_match(text) => {
                let mut clean = String::with_capacity(text.len());
                matcher.replace_all_with(text, &mut clean, |_, _, out| {
                    out.push_str(REDACTED);
                    true
                });
                Cow::Owned(clean)
            }
            _ => Cow::Borrowed(text),
        }
    }
}

impl Redactor {
    /// A failure without secrets, wherever they came from.
    #[must_use]
    pub fn error(&self, error: &TargetError) -> TargetError {
        let clean = |text: String| self.redact(&text).into_owned();
        let message = error.message().clone().map(clean);
        TargetError::new(message).with_log(error.log().iter().cloned().map(clean).collect())
    }
}

/// Tells lines without secrets.
pub struct Redacted<'a> {
    /// To whom.
    pub progress: &'a dyn Progress,
    /// What is kept from them.
    pub redactor: &'a Redactor,
}

impl Progress for Redacted<'_> {
    fn line(&self, line: &str) {
        self.progress.line(&self.redactor.redact(line));
    }

    fn notice(&self, notice: &Message) {
        self.progress.notice(notice);
    }
}

fn forms(secret: &str) -> Vec<String> {
    let mut forms: Vec<String> = secret.lines().map(|l| l.trim().to_owned()).collect();
    forms.push(secret.to_owned());
    for plain in forms.clone() {
        if let Ok(json) = serde_json::to_string(&plain) {
            forms.push(json.trim_matches('"').to_owned());
        }
        forms.push(percent_encoded(&plain));
    }
    forms
}

fn percent_encoded(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redactor(secrets: &[&str]) -> Redactor {
        let secrets: Vec<_> = secrets.iter().map(|s| SecretString::new(*s)).collect();
        Redactor::new(&secrets)
    }

    #[test]
    fn a_secret_is_hidden_wherever_it_stands() {
        let redactor = redactor(&["s3cr3t/value", "line one\nline two"]);
        for (text, clean) in [
            ("token s3cr3t/value.", "token •••."),
            (
                "https://h/bots3cr3t%2Fvalue/getMe",
                "https://h/bot•••/getMe",
            ),
            ("only line two of it", "only ••• of it"),
            ("nothing here", "nothing here"),
        ] {
            assert_eq!(redactor.redact(text), clean);
        }
    }

    #[test]
    fn the_longest_of_two_secrets_is_hidden_whole() {
        let redactor = redactor(&["abcdef", "abcdef-long"]);
        assert_eq!(redactor.redact("x abcdef-long y"), "x ••• y");
    }

    #[test]
    fn a_short_value_is_not_a_secret_worth_hiding() {
        assert_eq!(redactor(&["true", ""]).redact("true"), "true");
    }
}
