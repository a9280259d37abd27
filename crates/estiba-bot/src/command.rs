//! What people write to the bot.

use std::str::FromStr;

use estiba_model::{Message, Name, Version, message};
use serde::{Deserialize, Serialize};
use teloxide::utils::command::parse_command;

/// The most that is looked for in lines of logs: buttons remember it.
const MOST_WORDS_BYTES: usize = 200;

/// What somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verb {
    /// To link their account.
    Start,
    /// How the environments are.
    Status,
    /// Which there are.
    Environments,
    /// To deploy a release.
    Deploy,
    /// To take a release from an environment to another one.
    Promote,
    /// An earlier release.
    Rollback,
    /// The last deployments.
    History,
    /// What a workload wrote.
    Logs,
    /// To be told what happens.
    Subscribe,
    /// To be told no more.
    Unsubscribe,
    /// Not to be disturbed.
    Quiet,
    /// What there is.
    Help,
}

/// Each with its English and its Spanish name, and what it is for.
const NAMES: &[(Verb, &str, &str)] = &[
    (Verb::Status, "status", "estado"),
    (Verb::Environments, "environments", "ambientes"),
    (Verb::Deploy, "deploy", "desplegar"),
    (Verb::Promote, "promote", "promover"),
    (Verb::Rollback, "rollback", "volver"),
    (Verb::History, "history", "historial"),
    (Verb::Logs, "logs", "logs"),
    (Verb::Subscribe, "subscribe", "suscribir"),
    (Verb::Unsubscribe, "unsubscribe", "desuscribir"),
    (Verb::Quiet, "quiet", "silencio"),
    (Verb::Help, "help", "ayuda"),
    (Verb::Start, "start", "start"),
];

impl Verb {
    /// All, with their names.
    pub fn all() -> impl Iterator<Item = (Self, Message)> {
        NAMES.iter().map(|(verb, en, es)| {
            let (en, es) = ((*en).to_owned(), (*es).to_owned());
            (*verb, Message { en, es })
        })
    }

    /// What it is for.
    pub fn purpose(self) -> Message {
        match self {
            Self::Start => message!(
                "link your account: /start CODE",
                "vincular su cuenta: /start CÓDIGO"
            ),
            Self::Status => message!("how the environments are", "cómo están los ambientes"),
            Self::Environments => message!("environments and addresses", "ambientes y direcciones"),
            Self::Deploy => message!("deploy a release", "desplegar una versión"),
            Self::Promote => message!(
                "take a release to the next environment",
                "llevar una versión al ambiente siguiente"
            ),
            Self::Rollback => message!(
                "go back to an earlier release",
                "volver a una versión anterior"
            ),
            Self::History => message!("the last deployments", "los últimos despliegues"),
            Self::Logs => message!(
                "the last lines, or those with some words: /logs bot prod error",
                "las últimas líneas, o las que tienen algo: /logs bot prod error"
            ),
            Self::Subscribe => message!(
                "be told what happens in a team",
                "recibir avisos de un equipo"
            ),
            Self::Unsubscribe => message!("be told no more", "no recibir más avisos"),
            Self::Quiet => message!(
                "hours without notices: /quiet 22-8, /quiet off",
                "horas sin avisos: /silencio 22-8, /silencio no"
            ),
            Self::Help => message!("this help", "esta ayuda"),
        }
    }
}

/// A command with what follows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// What is wanted.
    pub verb: Verb,
    /// Of what.
    pub words: Vec<String>,
}

impl Command {
    /// What a message says; `None` where it is no command of this bot.
    pub fn parse(text: &str, bot_name: &str) -> Option<Self> {
        let (name, words) = parse_command(text, bot_name)?;
        let name = name.to_lowercase();
        let (verb, ..) = NAMES
            .iter()
            .find(|(_, en, es)| name == *en || name == *es)?;
        Some(Self {
            verb: *verb,
            words: words.into_iter().map(str::to_owned).collect(),
        })
    }
}

/// Something of which not everything is said yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    /// What is wanted.
    pub verb: Verb,
    /// Of which team.
    pub team: Option<Name>,
    /// Of which of its projects.
    pub project: Option<Name>,
    /// Where.
    pub environment: Option<Name>,
    /// From which environment.
    pub from: Option<Name>,
    /// Which release.
    pub version: Option<Version>,
    /// Which workload.
    pub workload: Option<Name>,
    /// Whether they said that they are sure.
    pub sure: bool,
    /// Of lines of logs: a workload, an environment, a level and what to look for, in any
    /// order.
    #[serde(default)]
    pub words: Vec<String>,
    /// Only lines that are older than the one at this place.
    #[serde(default)]
    pub cursor: Option<String>,
}

