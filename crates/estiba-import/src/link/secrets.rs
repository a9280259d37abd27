//! Secrets that were in clear: what is told of them, and those that can't be
//! carried over.

use std::collections::BTreeSet;

use estiba_model::message;
use estiba_project::{is_telegram_token, looks_secret};

use super::values::{Settling, names_a_secret};
use crate::draft::Workload;
use crate::text::Text;

impl Settling<'_> {
    /// Commands take no placeholders, so a secret in one can't be carried over.
    pub fn in_commands(&mut self, workloads: &mut [Workload]) {
        const SHORTEST: usize = 6;
        let kept = self.values.values.iter().filter(|(_, value)| value.secret);
        let kept = kept.flat_map(|(name, value)| {
            let texts = value.by_environment.values();
            texts.map(move |text| (name.clone(), text.clone()))
        });
        let named = self.named.iter().filter(|(name, _)| names_a_secret(name));
        let named = named.flat_map(|(name, setting)| {
            let texts = setting.texts().filter_map(Text::as_plain);
            texts.map(move |text| (name.clone(), text.to_owned()))
        });
        let known: Vec<(String, String)> = kept
            .chain(named)
            .filter(|(_, text)| text.len() >= SHORTEST)
            .collect();
        for container in workloads.iter_mut().flat_map(|w| w.containers.values_mut()) {
            for word in container.command.iter_mut().chain(&mut container.args) {
                let secret = known.iter().find(|(_, text)| word.contains(text.as_str()));
                let name = match secret {
                    Some((name, text)) => {
                        *word = word.replace(text.as_str(), &format!("({name})"));
                        name.as_str()
                    }
                    None if looks_secret("", word) => {
                        *word = "(secret)".to_owned();
                        "NAME"
                    }
                    None => continue,
                };
                self.report.error(
                    "secret-in-command",
                    container.place.clone(),
                    message!(
                        "the command has a secret in clear, which was left out: an argument can't refer to one",
                        "el comando tiene un secreto a la vista, que se omitió: un argumento no puede referirse a uno"
                    ),
                    message!(
                        "have the program read {name} from a variable or a file, and correct `args` in the Score file",
                        "haga que el programa lea {name} de una variable o un archivo, y corrija `args` en el archivo Score"
                    ),
                );
            }
        }
    }

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
