//! How a command ends badly: the one place where errors become text and codes.

use std::ops::Range;

use estiba_api::ApiError;
use estiba_engine::EngineError;
use estiba_model::{Diagnostic, Message};
use estiba_store::StoreError;

/// A command did not do what was asked.
#[derive(Debug)]
pub enum Failure {
    /// Mistakes in the user's files.
    Findings(Vec<Diagnostic>),
    /// What was asked can't be done, or failed.
    Failed {
        /// Why.
        messages: Vec<Message>,
        /// The last lines that explain it.
        log: Vec<String>,
    },
    /// The command line makes no sense.
    Usage(Message),
    /// A text that is no query for logs.
    Query {
        /// The text.
        text: String,
        /// What is wrong in it, in bytes.
        span: Range<usize>,
        /// Why.
        message: Message,
    },
    /// All was said already; only the exit code is left.
    Quiet(u8),
}

impl Failure {
    /// A failure with one reason.
    pub fn because(reason: Message) -> Self {
        Self::Failed {
            messages: vec![reason],
            log: Vec::new(),
        }
    }

    /// A file or folder that can't be used.
    pub fn file(path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::because(Message::verbatim(format!("{}: {error}", path.display())))
    }

    /// Why, in one sentence.
    pub fn message(&self) -> Message {
        match self {
            Self::Findings(findings) => joined(findings.iter().map(|finding| &finding.message)),
            Self::Failed { messages, .. } => joined(messages),
            Self::Usage(message) | Self::Query { message, .. } => message.clone(),
            Self::Quiet(_) => Message::verbatim(""),
        }
    }

    /// The exit code: 1 what was asked failed or has findings; 2 usage.
    pub fn code(&self) -> u8 {
        match self {
            Self::Findings(_) | Self::Failed { .. } => 1,
            Self::Usage(_) | Self::Query { .. } => 2,
            Self::Quiet(code) => *code,
        }
    }
}

fn joined<'m>(messages: impl IntoIterator<Item = &'m Message>) -> Message {
    let messages: Vec<&Message> = messages.into_iter().collect();
    let join = |text: fn(&Message) -> &str| {
        let texts: Vec<&str> = messages.iter().map(|message| text(message)).collect();
        texts.join("; ")
    };
    Message {
        en: join(|message| &message.en),
        es: join(|message| &message.es),
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::Failed {
            messages: error.messages(),
            log: error.log().to_vec(),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::because(error.message())
    }
}

impl From<ApiError> for Failure {
    fn from(error: ApiError) -> Self {
        if let ApiError::Refused(problem) = &error
            && !problem.findings.is_empty()
        {
            return Self::Findings(problem.findings.clone());
        }
        Self::Failed {
            messages: error.messages(),
            log: error.log().to_vec(),
        }
    }
}
