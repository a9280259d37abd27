//! How requests fail: problem documents of RFC 9457
//! (<https://www.rfc-editor.org/rfc/rfc9457>).

use estiba_model::{Diagnostic, Message, message};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// What kind of problem: `/problems/` and its code.
    #[serde(rename = "type")]
    pub kind: String,
    /// The kind in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong here, in the language that was asked for.
    pub detail: String,
    /// A stable word for programs.
    pub code: String,
    /// What is wrong, one message a reason, in every language.
    #[serde(default)]
    pub messages: Vec<Message>,
    /// The last lines that explain it.
    #[serde(default)]
    pub log: Vec<String>,
    /// What is wrong in the files that were sent.
    #[serde(default)]
    pub findings: Vec<Diagnostic>,
    /// Where in a text that was sent it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// The number of the request, to find it in the server's log.
    #[serde(default)]
    pub request_id: Option<String>,
}

/// A place in a text, in characters from its begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Position {
    /// The first character that is wrong.
    pub start: usize,
    /// The first one after those; the same as `start` where something lacks there.
    pub end: usize,
}

impl Position {
    /// The place of a span of bytes, whose ends lie between characters.
    #[must_use]
    pub fn of_bytes(text: &str, span: &std::ops::Range<usize>) -> Self {
        let characters = |bytes: usize| text.get(..bytes).map_or(0, |part| part.chars().count());
        Self {
            start: characters(span.start),
            end: characters(span.end),
        }
    }
}

/// A request to a server failed.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// The server answered that it was not done.
    #[error("{}", .0.detail)]
    Refused(Box<Problem>),
    /// The server can't be reached, or does not speak as it should.
    #[error("{0}")]
    Unreachable(Message),
}

impl ApiError {
    /// What went wrong, one message a reason.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        match self {
            Self::Refused(problem) if problem.messages.is_empty() => {
                vec![Message::verbatim(&problem.detail)]
            }
            Self::Refused(problem) => problem.messages.clone(),
            Self::Unreachable(message) => vec![message.clone()],
        }
    }

    /// The last lines that explain it; often none.
    #[must_use]
    pub fn log(&self) -> &[String] {
        match self {
            Self::Refused(problem) => &problem.log,
            Self::Unreachable(_) => &[],
        }
    }

    /// The stable word of a refusal.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused(problem) => Some(&problem.code),
            Self::Unreachable(_) => None,
        }
    }

    pub(crate) fn unreachable(url: &str, error: &reqwest::Error) -> Self {
        let mut why = error.without_url_text();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            why = cause.to_string();
            source = cause.source();
        }
        Self::Unreachable(message!(
            "the Estiba server at {url} can't be reached: {why}. Check ESTIBA_URL, and that `estiba serve` runs there",
            "no se puede llegar al servidor de Estiba en {url}: {why}. Revise ESTIBA_URL, y que allí corra `estiba serve`"
        ))
    }
}

/// The text of an error of the HTTP client without the address in it, which may
/// hold what should not be shown.
trait WithoutUrl {
    fn without_url_text(&self) -> String;
}

impl WithoutUrl for reqwest::Error {
    fn without_url_text(&self) -> String {
        if self.is_timeout() {
            return "it does not answer in time".to_owned();
        }
        match self.status() {
            Some(status) => format!("it answers {status}"),
            None => "the request failed".to_owned(),
        }
    }
}
