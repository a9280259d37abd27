//! What people write and press, answered.

use std::time::Duration;

use estiba_api::{ApiError, Asked, Client, Me};
use estiba_model::{EnvironmentId, Lang, Message, Name, Team, message};
use jiff::Timestamp;
use teloxide::payloads::AnswerCallbackQuerySetters;
use teloxide::requests::Requester;
use teloxide::types::{
    CallbackQuery, CallbackQueryId, ChatMemberUpdated, Message as Incoming, Update, UpdateKind,
    User,
};

use crate::Shared;
use crate::chat::{Request, Track};
use crate::command::{Command, Verb, Wish};
use crate::deliver::{decision_buttons, mute_buttons};
use crate::dialog::{Choice, Menu, Next, Pressed, Refusal, Speaker};
use crate::quiet::Quiet;
use crate::telegram::{Buttons, Unsent};
use crate::text::{Text, bold, clip, code, escape};
use crate::words;

/// A server that takes longer than this to answer is not waited for.
const LIMIT: Duration = Duration::from_secs(45);
/// What Telegram shows at most of an answer to a press.
const TOAST: usize = 190;

/// Somebody who speaks, and where.
struct Speech<'a> {
    shared: &'a Shared,
    chat: i64,
    user: i64,
    lang: Lang,
    /// The API in their name.
    client: Client,
    /// The message whose buttons they pressed.
    pressed: Option<i32>,
    /// Makes deployments safe to ask for again.
    key: String,
}

/// Answers an update.
pub async fn update(shared: &Shared, update: &Update) {
    let key = format!("telegram-{}-{}", shared.bot, update.id.0);
    match &update.kind {
        UpdateKind::Message(message) => incoming(shared, message, key).await,
        UpdateKind::CallbackQuery(query) => pressed(shared, query, key).await,
        UpdateKind::MyChatMember(change) => membership(shared, change).await,
        _ => {}
    }
}

/// The bot was put out of a chat, or let in again.
async fn membership(shared: &Shared, change: &ChatMemberUpdated) {
    let is_in = change.new_chat_member.is_present();
    let chat = change.chat.id.0;
    if is_in {
        shared.memory.chat(chat, |chat| chat.gone = false).await;
    } else {
        shared.gone(chat).await;
    }
}

async fn incoming(shared: &Shared, message: &Incoming, key: String) {
    let chat = message.chat.id.0;
    if let Some(to) = message.migrate_to_chat_id() {
        shared.memory.move_chat(chat, to.0).await;
        return;
    }
    let (Some(text), Some(user)) = (message.text(), &message.from) else {
        return;
    };
    let speech = Speech::new(shared, chat, user, None, key);
    let Some(command) = Command::parse(text, &shared.name) else {
        if message.chat.is_private() {
            speech.tell(&help(speech.lang)).await;
        }
        return;
    };
    let was_gone = |chat: &mut crate::chat::Chat| std::mem::take(&mut chat.gone);
    shared.memory.chat(chat, was_gone).await;
    match tokio::time::timeout(LIMIT, speech.obey(&command)).await {
        Ok(Ok(())) => {}
        Ok(Err(refusal)) => speech.refuse(&refusal).await,
        Err(_) => speech.say(&too_slow()).await,
    }
}

async fn pressed(shared: &Shared, query: &CallbackQuery, key: String) {
    let (Some(message), Some(data)) = (&query.message, &query.data) else {
        return;
    };
    let chat = message.chat().id.0;
    let speech = Speech::new(shared, chat, &query.from, Some(message.id().0), key);
    let done = match Pressed::parse(data) {
        Some(Pressed::Choice(menu, choice)) => {
            tokio::time::timeout(LIMIT, speech.choose(menu, choice)).await
        }
        Some(Pressed::Decision(request, approve)) => {
            tokio::time::timeout(LIMIT, speech.decide(request, approve)).await
        }
        Some(Pressed::Mute(alert, hours)) => {
            tokio::time::timeout(LIMIT, speech.mute(alert, hours)).await
        }
        None => Ok(Ok(Some(too_old()))),
    };
    let toast = match done {
        Ok(Ok(toast)) => toast,
        Ok(Err(refusal)) => Some(reason(&refusal)),
        Err(_) => Some(too_slow()),
    };
    let toast = toast.map(|toast| clip(toast.text(speech.lang), TOAST));
    speech.answer(&query.id, toast).await;
}

impl<'a> Speech<'a> {
    fn new(shared: &'a Shared, chat: i64, user: &User, pressed: Option<i32>, key: String) -> Self {
        let lang = user
            .language_code
            .as_deref()
            .map_or(Lang::En, Lang::from_locale);
        let account = i64::try_from(user.id.0).unwrap_or_default();
        Self {
            shared,
            chat,
            user: account,
            lang,
            client: shared.client.for_account(account, lang),
            pressed,
            key,
        }
    }

    async fn show(&self, text: &Text, buttons: &Buttons, edited: Option<i32>) -> Option<i32> {
        match self
            .shared
            .telegram
            .reply(self.chat, edited, text, buttons)
            .await
        {
            Ok(message) => return Some(message),
            Err(Unsent::Gone) => self.shared.gone(self.chat).await,
            Err(Unsent::Moved(to)) => self.shared.memory.move_chat(self.chat, to).await,
            Err(unsent) => tracing::error!(chat = self.chat, ?unsent, "a reply was not sent"),
        }
        None
    }

    /// Answers, in place of the buttons that were pressed.
    async fn tell(&self, text: &Text) {
        self.show(text, &Buttons::new(), self.pressed).await;
    }

