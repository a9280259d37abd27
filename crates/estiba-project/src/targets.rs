//! Targets that are declared apart from a project: those of a server.

use std::collections::BTreeMap;
use std::path::Path;

use estiba_model::{Diagnostic, Name, TargetConfig, has_errors, message};
use estiba_score::yaml::{Document, Recovered};
use serde_json::Value;

use crate::file::{TargetFile, checking_schema};

/// Reads and checks the text of a file that is what `targets` is in an
/// `estiba.yaml`.
///
/// # Errors
/// Every mistake in it.
pub fn targets(file: &Path, text: &str) -> Result<BTreeMap<Name, TargetConfig>, Vec<Diagnostic>> {
    let Recovered {
        document,
        mut diagnostics,
    } = Document::recover(file, text);
    let Some(document) = document else {
        return Err(diagnostics);
    };
    let schema = schema();
    match jsonschema::validator_for(&schema) {
        Ok(validator) => diagnostics.extend(estiba_score::schema::validate_with(
            &document, &validator, &schema,
        )),
        Err(error) => diagnostics.push(unreadable(&error.to_string())),
    }
    if has_errors(&diagnostics) {
        return Err(diagnostics);
    }
    let read: BTreeMap<Name, TargetFile> = serde_json::from_value(document.value)
        .map_err(|error| vec![unreadable(&error.to_string())])?;
    let config = |target: TargetFile| TargetConfig {
        kind: target.kind,
        settings: target.settings,
    };
    Ok(read
        .into_iter()
        .map(|(name, target)| (name, config(target)))
        .collect())
}

/// The part of the project file's schema that is about targets.
fn schema() -> Value {
    let mut whole = checking_schema();
    let mut part = whole["properties"]["targets"].take();
    part["$defs"] = whole["$defs"].take();
    part
}

fn unreadable(why: &str) -> Diagnostic {
    Diagnostic::error(
        "unreadable-targets",
        message!(
            "the targets can't be read: {why}",
            "no se pueden leer las plataformas: {why}"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_checked_as_in_a_project() {
        let file = Path::new("targets.yaml");
        let read = targets(file, "laptop: { kind: local }\n").unwrap();
        let laptop: Name = "laptop".parse().unwrap();
        assert_eq!(read[&laptop].kind, "local");
        let found = targets(file, "laptop: { kind: local, prot: 1 }\n").unwrap_err();
        assert!(
            found.iter().any(|finding| finding.place.is_some()),
            "{found:?}"
        );
    }
}
