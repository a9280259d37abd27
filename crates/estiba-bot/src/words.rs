//! What chats are told, in words.

use estiba_model::{ApprovalState, Cause, EnvironmentId, Lang, Message, Version, message};

use crate::chat::{Alarm, Note, Noted, Request, Stage, Track};
use crate::text::{Text, bold, clip, escape};

/// An environment, in bold.
pub fn place(environment: &EnvironmentId) -> String {
    bold(&escape(&environment.to_string()))
}

/// A span of time, in words short enough for a line.
pub fn took(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0..=9 => format!("{}.{} s", seconds, milliseconds % 1000 / 100),
        10..=59 => format!("{seconds} s"),
        60..=3599 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// What was asked for, as a noun.
pub fn cause(cause: Cause) -> Message {
    match cause {
        Cause::Deploy => message!("deployment", "despliegue"),
        Cause::Promote => message!("promotion", "promoción"),
        Cause::Rollback => message!("rollback", "vuelta atrás"),
        Cause::Restart => message!("restart", "reinicio"),
        Cause::Reset => message!("reset", "vaciado"),
        Cause::Scale => message!("scaling", "cambio de copias"),
        Cause::Accept => message!("acceptance tests", "pruebas de aceptación"),
        Cause::Down => message!("end", "eliminación"),
    }
}

/// `1.1.0 → 1.2.0`, as far as it is known.
fn change(track: &Track) -> String {
    let text = |version: &Version| bold(&escape(version.as_str()));
    match (&track.before, &track.version) {
        (Some(before), Some(now)) if before != now => format!("{} → {}", text(before), text(now)),
        (_, Some(now)) => text(now),
        (Some(before), None) => text(before),
        (None, None) => String::new(),
    }
}

/// What the message of a deployment says.
pub fn track(number: i64, track: &Track, lang: Lang) -> Text {
    let place = place(&track.environment);
    let change = change(track);
    let kind = cause(track.cause.unwrap_or(Cause::Deploy));
    let kind = kind.text(lang);
    let line = match &track.stage {
        Stage::Queued => message!(
            "⏳ {place}: {kind} of {change} waits for its turn",
            "⏳ {place}: {kind} de {change} espera su turno"
        ),
        Stage::Running { done, total } => {
            let steps = match total {
                0 => String::new(),
                _ => message!(" (step {} of {total})", " (paso {} de {total})", done + 1)
                    .text(lang)
                    .to_owned(),
            };
            message!(
                "🚚 {place}: {kind} of {change} started{steps}",
                "🚚 {place}: comenzó {kind} de {change}{steps}"
            )
        }
        Stage::RollingBack => message!(
            "↩️ {place}: {change} failed; what worked before is being restored",
            "↩️ {place}: {change} falló; se restaura lo que funcionaba"
        ),
        Stage::Succeeded { .. } if track.cause == Some(Cause::Down) => message!(
            "✅ {place}: it is taken down",
            "✅ {place}: el ambiente se eliminó"
        ),
        Stage::Succeeded { took_ms } => {
            let took = took(*took_ms);
            message!(
                "✅ {place}: {change} succeeded in {took}",
                "✅ {place}: {change} se desplegó bien en {took}"
            )
        }
        Stage::Failed { .. } => message!(
            "❌ {place}: {kind} of {change} failed",
            "❌ {place}: falló {kind} de {change}"
        ),
        Stage::Superseded => message!(
            "⏭ {place}: a newer deployment took the place of {change}",
            "⏭ {place}: un despliegue más nuevo reemplazó a {change}"
        ),
    };
    let mut text = Text::html(line.text(lang));
    for commit in &track.commits {
        text = text.line(escape(commit));
    }
    match &track.by {
        Some(by) => {
            let by = escape(&clip(by, 100));
            text.line(
                message!("#{number}, asked for by {by}", "#{number}, lo pidió {by}").text(lang),
            )
        }
        None => text.line(format!("#{number}")),
    }
}

/// Why a deployment failed, what it last wrote, and who can help.
pub fn failure(number: i64, of: &Track, helpers: &[String], lang: Lang) -> Text {
    let mut text = track(number, of, lang);
    let Stage::Failed { reasons, log } = &of.stage else {
        return text;
    };
    for reason in reasons {
        text = text.say(reason.text(lang));
    }
    if !log.is_empty() {
        let heading = message!("Last lines:", "Últimas líneas:");
        text = text.say(heading.text(lang)).output(log);
    }
    if !helpers.is_empty() {
        let names = helpers.join(", ");
        let who = message!("Who can help: {names}", "Pueden ayudar: {names}");
        text = text.say(who.text(lang));
    }
    text
}

/// Many deployments, a line each.
pub fn many<'a>(tracks: impl Iterator<Item = (i64, &'a Track)>, lang: Lang) -> Text {
    tracks.fold(Text::default(), |text, (number, one)| {
        text.and(track(number, one, lang))
    })
}

