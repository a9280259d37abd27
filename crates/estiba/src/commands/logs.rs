//! `estiba logs`.

use std::collections::{HashSet, VecDeque};

use estiba_api::LogRecord;
use estiba_logs::{Level, Query};
use estiba_model::{Name, Project, message};
use futures::StreamExt;
use jiff::{Span, Timestamp, Zoned};

use crate::backend::{FoundLine, ShownLine, WantedLogs};
use crate::cli::Logs;
use crate::context::Context;
use crate::failure::Failure;
use crate::output::{Output, Paint};

/// Lines that were shown around others are not shown again among so many.
const MOST_REMEMBERED: usize = 1000;

/// Shows what instances wrote.
pub async fn logs(context: &Context, asked: Logs) -> Result<(), Failure> {
    let text = query_text(&asked);
    let query = Query::parse(&text).map_err(|error| Failure::Query {
        text: text.clone(),
        span: error.span,
        message: error.message,
    })?;
    let project = context.project()?;
    let wanted = WantedLogs {
        environments: environments(context, &project, &asked)?,
        workload: asked.workload,
        text,
        query,
        release: asked.release,
        level: asked.level,
        since: asked.since.as_deref().map(instant).transpose()?,
        until: asked.until.as_deref().map(instant).transpose()?,
        around: asked.context.unwrap_or(0),
        tail: asked.tail,
        follow: asked.follow,
    };
    let backend = context.backend().await?;
    let mut lines = backend.search_logs(&project, &wanted).await?;
    let mut shown = Shown::new(
        context.output,
        wanted.environments.len() > 1,
        wanted.around > 0,
    );
    while let Some(found) = lines.next().await {
        match found? {
            FoundLine::Line(line) => shown.show(&line),
            FoundLine::Missed(lines) => context.output.remark(&message!(
                "{lines} lines came too fast to be followed; `estiba logs --since 1m` finds them",
                "{lines} líneas llegaron demasiado rápido para seguirlas; `estiba logs --since 1m` las encuentra"
            )),
        }
    }
    Ok(())
}

/// All that was typed, as one query.
fn query_text(asked: &Logs) -> String {
    let words = asked.query.join(" ");
    match asked.grep.as_deref() {
        None => words,
        Some(grep) if words.is_empty() => grep.to_owned(),
        Some(grep) => format!("({words}) ({grep})"),
    }
}

fn environments(context: &Context, project: &Project, asked: &Logs) -> Result<Vec<Name>, Failure> {
    if asked.all {
        return Ok(project.environments.keys().cloned().collect());
    }
    let mut named = Vec::new();
    for name in &asked.env {
        let id = estiba_engine::environment_id(project, name)?;
        if !named.contains(&id.environment) {
            named.push(id.environment);
        }
    }
    if named.is_empty() {
        named.push(context.environment(project, None)?);
    }
    Ok(named)
}

/// Shows lines, each once, though it may be around several others.
struct Shown {
    output: Output,
    paint: Paint,
    with_environment: bool,
    apart: bool,
    remembered: VecDeque<Key>,
    known: HashSet<Key>,
    is_first: bool,
}

type Key = (Timestamp, Option<String>, String);

impl Shown {
    fn new(output: Output, with_environment: bool, apart: bool) -> Self {
        Self {
            output,
            paint: Paint::of_output(),
            with_environment,
            apart,
            remembered: VecDeque::new(),
            known: HashSet::new(),
            is_first: true,
        }
    }

    fn show(&mut self, line: &ShownLine) {
        self.output.json(line);
        if !self.apart {
            return self.output.text(&self.text(&line.record, true));
        }
        let all: Vec<&LogRecord> = line
            .before
            .iter()
            .chain([&line.record])
            .chain(&line.after)
            .collect();
        let new: Vec<&LogRecord> = all
            .iter()
            .copied()
            .filter(|record| self.is_new(record))
            .collect();
        // As grep does, where it doesn't go on from the last.
        if !self.is_first && new.len() == all.len() {
            self.output.text("--");
        }
        self.is_first = false;
        for record in new {
            let is_found = *record == line.record;
            self.output.text(&self.text(record, is_found));
        }
    }

