//! What is wrong with something a person wrote: where, and what to do next.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Message;

/// How much a finding matters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It works, but it is likely not what was meant.
    Warning,
    /// It can't work.
    Error,
}

/// A stretch of a text file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
pub struct Place {
    /// The file, as the user would name it.
    #[schema(value_type = String)]
    pub file: PathBuf,
    /// Line, from 1.
    pub line: usize,
    /// Column, from 1, in characters.
    pub column: usize,
    /// First byte of the stretch in the file.
    pub offset_bytes: usize,
    /// Length of the stretch; 0 where only the start is known.
    pub length_bytes: usize,
}

/// One finding about the user's files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Diagnostic {
    /// How much it matters.
    pub severity: Severity,
    /// A stable, kebab-case name of the rule, for example `unknown-key`.
    pub code: String,
    /// What is wrong.
    pub message: Message,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<Message>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
}

impl Diagnostic {
    /// A finding that makes the input unusable.
    pub fn error(code: &str, message: Message) -> Self {
        Self::new(Severity::Error, code, message)
    }

    /// A finding that does not stop anything.
    pub fn warning(code: &str, message: Message) -> Self {
        Self::new(Severity::Warning, code, message)
    }

    fn new(severity: Severity, code: &str, message: Message) -> Self {
        Self {
            severity,
            code: code.to_owned(),
            message,
            hint: None,
            place: None,
        }
    }

    /// The same finding with advice.
    #[must_use]
    pub fn hint(mut self, hint: Message) -> Self {
        self.hint = Some(hint);
        self
    }

    /// The same finding at a place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }
}

/// Whether any of the findings is an error.
#[must_use]
pub fn has_errors(findings: &[Diagnostic]) -> bool {
    findings.iter().any(|d| d.severity == Severity::Error)
}