    async fn say(&self, message: &Message) {
        self.tell(&Text::plain(message.text(self.lang))).await;
    }

    async fn refuse(&self, refusal: &Refusal) {
        self.say(&reason(refusal)).await;
    }

    async fn answer(&self, query: &CallbackQueryId, toast: Option<String>) {
        let bot = &self.shared.telegram.bot;
        let mut answer = bot.answer_callback_query(query.clone());
        if let Some(toast) = toast {
            answer = answer.text(toast).show_alert(true);
        }
        // Only a sign that it was seen; it is worth no second try.
        if let Err(error) = answer.await {
            let why = self.shared.telegram.told(&error);
            tracing::debug!(chat = self.chat, why, "a press was not acknowledged");
        }
    }

    async fn obey(&self, command: &Command) -> Result<(), Refusal> {
        match command.verb {
            Verb::Help => self.tell(&help(self.lang)).await,
            Verb::Start => self.start(&command.words).await?,
            Verb::Quiet => self.quiet(&command.words).await?,
            Verb::Subscribe => self.subscribe(&command.words).await?,
            Verb::Unsubscribe => self.unsubscribe().await?,
            _ => {
                let wish = Wish::of(command).map_err(Refusal::Senseless)?;
                self.go_on(wish).await?;
            }
        }
        Ok(())
    }

    async fn start(&self, words: &[String]) -> Result<(), Refusal> {
        let Some(given) = words.first() else {
            self.tell(&help(self.lang)).await;
            return Ok(());
        };
        if self.chat != self.user {
            return Err(Refusal::Senseless(message!(
                "send me the code in a private chat, where nobody else reads it; get a new one with `estiba chat-code`",
                "envíeme el código en un chat privado, donde nadie más lo lea; obtenga otro con `estiba chat-code`"
            )));
        }
        let linked = self.shared.client.link_chat(given, self.user).await?;
        let name = bold(&escape(&clip(&linked.me.name, 100)));
        let teams: Vec<_> = linked
            .me
            .teams
            .iter()
            .map(|one| one.team.as_str())
            .collect();
        let all = message!("all", "todos");
        let teams = match linked.me.admin {
            true => all.text(self.lang).to_owned(),
            false => teams.join(", "),
        };
        let text = message!(
            "👋 You are {name} here now. Teams: {teams}\n/subscribe to be told what happens, /help for all commands.",
            "👋 Ahora usted es {name} aquí. Equipos: {teams}\n/suscribir para recibir avisos, /ayuda para ver los comandos."
        );
        self.tell(&Text::html(text.text(self.lang))).await;
        Ok(())
    }

    /// Goes on with a wish; questions and answers take the place of the message
    /// whose button was pressed.
    async fn go_on(&self, wish: Wish) -> Result<(), Refusal> {
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

    async fn ask(&self, text: &Text, choices: Vec<(String, Choice)>) {
        let (labels, choices): (Vec<String>, Vec<Choice>) = choices.into_iter().unzip();
        let user = self.user;
        let add = |chat: &mut crate::chat::Chat| chat.add_menu(Menu { user, choices });
        let menu = self.shared.memory.chat(self.chat, add).await;
        let buttons = labels.into_iter().enumerate();
        let buttons = buttons.map(|(index, label)| vec![(label, Pressed::Choice(menu, index))]);
        self.show(text, &buttons.collect(), self.pressed).await;
    }

    /// A button of a menu: works once, and for whom it was made.
    async fn choose(&self, number: u32, index: usize) -> Result<Option<Message>, Refusal> {
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

    async fn decide(&self, request: i64, approve: bool) -> Result<Option<Message>, Refusal> {
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
    async fn mute(&self, number: i64, hours: u32) -> Result<Option<Message>, Refusal> {
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

    async fn subscribe(&self, words: &[String]) -> Result<(), Refusal> {
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

    async fn subscribe_to(&self, team: Name) {
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

    async fn unsubscribe(&self) -> Result<(), Refusal> {
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

    async fn quiet(&self, words: &[String]) -> Result<(), Refusal> {
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

fn help(lang: Lang) -> Text {
    let first = message!(
        "I take releases to environments and tell what happens. Link your account first: get a code with {} and send me {}.",
        "Llevo versiones a sus ambientes y aviso lo que pasa. Primero vincule su cuenta: obtenga un código con {} y envíeme {}.",
        code("estiba chat-code"),
        code("/start CODE")
    );
    let text = Text::html(first.text(lang));
    Verb::all().fold(text, |text, (verb, name)| {
        let purpose = verb.purpose();
        text.line(format!("/{} – {}", name.text(lang), purpose.text(lang)))
    })
}

fn reason(refusal: &Refusal) -> Message {
    match refusal {
        Refusal::Senseless(message) => message.clone(),
        Refusal::Api(error) => {
            let messages = error.messages();
            Message {
                en: messages
                    .iter()
                    .map(|one| one.en.as_str())
                    .collect::<Vec<_>>()
                    .join("\n"),
                es: messages
                    .iter()
                    .map(|one| one.es.as_str())
                    .collect::<Vec<_>>()
                    .join("\n"),
            }
        }
    }
}

fn too_old() -> Message {
    message!(
        "these buttons do not work any more; write the command again",
        "estos botones ya no sirven; escriba el comando de nuevo"
    )
}

fn too_slow() -> Message {
    message!(
        "the server takes too long; look again in a while",
        "el servidor tarda demasiado; pruebe de nuevo en un rato"
    )
}
