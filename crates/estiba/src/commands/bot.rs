//! `estiba bot`.

use estiba_bot::{Options, Webhook};
use estiba_model::{SecretString, message};

use crate::cli::Bot;
use crate::context::Context;
use crate::failure::Failure;

/// The variable with the token that @BotFather gave.
const TOKEN_VARIABLE: &str = "TELEGRAM_TOKEN";
/// The variable with the address of the Bot API, where it is not Telegram's own.
const URL_VARIABLE: &str = "TELEGRAM_API_URL";

/// Serves a Telegram bot until it is told to end.
pub async fn bot(context: &Context, bot: Bot) -> Result<(), Failure> {
    let client = super::access::server(context)?;
    let variable = |name| {
        std::env::var(name)
            .ok()
            .filter(|value: &String| !value.is_empty())
    };
    let token = variable(TOKEN_VARIABLE).ok_or_else(|| {
        Failure::because(message!(
            "TELEGRAM_TOKEN is not set: set it to the token that @BotFather gave",
            "TELEGRAM_TOKEN no está definido: defínalo con el token que dio @BotFather"
        ))
    })?;
    let webhook = bot.webhook.zip(bot.listen);
    let options = Options {
        token: SecretString::new(token),
        api_url: variable(URL_VARIABLE),
        webhook: webhook.map(|(url, listen)| Webhook { url, listen }),
    };
    super::serve::log_to_stderr(context.output.json);
    let stop = super::serve::when_told_to_end()?;
    estiba_bot::run(client, options, stop)
        .await
        .map_err(|error| Failure::because(error.message().clone()))
}
