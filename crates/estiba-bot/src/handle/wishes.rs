//! What people want of environments, by words and by buttons.

use estiba_api::{ApiError, Asked};
use estiba_model::{EnvironmentId, Message, message};

use super::{Speech, too_old};
use crate::chat::{Request, Track};
use crate::command::Wish;
use crate::deliver::{decision_buttons, mute_buttons};
use crate::dialog::{Choice, Menu, Next, Pressed, Refusal, Speaker};
use crate::telegram::Buttons;
use crate::text::Text;
use crate::words;

impl Speech<'_> {
    /// Goes on with a wish; questions and answers take the place of the message
    /// whose button was pressed.
    pub(super) async fn go_on(&self, wish: Wish) -> Result<(), Refusal> {
        let team = match self.chat < 0 {
            true => {
                self.shared
                    .memory
                    .chat(self.chat, |chat| chat.teams.first().cloned())
                    .await
            }
            false => None,
        };
        let speaker = Speaker {
            client: &self.client,
            lang: self.lang,
            team: team.as_ref(),
            key: &self.key,
        };
        match speaker.go_on(wish).await? {
            Next::Answer(text) => self.tell(&text).await,
            Next::Question(text, choices) => self.ask(&text, choices).await,
            Next::Asked(environment, asked) => self.asked(&environment, *asked, self.pressed).await,
        }
        Ok(())
    }

    pub(super) async fn ask(&self, text: &Text, choices: Vec<(String, Choice)>) {
        let (labels, choices): (Vec<String>, Vec<Choice>) = choices.into_iter().unzip();
        let user = self.user;
        let add = |chat: &mut crate::chat::Chat| chat.add_menu(Menu { user, choices });
        let menu = self.shared.memory.chat(self.chat, add).await;
        let buttons = labels.into_iter().enumerate();
        let buttons = buttons.map(|(index, label)| vec![(label, Pressed::Choice(menu, index))]);
        self.show(text, &buttons.collect(), self.pressed).await;
    }

    /// A button of a menu: works once, and for whom it was made.
    pub(super) async fn choose(
        &self,
        number: u32,
        index: usize,
    ) -> Result<Option<Message>, Refusal> {
        let user = self.user;
        let taken = self
            .shared
            .memory
            .chat(self.chat, |chat| match chat.menus.get(&number) {
                Some(menu) if menu.user != user => Err(message!(
                    "these buttons are for whom they were made",
                    "estos botones son para quien los pidió"
                )),
                Some(_) => chat.menus.remove(&number).ok_or_else(too_old),
                None => Err(too_old()),
            })
            .await;
        let menu = match taken {
            Ok(menu) => menu,
            Err(message) => return Ok(Some(message)),
        };
        let Some(choice) = menu.choices.get(index).cloned() else {
            return Ok(Some(too_old()));
        };
        let done = match choice {
            Choice::Nothing => {
                self.say(&message!("Nothing was done.", "No se hizo nada."))
                    .await;
                Ok(())
            }
            Choice::Subscribe(team) => {
                self.subscribe_to(team).await;
                Ok(())
            }
            Choice::Wish(wish) => self.go_on(wish).await,
        };
        if let Err(Refusal::Api(ApiError::Unreachable(_))) = &done {
            // They may press again.
            let put_back = |chat: &mut crate::chat::Chat| drop(chat.menus.insert(number, menu));
            self.shared.memory.chat(self.chat, put_back).await;
            return done.map(|()| None);
        }
        if let Err(refusal) = done {
            self.refuse(&refusal).await;
        }
        Ok(None)
    }

    /// What came of asking for a deployment. Its message follows it, also where
    /// the chat is not told of the team.
    async fn asked(&self, environment: &EnvironmentId, asked: Asked, edited: Option<i32>) {
        match asked {
            Asked::Unchanged { .. } => {
                let place = words::place(environment);
                let text = message!(
                    "{place} is as it should be; there is nothing to do",
                    "{place} está como debe; no hay nada que hacer"
                );
                let text = Text::html(text.text(self.lang));
                self.show(&text, &Buttons::new(), edited).await;
            }
            Asked::Queued { deployment } => {
                let number = deployment.id.0;
                let text = words::track(number, &Track::of(&deployment, 0), self.lang);
                let Some(message) = self.show(&text, &Buttons::new(), edited).await else {
                    return;
                };
                // It may be over already.
                let project = environment.project_id();
                let now = self.client.deployment(&project, deployment.id).await;
                let now = now.map_or(deployment, |view| view.deployment);
                let lang = self.lang;
                self.shared
                    .memory
                    .chat(self.chat, |chat| {
                        chat.follow(number, Track::of(&now, message), lang);
                    })
                    .await;
            }
            Asked::Waiting { approval } => {
                let number = approval.id;
                let mut request = Request {
                    approval,
                    message: None,
                    untold: false,
                };
                let text = words::request(&request, self.lang);
                let buttons = decision_buttons(&request, self.lang);
                request.message = self.show(&text, &buttons, edited).await;
                self.shared
                    .memory
                    .chat(self.chat, |chat| chat.requests.insert(number, request))
                    .await;
            }
        }
    }

    pub(super) async fn decide(
        &self,
        request: i64,
        approve: bool,
    ) -> Result<Option<Message>, Refusal> {
        let found = self
            .shared
            .memory
            .chat(self.chat, |chat| chat.requests.get(&request).cloned())
            .await;
        let asked = self.client.decide(request, approve).await?;
        // What happens changes the message; the deployment is told of anyway
        // where the chat is told of the team.
        if let (Some(found), Asked::Queued { .. }) = (found, &asked) {
            let environment = found.approval.environment;
            let chat = |chat: &mut crate::chat::Chat| chat.teams.contains(&environment.team);
            if !self.shared.memory.chat(self.chat, chat).await {
                self.asked(&environment, asked, None).await;
            }
        }
        Ok(None)
    }

    /// Mutes an alert that was told here, for whoever may.
    pub(super) async fn mute(&self, number: i64, hours: u32) -> Result<Option<Message>, Refusal> {
        let found = self
            .shared
            .memory
            .chat(self.chat, |chat| chat.alerts.get(&number).cloned())
            .await;
        let Some(alarm) = found else {
            return Ok(Some(too_old()));
        };
        let minutes = (hours > 0).then_some(hours.saturating_mul(60));
        self.client
            .mute_alert(&alarm.environment, &alarm.alert, minutes)
            .await?;
        let buttons = match hours {
            0 => mute_buttons(number, self.lang),
            _ => {
                let unmute = message!("🔔 Tell again", "🔔 Avisar de nuevo");
                let unmute = unmute.text(self.lang).to_owned();
                vec![vec![(unmute, Pressed::Mute(number, 0))]]
            }
        };
        // A message of its own: the lines stay, and a group knows.
        let text = words::muted(&alarm, hours, self.lang);
        self.show(&text, &buttons, None).await;
        Ok(None)
    }
}
