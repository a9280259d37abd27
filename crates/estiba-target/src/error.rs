//! How an operation on a target fails.

use estiba_model::Message;

/// A target did not do what was asked.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct TargetError {
    message: Message,
    log: Vec<String>,
}

impl TargetError {
    /// A failure that a person can act on: what, where, what to do next.
    #[must_use]
    pub fn new(message: Message) -> Self {
        Self {
            message,
            log: Vec::new(),
        }
    }

    /// A failure of the operating system or of a tool, with its own words.
    pub fn io(doing: &Message, cause: &dyn std::error::Error) -> Self {
        Self::new(doing.clone().map(|doing| format!("{doing}: {cause}")))
    }

    /// The same failure with the last lines that the instance wrote.
    #[must_use]
    pub fn with_log(mut self, log: Vec<String>) -> Self {
        self.log = log;
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.message
    }

    /// The last lines that explain it, oldest first; often none.
    #[must_use]
    pub fn log(&self) -> &[String] {
        &self.log
    }
}
