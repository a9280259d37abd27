//! What could not be carried over, and what is wrong with the source.

use std::collections::BTreeSet;
use std::path::Path;

use estiba_model::{Diagnostic, Message, Place, message};

/// The findings of an import.
#[derive(Debug, Default)]
pub(crate) struct Report {
    findings: Vec<Diagnostic>,
    /// Told once, however often it is met.
    told: BTreeSet<&'static str>,
}

impl Report {
    /// Something that was not carried over, or that was taken for granted.
    pub fn warn(&mut self, code: &str, place: Place, message: Message, hint: Message) {
        self.findings
            .push(Diagnostic::warning(code, message).hint(hint).at(place));
    }

    /// The same, for what need not be told again.
    pub fn warn_once(&mut self, code: &'static str, place: Place, message: Message, hint: Message) {
        if self.told.insert(code) {
            self.warn(code, place, message, hint);
        }
    }

    /// Something that makes a part of the source unusable.
    pub fn error(&mut self, code: &str, place: Place, message: Message, hint: Message) {
        self.findings
            .push(Diagnostic::error(code, message).hint(hint).at(place));
    }

    /// A key that has no counterpart.
    pub fn dropped(&mut self, place: Place, key: &str, why: &Message, hint: Message) {
        let message = Message {
            en: format!("`{key}` was not carried over: {}", why.en),
            es: format!("`{key}` no se trasladó: {}", why.es),
        };
        self.warn("not-carried-over", place, message, hint);
    }

    /// What a reader of YAML found.
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Diagnostic>) {
        self.findings.extend(findings);
    }

    pub fn nothing_runs(&mut self, file: &Path) {
        let shown = file.display();
        self.error(
            "nothing-to-import",
            start_of(file),
            message!(
                "nothing that runs was found in {shown}",
                "en {shown} no se encontró nada que se ejecute"
            ),
            message!(
                "name a Compose file, a folder of Kubernetes manifests, or a folder with a Procfile",
                "indique un archivo Compose, una carpeta de manifiestos de Kubernetes, o una carpeta con un Procfile"
            ),
        );
    }

    pub fn into_findings(mut self) -> Vec<Diagnostic> {
        self.findings.sort_by(|a, b| a.place.cmp(&b.place));
        self.findings.dedup();
        self.findings
    }
}

/// The first character of a file.
pub(crate) fn start_of(file: &Path) -> Place {
    Place {
        file: file.to_owned(),
        line: 1,
        column: 1,
        offset_bytes: 0,
        length_bytes: 0,
    }
}

/// The candidate that `word` is most likely a slip of: one holds the other, or
/// they differ in their ends.
pub(crate) fn alike<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    let wanted = plain(word);
    let common = |other: &str| {
        let same = wanted.bytes().zip(other.bytes());
        same.take_while(|(a, b)| a == b).count()
    };
    candidates
        .into_iter()
        .map(|candidate| (common(&plain(candidate)), candidate))
        .filter(|(length, _)| *length >= 3)
        .max_by_key(|(length, _)| *length)
        .map(|(_, candidate)| candidate)
}
