//! The Bot API (<https://core.telegram.org/bots/api>), with its limits kept and
//! its errors told apart.

use std::time::Duration;

use estiba_model::{Message, SecretString, message};
use teloxide::adaptors::throttle::{Limits, Throttle};
use teloxide::payloads::{EditMessageTextSetters, SendMessageSetters};
use teloxide::requests::Requester;
use teloxide::types::{
    ChatId, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions, MessageId, ParseMode,
    ReplyParameters,
};
use teloxide::{ApiError, RequestError};

use crate::BotError;
use crate::dialog::Pressed;
use crate::text::{Text, clip};

/// What Telegram lets a bot send
/// (<https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>).
const LIMITS: Limits = Limits {
    messages_per_sec_overall: 30,
    messages_per_sec_chat: 1,
    messages_per_min_chat: 20,
    messages_per_min_channel_or_supergroup: 20,
};
/// An answer comes in this time, or not at all; longer than a long poll.
const ANSWER_LIMIT: Duration = Duration::from_secs(50);
/// The wait after an error that passes.
const PAUSE: Duration = Duration::from_secs(5);
/// How often a reply is tried.
const TRIES: usize = 6;

/// Buttons below a message, a row each.
pub type Buttons = Vec<Vec<(String, Pressed)>>;

/// A way to Telegram. Cheap to clone.
#[derive(Clone)]
pub struct Telegram {
    /// Waits so that limits are kept, for messages alone.
    throttled: Throttle<teloxide::Bot>,
    /// Does not.
    pub bot: teloxide::Bot,
    token: SecretString,
}

/// Why something was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsent {
    /// The chat has put the bot out, or is no more.
    Gone,
    /// The group is another chat now.
    Moved(i64),
    /// The message that was to be edited is no more.
    Missing,
    /// It may be sent later.
    Later(Duration, String),
    /// It will never be sent.
    Refused(String),
}

impl Telegram {
    /// A way to the Bot API at `url`.
    ///
    /// # Errors
    /// When that is no address, or TLS has no roots.
    pub fn new(token: SecretString, url: Option<&str>) -> Result<Self, BotError> {
        let client = teloxide::net::default_reqwest_settings()
            .timeout(ANSWER_LIMIT)
            .build()
            .map_err(|error| {
                BotError::new(message!(
                    "Telegram can't be spoken to: {error}",
                    "no se puede hablar con Telegram: {error}"
                ))
            })?;
        let mut bot = teloxide::Bot::with_client(token.expose(), client);
        if let Some(url) = url {
            let parsed = reqwest::Url::parse(url).ok();
            let parsed = parsed.filter(|url| matches!(url.scheme(), "http" | "https"));
            let Some(parsed) = parsed else {
                return Err(BotError::new(message!(
                    "TELEGRAM_API_URL is no address: write http://HOST:PORT or https://HOST",
                    "TELEGRAM_API_URL no es una dirección: escriba http://HOST:PUERTO o https://HOST"
                )));
            };
            bot = bot.set_api_url(parsed);
        }
        Ok(Self {
            throttled: Throttle::new_spawn(bot.clone(), LIMITS),
            bot,
            token,
        })
    }

    /// An error as it may be shown: addresses of the Bot API hold the token.
    pub fn told(&self, error: &RequestError) -> String {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(deeper) = cause {
            text = format!("{text}: {deeper}");
            cause = deeper.source();
        }
        redacted(&clip(&text, 1000), self.token.expose())
    }

    /// Sends a message, in as many as it takes; the number of the last, which
    /// has the buttons.
    ///
    /// # Errors
    /// Why it was not sent, or not to its end.
    pub async fn send(
        &self,
        chat: i64,
        text: &Text,
        buttons: &Buttons,
        reply_to: Option<i32>,
    ) -> Result<i32, Unsent> {
        let messages = text.messages();
        let last = messages.len().saturating_sub(1);
        let mut number = 0;
        for (index, html) in messages.into_iter().enumerate() {
            let mut request = self
                .throttled
                .send_message(ChatId(chat), html)
                .parse_mode(ParseMode::Html)
                .link_preview_options(no_preview());
            if index == last && !buttons.is_empty() {
                request = request.reply_markup(keyboard(buttons));
            }
            if let Some(message) = reply_to.filter(|_| index == 0) {
                let reply = ReplyParameters::new(MessageId(message)).allow_sending_without_reply();
                request = request.reply_parameters(reply);
            }
            let sent = request.await.map_err(|error| self.unsent(&error))?;
            number = sent.id.0;
        }
        Ok(number)
    }