    fn is_new(&mut self, record: &LogRecord) -> bool {
        let key = (record.at, record.instance.clone(), record.text.clone());
        if !self.known.insert(key.clone()) {
            return false;
        }
        self.remembered.push_back(key);
        if self.remembered.len() > MOST_REMEMBERED
            && let Some(old) = self.remembered.pop_front()
        {
            self.known.remove(&old);
        }
        true
    }

    fn text(&self, record: &LogRecord, is_found: bool) -> String {
        let at = record.at.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
        let mut head = at.to_string();
        if let Some(environment) = record
            .environment
            .as_ref()
            .filter(|_| self.with_environment)
        {
            head.push(' ');
            head.push_str(environment);
        }
        head.push(' ');
        let who = record.instance.as_deref().or(record.workload.as_deref());
        head.push_str(who.unwrap_or("-"));
        let mut text = record.text.clone();
        for (name, value) in &record.attributes {
            let value = match value.as_str() {
                Some(value) => value.to_owned(),
                None => value.to_string(),
            };
            text.push_str(&format!(" {name}={value}"));
        }
        // Lines are of anybody: what they say must not steer the reader's terminal.
        let (head, text) = (harmless(&head), harmless(&text));
        let text = match record.level {
            _ if !is_found => self.paint.faint(&text),
            Some(Level::Error | Level::Fatal) => self.paint.red(&text),
            Some(Level::Warn) => self.paint.yellow(&text),
            Some(Level::Debug | Level::Trace) => self.paint.faint(&text),
            Some(Level::Info) | None => text,
        };
        format!("{} {text}", self.paint.faint(&head))
    }
}

/// The text with control characters as `\x1b`, but for ends of lines and tabs.
fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        if char.is_control() && !matches!(char, '\n' | '\t') {
            shown.push_str(&format!("\\x{:02x}", u32::from(char)));
        } else {
            shown.push(char);
        }
    }
    shown
}

/// `10m` ago, or an RFC 3339 instant.
fn instant(text: &str) -> Result<Timestamp, Failure> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    text.parse::<Span>()
        .ok()
        .and_then(|span| Zoned::now().checked_sub(span).ok())
        .map(|at| at.timestamp())
        .ok_or_else(|| {
            Failure::Usage(message!(
                "\"{text}\" is neither a span (90s, 10m, 2h, 1d) nor an RFC 3339 time",
                "«{text}» no es un lapso (90s, 10m, 2h, 1d) ni una hora RFC 3339"
            ))
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_do_not_steer_the_terminal() {
        let record: LogRecord = serde_json::from_value(serde_json::json!({
            "at": "2026-01-02T03:04:05Z",
            "level": null,
            "text": "a\u{1b}]0;title\u{7}\r\u{9b}2J\tb\nñ",
            "instance": "api\u{1b}[2J",
            "attributes": { "user\u{8}": "c\u{7f}" },
        }))
        .unwrap();
        let output = Output::new(estiba_model::Lang::En, false);
        let shown = Shown::new(output, false, false).text(&record, true);
        for said in [
            "api\\x1b[2J",
            "a\\x1b]0;title\\x07\\x0d\\x9b2J\tb\nñ user\\x08=c\\x7f",
        ] {
            assert!(shown.contains(said), "{shown:?}");
        }
    }

    #[test]
    fn spans_and_times_are_understood() {
        for text in ["90s", "10m", "2h", "1d", "2026-01-02T03:04:05Z"] {
            assert!(instant(text).is_ok(), "{text}");
        }
        let ten_minutes_ago = instant("10m").ok().unwrap();
        let age = Timestamp::now().duration_since(ten_minutes_ago);
        assert!((600..660).contains(&age.as_secs()), "{age}");
        assert!(instant("yesterday").is_err());
    }
}
