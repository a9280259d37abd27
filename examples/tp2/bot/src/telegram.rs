//! The three calls of the Bot API that the bot needs.
//!
//! <https://core.telegram.org/bots/api>

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use ureq::Agent;

/// A server that says nothing for so long is down.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// Whoever stops the bot waits for this.
const CONFIRM_LIMIT: Duration = Duration::from_secs(3);
/// Longer messages are refused: <https://core.telegram.org/bots/api#sendmessage>
const MAX_MESSAGE_UTF16: usize = 4096;

#[derive(Deserialize)]
pub struct Update {
    #[serde(rename = "update_id")]
    pub id: i64,
    /// None: something else happened, an edit for example.
    pub message: Option<Incoming>,
}

#[derive(Deserialize)]
pub struct Incoming {
    pub chat: Chat,
    pub from: Option<User>,
    /// None: a photo, a sticker…
    pub text: Option<String>,
}

#[derive(Deserialize)]
pub struct Chat {
    pub id: i64,
}

#[derive(Deserialize)]
pub struct User {
    pub language_code: Option<String>,
}

/// Why a call came to nothing. Never has the token in it.
#[derive(Debug)]
pub enum TelegramError {
    /// The token, or the address, is wrong. Trying again is no use.
    Refused,
    /// Another process polls with this token.
    Conflict,
    /// Too many requests; try again after this time.
    Wait(Duration),
    Failed(String),
}

impl fmt::Display for TelegramError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Refused => {
                f.write_str("Telegram refuses TELEGRAM_TOKEN (or TELEGRAM_API_URL is wrong)")
            }
            Self::Conflict => f.write_str("another process polls with the same token"),
            Self::Wait(time) => write!(f, "Telegram asks to wait {} s", time.as_secs()),
            Self::Failed(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for TelegramError {}

/// Not `Debug`: it has the token in it.
#[derive(Clone)]
pub struct Telegram {
    agent: Agent,
    base: String,
    token: String,
}

/// <https://core.telegram.org/bots/api#making-requests>
#[derive(Deserialize)]
struct Answer<T> {
    result: Option<T>,
    description: Option<String>,
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    retry_after: Option<u64>,
}

impl Telegram {
    pub fn new(url: &str, token: &str) -> Self {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            // Another server has no business with the token.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build();
        Self {
            agent: agent.into(),
            base: format!("{url}/bot{token}"),
            token: token.to_owned(),
        }
    }

    /// Waits up to `wait` for updates. All before `offset` are confirmed:
    /// nobody gets them again.
    pub fn updates(&self, offset: i64, wait: Duration) -> Result<Vec<Update>, TelegramError> {
        let body = json!({
            "offset": offset,
            "timeout": wait.as_secs(),
            "allowed_updates": ["message"],
        });
        self.call("getUpdates", &body, wait + ANSWER_LIMIT)
    }

    /// Tells the server that all before `offset` are done.
    pub fn confirm(&self, offset: i64) -> Result<(), TelegramError> {
        let body = json!({ "offset": offset, "timeout": 0, "limit": 1 });
        self.call("getUpdates", &body, CONFIRM_LIMIT)
            .map(|_: Value| ())
    }

    pub fn send(&self, chat: i64, text: &str) -> Result<(), TelegramError> {
        let body = json!({ "chat_id": chat, "text": fit(text) });
        self.call("sendMessage", &body, ANSWER_LIMIT)
            .map(|_: Value| ())
    }

    fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        body: &Value,
        limit: Duration,
    ) -> Result<T, TelegramError> {
        let url = format!("{}/{method}", self.base);
        let failed = |error: ureq::Error| {
            let why = error.to_string().replace(&self.token, "<token>");
            TelegramError::Failed(format!("{method}: {why}"))
        };
        let mut response = self
            .agent
            .post(&url)
            .config()
            .timeout_global(Some(limit))
            .build()
            .send_json(body)
            .map_err(failed)?;
        let status = response.status().as_u16();
        let answer = response.body_mut().read_json::<Answer<T>>();
        match (status, answer) {
            (401 | 404, _) => Err(TelegramError::Refused),
            (409, _) => Err(TelegramError::Conflict),
            (429, answer) => {
                let asked = answer.ok().and_then(|a| a.parameters?.retry_after);
                Err(TelegramError::Wait(Duration::from_secs(asked.unwrap_or(1))))
            }
            (
                _,
                Ok(Answer {
                    result: Some(result),
                    ..
                }),
            ) => Ok(result),
            (_, Ok(Answer { description, .. })) => Err(TelegramError::Failed(format!(
                "{method}: {status} {}",
                description
                    .unwrap_or_default()
                    .replace(&self.token, "<token>"),
            ))),
            (_, Err(error)) => Err(failed(error)),
        }
    }
}

/// As much of the text as a message can hold.
fn fit(text: &str) -> &str {
    let mut units = 0;
    let end = text.char_indices().find(|(_, character)| {
        units += character.len_utf16();
        units > MAX_MESSAGE_UTF16
    });
    end.map_or(text, |(index, _)| &text[..index])
}

#[cfg(test)]
mod tests {
    use super::fit;

    #[test]
    fn a_message_fits() {
        assert_eq!(fit("hola"), "hola");
        assert_eq!(fit(&"ñ".repeat(5000)), "ñ".repeat(4096));
        assert_eq!(fit(&"🦀".repeat(5000)), "🦀".repeat(2048));
    }
}
