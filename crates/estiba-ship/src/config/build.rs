//! From a configuration to what works by it.

use std::collections::BTreeMap;
use std::time::Duration;

use regex::bytes::Regex;

use super::{Config, Joined, Reading, TRACE_PATIENCE};
use crate::document::Encoder;
use crate::fields::Fields;
use crate::files::Group;
use crate::framing::{Assembler, Format};
use crate::inbox::Intake;
use crate::multiline::Multiline;
use crate::rules::Rules;

impl Reading {
    fn multiline(&self) -> Option<Multiline> {
        match self.multiline.as_ref()? {
            Joined::Traces(languages) => Some(Multiline::traces(languages)),
            // Patterns were tried when they were read.
            Joined::Start { pattern, .. } => Multiline::start(pattern).ok(),
        }
    }

    fn encoder(&self) -> Encoder {
        let mut rules = Rules::default();
        let regex = |pattern: &String| Regex::new(pattern).ok();
        self.drop
            .iter()
            .filter_map(regex)
            .for_each(|pattern| rules.drop(pattern));
        for (pattern, one_in) in &self.sample {
            if let Some(pattern) = regex(pattern) {
                rules.sample(pattern, *one_in);
            }
        }
        self.redact
            .iter()
            .filter_map(regex)
            .for_each(|pattern| rules.redact(pattern));
        Encoder::new(self.parse, rules)
    }

    /// Lines of one event follow one another within this time.
    fn event_patience(&self) -> Duration {
        match &self.multiline {
            Some(Joined::Start { within, .. }) => *within,
            _ => TRACE_PATIENCE,
        }
    }
}

impl Config {
    /// The longest that lines of one event may be apart.
    pub(crate) fn event_patience(&self) -> Duration {
        let of_files = self
            .files
            .iter()
            .map(|files| files.reading.event_patience());
        of_files
            .max()
            .unwrap_or_default()
            .max(self.reading.event_patience())
    }

    fn fields(&self, first: &BTreeMap<String, String>) -> Fields {
        let mut fields = Fields::default();
        for (name, value) in first.iter().chain(&self.fields) {
            fields.add(name, value);
        }
        fields
    }
}

/// The groups of files.
pub(crate) fn groups(config: &Config) -> Vec<Group> {
    config
        .files
        .iter()
        .map(|files| Group {
            globs: files.paths.clone(),
            except: files
                .except
                .iter()
                .filter_map(|glob| glob::Pattern::new(glob).ok())
                .collect(),
            format: files.format,
            raw: Assembler::new(Format::Raw, files.reading.multiline(), config.limits),
            container: Assembler::new(
                if files.format == Format::Auto {
                    Format::Container
                } else {
                    files.format
                },
                files.reading.multiline(),
                config.limits,
            ),
            encoder: files.reading.encoder(),
            fields: config.fields(&files.fields),
            path_field: config.path_field.clone(),
        })
        .collect()
}

/// What makes documents of lines that are not of files.
pub(crate) fn intake(config: &Config) -> Intake {
    Intake::new(
        Assembler::new(Format::Raw, config.reading.multiline(), config.limits),
        config.reading.encoder(),
        config.fields(&BTreeMap::new()),
    )
}
