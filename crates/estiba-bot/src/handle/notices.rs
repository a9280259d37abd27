//! Of which teams a chat is told, and when not.

use estiba_api::Me;
use estiba_model::{Name, Team, message};
use jiff::Timestamp;

use super::Speech;
use crate::dialog::{Choice, Refusal};
use crate::quiet::Quiet;
use crate::text::{Text, bold};

impl Speech<'_> {
    pub(super) async fn subscribe(&self, words: &[String]) -> Result<(), Refusal> {
        let me: Me = self.client.me().await?;
        let teams: Vec<Name> = match me.admin {
            true => {
                let teams: Vec<Team> = self.client.all("/api/v1/teams").await?;
                teams.into_iter().map(|team| team.name).collect()
            }
            false => me.teams.into_iter().map(|one| one.team).collect(),
        };
        let named: Vec<Name> = match words.first() {
            Some(word) => teams
                .into_iter()
                .filter(|team| team.as_str() == word)
                .collect(),
            None => teams,
        };
        match named.as_slice() {
            [] => Err(Refusal::Senseless(message!(
                "you are in no such team",
                "usted no está en tal equipo"
            ))),
            [team] => {
                self.subscribe_to(team.clone()).await;
                Ok(())
            }
            _ => {
                let choices = named.into_iter().take(50);
                let choices = choices.map(|team| (team.to_string(), Choice::Subscribe(team)));
                let question = message!("Which team?", "¿Qué equipo?");
                self.ask(&Text::html(question.text(self.lang)), choices.collect())
                    .await;
                Ok(())
            }
        }
    }

    pub(super) async fn subscribe_to(&self, team: Name) {
        let (is_group, lang) = (self.chat < 0, self.lang);
        let subscribed = team.clone();
        self.shared
            .memory
            .chat(self.chat, |chat| {
                if is_group {
                    chat.teams.clear();
                }
                if !chat.teams.contains(&subscribed) {
                    chat.teams.push(subscribed);
                    chat.since = Timestamp::now();
                }
                chat.lang = lang;
            })
            .await;
        let team = bold(team.as_str());
        let text = match is_group {
            true => message!(
                "🔔 This group belongs to {team} now, and is told what happens in it. /unsubscribe ends it.",
                "🔔 Este grupo ahora es de {team}, y recibe sus avisos. /desuscribir lo termina."
            ),
            false => message!(
                "🔔 You will be told what happens in {team}. /quiet 22-8 for quiet nights, /unsubscribe to end it.",
                "🔔 Recibirá los avisos de {team}. /silencio 22-8 para noches tranquilas, /desuscribir para terminar."
            ),
        };
        self.tell(&Text::html(text.text(self.lang))).await;
    }

    pub(super) async fn unsubscribe(&self) -> Result<(), Refusal> {
        self.need_right_over_group().await?;
        self.shared
            .memory
            .chat(self.chat, |chat| {
                chat.teams.clear();
                chat.keep_teams(|_| false);
            })
            .await;
        self.say(&message!(
            "🔕 No more notices here.",
            "🔕 Ya no habrá avisos aquí."
        ))
        .await;
        Ok(())
    }

    /// What concerns a group, a member of its team decides.
    async fn need_right_over_group(&self) -> Result<(), Refusal> {
        let teams = self
            .shared
            .memory
            .chat(self.chat, |chat| chat.teams.clone())
            .await;
        if self.chat > 0 || teams.is_empty() {
            return Ok(());
        }
        let me = self.client.me().await?;
        let is_in = me.teams.iter().any(|one| teams.contains(&one.team));
        if me.admin || is_in {
            return Ok(());
        }
        Err(Refusal::Senseless(message!(
            "only a member of this group's team may do this",
            "solo un integrante del equipo de este grupo puede hacer esto"
        )))
    }

    pub(super) async fn quiet(&self, words: &[String]) -> Result<(), Refusal> {
        self.need_right_over_group().await?;
        let off = ["off", "no", "nunca", "never"];
        let is_off = matches!(words, [word] if off.contains(&word.as_str()));
        let quiet = Quiet::parse(words);
        if !is_off && quiet.is_none() {
            return Err(Refusal::Senseless(message!(
                "write from which hour to which: /quiet 22-8, or with your distance from UTC: /quiet 22-8 -3; /quiet off ends it",
                "escriba desde qué hora hasta cuál: /silencio 22-8, o con su distancia de UTC: /silencio 22-8 -3; /silencio no lo termina"
            )));
        }
        self.shared
            .memory
            .chat(self.chat, |chat| chat.quiet = quiet)
            .await;
        self.say(&match quiet {
            None => message!("🔔 Notices come at any hour.", "🔔 Los avisos llegan a toda hora."),
            Some(quiet) => {
                let Quiet { from, to, .. } = quiet;
                let now = Timestamp::now().to_zoned(quiet.zone()).strftime("%H:%M").to_string();
                message!(
                    "🌙 No notices from {from} to {to}; what happens meanwhile comes afterwards, at once. It is {now} by that clock.",
                    "🌙 Sin avisos de {from} a {to}; lo que pase mientras tanto llega después, junto. En ese reloj son las {now}."
                )
            }
        })
        .await;
        Ok(())
    }
}
