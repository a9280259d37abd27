//! One line and all that is known of it.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::Level;

/// One line of a log.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// When it was written, with microseconds.
    pub at: Timestamp,
    /// How grave it is, where that is known.
    pub level: Option<Level>,
    /// The text that people read.
    pub text: String,
    /// Where it comes from.
    pub origin: Origin,
    /// All else, as it came.
    pub attributes: Map<String, Value>,
}

impl Record {
    /// A line with nothing but a moment and a text.
    pub fn new(at: Timestamp, text: impl Into<String>) -> Self {
        Self {
            at,
            level: None,
            text: text.into(),
            origin: Origin::default(),
            attributes: Map::new(),
        }
    }
}

/// Where a line comes from. What is not known is `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Origin {
    /// The team.
    pub team: Option<String>,
    /// The team's project.
    pub project: Option<String>,
    /// The environment, such as `prod`.
    pub environment: Option<String>,
    /// The workload.
    pub workload: Option<String>,
    /// One running copy of the workload.
    pub instance: Option<String>,
    /// The release's version.
    pub release: Option<String>,
    /// The container within the instance.
    pub container: Option<String>,
    /// `stdout`, `stderr`, or a file's path.
    pub stream: Option<String>,
}

impl Origin {
    /// The names of the fields in documents and queries, in the order of [`Self::values`].
    pub const FIELDS: [&'static str; 8] = [
        "team",
        "project",
        "environment",
        "workload",
        "instance",
        "release",
        "container",
        "stream",
    ];

    /// The values in the order of [`Self::FIELDS`].
    #[must_use]
    pub fn values(&self) -> [Option<&str>; 8] {
        [
            self.team.as_deref(),
            self.project.as_deref(),
            self.environment.as_deref(),
            self.workload.as_deref(),
            self.instance.as_deref(),
            self.release.as_deref(),
            self.container.as_deref(),
            self.stream.as_deref(),
        ]
    }

    /// The places of the values, in the order of [`Self::FIELDS`].
    pub fn values_mut(&mut self) -> [&mut Option<String>; 8] {
        [
            &mut self.team,
            &mut self.project,
            &mut self.environment,
            &mut self.workload,
            &mut self.instance,
            &mut self.release,
            &mut self.container,
            &mut self.stream,
        ]
    }

    /// The value of the field of this name.
    #[must_use]
    pub fn get(&self, field: &str) -> Option<&str> {
        let at = Self::FIELDS.iter().position(|name| *name == field)?;
        self.values()[at]
    }

    /// Takes from `defaults` what is not known.
    pub fn fill(&mut self, defaults: &Self) {
        for (mine, default) in self.values_mut().into_iter().zip(defaults.values()) {
            if let (None, Some(value)) = (&mine, default) {
                *mine = Some(value.to_owned());
            }
        }
    }

    /// Takes all that `forced` has, also over what is known.
    pub fn force(&mut self, forced: &Self) {
        for (mine, forced) in self.values_mut().into_iter().zip(forced.values()) {
            if let Some(value) = forced
                && mine.as_deref() != Some(value)
            {
                *mine = Some(value.to_owned());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forced_wins_and_defaults_fill() {
        let mut origin = Origin {
            team: Some("mordor".into()),
            workload: Some("bot".into()),
            ..Origin::default()
        };
        origin.force(&Origin {
            team: Some("moria".into()),
            ..Origin::default()
        });
        origin.fill(&Origin {
            workload: Some("api".into()),
            environment: Some("prod".into()),
            ..Origin::default()
        });
        assert_eq!(origin.get("team"), Some("moria"));
        assert_eq!(origin.get("workload"), Some("bot"));
        assert_eq!(origin.get("environment"), Some("prod"));
        assert_eq!(origin.get("color"), None);
    }
}
