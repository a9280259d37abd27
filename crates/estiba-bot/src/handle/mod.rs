//! What people write and press, answered.

mod notices;
mod wishes;

use std::time::Duration;

use estiba_api::Client;
use estiba_model::{Lang, Message, message};
use teloxide::payloads::AnswerCallbackQuerySetters;
use teloxide::requests::Requester;
use teloxide::types::{
    CallbackQuery, CallbackQueryId, ChatMemberUpdated, Message as Incoming, Update, UpdateKind,
    User,
};

use crate::Shared;
use crate::command::{Command, Verb, Wish};
use crate::dialog::{Pressed, Refusal};
use crate::telegram::{Buttons, Unsent};
use crate::text::{Text, bold, clip, code, escape};

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
