//! `estiba bot`.

use estiba_bot::{Options, Webhook};
use estiba_model::{SecretString, message};

use crate::cli::Bot;
use crate::context::{Context, TOKEN_VARIABLE};
use crate::failure::Failure;
use crate::telemetry::Telemetry;

/// The variable with the token that @BotFather gave.
const TELEGRAM_VARIABLE: &str = "TELEGRAM_TOKEN";
/// The variable with the address of the Bot API, where it is not Telegram's own.
const URL_VARIABLE: &str = "TELEGRAM_API_URL";

/// Serves a Telegram bot until it is told to end.
///
/// A token that is there and empty is one to come: the bot is deployed together
/// with the server that gives it its token, and waits until it is deployed anew.
pub async fn bot(context: &Context, bot: Bot) -> Result<(), Failure> {
    let client = super::access::server(context).await?;
    let token = std::env::var(TELEGRAM_VARIABLE).map_err(|_| {
        Failure::because(message!(
            "{TELEGRAM_VARIABLE} is not set: set it to the token that @BotFather gave",
            "{TELEGRAM_VARIABLE} no está definido: defínalo con el token que dio @BotFather"
        ))
    })?;
    let telemetry = Telemetry::begin(context.output.json).await?;
    let stop = super::serve::when_told_to_end()?;
    let is_empty = |name: &str| std::env::var(name).is_ok_and(|value| value.is_empty());
    let tokens = [TELEGRAM_VARIABLE, TOKEN_VARIABLE];
    if let Some(empty) = tokens.into_iter().find(|name| is_empty(name)) {
        tracing::warn!("{empty} is empty: the bot waits for a deployment that sets it");
        stop.cancelled().await;
        telemetry.end().await;
        return Ok(());
    }
    let webhook = bot.webhook.zip(bot.listen);
    let options = Options {
        token: SecretString::new(token),
        api_url: std::env::var(URL_VARIABLE)
            .ok()
            .filter(|url| !url.is_empty()),
        webhook: webhook.map(|(url, listen)| Webhook { url, listen }),
    };
    let ran = estiba_bot::run(client, options, stop).await;
    telemetry.end().await;
    ran.map_err(|error| Failure::because(error.message().clone()))
}
