//! From what somebody wants to an answer: what is missing is asked for with
//! buttons, what there is but one of is taken.

use std::collections::BTreeSet;

use estiba_api::{ApiError, Asked, Client, ReleaseView, WantedDeployment};
use estiba_model::{EnvironmentId, Lang, Message, Name, ProjectId, Version, message};
use serde::{Deserialize, Serialize};

use crate::answers;
use crate::command::{Verb, Wish};
use crate::found::{self, Looked};
use crate::text::{Text, bold, clip, escape};
use crate::words::place;

/// The most buttons of a message.
const MOST_BUTTONS: usize = 24;
/// The most releases to choose from.
const MOST_RELEASES: usize = 8;
/// Projects whose state is told at once.
const FEW_PROJECTS: usize = 3;

/// What the buttons of a message mean.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Menu {
    /// Whose they are.
    pub user: i64,
    /// In their order.
    pub choices: Vec<Choice>,
}

/// What a button means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// More of what somebody wants.
    Wish(Wish),
    /// To be told of a team.
    Subscribe(Name),
    /// Nothing after all.
    Nothing,
}

/// What a button carries: `menu.choice`, or whether to agree to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pressed {
    /// A choice of a menu.
    Choice(u32, usize),
    /// A request, and whether they agree.
    Decision(i64, bool),
    /// An alert that was told, and for how many hours it is muted; none for no longer.
    Mute(i64, u32),
}

impl Pressed {
    /// As Telegram carries it, in 64 bytes at most.
    pub fn data(self) -> String {
        match self {
            Self::Choice(menu, choice) => format!("{menu}.{choice}"),
            Self::Decision(request, true) => format!("yes {request}"),
            Self::Decision(request, false) => format!("no {request}"),
            Self::Mute(alert, hours) => format!("mute {alert} {hours}"),
        }
    }

    /// From what Telegram brings.
    pub fn parse(data: &str) -> Option<Self> {
        if let Some((menu, choice)) = data.split_once('.') {
            return Some(Self::Choice(menu.parse().ok()?, choice.parse().ok()?));
        }
        let (word, request) = data.split_once(' ')?;
        if word == "mute" {
            let (alert, hours) = request.split_once(' ')?;
            return Some(Self::Mute(alert.parse().ok()?, hours.parse().ok()?));
        }
        let request = request.parse().ok()?;
        match word {
            "yes" => Some(Self::Decision(request, true)),
            "no" => Some(Self::Decision(request, false)),
            _ => None,
        }
    }
}

/// What comes of a wish.
#[derive(Debug)]
pub enum Next {
    /// An answer.
    Answer(Text),
    /// A question, and the buttons that answer it.
    Question(Text, Vec<(String, Choice)>),
    /// A deployment was asked for.
    Asked(EnvironmentId, Box<Asked>),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The server says so.
    #[error(transparent)]
    Api(#[from] ApiError),
    /// It makes no sense.
    #[error("{0}")]
    Senseless(Message),
}

/// Speaks with somebody.
pub struct Speaker<'a> {
    /// The API, in the name of the person.
    pub client: &'a Client,
    /// Their language.
    pub lang: Lang,
    /// The team of the group they speak in.
    pub team: Option<&'a Name>,
    /// Makes it safe to ask again.
    pub key: &'a str,
}

