//! Stored lines of logs, found by words in any order.

use estiba_api::{ApiError, Client, LogHit, LogPaging, LogRecord, LogSelection};
use estiba_logs::Level;
use estiba_model::{EnvironmentId, Lang, Message, Name, message};

use crate::command::Wish;
use crate::text::{Text, clip};
use crate::words::place;

/// How many lines are asked for.
const LINES: u32 = 40;
/// What of a message lines may take, in UTF-16 code units, counted with their escapes: it
/// has a heading too.
const MOST_UNITS: usize = 3600;
/// Longer lines are cut.
const LONGEST_LINE: usize = 400;

/// What is looked for in lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Looked {
    /// Lines of this level or worse.
    pub level: Option<Level>,
    /// In the query language.
    pub query: String,
}

impl Looked {
    /// Whether not all lines are wanted.
    pub fn narrows(&self) -> bool {
        self.level.is_some() || !self.query.is_empty()
    }
}

/// What the words of a wish mean in a project: the first that is the name of an
/// environment says where, the first that is that of a workload says whose lines, the
/// first that is a level says how grave; the others are looked for, in their order.
pub fn looked(wish: &mut Wish, environments: &[Name], workloads: &[Name]) -> Looked {
    let mut looked = Looked::default();
    let mut others: Vec<&str> = Vec::new();
    let named = |names: &[Name], word: &str| {
        let word = word.to_lowercase();
        names.iter().find(|name| name.as_str() == word).cloned()
    };
    for word in &wish.words {
        let environment = named(environments, word);
        let workload = named(workloads, word);
        let level = Level::from_name(word);
        if wish.environment.is_none() && environment.is_some() {
            wish.environment = environment;
        } else if wish.workload.is_none() && workload.is_some() {
            wish.workload = workload;
        } else if looked.level.is_none() && level.is_some() {
            looked.level = level;
        } else if environment.is_none() || environment != wish.environment {
            others.push(word);
        }
    }
    looked.query = others.join(" ");
    looked
}

/// Which lines are asked for, and by whom.
pub struct Asked<'a> {
    /// The API, in the name of the person.
    pub client: &'a Client,
    /// Where.
    pub place: &'a EnvironmentId,
    /// Of which workload; of all where none is named.
    pub workload: Option<&'a Name>,
    /// What is looked for.
    pub looked: &'a Looked,
    /// Only lines that are older than the one at this place.
    pub cursor: Option<&'a str>,
    /// The language of the answer.
    pub lang: Lang,
}

/// Lines that were found.
pub struct Found {
    /// As they are told, the newest at the end.
    pub text: Text,
    /// The place before which there are older ones.
    pub older: Option<String>,
}

impl Asked<'_> {
    /// The newest lines, as many as a message has room for; `None` where the server stores
    /// none.
    ///
    /// # Errors
    /// When the API refuses, other than for a query that can't be read, which is told as
    /// an answer.
    pub async fn answer(&self) -> Result<Option<Found>, ApiError> {
        let project = self.place.project_id();
        let query = &self.looked.query;
        let selection = LogSelection {
            q: (!query.is_empty()).then(|| query.clone()),
            environment: LogSelection::names(std::slice::from_ref(&self.place.environment)),
            workload: self.workload.map(Name::to_string),
            level: self.looked.level,
            ..LogSelection::default()
        };
        let paging = LogPaging {
            limit: Some(LINES),
            cursor: self.cursor.map(str::to_owned),
            ..LogPaging::default()
        };
        let page = match self.client.search_logs(&project, &selection, &paging).await {
            Ok(page) => page,
            Err(error) if matches!(error.code(), Some("no-logs" | "logs-unavailable")) => {
                return Ok(None);
            }
            Err(ApiError::Refused(problem)) if problem.code == "bad-query" => {
                let text = bad_query(query, &problem, self.lang);
                return Ok(Some(Found { text, older: None }));
            }
            Err(error) => return Err(error),
        };
        let (lines, last) = fitting(&page.items, self.workload.is_none());
        let is_cut = lines.len() < page.items.len();
        let older = if is_cut { last } else { page.next };
        let text = self.heading();
        let text = match lines.is_empty() {
            true => text.say(message!("no such lines", "no hay tales líneas").text(self.lang)),
            false => text.output(lines),
        };
        Ok(Some(Found { text, older }))
    }

    fn heading(&self) -> Text {
        let workload = self.workload.map(|name| format!(" {name}"));
        let text = Text::html(place(self.place) + &workload.unwrap_or_default());
        match (self.looked.level, self.looked.query.as_str()) {
            (None, "") => text,
            (Some(level), query) => text.say(format!("🔎 {}+ {query}", level.as_str()).trim()),
            (None, query) => text.say(&format!("🔎 {query}")),
        }
    }
}

/// The newest of these, the newest at the end, as far as there is room; and the place of
/// the oldest of them.
fn fitting(newest_first: &[LogHit], of_all: bool) -> (Vec<String>, Option<String>) {
    let mut lines = Vec::new();
    let mut last = None;
    let mut used = 0;
    for hit in newest_first {
        let line = line(&hit.record, of_all);
        used += crate::text::units_of(&line) + 1;
        if used > MOST_UNITS && !lines.is_empty() {
            break;
        }
        lines.push(line);
        last = Some(hit.cursor.clone());
    }
    lines.reverse();
    (lines, last)
}

