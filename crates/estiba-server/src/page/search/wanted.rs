//! What the address of the page says, and the addresses of other views of the lines.

use estiba_api::LogSelection;
use estiba_logs::Level;
use estiba_model::message;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// How far back lines are looked for where nothing is said.
const LATELY: &str = "1d";
/// In place of a span: all that is kept.
pub(super) const ALL: &str = "all";

/// Which lines somebody looks at. A form sends what is empty too.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::page) struct Wanted {
    #[serde(skip_serializing_if = "String::is_empty")]
    pub q: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub from: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub until: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub environment: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub workload: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub instance: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub release: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub level: String,
    /// A deployment whose begin and end are marked among the lines.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<i64>,
    /// The oldest first.
    #[serde(skip_serializing_if = "is_false")]
    pub oldest: bool,
    /// New lines are shown as they come.
    #[serde(skip_serializing_if = "is_false")]
    pub live: bool,
    /// What `next` of the page before said.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub cursor: String,
}

fn is_false(is: &bool) -> bool {
    !is
}

impl Wanted {
    /// As the API has it.
    ///
    /// # Errors
    /// When a level is none.
    pub fn selection(&self) -> Result<LogSelection, Problem> {
        let given = |text: &str| (!text.trim().is_empty()).then(|| text.trim().to_owned());
        let from = match (self.from.trim(), self.until.trim()) {
            (ALL, _) => None,
            ("", "") => Some(LATELY.to_owned()),
            (from, _) => given(from),
        };
        let level = given(&self.level).map(|level| {
            Level::from_name(&level).ok_or_else(|| {
                Problem::invalid(message!(
                    "\"{level}\" is no level; there are trace, debug, info, warn, error and fatal",
                    "«{level}» no es un nivel; hay trace, debug, info, warn, error y fatal"
                ))
            })
        });
        Ok(LogSelection {
            q: given(&self.q),
            from,
            until: given(&self.until),
            environment: given(&self.environment),
            workload: given(&self.workload),
            instance: given(&self.instance),
            release: given(&self.release),
            level: level.transpose()?,
        })
    }

    /// The address of the same lines, but for what `change` does.
    pub fn link(&self, change: impl FnOnce(&mut Self)) -> String {
        let mut other = Self {
            cursor: String::new(),
            live: false,
            ..self.clone()
        };
        change(&mut other);
        format!(
            "?{}",
            serde_urlencoded::to_string(&other).unwrap_or_default()
        )
    }

    /// The span that is looked at, as the links of spans name it.
    pub fn span(&self) -> &str {
        match (self.from.trim(), self.until.trim()) {
            ("", "") => LATELY,
            (from, "") => from,
            _ => "",
        }
    }
}

/// A moment as an address has it.
pub(super) fn written(at: Timestamp) -> String {
    at.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Wanted {
        serde_urlencoded::from_str(text).unwrap()
    }

    #[test]
    fn empty_fields_of_a_form_say_nothing() {
        let form = read("q=&from=&until=&environment=&workload=&instance=&release=&level=");
        assert_eq!(form, Wanted::default());
        let lately = LogSelection {
            from: Some("1d".into()),
            ..LogSelection::default()
        };
        assert_eq!(form.selection().unwrap(), lately);
    }

    #[test]
    fn spans_are_those_of_the_api() {
        for (text, from, until) in [
            ("from=2h", Some("2h"), None),
            ("from=all", None, None),
            ("until=1h", None, Some("1h")),
            ("from=+3h+&until=1h", Some("3h"), Some("1h")),
        ] {
            let selection = read(text).selection().unwrap();
            assert_eq!(selection.from.as_deref(), from, "{text}");
            assert_eq!(selection.until.as_deref(), until, "{text}");
        }
    }

    #[test]
    fn a_level_that_is_none_is_refused() {
        assert_eq!(
            read("level=WARNING").selection().unwrap().level,
            Some(Level::Warn)
        );
        assert!(read("level=loud").selection().is_err());
    }

    #[test]
    fn a_link_keeps_all_but_the_place_in_the_pages() {
        let wanted = read("q=a+%26+b&environment=test&cursor=1_2&live=true");
        let link = wanted.link(|wanted| wanted.level = "error".into());
        assert_eq!(link, "?q=a+%26+b&environment=test&level=error");
    }
}
