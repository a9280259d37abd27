//! Messages as Telegram takes them: HTML of at most 4,096 characters
//! (<https://core.telegram.org/bots/api#html-style>), cut where a line ends.

pub use teloxide::utils::html::{bold, code_inline as code, escape};

/// The longest message, in UTF-16 code units, as Telegram counts. It counts what
/// is shown; here tags are counted too, so that a message is never too long.
pub const LONGEST: usize = 4096;
const OPEN: &str = "<pre>";
const CLOSE: &str = "</pre>";

/// A message of any length.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    /// A line of HTML, whose tags it closes.
    Line(String),
    /// A line of output, escaped.
    Code(String),
}

impl Text {
    /// A message that begins with a line of HTML. What comes from outside has to
    /// be escaped and short: a name, a version.
    pub fn html(line: impl Into<String>) -> Self {
        Self::default().line(line)
    }

    /// A message that begins with a text from outside, of any length.
    pub fn plain(text: &str) -> Self {
        Self::default().say(text)
    }

    /// A line of HTML more, as in [`Text::html`].
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.0.push(Part::Line(line.into()));
        self
    }

    /// A text more from outside, of any length.
    pub fn say(mut self, text: &str) -> Self {
        let lines = text.lines().flat_map(|line| escaped(line, LONGEST));
        self.0.extend(lines.map(Part::Line));
        self
    }

    /// Lines of output more, of any length.
    pub fn output<T: AsRef<str>>(mut self, lines: impl IntoIterator<Item = T>) -> Self {
        let room = LONGEST - OPEN.len() - CLOSE.len();
        for line in lines {
            let pieces = escaped(line.as_ref(), room);
            self.0.extend(pieces.into_iter().map(Part::Code));
        }
        self
    }

    /// All of another message more.
    pub fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The messages to send, each of them valid by itself.
    pub fn messages(&self) -> Vec<String> {
        let mut all = Vec::new();
        let mut now = String::new();
        let mut in_code = false;
        for part in &self.0 {
            let (line, is_code) = match part {
                Part::Line(line) => (line, false),
                Part::Code(line) => (line, true),
            };
            let tags = OPEN.len() + CLOSE.len();
            if units(&now) + 1 + units(line) + tags > LONGEST && !now.is_empty() {
                end(&mut now, &mut in_code);
                all.push(std::mem::take(&mut now));
            }
            if in_code && !is_code {
                end(&mut now, &mut in_code);
            }
            if !now.is_empty() {
                now.push('\n');
            }
            if is_code && !in_code {
                now.push_str(OPEN);
                in_code = true;
            }
            now.push_str(line);
        }
        end(&mut now, &mut in_code);
        if !now.is_empty() {
            all.push(now);
        }
        all
    }
}

fn end(message: &mut String, in_code: &mut bool) {
    if std::mem::take(in_code) {
        message.push_str(CLOSE);
    }
}

/// The text, escaped, in pieces of at most `longest` code units each; one piece
/// at least.
fn escaped(text: &str, longest: usize) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut used = 0;
    for letter in text.chars().filter(|letter| !is_unfit(*letter)) {
        let letter = escape(letter.encode_utf8(&mut [0; 4]));
        if used + units(&letter) > longest {
            pieces.push(String::new());
            used = 0;
        }
        used += units(&letter);
        if let Some(piece) = pieces.last_mut() {
            piece.push_str(&letter);
        }
    }
    pieces
}

/// Colours of a terminal begin with such a one.
fn is_unfit(letter: char) -> bool {
    letter.is_control() && letter != '\t'
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// How long a line of output is in a message, with its escapes.
pub fn units_of(line: &str) -> usize {
    units(&escape(line))
}

/// The first `most` characters of a text, and a mark where it goes on.
pub fn clip(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut clipped: String = text.chars().take(most.saturating_sub(1)).collect();
    clipped.push('…');
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_is_escaped() {
        let text = Text::html(bold("a&b"))
            .say("<script>\u{1b}[31m")
            .output(["1 < 2", "</pre>"]);
        assert_eq!(
            text.messages(),
            ["<b>a&b</b>\n&lt;script&gt;[31m\n<pre>1 &lt; 2\n&lt;/pre&gt;</pre>"]
        );
    }

    #[test]
    fn long_messages_are_cut_where_a_line_ends_and_stay_valid() {
        let lines = [
            "x".repeat(3000),
            "y".repeat(3000),
            "<".repeat(5000),
            "🚢".repeat(3000),
            "short".to_owned(),
        ];
        for text in [
            Text::default().output(&lines),
            lines.iter().fold(Text::default(), |text, l| text.say(l)),
            Text::html("<b>log</b>").output(&lines).line("end"),
        ] {
            let messages = text.messages();
            assert!(messages.len() > 6, "{}", messages.len());
            let mut shown = String::new();
            for message in &messages {
                assert!(units(message) <= LONGEST, "{}", units(message));
                let opened = message.matches(OPEN).count();
                assert_eq!(opened, message.matches(CLOSE).count());
                shown.push_str(&message.replace(OPEN, "").replace(CLOSE, ""));
            }
            let shown = shown.replace("&lt;", "<").replace('\n', "");
            assert!(shown.contains(&lines.concat()), "something is lost");
        }
        assert_eq!(Text::default().messages(), Vec::<String>::new());
    }

    #[test]
    fn clipped_texts_say_so() {
        let cases = [("ñandú", 5, "ñandú"), ("ñandúes", 5, "ñand…"), ("", 5, "")];
        for (text, most, expected) in cases {
            assert_eq!(clip(text, most), expected);
        }
    }
}