    /// Replaces a message of ours.
    ///
    /// # Errors
    /// Why it was not.
    pub async fn edit(
        &self,
        chat: i64,
        message: i32,
        text: &Text,
        buttons: &Buttons,
    ) -> Result<(), Unsent> {
        let Some(html) = text.messages().into_iter().next() else {
            return Ok(());
        };
        let edited = self
            .bot
            .edit_message_text(ChatId(chat), MessageId(message), html)
            .parse_mode(ParseMode::Html)
            .link_preview_options(no_preview())
            .reply_markup(keyboard(buttons))
            .await;
        match edited {
            Ok(_) | Err(RequestError::Api(ApiError::MessageNotModified)) => Ok(()),
            Err(error) => Err(self.unsent(&error)),
        }
    }

    /// Answers somebody who is waiting: tries again for a while.
    ///
    /// # Errors
    /// Why it was not sent.
    pub async fn reply(
        &self,
        chat: i64,
        edited: Option<i32>,
        text: &Text,
        buttons: &Buttons,
    ) -> Result<i32, Unsent> {
        let mut edited = edited.filter(|_| text.messages().len() == 1);
        let mut tries = 0;
        loop {
            tries += 1;
            let done = match edited {
                Some(message) => self
                    .edit(chat, message, text, buttons)
                    .await
                    .map(|()| message),
                None => self.send(chat, text, buttons, None).await,
            };
            match done {
                Err(Unsent::Missing) if edited.is_some() => edited = None,
                Err(Unsent::Later(wait, why)) if tries < TRIES => {
                    tracing::warn!(chat, %why, "a reply has to wait");
                    tokio::time::sleep(wait).await;
                }
                done => return done,
            }
        }
    }

    fn unsent(&self, error: &RequestError) -> Unsent {
        match error {
            RequestError::MigrateToChatId(chat) => Unsent::Moved(chat.0),
            RequestError::RetryAfter(wait) => {
                Unsent::Later(wait.duration(), "there was too much at once".to_owned())
            }
            RequestError::Api(error) => match error {
                ApiError::MessageToEditNotFound
                | ApiError::MessageCantBeEdited
                | ApiError::MessageIdInvalid => Unsent::Missing,
                ApiError::TerminatedByOtherGetUpdates | ApiError::InvalidToken => {
                    Unsent::Later(PAUSE, error.to_string())
                }
                other if is_gone(other) => Unsent::Gone,
                other => {
                    let text = redacted(&other.to_string(), self.token.expose());
                    match text.contains("Bad Request") {
                        true => Unsent::Refused(text),
                        false => Unsent::Later(PAUSE, text),
                    }
                }
            },
            other => Unsent::Later(PAUSE, self.told(other)),
        }
    }
}

/// Whether a chat wants nothing any more.
fn is_gone(error: &ApiError) -> bool {
    match error {
        ApiError::BotBlocked
        | ApiError::BotKicked
        | ApiError::BotKickedFromSupergroup
        | ApiError::BotKickedFromChannel
        | ApiError::UserDeactivated
        | ApiError::CantInitiateConversation
        | ApiError::CantTalkWithBots
        | ApiError::ChatNotFound
        | ApiError::GroupDeactivated => true,
        // There are more of them than the library knows.
        ApiError::Unknown(text) => text.starts_with("Forbidden"),
        _ => false,
    }
}

fn keyboard(buttons: &Buttons) -> InlineKeyboardMarkup {
    InlineKeyboardMarkup::new(buttons.iter().map(|row| {
        row.iter()
            .map(|(label, pressed)| InlineKeyboardButton::callback(label, pressed.data()))
    }))
}

fn no_preview() -> LinkPreviewOptions {
    LinkPreviewOptions {
        is_disabled: true,
        url: None,
        prefer_small_media: false,
        prefer_large_media: false,
        show_above_text: false,
    }
}

/// A text without the token.
fn redacted(text: &str, token: &str) -> String {
    let secret = token.split_once(':').map_or(token, |(_, secret)| secret);
    let text = text.replace(token, "…");
    match secret.is_empty() {
        true => text,
        false => text.replace(secret, "…"),
    }
}

/// What is wrong with a token that Telegram does not take.
pub fn bad_token() -> Message {
    message!(
        "Telegram does not know the token in TELEGRAM_TOKEN; @BotFather shows it with /token",
        "Telegram no conoce el token de TELEGRAM_TOKEN; @BotFather lo muestra con /token"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_never_shown() {
        let token = "123:AAsecret";
        let cases = [
            (
                "error for url (http://h/bot123:AAsecret/getMe)",
                "error for url (http://h/bot…/getMe)",
            ),
            ("…/bot123%3AAAsecret/x", "…/bot123%3A…/x"),
            ("nothing", "nothing"),
        ];
        for (text, expected) in cases {
            assert_eq!(redacted(text, token), expected);
        }
    }
}
