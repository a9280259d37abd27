//! What is told of secrets that were in clear.

use std::collections::BTreeSet;

use estiba_model::message;
use estiba_project::is_telegram_token;

use super::values::Settling;

impl Settling<'_> {
    /// Tells of each secret where it was, and never what it is.
    pub fn tell_secrets(&mut self) {
        for (name, value) in self.values.values.iter().filter(|(_, value)| value.secret) {
            let full = value
                .by_environment
                .iter()
                .filter(|(_, text)| !text.is_empty());
            let environments: Vec<&str> = full.map(|(name, _)| name.as_str()).collect();
            if environments.is_empty() {
                continue;
            }
            let list = environments.join(", ");
            self.report.warn(
                "secret-moved",
                value.place.clone(),
                message!(
                    "{name} was in clear here: it goes to the secret store ({list}), and into no file",
                    "{name} estaba a la vista aquí: va al almacén de secretos ({list}), y a ningún archivo"
                ),
                message!(
                    "who has seen this file knows it: revoke it, and set the new one with `estiba secret set {name}`",
                    "quien vio este archivo lo conoce: revóquelo, y fije el nuevo con `estiba secret set {name}`"
                ),
            );
            let distinct: BTreeSet<&String> = value.by_environment.values().collect();
            if is_telegram_token(name) && distinct.len() < value.by_environment.len() {
                self.report.error(
                    "shared-telegram-token",
                    value.place.clone(),
                    message!(
                        "{list} have the same Telegram token in {name}: their bots would take each other's messages (error 409), so only the first keeps it",
                        "{list} tienen el mismo token de Telegram en {name}: sus bots se quitarían los mensajes (error 409), así que solo lo conserva el primero"
                    ),
                    message!(
                        "ask @BotFather for another bot, and `estiba secret set {name}` its token",
                        "pida otro bot a @BotFather, y fije su token con `estiba secret set {name}`"
                    ),
                );
            }
        }
    }
}
