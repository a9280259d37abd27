//! What a message asks for.

#[derive(Debug, PartialEq, Eq)]
pub enum Command<'a> {
    Start,
    Version,
    Note(&'a str),
    Notes,
    Unknown,
}

impl<'a> Command<'a> {
    /// In a group commands come as `/note@name_of_the_bot text`.
    pub fn parse(message: &'a str) -> Self {
        let message = message.trim();
        let (word, rest) = message
            .split_once(char::is_whitespace)
            .unwrap_or((message, ""));
        match word.split('@').next() {
            Some("/start") => Self::Start,
            Some("/version") => Self::Version,
            Some("/note") => Self::Note(rest.trim()),
            Some("/notes") => Self::Notes,
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Command;

    #[test]
    fn commands_are_understood() {
        for (message, command) in [
            ("/start", Command::Start),
            (" /version ", Command::Version),
            ("/note buy milk", Command::Note("buy milk")),
            ("/note@tp2_bot\nbuy  milk ", Command::Note("buy  milk")),
            ("/note", Command::Note("")),
            ("/notes", Command::Notes),
            ("/notesmith", Command::Unknown),
            ("hola", Command::Unknown),
            ("", Command::Unknown),
        ] {
            assert_eq!(Command::parse(message), command, "{message:?}");
        }
    }
}
