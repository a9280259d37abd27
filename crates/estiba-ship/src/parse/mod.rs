//! What is found in a line: its members.

pub(crate) mod json;
pub(crate) mod members;
pub(crate) mod redact;

pub use estiba_logs::logfmt;
use serde::Deserialize;

/// What is made of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Parse {
    /// As each line looks: JSON, logfmt, or a text.
    #[default]
    Auto,
    /// JSON where it is an object, else a text.
    Json,
    /// logfmt where there are pairs, else a text.
    Logfmt,
    /// A text, in which level and time are looked for.
    Text,
    /// A text that is not looked at.
    None,
}

/// What a line is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// A JSON object, as far as its first letter says.
    Object,
    /// logfmt.
    Pairs,
    /// Neither.
    Text,
}

impl Parse {
    pub(crate) fn form(self, line: &str) -> Form {
        let line = line.trim_ascii();
        match self {
            Self::Auto | Self::Json if line.starts_with('{') => Form::Object,
            Self::Auto if logfmt::looks_like(line) => Form::Pairs,
            Self::Logfmt => Form::Pairs,
            _ => Form::Text,
        }
    }
}
