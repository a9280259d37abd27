//! From what happens to the chats that want to know.

use std::collections::HashSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use estiba_api::{ApiError, Followed};
use estiba_model::{ApprovalState, Happening, Member, Name};
use futures::StreamExt;
use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::chat::{Due, Request, Track};
use crate::dialog::Pressed;
use crate::telegram::{Buttons, Unsent};
use crate::text::Text;
use crate::{BotError, Shared, words};

/// How many happenings are taken in at once.
const AT_ONCE: usize = 256;
/// How often the cursor is saved where nothing concerns anybody.
const CURSOR_EVERY: Duration = Duration::from_secs(10);
/// How often chats are looked at: quiet hours end, and so do waits.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// The wait before the server is asked again.
const PAUSE: Duration = Duration::from_secs(2);

/// Takes in what happens, until the server refuses to tell.
pub async fn take_in(shared: &Shared) -> BotError {
    let after = loop {
        match shared.memory.cursor().await {
            Ok(after) => break after,
            Err(error) => tracing::warn!(%error, "the server does not tell where to begin"),
        }
        tokio::time::sleep(PAUSE).await;
    };
    let mut followed = pin!(shared.client.follow(after).ready_chunks(AT_ONCE));
    let mut saved = Instant::now();
    let mut is_lost = false;
    let mut refusal = None;
    while let Some(some) = followed.next().await {
        let mut cursor = None;
        let mut concerns = false;
        for one in some {
            match one {
                Followed::Happened(happening) => {
                    if std::mem::take(&mut is_lost) {
                        tracing::info!("the server tells again");
                    }
                    concerns |= tell_all(shared, &happening).await;
                    cursor = Some(happening.id);
                }
                Followed::Lost(error) => {
                    if !std::mem::replace(&mut is_lost, true) {
                        tracing::warn!(%error, "the server tells nothing; it is asked again");
                    }
                    refusal = Some(error);
                }
            }
        }
        let Some(cursor) = cursor else {
            continue;
        };
        if concerns || saved.elapsed() >= CURSOR_EVERY {
            keep(shared, cursor).await;
            saved = Instant::now();
        }
    }
    match refusal {
        Some(ApiError::Refused(problem)) => BotError::refused(&ApiError::Refused(problem)),
        Some(error) => BotError::refused(&error),
        None => BotError::ended(),
    }
}