impl Wish {
    /// What a command says: for lines of logs any words, else `test`, `tp2/test` or `moria/tp2/test`, then a
    /// release or a workload; a promotion may name both its environments.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn of(command: &Command) -> Result<Self, Message> {
        let mut wish = Self {
            verb: command.verb,
            team: None,
            project: None,
            environment: None,
            from: None,
            version: None,
            workload: None,
            sure: false,
            words: Vec::new(),
            cursor: None,
        };
        if command.verb == Verb::Logs {
            wish.set_words(&command.words)?;
            return Ok(wish);
        }
        let mut words = command.words.iter().map(String::as_str);
        if let (Verb::Promote, [from, _]) = (command.verb, command.words.as_slice()) {
            wish.from = Some(name(from)?);
            words.next();
        }
        if let Some(place) = words.next() {
            wish.set_place(place)?;
        }
        if let Some(word) = words.next() {
            match command.verb {
                Verb::Deploy | Verb::Rollback => {
                    wish.version = Some(Version::from_str(word).map_err(|e| e.message().clone())?);
                }
                _ => return Err(too_much(word)),
            }
        }
        words.next().map_or(Ok(wish), |word| Err(too_much(word)))
    }

    /// The first word that is a place with its project says where. What the others mean
    /// is known with the project.
    fn set_words(&mut self, words: &[String]) -> Result<(), Message> {
        let length: usize = words.iter().map(String::len).sum();
        if length > MOST_WORDS_BYTES {
            return Err(message!(
                "that is too long: {MOST_WORDS_BYTES} letters are the most; the page takes more",
                "eso es demasiado largo: {MOST_WORDS_BYTES} letras como máximo; la página acepta más"
            ));
        }
        for word in words {
            let is_place = word.contains('/') && word.split('/').all(|part| name(part).is_ok());
            let is_first = self.project.is_none();
            if !(is_place && is_first && self.set_place(word).is_ok()) {
                self.words.push(word.clone());
            }
        }
        Ok(())
    }

    fn set_place(&mut self, place: &str) -> Result<(), Message> {
        let of_project = matches!(self.verb, Verb::Status | Verb::Environments);
        let parts: Vec<&str> = place.split('/').collect();
        let (team, project, environment) = match parts.as_slice() {
            [project] if of_project => (None, Some(*project), None),
            [team, project] if of_project => (Some(*team), Some(*project), None),
            [environment] => (None, None, Some(*environment)),
            [project, environment] => (None, Some(*project), Some(*environment)),
            [team, project, environment] => (Some(*team), Some(*project), Some(*environment)),
            _ => return Err(too_much(place)),
        };
        self.team = team.map(name).transpose()?;
        self.project = project.map(name).transpose()?;
        self.environment = environment.map(name).transpose()?;
        Ok(())
    }
}

fn name(text: &str) -> Result<Name, Message> {
    Name::from_str(text).map_err(|error| error.message().clone())
}

fn too_much(word: &str) -> Message {
    message!(
        "\"{word}\" is too much; /help shows the commands",
        "«{word}» está de más; /ayuda muestra los comandos"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_have_names_in_both_languages() {
        let cases = [
            ("/estado", Some((Verb::Status, 0))),
            ("/STATUS tp2", Some((Verb::Status, 1))),
            ("/desplegar@estiba_bot test 1.0", Some((Verb::Deploy, 2))),
            ("/deploy@another_bot test", None),
            ("/start ABCD-1234", Some((Verb::Start, 1))),
            ("/ayuda", Some((Verb::Help, 0))),
            ("/unknown", None),
            ("hello", None),
            ("", None),
        ];
        for (text, expected) in cases {
            let parsed = Command::parse(text, "estiba_bot");
            let parsed = parsed.map(|command| (command.verb, command.words.len()));
            assert_eq!(parsed, expected, "{text}");
        }
        for (verb, names) in Verb::all() {
            for name in [names.en, names.es] {
                let command = Command::parse(&format!("/{name}"), "b").unwrap();
                assert_eq!(command.verb, verb);
            }
        }
    }

    #[test]
    fn what_follows_a_command_says_where_and_what() {
        let wish = |text: &str| {
            let wish = Wish::of(&Command::parse(text, "b").unwrap()).ok()?;
            let parts = [
                wish.team,
                wish.project,
                wish.from,
                wish.environment,
                wish.workload,
            ];
            let version = wish.version.map(|version| version.to_string());
            let parts = parts.map(|part| part.map(|part| part.to_string()));
            let parts = parts.into_iter().chain([version]);
            Some(
                parts
                    .map(|part| part.unwrap_or("-".into()))
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        };
        let cases = [
            ("/estado", Some("- - - - - -")),
            ("/estado tp2", Some("- tp2 - - - -")),
            ("/estado moria/tp2", Some("moria tp2 - - - -")),
            ("/desplegar test", Some("- - - test - -")),
            ("/desplegar tp2/test 1.2.0", Some("- tp2 - test - 1.2.0")),
            ("/volver moria/tp2/prod 1.0", Some("moria tp2 - prod - 1.0")),
            ("/promover prod", Some("- - - prod - -")),
            ("/promover test prod", Some("- - test prod - -")),
            ("/logs test api", Some("- - - - - -")),
            ("/logs bot tp2/test timeout", Some("- tp2 - test - -")),
            (
                "/logs path:/api moria/tp2/test",
                Some("moria tp2 - test - -"),
            ),
            ("/estado a/b/c/dd", None),
            ("/desplegar TEST", None),
            ("/desplegar test 1.0 more", None),
            ("/historial test 1.0", None),
        ];
        for (text, expected) in cases {
            assert_eq!(wish(text).as_deref(), expected, "{text}");
        }
    }
}
