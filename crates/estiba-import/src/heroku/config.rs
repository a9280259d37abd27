//! Config vars as `{environment}.config.json`.

use std::path::Path;

use estiba_model::{Place, message};
use estiba_score::yaml::Document;

use crate::node::Node;
use crate::report::{Report, start_of};
use crate::source::Source;
use crate::text::{Setting, Text};

pub(super) fn is_config(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy());
    name.is_some_and(|name| name.ends_with(".config.json"))
}

/// Adds the values of an environment.
pub(super) fn read(
    source: &Source,
    environment: &str,
    settings: &mut Vec<(String, Setting)>,
    report: &mut Report,
) {
    let Some(document) = json(source, report) else {
        return;
    };
    let environment = (!environment.is_empty()).then_some(environment);
    for (name, node) in Node::root(&document).fields() {
        let Some(text) = node.scalar() else {
            // PATCH /config-vars takes null to remove one.
            if !node.value.is_null() {
                not_a_text(name, &node, report);
            }
            continue;
        };
        set(settings, name, environment, &text, node.key_place());
    }
}

/// Sets what an environment, or every one, has under a name.
pub(super) fn set(
    settings: &mut Vec<(String, Setting)>,
    name: &str,
    environment: Option<&str>,
    text: &str,
    place: Place,
) {
    let text = Text::plain(text);
    if let Some((_, setting)) = settings.iter_mut().find(|(known, _)| known == name) {
        setting.set(environment, text);
        return;
    }
    let mut setting = Setting::new(place);
    setting.set(environment, text);
    settings.push((name.to_owned(), setting));
}

fn not_a_text(name: &str, node: &Node<'_>, report: &mut Report) {
    report.error(
        "bad-value",
        node.place(),
        message!(
            "{name} is neither a text nor a number",
            "{name} no es ni un texto ni un número"
        ),
        message!(
            "put it in quotes, as JSON within a text if need be",
            "póngalo entre comillas, como JSON dentro de un texto si hace falta"
        ),
    );
}

/// The document of a JSON file, with the places of its values; what is no JSON
/// is told.
pub(super) fn json(source: &Source, report: &mut Report) -> Option<Document> {
    let text = source.text.trim_start_matches('\u{feff}');
    if let Err(error) = serde_json::from_str::<serde_json::Value>(text) {
        let (line, column) = (error.line().max(1), error.column().max(1));
        let before = text.split_inclusive('\n').take(line - 1);
        let place = Place {
            line,
            column,
            offset_bytes: before.map(str::len).sum(),
            ..start_of(&source.path)
        };
        // Serde's words have no values in them, but positions twice.
        let reason = error.to_string();
        let reason = reason.split(" at line").next().unwrap_or_default();
        report.error(
            "not-json",
            place,
            message!(
                "this file is not JSON: {reason}",
                "este archivo no es JSON: {reason}"
            ),
            message!(
                "look for a missing comma or quote, a comma before a brace, or a comment: JSON has none",
                "busque una coma o comilla que falte, una coma antes de una llave, o un comentario: JSON no los tiene"
            ),
        );
        return None;
    }
    // JSON is YAML, and the reader of YAML knows where values are.
    let (documents, findings) = Document::all(&source.path, text);
    report.extend(findings);
    let document = documents.into_iter().next();
    document.filter(|document| document.value.is_object())
}
