//! The exit code of a command on a dyno, which Heroku does not tell: the command
//! writes it itself, as with `heroku run --exit-code`.

/// Begins what a command writes when it has ended: a character that no text has.
const MARK: &str = "\u{FFFF} heroku-command-exit-status: ";
/// What a connection to a dyno begins with.
const GREETING: &[u8] = b"rendezvous";

/// A command line for a dyno's shell: `words`, then their exit code.
///
/// Nothing where a word has a zero byte, which no shell can say.
pub(crate) fn telling(words: &[String]) -> Option<String> {
    let line = shlex::try_join(words.iter().map(String::as_str)).ok()?;
    Some(format!("{line} ; echo \"{MARK}$?\""))
}

/// What comes from a dyno, piece by piece, without what surrounds it.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    greeted: bool,
    /// What can't be told from the beginning of the mark yet.
    held: Vec<u8>,
    code: Option<i32>,
}

impl Answer {
    /// Takes what came, and gives what the command wrote of it.
    pub(crate) fn take(&mut self, piece: &[u8]) -> Vec<u8> {
        self.held.extend_from_slice(piece);
        if !self.greeted {
            let Some(end) = self.held.iter().position(|byte| *byte == b'\n') else {
                return Vec::new();
            };
            self.greeted = true;
            if self.held.starts_with(GREETING) {
                self.held.drain(..=end);
            }
        }
        let mark = MARK.as_bytes();
        if let Some(at) = self.held.windows(mark.len()).position(|part| part == mark) {
            let rest = self.held[at + mark.len()..].to_vec();
            if let Some(end) = rest.iter().position(|byte| !byte.is_ascii_digit()) {
                self.code = std::str::from_utf8(&rest[..end])
                    .ok()
                    .and_then(|code| code.parse().ok());
            }
            return self.held.drain(..at).collect();
        }
        let may_begin = (1..mark.len().min(self.held.len() + 1))
            .rev()
            .find(|length| self.held.ends_with(&mark[..*length]))
            .unwrap_or(0);
        let sure = self.held.len() - may_begin;
        self.held.drain(..sure).collect()
    }

    /// The exit code, once the command has told it.
    pub(crate) fn code(&self) -> Option<i32> {
        self.code
    }

    /// What was held back when the connection ended without an exit code.
    pub(crate) fn rest(self) -> Vec<u8> {
        self.held
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(pieces: &[&[u8]]) -> (String, Option<i32>) {
        let mut answer = Answer::default();
        let mut text = Vec::new();
        for piece in pieces {
            text.extend(answer.take(piece));
        }
        (String::from_utf8(text).unwrap(), answer.code())
    }

    #[test]
    fn output_and_exit_code_are_told_apart_however_they_come() {
        let whole = format!("rendezvous\r\none\ntwo\n{MARK}3\n").into_bytes();
        assert_eq!(said(&[&whole]), ("one\ntwo\n".to_owned(), Some(3)));
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        assert_eq!(said(&bytes), ("one\ntwo\n".to_owned(), Some(3)));
        let cut = b"rendezvous\r\nhalf \xef\xbf";
        assert_eq!(said(&[cut]), ("half ".to_owned(), None));
        assert_eq!(
            said(&[b"no greeting\nx"]),
            ("no greeting\nx".to_owned(), None)
        );
    }

    #[test]
    fn words_stay_words_for_the_shell() {
        let words = ["echo", "a b", "$HOME"].map(str::to_owned);
        let line = telling(&words).unwrap();
        assert!(line.starts_with("echo 'a b' '$HOME' ; echo "), "{line}");
    }
}
