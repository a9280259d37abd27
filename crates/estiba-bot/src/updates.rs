//! What Telegram brings: by asking (long polling), or by being called (webhook).

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use estiba_model::message;
use futures::StreamExt;
use rand::Rng;
use rand::distr::Alphanumeric;
use teloxide::payloads::{GetUpdatesSetters, SetWebhookSetters};
use teloxide::requests::Requester;
use teloxide::types::{AllowedUpdate, Update};
use teloxide::{ApiError, RequestError};
use tokio::net::TcpListener;

use crate::{BotError, Shared, handle};

/// How long Telegram may hold a question, in seconds.
const POLL_SECONDS: u32 = 30;
/// How many updates come at once.
const AT_ONCE: u8 = 50;
/// How many chats are answered at a time.
const CHATS_AT_ONCE: usize = 16;
/// The first wait after an error; it doubles.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// The largest update.
const MOST_BYTES: usize = 1 << 20;
/// The header that shows that a call is Telegram's
/// (<https://core.telegram.org/bots/api#setwebhook>).
const SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";

const WANTED: [AllowedUpdate; 3] = [
    AllowedUpdate::Message,
    AllowedUpdate::CallbackQuery,
    AllowedUpdate::MyChatMember,
];

/// Where Telegram calls.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// The public address, `https://…`.
    pub url: String,
    /// Where the bot listens for it.
    pub listen: SocketAddr,
}

/// Asks for updates until `stop`.
pub async fn poll(shared: &Shared) {
    let stop = &shared.stop;
    let bot = &shared.telegram.bot;
    let mut offset = 0;
    let mut wait = FIRST_WAIT;
    let mut has_webhook = true;
    loop {
        let asked = async {
            if std::mem::take(&mut has_webhook) {
                bot.delete_webhook().await?;
            }
            bot.get_updates()
                .offset(offset)
                .limit(AT_ONCE)
                .timeout(POLL_SECONDS)
                .allowed_updates(WANTED)
                .await
        };
        let got = tokio::select! {
            () = stop.cancelled() => return,
            got = asked => got,
        };
        let error = match got {
            Ok(updates) => {
                if std::mem::replace(&mut wait, FIRST_WAIT) > FIRST_WAIT {
                    tracing::info!("Telegram answers again");
                }
                let last = updates.iter().map(|update| update.id.0).max();
                answer_all(shared, updates).await;
                if let Some(last) = last {
                    offset = i32::try_from(last).unwrap_or_default().saturating_add(1);
                }
                continue;
            }
            Err(error) => error,
        };
        let why = shared.telegram.told(&error);
        match &error {
            RequestError::Api(ApiError::TerminatedByOtherGetUpdates) => tracing::error!(
                "another process reads the messages of this bot (409): one token serves one bot. Stop the other, or give this one a token of its own; it is tried again in {} s",
                wait.as_secs()
            ),
            RequestError::Api(ApiError::CantGetUpdates) => has_webhook = true,
            RequestError::RetryAfter(seconds) => wait = wait.max(seconds.duration()),
            _ => tracing::warn!(why, "Telegram can't be asked; it is tried again"),
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Answers updates: those of a chat in their order, chats side by side.
async fn answer_all(shared: &Shared, updates: Vec<Update>) {
    let mut by_chat: BTreeMap<i64, Vec<Update>> = BTreeMap::new();
    for update in updates {
        let chat = update.chat().map_or(0, |chat| chat.id.0);
        by_chat.entry(chat).or_default().push(update);
    }
    futures::stream::iter(by_chat.into_values())
        .for_each_concurrent(CHATS_AT_ONCE, async |updates| {
            for update in updates {
                answer(shared, &update).await;
            }
        })
        .await;
}

/// Answers an update, once.
async fn answer(shared: &Shared, update: &Update) {
    if shared.memory.is_answered(update.id.0).await {
        return;
    }
    handle::update(shared, update).await;
    shared.memory.answered(update.id.0).await;
    if let Err(error) = shared.memory.save().await {
        tracing::warn!(%error, "the server does not keep what was answered");
    }
}

/// Is called by Telegram until `stop`.
///
/// # Errors
/// When nothing can listen there, or Telegram does not take the address.
pub async fn listen(shared: &Arc<Shared>, webhook: &Webhook) -> Result<(), BotError> {
    let stop = &shared.stop;
    let bad_url = || {
        BotError::new(message!(
            "--webhook has to be the address at which Telegram reaches the bot: https://HOST/PATH",
            "--webhook tiene que ser la dirección en la que Telegram llega al bot: https://HOST/RUTA"
        ))
    };
    let url = reqwest::Url::parse(&webhook.url).map_err(|_| bad_url())?;
    if url.scheme() != "https" {
        return Err(bad_url());
    }
    let address = webhook.listen;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        BotError::new(message!(
            "nothing can listen at {address}: {error}; choose another address with --listen",
            "no se puede escuchar en {address}: {error}; elija otra dirección con --listen"
        ))
    })?;
    let secret: String = rand::rng()
        .sample_iter(Alphanumeric)
        .take(64)
        .map(char::from)
        .collect();
    let router = Router::new()
        .route(url.path(), post(called))
        .layer(axum::extract::DefaultBodyLimit::max(MOST_BYTES))
        .with_state((Arc::clone(shared), Arc::<str>::from(secret.as_str())));
    let serving =
        axum::serve(listener, router).with_graceful_shutdown(stop.clone().cancelled_owned());
    let registering = register(shared, url, secret);
    let (served, registered) = tokio::join!(async { serving.await }, registering);
    registered?;
    served.map_err(|error| {
        BotError::new(message!(
            "{address} can't be listened at: {error}",
            "no se puede escuchar en {address}: {error}"
        ))
    })
}

/// Tells Telegram where to call, as often as it takes.
async fn register(shared: &Shared, url: reqwest::Url, secret: String) -> Result<(), BotError> {
    let stop = &shared.stop;
    let mut wait = FIRST_WAIT;
    loop {
        let request = shared
            .telegram
            .bot
            .set_webhook(url.clone())
            .secret_token(secret.clone())
            .allowed_updates(WANTED);
        let Err(error) = request.await else {
            return Ok(());
        };
        let why = shared.telegram.told(&error);
        if why.contains("Bad Request") {
            stop.cancel();
            return Err(BotError::new(message!(
                "Telegram does not take the address of --webhook: {why}",
                "Telegram no acepta la dirección de --webhook: {why}"
            )));
        }
        tracing::warn!(why, "Telegram does not take the webhook; it is tried again");
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// An update that Telegram brings. It is brought again where it is not answered.
async fn called(
    State((shared, secret)): State<(Arc<Shared>, Arc<str>)>,
    headers: HeaderMap,
    body: Bytes,
) -> StatusCode {
    let shown = headers.get(SECRET_HEADER).map(|shown| shown.as_bytes());
    if !shown.is_some_and(|shown| is_same(shown, secret.as_bytes())) {
        return StatusCode::UNAUTHORIZED;
    }
    match serde_json::from_slice::<Update>(&body) {
        Ok(update) => {
            answer(&shared, &update).await;
            StatusCode::OK
        }
        Err(_) => StatusCode::BAD_REQUEST,
    }
}

/// Compares in a time that does not tell where they differ.
fn is_same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
