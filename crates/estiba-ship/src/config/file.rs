//! The file as it is written, and the environment over it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use estiba_model::{Diagnostic, message};
use estiba_score::yaml::{Document, join};
use serde::Deserialize;

use super::Config;
use super::environment::Variables;
use super::reader::Reader;
use super::values::{Size, Texts, Time};
use crate::error::ShipError;
use crate::framing::Format;
use crate::multiline::Language;
use crate::parse::Parse;

/// `estiba ship`'s file. Every key has a default; unknown ones are mistakes.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Written {
    pub(super) files: Vec<WrittenFiles>,
    pub(super) stdin: bool,
    pub(super) listen: Option<WrittenListen>,
    pub(super) parse: Parse,
    pub(super) multiline: Option<WrittenMultiline>,
    pub(super) drop: Texts,
    pub(super) sample: Vec<WrittenSample>,
    pub(super) redact: Texts,
    pub(super) fields: BTreeMap<String, String>,
    pub(super) path_field: Option<String>,
    pub(super) sink: WrittenSink,
    pub(super) state: Option<PathBuf>,
    pub(super) buffer: Option<Size>,
    pub(super) metrics: Option<String>,
    pub(super) drain: Option<Time>,
    pub(super) quiet: Option<Time>,
    pub(super) longest_line: Option<Size>,
    pub(super) most_lines: Option<usize>,
    pub(super) unended_line_after: Option<Time>,
    pub(super) open_files: Option<usize>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WrittenFiles {
    pub(super) paths: Texts,
    pub(super) except: Texts,
    pub(super) format: Option<Format>,
    pub(super) parse: Option<Parse>,
    pub(super) multiline: Option<WrittenMultiline>,
    pub(super) drop: Option<Texts>,
    pub(super) sample: Option<Vec<WrittenSample>>,
    pub(super) redact: Option<Texts>,
    pub(super) fields: BTreeMap<String, String>,
}

#[derive(Debug)]
pub(super) struct WrittenListen {
    pub(super) address: String,
    pub(super) token_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub(super) enum WrittenMultiline {
    /// `python`, `auto`, `none`.
    Named(String),
    /// Several languages.
    Languages(Vec<Language>),
    Start {
        start: String,
        within: Option<Time>,
    },
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WrittenSample {
    pub(super) pattern: String,
    pub(super) one_in: u64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct WrittenSink {
    pub(super) to: Option<String>,
    pub(super) index: Option<String>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) token_file: Option<PathBuf>,
    pub(super) user: Option<String>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) gzip: bool,
    pub(super) timeout: Option<Time>,
    pub(super) give_up: Option<Time>,
    pub(super) batch: Option<Size>,
    pub(super) batch_documents: Option<usize>,
    pub(super) linger: Option<Time>,
}

impl Config {
    /// Reads the text of a configuration file, if there is one, with the variables
    /// that `variable` gives over it; [`crate::VARIABLES`] has their names. `file`
    /// is its name in findings. Files with secrets are read here.
    ///
    /// # Errors
    /// Everything that is wrong with either.
    pub fn read(
        file: &Path,
        text: Option<&str>,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, ShipError> {
        let mut findings = Vec::new();
        let (document, written) = match text.map(|text| Document::parse(file, text)) {
            None => (None, Written::default()),
            Some(Err(mistakes)) => return Err(ShipError::Config(mistakes)),
            Some(Ok(document)) if document.value.is_null() => (Some(document), Written::default()),
            Some(Ok(document)) => match serde_path_to_error::deserialize(&document.value) {
                Ok(written) => (Some(document), written),
                Err(error) => return Err(ShipError::Config(vec![mistake(&document, &error)])),
            },
        };
        let mut variables = Variables::new(&variable);
        let mut written = written;
        variables.put_over(&mut written);
        let mut reader = Reader {
            document,
            findings: &mut findings,
        };
        let config = reader.config(written, &mut variables);
        findings.extend(variables.findings);
        match config {
            Some(config) if findings.is_empty() => Ok(config),
            _ => Err(ShipError::Config(findings)),
        }
    }
}

fn mistake(
    document: &Document,
    error: &serde_path_to_error::Error<serde_json::Error>,
) -> Diagnostic {
    let pointer = error.path().iter().fold(String::new(), |pointer, segment| {
        use serde_path_to_error::Segment;
        match segment {
            Segment::Seq { index } => join(&pointer, &index.to_string()),
            Segment::Map { key } => join(&pointer, key),
            Segment::Enum { .. } | Segment::Unknown => pointer,
        }
    });
    let detail = error.inner().to_string();
    Diagnostic::error(
        "ship-config",
        message!(
            "not a configuration of ship: {detail}",
            "no es una configuración de ship: {detail}"
        ),
    )
    .at(document.place(&pointer))
}