impl Speaker<'_> {
    fn say(&self, message: &Message) -> String {
        message.text(self.lang).to_owned()
    }

    /// Goes on with a wish as far as it is clear.
    ///
    /// # Errors
    /// When the API refuses, or there is no such thing.
    pub async fn go_on(&self, mut wish: Wish) -> Result<Next, Refusal> {
        let mut projects = self.client.projects().await?;
        let team = wish.team.clone().or_else(|| self.team.cloned());
        projects.retain(|id| team.as_ref().is_none_or(|team| *team == id.team));
        projects.retain(|id| wish.project.as_ref().is_none_or(|name| *name == id.project));
        let tells_many = matches!(wish.verb, Verb::Status | Verb::Environments);
        if tells_many && (1..=FEW_PROJECTS).contains(&projects.len()) {
            let full = wish.verb == Verb::Status;
            let text = answers::status(self.client, &projects, full, self.lang).await?;
            return Ok(Next::Answer(text));
        }
        let id = match projects.as_slice() {
            [] => {
                return Err(Refusal::Senseless(message!(
                    "there is no such project, or you are not in its team",
                    "no hay tal proyecto, o usted no está en su equipo"
                )));
            }
            [one] => one.clone(),
            many => return Ok(self.which_project(&wish, many)),
        };
        wish.team = Some(id.team.clone());
        wish.project = Some(id.project.clone());
        self.in_project(&id, wish).await
    }

    fn which_project(&self, wish: &Wish, projects: &[ProjectId]) -> Next {
        let choices = projects.iter().map(|id| {
            let wish = Wish {
                team: Some(id.team.clone()),
                project: Some(id.project.clone()),
                ..wish.clone()
            };
            (id.to_string(), Choice::Wish(wish))
        });
        self.question(&message!("Which project?", "¿Qué proyecto?"), choices)
    }

    fn question(&self, text: &Message, choices: impl Iterator<Item = (String, Choice)>) -> Next {
        let mut text = Text::html(self.say(text));
        let mut choices: Vec<_> = choices.collect();
        if choices.len() > MOST_BUTTONS {
            choices.truncate(MOST_BUTTONS);
            text = text.line(self.say(&message!(
                "There are more; name it after the command.",
                "Hay más; nómbrelo después del comando."
            )));
        }
        let shown = choices
            .into_iter()
            .map(|(label, choice)| (clip(&label, 60), choice));
        Next::Question(text, shown.collect())
    }

    async fn in_project(&self, id: &ProjectId, mut wish: Wish) -> Result<Next, Refusal> {
        let view = self.client.project(id).await?;
        let looked = found::looked(&mut wish, &view.environments, &view.workloads);
        let skipped = usize::from(wish.verb == Verb::Promote);
        let environments: Vec<&Name> = view.environments.iter().skip(skipped).collect();
        let environment = match (&wish.environment, environments.as_slice()) {
            (Some(named), _) if view.environments.contains(named) => named.clone(),
            (None, [only]) => (*only).clone(),
            (None, [_, ..]) => {
                let choices = environments.iter().map(|name| {
                    let mut wish = wish.clone();
                    wish.environment = Some((*name).clone());
                    (name.to_string(), Choice::Wish(wish))
                });
                let question = match wish.verb {
                    Verb::Promote => message!("To which environment?", "¿A qué ambiente?"),
                    _ => message!("Which environment?", "¿Qué ambiente?"),
                };
                return Ok(self.question(&question, choices));
            }
            _ => {
                let names: Vec<_> = environments.iter().map(|name| name.as_str()).collect();
                let names = names.join(", ");
                return Err(Refusal::Senseless(message!(
                    "{id} has no such environment; it has: {names}",
                    "{id} no tiene tal ambiente; tiene: {names}"
                )));
            }
        };
        wish.environment = Some(environment.clone());
        let place = EnvironmentId::new(id, &environment);
        match wish.verb {
            Verb::History => Ok(Next::Answer(
                answers::history(self.client, &place, self.lang).await?,
            )),
            Verb::Logs => self.logs(&place, wish, looked, &view.workloads).await,
            Verb::Promote => self.promote(&place, wish, &view.environments).await,
            _ => self.deploy(&place, wish).await,
        }
    }

    async fn logs(
        &self,
        place: &EnvironmentId,
        wish: Wish,
        looked: Looked,
        workloads: &[Name],
    ) -> Result<Next, Refusal> {
        let workload = match (&wish.workload, workloads) {
            (Some(named), _) => Some(named),
            (None, [only]) => Some(only),
            (None, _) if looked.narrows() => None,
            _ => {
                let choices = workloads.iter().map(|name| {
                    let workload = Some(name.clone());
                    let wish = Wish {
                        workload,
                        ..wish.clone()
                    };
                    (name.to_string(), Choice::Wish(wish))
                });
                return Ok(self.question(&message!("Which workload?", "¿Qué componente?"), choices));
            }
        };
        let asked = found::Asked {
            client: self.client,
            place,
            workload,
            looked: &looked,
            cursor: wish.cursor.as_deref(),
            lang: self.lang,
        };
        let found = match asked.answer().await? {
            Some(found) => found,
            // A server that stores nothing asks the target.
            None => match workload {
                Some(workload) if !looked.narrows() => {
                    let text = answers::logs(self.client, place, workload, self.lang).await?;
                    return Ok(Next::Answer(text));
                }
                _ => return Err(Refusal::Senseless(found::not_stored())),
            },
        };
        let Some(cursor) = found.older else {
            return Ok(Next::Answer(found.text));
        };
        let label = self.say(&message!("⬆️ Older lines", "⬆️ Líneas anteriores"));
        let workload = workload.cloned();
        let older = Wish {
            cursor: Some(cursor),
            workload,
            ..wish
        };
        Ok(Next::Question(
            found.text,
            vec![(label, Choice::Wish(older))],
        ))
    }

    async fn promote(
        &self,
        place: &EnvironmentId,
        mut wish: Wish,
        environments: &[Name],
    ) -> Result<Next, Refusal> {
        let others: Vec<&Name> = environments
            .iter()
            .filter(|name| **name != place.environment)
            .collect();
        let from = match (&wish.from, others.as_slice()) {
            (Some(from), _) => from.clone(),
            (None, [only]) => (*only).clone(),
            _ => {
                let choices = others.iter().map(|name| {
                    let from = Some((*name).clone());
                    let wish = Wish {
                        from,
                        ..wish.clone()
                    };
                    (name.to_string(), Choice::Wish(wish))
                });
                return Ok(self.question(
                    &message!("From which environment?", "¿Desde qué ambiente?"),
                    choices,
                ));
            }
        };
        wish.from = Some(from.clone());
        if wish.sure {
            return self
                .ask(
                    place,
                    WantedDeployment::Promote {
                        from,
                        without: BTreeSet::new(),
                    },
                )
                .await;
        }
        let releases = self.client.releases(&place.project_id()).await?;
        let Some(there) = running(&releases, &from) else {
            return Err(Refusal::Senseless(message!(
                "{from} runs no release yet",
                "{from} todavía no tiene ninguna versión en marcha"
            )));
        };
        Ok(self.confirm(place, wish, &there, running(&releases, &place.environment)))
    }

    async fn deploy(&self, place: &EnvironmentId, wish: Wish) -> Result<Next, Refusal> {
        let is_rollback = wish.verb == Verb::Rollback;
        if let (true, Some(version)) = (wish.sure, wish.version.clone()) {
            let wanted = match is_rollback {
                true => WantedDeployment::Rollback {
                    to: Some(version),
                    without: BTreeSet::new(),
                },
                false => WantedDeployment::Deploy {
                    version,
                    without: BTreeSet::new(),
                },
            };
            return self.ask(place, wanted).await;
        }
        let releases = self.client.releases(&place.project_id()).await?;
        let now = running(&releases, &place.environment);
        if let Some(version) = wish.version.clone() {
            return Ok(self.confirm(place, wish, &version, now));
        }
        let versions: Vec<Version> = match is_rollback {
            true => answers::earlier(self.client, place, now.as_ref()).await?,
            false => releases
                .into_iter()
                .map(|release| release.version)
                .collect(),
        };
        if versions.is_empty() {
            return Err(Refusal::Senseless(match is_rollback {
                true => message!(
                    "there is no earlier release to go back to",
                    "no hay una versión anterior a la que volver"
                ),
                false => message!(
                    "there is no release yet; `estiba deploy` or the pipeline makes them",
                    "todavía no hay versiones; las crean `estiba deploy` o el pipeline"
                ),
            }));
        }
        let choices = versions.into_iter().take(MOST_RELEASES).map(|version| {
            let is_now = now.as_ref() == Some(&version);
            let mark = if is_now { " •" } else { "" };
            let label = format!("{version}{mark}");
            let wish = Wish {
                version: Some(version),
                ..wish.clone()
            };
            (label, Choice::Wish(wish))
        });
        Ok(self.question(&message!("Which release?", "¿Qué versión?"), choices))
    }

    fn confirm(
        &self,
        environment: &EnvironmentId,
        wish: Wish,
        version: &Version,
        now: Option<Version>,
    ) -> Next {
        let place = place(environment);
        let version = bold(&escape(version.as_str()));
        let question = match wish.verb {
            Verb::Promote => message!(
                "Promote {version} to {place}?",
                "¿Promover {version} a {place}?"
            ),
            Verb::Rollback => message!(
                "Go back to {version} in {place}?",
                "¿Volver a {version} en {place}?"
            ),
            _ => message!(
                "Deploy {version} to {place}?",
                "¿Desplegar {version} en {place}?"
            ),
        };
        let mut text = Text::html(self.say(&question));
        if let Some(now) = now {
            let now = escape(now.as_str());
            text = text.line(self.say(&message!("It runs {now} now.", "Ahora está {now}.")));
        }
        let sure = Wish { sure: true, ..wish };
        let yes = (self.say(&message!("✅ Yes", "✅ Sí")), Choice::Wish(sure));
        let no = (self.say(&message!("✖️ No", "✖️ No")), Choice::Nothing);
        Next::Question(text, vec![yes, no])
    }

    async fn ask(&self, place: &EnvironmentId, wanted: WantedDeployment) -> Result<Next, Refusal> {
        let asked = self.client.deploy(place, &wanted, self.key).await?;
        Ok(Next::Asked(place.clone(), Box::new(asked)))
    }
}

/// The release that an environment runs.
fn running(releases: &[ReleaseView], environment: &Name) -> Option<Version> {
    let mut releases = releases.iter();
    let running = releases.find(|release| release.environments.contains(environment));
    running.map(|release| release.version.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buttons_carry_no_more_than_telegram_takes() {
        let all = [
            Pressed::Choice(0, 0),
            Pressed::Choice(u32::MAX, usize::MAX),
            Pressed::Decision(i64::MAX, true),
            Pressed::Decision(i64::MIN, false),
            Pressed::Mute(i64::MAX, u32::MAX),
        ];
        for pressed in all {
            let data = pressed.data();
            assert!(data.len() <= 64, "{data}");
            assert_eq!(Pressed::parse(&data), Some(pressed));
        }
        for data in [
            "", "yes", "yes x", "maybe 3", "mute 3", "mute x 1", "1.", ".1", "1.2.3", "-1.0",
        ] {
            assert_eq!(Pressed::parse(data), None, "{data}");
        }
    }
}
