//! The lines of a log session
//! (<https://devcenter.heroku.com/articles/logging#log-format>):
//! `2026-01-02T03:04:05.678901+00:00 app[web.1]: text`.

use estiba_model::InstanceName;
use jiff::Timestamp;

/// A line that a dyno wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DynoLine {
    pub(crate) at: Timestamp,
    /// `web.1`.
    pub(crate) dyno: String,
    pub(crate) text: String,
}

/// What a line of a session says, where a dyno wrote it: Heroku's own words and those
/// about the app are left out. Streams of events put `data:` before each.
pub(crate) fn dyno_line(line: &str) -> Option<DynoLine> {
    let line = line.trim_end_matches(['\r', '\n']);
    let line = line.strip_prefix("data:").map_or(line, str::trim_start);
    let (at, rest) = line.split_once(' ')?;
    let (source, text) = rest.split_once(':')?;
    let dyno = source.strip_prefix("app[")?.strip_suffix(']')?;
    if dyno == "api" {
        return None;
    }
    Some(DynoLine {
        at: at.parse().ok()?,
        dyno: dyno.to_owned(),
        text: text.strip_prefix(' ').unwrap_or(text).to_owned(),
    })
}

/// The dyno of which Heroku says that it starts
/// (<https://devcenter.heroku.com/articles/dynos#startup>).
pub(crate) fn started(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(" heroku[")?;
    let (dyno, text) = rest.split_once("]: ")?;
    text.starts_with("Starting process with command")
        .then_some(dyno)
}

/// The instance that a dyno is: `web.1` of `api` is `api-web-1`.
pub(crate) fn instance(workload: &str, dyno: &str) -> Option<InstanceName> {
    let dyno: String = dyno
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '-'
            }
        })
        .collect();
    format!("{workload}-{dyno}").parse().ok()
}

/// Whether somebody ran a command on a dyno: it may have the type of those that the
/// formation keeps, but is numbered from 1000 on.
pub(crate) fn is_one_off(dyno: &str) -> bool {
    let number = dyno
        .rsplit_once('.')
        .and_then(|(_, number)| number.parse().ok());
    number.is_some_and(|number: u32| number >= 1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_dynos_are_told_from_all_others() {
        for (line, expected) in [
            (
                "2026-01-02T03:04:05.678901+00:00 app[web.1]: GET / 200: fine",
                Some(("web.1", "GET / 200: fine")),
            ),
            (
                "data: 2026-01-02T03:04:05.678901+00:00 app[worker.2]:   indented\r\n",
                Some(("worker.2", "  indented")),
            ),
            (
                "2026-01-02T03:04:05.678901+00:00 app[web.1]: ",
                Some(("web.1", "")),
            ),
            (
                "2026-01-02T03:04:05.678901+00:00 heroku[router]: at=info",
                None,
            ),
            (
                "2026-01-02T03:04:05.678901+00:00 app[api]: Deployed web",
                None,
            ),
            ("id: 1002", None),
            ("yesterday app[web.1]: text", None),
            ("", None),
        ] {
            let found = dyno_line(line);
            let found = found.as_ref().map(|l| (l.dyno.as_str(), l.text.as_str()));
            assert_eq!(found, expected, "{line}");
        }
    }

    #[test]
    fn starts_are_told_from_other_words_of_heroku() {
        for (text, expected) in [
            (
                "heroku[web.1]: Starting process with command `api`",
                Some("web.1"),
            ),
            ("heroku[web.1]: Process exited with status 1", None),
            ("app[web.1]: Starting process with command `api`", None),
        ] {
            let line = format!("2026-01-02T03:04:05.678901+00:00 {text}");
            assert_eq!(started(&line), expected, "{text}");
        }
    }

    #[test]
    fn dynos_of_one_command_are_told_from_those_of_the_formation() {
        for (dyno, expected) in [
            ("worker.7217", true),
            ("worker.2", false),
            ("web-1-a", false),
        ] {
            assert_eq!(is_one_off(dyno), expected, "{dyno}");
        }
    }

    #[test]
    fn a_dyno_is_an_instance_of_its_workload() {
        for (dyno, name) in [("web.1", "api-web-1"), ("web-12ab-cd", "api-web-12ab-cd")] {
            assert_eq!(instance("api", dyno).unwrap().as_str(), name);
        }
    }
}
