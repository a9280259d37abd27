//! Lines of logs that people are told of.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::Name;

/// A kind of line, and how many of them are too many.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// What the lines are like, in the query language of logs.
    pub when: String,
    /// More than so many lines are told.
    pub over: u32,
    /// Within so long.
    pub within: Duration,
    /// What goes on is told again after so long.
    pub pause: Duration,
    /// Where; in all environments but previews where none is named.
    pub environments: BTreeSet<Name>,
}

impl Alert {
    /// Whether the lines of an environment are meant.
    #[must_use]
    pub fn is_about(&self, environment: &Name) -> bool {
        match self.environments.is_empty() {
            true => !environment.is_of_preview(),
            false => self
                .environments
                .iter()
                .any(|name| name.stands_for(environment)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn previews_are_meant_where_they_are_named() {
        let name = |text: &str| text.parse::<Name>().unwrap();
        let about = |environments: &[&str], environment: &str| {
            let alert = Alert {
                when: String::new(),
                over: 0,
                within: Duration::ZERO,
                pause: Duration::ZERO,
                environments: environments.iter().map(|one| name(one)).collect(),
            };
            alert.is_about(&name(environment))
        };
        for (environments, environment, expected) in [
            (&[][..], "prod", true),
            (&[], "preview-7", false),
            (&["prod"], "test", false),
            (&["prod", "previews"], "preview-7", true),
        ] {
            let is = about(environments, environment);
            assert_eq!(is, expected, "{environments:?} {environment}");
        }
    }
}
