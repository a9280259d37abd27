//! The Telegram bot of Estiba. It knows the API alone, through the client, and
//! keeps what it remembers there: it needs no disk.

mod answers;
mod chat;
mod command;
mod deliver;
mod dialog;
mod found;
mod handle;
mod memory;
mod quiet;
mod telegram;
mod text;
mod updates;
mod words;

use std::sync::Arc;
use std::time::Duration;

use estiba_api::{ApiError, Client};
use estiba_model::{Lang, Message, SecretString, message};
use teloxide::payloads::SetMyCommandsSetters;
use teloxide::requests::Requester;
use teloxide::types::BotCommand;
use teloxide::{ApiError as TelegramError, RequestError};
use tokio_util::sync::CancellationToken;

pub use updates::Webhook;

use crate::command::Verb;
use crate::memory::Memory;
use crate::telegram::Telegram;

/// The wait before something that has to be there is asked for again.
const PAUSE: Duration = Duration::from_secs(3);
/// How long the bot may take to end.
const GRACE: Duration = Duration::from_secs(8);

/// How a bot runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// The token that @BotFather gave.
    pub token: SecretString,
    /// Where the Bot API is, where it is not Telegram's own.
    pub api_url: Option<String>,
    /// Where Telegram calls; the bot asks where there is none.
    pub webhook: Option<Webhook>,
}

/// The bot can't go on.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct BotError(Message);

impl BotError {
    pub(crate) fn new(message: Message) -> Self {
        Self(message)
    }

    fn refused(error: &ApiError) -> Self {
        let why = error.messages();
        let of = |lang| {
            why.iter()
                .map(|one| one.text(lang))
                .collect::<Vec<_>>()
                .join("; ")
        };
        let (en, es) = (of(Lang::En), of(Lang::Es));
        Self(Message {
            en: format!(
                "the server refuses the bot: {en}. ESTIBA_TOKEN has to be a token of `estiba token create bot --machine --role bot`"
            ),
            es: format!(
                "el servidor rechaza al bot: {es}. ESTIBA_TOKEN tiene que ser un token de `estiba token create bot --machine --role bot`"
            ),
        })
    }

    fn ended() -> Self {
        Self(message!(
            "the server tells nothing any more",
            "el servidor ya no cuenta nada"
        ))
    }

    /// What is wrong, for people.
    #[must_use]
    pub fn message(&self) -> &Message {
        &self.0
    }
}

/// What all parts of the bot use.
struct Shared {
    /// The API, in the bot's own name.
    client: Client,
    memory: Memory,
    telegram: Telegram,
    /// The bot's number.
    bot: u64,
    /// Its name, without `@`.
    name: String,
    /// Cancelled when the bot is to end.
    stop: CancellationToken,
}

impl Shared {
    /// Waits, unless the bot is to end.
    async fn pause(&self, wait: Duration) {
        let _ = tokio::time::timeout(wait, self.stop.cancelled()).await;
    }

    /// A chat does not want the bot any more.
    async fn gone(&self, chat: i64) {
        let forget = |chat: &mut chat::Chat| {
            chat.gone = true;
            chat.tracks.clear();
            chat.notes.clear();
            chat.requests.clear();
            chat.alerts.clear();
            chat.menus.clear();
        };
        self.memory.chat(chat, forget).await;
    }
}

/// Answers and tells until `stop`. Waits for the server and for Telegram where
/// they are away.
///
/// # Errors
/// When one of them refuses the bot.
pub async fn run(
    client: Client,
    options: Options,
    stop: CancellationToken,
) -> Result<(), BotError> {
    let telegram = Telegram::new(options.token, options.api_url.as_deref())?;
    let begun = tokio::select! {
        () = stop.cancelled() => return Ok(()),
        begun = begin(client, telegram, &stop) => begun?,
    };
    let shared = Arc::new(begun);
    tracing::info!(
        bot = shared.name,
        server = shared.client.url(),
        "the bot is there"
    );
    let naming = tokio::spawn(name_commands(Arc::clone(&shared)));
    let sending = tokio::spawn(deliver::send_due(Arc::clone(&shared)));
    let brought = {
        let shared = Arc::clone(&shared);
        tokio::spawn(async move {
            match &options.webhook {
                None => {
                    updates::poll(&shared).await;
                    Ok(())
                }
                Some(webhook) => updates::listen(&shared, webhook).await,
            }
        })
    };
    let refused = tokio::select! {
        () = stop.cancelled() => None,
        error = deliver::take_in(&shared) => Some(error),
    };
    stop.cancel();
    // What is being answered is answered to its end.
    naming.abort();
    let (ended, sent) = tokio::join!(
        tokio::time::timeout(GRACE, brought),
        tokio::time::timeout(GRACE, sending)
    );
    if ended.is_err() || sent.is_err() {
        tracing::warn!("not everything ended in time");
    }
    if let Err(error) = shared.memory.save().await {
        tracing::warn!(%error, "the server does not keep what was done last");
    }
    match (refused, ended) {
        (Some(error), _) => Err(error),
        (None, Ok(Ok(brought))) => brought,
        (None, _) => Ok(()),
    }
}

/// Asks both sides who this is, until they answer.
async fn begin(
    client: Client,
    telegram: Telegram,
    stop: &CancellationToken,
) -> Result<Shared, BotError> {
    let me = loop {
        match telegram.bot.get_me().await {
            Ok(me) => break me,
            Err(RequestError::Api(TelegramError::InvalidToken)) => {
                return Err(BotError::new(telegram::bad_token()));
            }
            Err(error) => {
                let why = telegram.told(&error);
                tracing::warn!(why, "Telegram does not answer; it is asked again");
            }
        }
        tokio::time::sleep(PAUSE).await;
    };
    let bot = me.id.0;
    let memory = loop {
        match Memory::load(client.clone(), bot).await {
            Ok(memory) => break memory,
            Err(ApiError::Refused(problem)) if matches!(problem.status, 401 | 403) => {
                return Err(BotError::refused(&ApiError::Refused(problem)));
            }
            Err(error) => tracing::warn!(%error, "the server does not answer; it is asked again"),
        }
        tokio::time::sleep(PAUSE).await;
    };
    Ok(Shared {
        client,
        memory,
        telegram,
        bot,
        name: me.user.username.unwrap_or_default(),
        stop: stop.clone(),
    })
}

/// Shows people the commands as they type. Nothing depends on it.
async fn name_commands(shared: Arc<Shared>) {
    let of = |lang: Lang| {
        let all = Verb::all().filter(|(verb, _)| *verb != Verb::Start);
        all.map(move |(verb, name)| BotCommand::new(name.text(lang), verb.purpose().text(lang)))
    };
    let bot = &shared.telegram.bot;
    let english = bot.set_my_commands(of(Lang::En)).await;
    let spanish = bot.set_my_commands(of(Lang::Es)).language_code("es").await;
    for error in [english, spanish].into_iter().filter_map(Result::err) {
        let why = shared.telegram.told(&error);
        tracing::warn!(why, "Telegram does not take the list of commands");
    }
}
