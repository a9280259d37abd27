//! What came of trying what an environment runs, from outside.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{DeploymentId, Message, message};

/// What came of a command that tried what an environment runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Tried {
    /// The deployment that brought about what ran when it began.
    pub deployment: DeploymentId,
    /// How long it took.
    pub took_ms: u64,
    /// How it ended.
    pub ended: Ending,
    /// The last lines that it wrote.
    #[serde(default)]
    pub log: Vec<String>,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// With code 0.
    Passed,
    /// With another code; that of a signal is 128 and its number.
    Failed(i32),
    /// Not within so many seconds; it was ended.
    TookTooLong(u64),
}

impl Ending {
    /// Why it counts as failed; none where it passed.
    #[must_use]
    pub fn failure(self) -> Option<Message> {
        match self {
            Self::Passed => None,
            Self::Failed(code) => Some(message!(
                "the acceptance tests ended with code {code}",
                "las pruebas de aceptación terminaron con el código {code}"
            )),
            Self::TookTooLong(seconds) => Some(message!(
                "the acceptance tests did not end within {seconds} s and were ended",
                "las pruebas de aceptación no terminaron en {seconds} s y se las terminó"
            )),
        }
    }
}