/// What the message of a request says.
pub fn request(request: &Request, lang: Lang) -> Text {
    let approval = &request.approval;
    let place = place(&approval.environment);
    let version = bold(&escape(approval.version.as_str()));
    let asker = escape(&clip(&approval.requested_by, 100));
    let decider = approval.decided_by.as_deref().unwrap_or_default();
    let decider = escape(&clip(decider, 100));
    let line = match approval.state {
        ApprovalState::Waiting => message!(
            "🔐 {place}: {asker} asks to deploy {version}. Do you agree?",
            "🔐 {place}: {asker} pide desplegar {version}. ¿Está de acuerdo?"
        ),
        ApprovalState::Approved => message!(
            "👍 {place}: {decider} agreed to {version}, which {asker} asked for",
            "👍 {place}: {decider} aceptó {version}, que pidió {asker}"
        ),
        ApprovalState::Rejected => message!(
            "👎 {place}: {decider} rejected {version}, which {asker} asked for",
            "👎 {place}: {decider} rechazó {version}, que pidió {asker}"
        ),
        ApprovalState::Superseded => message!(
            "⏭ {place}: a newer request took the place of {version}",
            "⏭ {place}: un pedido más nuevo reemplazó al de {version}"
        ),
    };
    Text::html(line.text(lang))
}

/// What the message of an alert says.
pub fn alarm(alarm: &Alarm, lang: Lang) -> Text {
    let place = place(&alarm.environment);
    let name = bold(alarm.alert.as_str());
    let line = match alarm.over {
        0 => message!(
            "🚨 {place}: alert {name}: a line came that should not",
            "🚨 {place}: alerta {name}: apareció una línea que no debería"
        ),
        over => {
            let within = span(alarm.within_seconds);
            message!(
                "🚨 {place}: alert {name}: more than {over} lines within {within}",
                "🚨 {place}: alerta {name}: más de {over} líneas en {within}"
            )
        }
    };
    let text = Text::html(line.text(lang)).say(&format!("🔎 {}", alarm.when));
    match alarm.log.is_empty() {
        true => text,
        false => text.output(&alarm.log),
    }
}

/// A span in the greatest unit that has no rest.
fn span(seconds: u64) -> String {
    match seconds {
        seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    }
}

/// What a chat is told when an alert is muted, or not any more.
pub fn muted(alarm: &Alarm, hours: u32, lang: Lang) -> Text {
    let place = place(&alarm.environment);
    let name = bold(alarm.alert.as_str());
    let line = match hours {
        0 => message!(
            "🔔 {place}: alert {name} is told again",
            "🔔 {place}: la alerta {name} se avisa de nuevo"
        ),
        hours => message!(
            "🔕 {place}: alert {name} is not told for {hours} h",
            "🔕 {place}: la alerta {name} no se avisa por {hours} h"
        ),
    };
    Text::html(line.text(lang))
}

/// All that is noted, a line each, with the lines that explain it.
pub fn notes(notes: &[Note], lang: Lang) -> Text {
    notes.iter().fold(Text::default(), |text, note| {
        let place = place(&note.environment);
        let line = match &note.what {
            Noted::Crashing(workload, _) => message!(
                "🔥 {place}: {workload} ends again and again; /logs shows why",
                "🔥 {place}: {workload} se cae una y otra vez; /logs muestra por qué"
            ),
            Noted::Recovered(workload) => message!(
                "💚 {place}: {workload} is well again",
                "💚 {place}: {workload} está bien de nuevo"
            ),
            Noted::Rejected(version, by) => {
                let (version, by) = (escape(version.as_str()), escape(&clip(by, 100)));
                message!(
                    "👎 {place}: {by} rejected {version}",
                    "👎 {place}: {by} rechazó {version}"
                )
            }
        };
        let text = text.line(line.text(lang));
        match &note.what {
            Noted::Crashing(_, log) if !log.is_empty() => text.output(log),
            _ => text,
        }
    })
}

#[cfg(test)]
#[path = "words_tests.rs"]
mod tests;