/// Saves the chats and then the cursor, so that nothing is skipped; what is
/// taken in twice, each chat knows.
async fn keep(shared: &Shared, cursor: i64) {
    loop {
        let kept = match shared.memory.save().await {
            Ok(()) => shared.memory.set_cursor(cursor).await,
            Err(error) => Err(error),
        };
        match kept {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "the server keeps nothing; it is asked again"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn tell_all(shared: &Shared, happening: &Happening) -> bool {
    let mut concerns = false;
    for id in shared.memory.chats().await {
        let take_in = |chat: &mut crate::chat::Chat| chat.take_in(happening);
        concerns |= shared.memory.chat(id, take_in).await;
    }
    concerns
}

/// Sends what is due until the bot stops, and then ends what it was sending. A
/// chat that has to wait holds up no other.
pub async fn send_due(shared: Arc<Shared>) {
    let mut busy = HashSet::new();
    let mut sending = JoinSet::new();
    while !shared.stop.is_cancelled() {
        for id in shared.memory.chats().await {
            if busy.contains(&id) {
                continue;
            }
            let due = shared
                .memory
                .chat(id, |chat| chat.due(Timestamp::now()))
                .await;
            if !due.is_empty() {
                busy.insert(id);
                let shared = Arc::clone(&shared);
                sending.spawn(async move {
                    send_to(&shared, id, due).await;
                    id
                });
            }
        }
        tokio::select! {
            () = shared.stop.cancelled() => break,
            () = tokio::time::sleep(LOOK_EVERY) => {}
            Some(Ok(id)) = sending.join_next() => { busy.remove(&id); }
        }
        if let Err(error) = shared.memory.save().await {
            tracing::warn!(%error, "the server keeps nothing; it is asked again");
            shared.pause(PAUSE).await;
        }
    }
    while sending.join_next().await.is_some() {}
}

async fn send_to(shared: &Shared, chat: i64, due: Vec<Due>) {
    if !may_still_know(shared, chat).await {
        return;
    }
    for one in due {
        let sent = match one {
            Due::Track(number) => track(shared, chat, number).await,
            Due::Request(number) => request(shared, chat, number).await,
            Due::Alert(number) => alert(shared, chat, number).await,
            Due::Many => many(shared, chat).await,
            Due::Notes => notes(shared, chat).await,
        };
        let Err(unsent) = sent else {
            // Saved at once: a bot that is killed now sends nothing twice.
            if let Err(error) = shared.memory.save().await {
                tracing::warn!(chat, %error, "the server does not keep what was sent");
            }
            continue;
        };
        match unsent {
            Unsent::Gone => {
                tracing::info!(chat, "the chat does not want the bot any more");
                shared.gone(chat).await;
                return;
            }
            Unsent::Moved(to) => {
                shared.memory.move_chat(chat, to).await;
                return;
            }
            Unsent::Later(wait, why) => {
                tracing::warn!(chat, %why, "a notice has to wait");
                shared.pause(wait).await;
                return;
            }
            Unsent::Missing => {}
            Unsent::Refused(why) => {
                tracing::error!(chat, %why, "Telegram refuses a notice; it is left out");
                shared.memory.chat(chat, |chat| chat.told(one)).await;
            }
        }
    }
}

/// A person who left a team is not told of it any more.
async fn may_still_know(shared: &Shared, chat: i64) -> bool {
    let (teams, lang) = shared
        .memory
        .chat(chat, |chat| (chat.teams.clone(), chat.lang))
        .await;
    // Groups have negative numbers, and belong to their team.
    if chat < 0 || teams.is_empty() {
        return true;
    }
    let me = match shared.client.for_account(chat, lang).me().await {
        Ok(me) => Some(me),
        Err(ApiError::Refused(problem)) if problem.status == 403 => None,
        Err(error) => {
            tracing::warn!(chat, %error, "the server does not tell who this is");
            shared.pause(PAUSE).await;
            return false;
        }
    };
    let sees = |team: &Name| {
        me.as_ref()
            .is_some_and(|me| me.admin || me.teams.iter().any(|one| one.team == *team))
    };
    if teams.iter().all(sees) {
        return true;
    }
    shared.memory.chat(chat, |chat| chat.keep_teams(sees)).await;
    false
}

async fn track(shared: &Shared, chat: i64, number: i64) -> Result<(), Unsent> {
    let found = shared
        .memory
        .chat(chat, |chat| {
            Some((chat.tracks.get(&number)?.clone(), chat.lang))
        })
        .await;
    let Some((track, lang)) = found else {
        return Ok(());
    };
    let telegram = &shared.telegram;
    let mut message = track.message;
    if let Some(edited) = message {
        let text = words::track(number, &track, lang);
        match telegram.edit(chat, edited, &text, &Buttons::new()).await {
            Err(Unsent::Missing) => message = None,
            other => other?,
        }
    }
    if track.disturbs() {
        let helpers = helpers(shared, &track).await;
        let text = words::failure(number, &track, &helpers, lang);
        telegram.send(chat, &text, &Buttons::new(), message).await?;
    } else if message.is_none() {
        let text = words::track(number, &track, lang);
        message = Some(telegram.send(chat, &text, &Buttons::new(), None).await?);
    }
    let edited = track.message.is_some();
    shared
        .memory
        .chat(chat, |chat| {
            chat.told_track(number, &track, message, edited);
        })
        .await;
    Ok(())
}

/// Who of the team can help.
async fn helpers(shared: &Shared, track: &Track) -> Vec<String> {
    let path = format!("/api/v1/teams/{}/members", track.environment.team);
    match shared.client.all::<Member>(&path).await {
        Ok(members) => members
            .into_iter()
            .map(|member| member.login)
            .take(20)
            .collect(),
        Err(error) => {
            tracing::warn!(%error, "the server does not tell who is in the team");
            Vec::new()
        }
    }
}

/// The buttons of a request that waits.
pub fn decision_buttons(request: &Request, lang: estiba_model::Lang) -> Buttons {
    if request.approval.state != ApprovalState::Waiting {
        return Buttons::new();
    }
    let id = request.approval.id;
    let yes = estiba_model::message!("✅ Approve", "✅ Aprobar");
    let no = estiba_model::message!("✖️ Reject", "✖️ Rechazar");
    vec![vec![
        (yes.text(lang).to_owned(), Pressed::Decision(id, true)),
        (no.text(lang).to_owned(), Pressed::Decision(id, false)),
    ]]
}

async fn request(shared: &Shared, chat: i64, number: i64) -> Result<(), Unsent> {
    let found = shared
        .memory
        .chat(chat, |chat| {
            Some((chat.requests.get(&number)?.clone(), chat.lang))
        })
        .await;
    let Some((request, lang)) = found else {
        return Ok(());
    };
    let text = words::request(&request, lang);
    let buttons = decision_buttons(&request, lang);
    let telegram = &shared.telegram;
    let message = match request.message {
        Some(message) => match telegram.edit(chat, message, &text, &buttons).await {
            Ok(()) | Err(Unsent::Missing) => message,
            Err(unsent) => return Err(unsent),
        },
        None => telegram.send(chat, &text, &buttons, None).await?,
    };
    shared
        .memory
        .chat(chat, |chat| chat.told_request(number, &request, message))
        .await;
    Ok(())
}

/// The buttons that mute an alert.
pub fn mute_buttons(number: i64, lang: estiba_model::Lang) -> Buttons {
    let hour = estiba_model::message!("🔕 1 hour", "🔕 1 hora");
    let day = estiba_model::message!("🔕 1 day", "🔕 1 día");
    vec![vec![
        (hour.text(lang).to_owned(), Pressed::Mute(number, 1)),
        (day.text(lang).to_owned(), Pressed::Mute(number, 24)),
    ]]
}

async fn alert(shared: &Shared, chat: i64, number: i64) -> Result<(), Unsent> {
    let found = shared
        .memory
        .chat(chat, |chat| {
            Some((chat.alerts.get(&number)?.clone(), chat.lang))
        })
        .await;
    let Some((alarm, lang)) = found else {
        return Ok(());
    };
    let text = words::alarm(&alarm, lang);
    let buttons = mute_buttons(number, lang);
    shared.telegram.send(chat, &text, &buttons, None).await?;
    shared
        .memory
        .chat(chat, |chat| chat.told_alert(number))
        .await;
    Ok(())
}

async fn many(shared: &Shared, chat: i64) -> Result<(), Unsent> {
    let (tracks, lang) = shared
        .memory
        .chat(chat, |chat| {
            let new = chat
                .new_tracks()
                .map(|(number, track)| (number, track.clone()));
            (new.collect::<Vec<_>>(), chat.lang)
        })
        .await;
    let shown = tracks.iter().map(|(number, track)| (*number, track));
    let mut text = words::many(shown, lang);
    for (number, track) in tracks.iter().filter(|(_, track)| track.disturbs()) {
        let helpers = helpers(shared, track).await;
        text = text
            .and(Text::html(""))
            .and(words::failure(*number, track, &helpers, lang));
    }
    shared
        .telegram
        .send(chat, &text, &Buttons::new(), None)
        .await?;
    shared
        .memory
        .chat(chat, |chat| chat.told_many(&tracks))
        .await;
    Ok(())
}

async fn notes(shared: &Shared, chat: i64) -> Result<(), Unsent> {
    let (notes, lang) = shared
        .memory
        .chat(chat, |chat| (chat.notes.clone(), chat.lang))
        .await;
    let text = words::notes(&notes, lang);
    shared
        .telegram
        .send(chat, &text, &Buttons::new(), None)
        .await?;
    shared
        .memory
        .chat(chat, |chat| chat.told_notes(&notes, Timestamp::now()))
        .await;
    Ok(())
}