fn line(record: &LogRecord, of_all: bool) -> String {
    let zoned = record.at.to_zoned(jiff::tz::TimeZone::system());
    let mut parts = vec![zoned.strftime("%m-%d %H:%M:%S").to_string()];
    parts.extend(record.level.map(|level| level.as_str().to_owned()));
    parts.extend(record.workload.clone().filter(|_| of_all));
    parts.push(record.text.clone());
    clip(&parts.join(" "), LONGEST_LINE)
}

/// What is wrong with a query, with a mark below the place.
fn bad_query(query: &str, problem: &estiba_api::Problem, lang: Lang) -> Text {
    let said = problem.messages.iter();
    let text = said.fold(Text::default(), |text, one| text.say(one.text(lang)));
    let Some(place) = problem.position else {
        return text;
    };
    let marks = "^".repeat(place.end.saturating_sub(place.start).max(1));
    text.output([
        query.to_owned(),
        format!("{}{marks}", " ".repeat(place.start)),
    ])
}

/// A search needs a server that stores lines.
pub fn not_stored() -> Message {
    message!(
        "this server stores no logs to look in; /logs ENVIRONMENT WORKLOAD shows what the target has",
        "este servidor no guarda registros en los que buscar; /logs AMBIENTE COMPONENTE muestra lo que tiene la plataforma"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use estiba_logs::Record;
    use jiff::Timestamp;

    fn names(names: &[&str]) -> Vec<Name> {
        names.iter().map(|name| name.parse().unwrap()).collect()
    }

    #[test]
    fn words_come_in_any_order() {
        let meant = |text: &str| {
            let mut wish = Wish::of(&Command::parse(text, "b").unwrap()).unwrap();
            let looked = looked(
                &mut wish,
                &names(&["test", "prod"]),
                &names(&["bot", "api"]),
            );
            let name = |name: Option<Name>| name.map_or("-".to_owned(), |name| name.to_string());
            let level = looked.level.map_or("-", Level::as_str);
            let (environment, workload) = (name(wish.environment), name(wish.workload));
            format!("{environment} {workload} {level} {}", looked.query)
        };
        for (text, expected) in [
            ("/logs bot prod error", "prod bot error "),
            ("/logs error prod bot", "prod bot error "),
            ("/logs PROD Bot WARNING", "prod bot warn "),
            ("/logs test api", "test api - "),
            ("/logs timeout", "- - - timeout"),
            ("/logs tp2/test refused bot 5", "test bot - refused 5"),
            ("/logs prod api bot", "prod api - bot"),
            ("/logs error error prod", "prod - error error"),
            (
                "/logs prod status:>=500 AND -path:/health*",
                "prod - - status:>=500 AND -path:/health*",
            ),
            ("/logs", "- - - "),
        ] {
            assert_eq!(meant(text), expected, "{text}");
        }
    }

    fn hit(number: i64, text: String) -> LogHit {
        let at = Timestamp::from_second(1_700_000_000 + number).unwrap();
        let mut record = LogRecord::from(Record::new(at, text));
        record.level = Some(Level::Error);
        record.workload = Some("bot".into());
        LogHit {
            cursor: number.to_string(),
            record,
            before: Vec::new(),
            after: Vec::new(),
        }
    }

    #[test]
    fn lines_fit_into_a_message_and_older_ones_follow() {
        let short: Vec<_> = (0..3).rev().map(|n| hit(n, format!("line {n}"))).collect();
        let (lines, last) = fitting(&short, true);
        assert!(lines[0].ends_with("error bot line 0"), "{lines:?}");
        assert!(lines[2].ends_with("line 2"));
        assert_eq!(last.as_deref(), Some("0"));
        assert!(!fitting(&short, false).0[0].contains("bot"));

        for text in ["x".repeat(9000), "<&>".repeat(100), "🚢".repeat(390)] {
            let long: Vec<_> = (0..40).rev().map(|n| hit(n, text.clone())).collect();
            let (lines, last) = fitting(&long, true);
            let shown = i64::try_from(lines.len()).unwrap();
            assert_eq!(last, Some((40 - shown).to_string()));
            let heading = Text::html("<b>moria/tp2/prod</b>").say("🔎 error+");
            assert_eq!(heading.output(&lines).messages().len(), 1, "{shown}");
        }
    }

    #[test]
    fn a_bad_query_is_marked_below() {
        let problem: estiba_api::Problem = serde_json::from_value(serde_json::json!({
            "type": "", "title": "", "status": 422, "detail": "", "code": "bad-query",
            "messages": [{ "en": "a word lacks", "es": "falta una palabra" }],
            "position": { "start": 6, "end": 7 },
        }))
        .unwrap();
        let text = bad_query("level:(", &problem, Lang::Es);
        assert_eq!(
            text.messages(),
            ["falta una palabra\n<pre>level:(\n      ^</pre>"]
        );
    }
}
