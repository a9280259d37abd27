//! Colours, on a terminal alone (<https://no-color.org>).

use std::io::IsTerminal;

/// Paints text, or leaves it as it is.
#[derive(Debug, Clone, Copy)]
pub struct Paint {
    is_on: bool,
}

impl Paint {
    /// For standard output.
    pub fn of_output() -> Self {
        let is_wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        Self {
            is_on: is_wanted && std::io::stdout().is_terminal(),
        }
    }

    /// What failed.
    pub fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    /// What may fail.
    pub fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    /// What matters less.
    pub fn faint(self, text: &str) -> String {
        self.with("2", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.is_on {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}
