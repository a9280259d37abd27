//! What the bot does with what happens.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::time::Duration;

use crate::alive::AliveFile;
use crate::api::{Api, ApiError};
use crate::command::Command;
use crate::telegram::{Incoming, Telegram, TelegramError, Update};

/// An answer that Telegram would take only after this is not sent.
const PATIENCE: Duration = Duration::from_secs(30);
/// Between looks at the API while there is no token.
const IDLE_PAUSE: Duration = Duration::from_secs(5);
/// How many notes `/notes` shows.
const SHOWN: usize = 10;

pub enum Event {
    Updates(Vec<Update>),
    Refused,
    Stop,
}

/// Without a token there is nobody to talk to; shows at least that the API can
/// be reached.
pub fn idle(api: &Api, alive: &AliveFile, inbox: &Receiver<Event>) {
    tracing::warn!("idle: TELEGRAM_TOKEN is empty; set one and restart");
    let mut reached = false;
    loop {
        match api.version() {
            Ok(version) => {
                alive.touch();
                if !reached {
                    tracing::info!(version, "the API answers");
                }
                reached = true;
            }
            Err(error) => {
                tracing::warn!(%error, "the API does not answer");
                reached = false;
            }
        }
        match inbox.recv_timeout(IDLE_PAUSE) {
            Err(RecvTimeoutError::Timeout) => {}
            _ => return,
        }
    }
}

/// Answers until told to stop; a message in hand is finished first.
///
/// # Errors
/// If Telegram refuses the token.
pub fn work(
    version: &str,
    telegram: &Telegram,
    api: &Api,
    inbox: &Receiver<Event>,
    handled: &Sender<i64>,
) -> Result<(), TelegramError> {
    tracing::info!("polling");
    loop {
        let updates = match inbox.recv() {
            Ok(Event::Updates(updates)) => updates,
            Ok(Event::Refused) => return Err(TelegramError::Refused),
            Ok(Event::Stop) | Err(_) => return Ok(()),
        };
        let mut offset = 0;
        for update in updates {
            offset = update.id + 1;
            let answered = update.message.and_then(|message| {
                let text = answer(version, api, &message)?;
                Some(send(telegram, message.chat.id, &text, inbox))
            });
            // The poller is waiting for us: what comes now can only be a stop.
            if answered == Some(Next::Stop) || inbox.try_recv().is_ok() {
                if let Err(error) = telegram.confirm(offset) {
                    tracing::warn!(%error, "what was answered may be answered again");
                }
                return Ok(());
            }
        }
        if handled.send(offset).is_err() {
            return Ok(());
        }
    }
}

#[derive(PartialEq, Eq)]
enum Next {
    GoOn,
    Stop,
}

/// Tries a second time if Telegram asks to wait a little.
fn send(telegram: &Telegram, chat: i64, text: &str, inbox: &Receiver<Event>) -> Next {
    let mut sent = telegram.send(chat, text);
    let mut next = Next::GoOn;
    if let Err(TelegramError::Wait(time)) = sent
        && time <= PATIENCE
    {
        tracing::info!(pause_s = time.as_secs(), "Telegram asks to wait");
        if inbox.recv_timeout(time).is_ok() {
            next = Next::Stop;
        }
        sent = telegram.send(chat, text);
    }
    if let Err(error) = sent {
        tracing::warn!(%error, "an answer was not sent");
    }
    next
}

/// None: the message has no text, so it asks for nothing.
fn answer(version: &str, api: &Api, message: &Incoming) -> Option<String> {
    let language = message
        .from
        .as_ref()
        .and_then(|user| user.language_code.as_deref());
    let say = Speaker {
        spanish: language.is_some_and(|code| code.starts_with("es")),
    };
    let answer = match Command::parse(message.text.as_deref()?) {
        Command::Start => Ok(say.help()),
        Command::Unknown => Ok(say.unknown()),
        Command::Version => api.version().map(|api| format!("bot {version}, api {api}")),
        Command::Note("") => Ok(say.empty_note()),
        Command::Note(text) => api.add(text).map(|note| say.noted(note.id)),
        Command::Notes => api.notes().map(|notes| {
            let lines: Vec<String> = notes
                .iter()
                .take(SHOWN)
                .map(|note| format!("{}. {}", note.id, note.text))
                .collect();
            if lines.is_empty() {
                say.no_notes()
            } else {
                lines.join("\n")
            }
        }),
    };
    Some(answer.unwrap_or_else(|error| {
        tracing::warn!(%error, "the API did not do it");
        match error {
            ApiError::Rejected(why) => say.rejected(&why),
            ApiError::Down(_) => say.down(),
        }
    }))
}

/// Each sentence of the bot, in the language of who writes to it.
struct Speaker {
    spanish: bool,
}

impl Speaker {
    fn say(&self, english: &str, spanish: &str) -> String {
        if self.spanish { spanish } else { english }.to_owned()
    }

    fn help(&self) -> String {
        self.say(
            "Hello! I keep notes.\n/note TEXT keeps one\n/notes shows the newest\n/version says what runs",
            "¡Hola! Guardo notas.\n/note TEXTO guarda una\n/notes muestra las últimas\n/version dice qué está corriendo",
        )
    }

    fn unknown(&self) -> String {
        self.say(
            "I do not know that one. /start says what I can do.",
            "Eso no lo conozco. /start dice qué puedo hacer.",
        )
    }

    fn empty_note(&self) -> String {
        self.say(
            "Write it after the command: /note buy milk",
            "Escribila después del comando: /note comprar leche",
        )
    }

    fn no_notes(&self) -> String {
        self.say("There are no notes yet.", "Todavía no hay notas.")
    }

    fn noted(&self, id: i64) -> String {
        self.say(
            &format!("Noted: number {id}."),
            &format!("Anotado: número {id}."),
        )
    }

    fn rejected(&self, why: &str) -> String {
        self.say(
            &format!("That cannot be kept: {why}."),
            &format!("Eso no se puede guardar: {why}."),
        )
    }

    fn down(&self) -> String {
        self.say(
            "I cannot reach the notes right now. Please try again in a moment.",
            "Ahora no puedo llegar a las notas. Probá de nuevo en un momento, por favor.",
        )
    }
}
