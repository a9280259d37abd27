//! Placeholders: where they are expanded, what they refer to, and where they
//! are not expanded although someone may think so.

use estiba_model::{Message, message};
use serde_json::Value;

use super::node::{Findings, Node};
use crate::placeholder::{self, PlaceholderErrorKind, Reference, Root, Template};
use crate::suggest;

pub(super) fn check(root: &Node<'_>, found: &mut Findings<'_>) {
    for (_, container) in root.entries("containers") {
        for (_, variable) in container.entries("variables") {
            expanded(root, &variable, found);
        }
        for file in container.get("files").iter().flat_map(entries) {
            if !file.flag("noExpand")
                && let Some(content) = file.get("content")
            {
                expanded(root, &content, found);
            }
        }
        for volume in container.get("volumes").iter().flat_map(entries) {
            if let Some(source) = volume.get("source") {
                expanded(root, &source, found);
            }
        }
        not_expanded_in(&container, found);
    }
    for (_, resource) in root.entries("resources") {
        if let Some(params) = resource.get("params") {
            each_text(&params, &mut |text| expanded(root, text, found));
        }
    }
}

/// The entries of a map, or of the list that it once was.
fn entries<'d>(node: &Node<'d>) -> Vec<Node<'d>> {
    node.fields()
        .map(|(_, node)| node)
        .chain(node.items())
        .collect()
}

/// Every text in a value.
pub(super) fn each_text<'d>(node: &Node<'d>, visit: &mut dyn FnMut(&Node<'d>)) {
    match node.value {
        Value::String(_) => visit(node),
        Value::Array(_) => node.items().for_each(|item| each_text(&item, visit)),
        Value::Object(_) => node.fields().for_each(|(_, item)| each_text(&item, visit)),
        _ => {}
    }
}

fn expanded(root: &Node<'_>, node: &Node<'_>, found: &mut Findings<'_>) {
    let Some(text) = node.value.as_str().filter(|text| text.contains('$')) else {
        return;
    };
    if found.full() {
        return;
    }
    match Template::parse(text) {
        Ok(template) => {
            for reference in template.references() {
                resolves(root, node, reference, found);
            }
        }
        Err(_) => malformed(node, text, found),
    }
    unclosed(node, text, found);
}

fn malformed(node: &Node<'_>, text: &str, found: &mut Findings<'_>) {
    for error in placeholder::errors(text) {
        let reference = &error.reference;
        let hint = match error.kind {
            PlaceholderErrorKind::UnknownRoot => message!(
                "write $${{{reference}}} to keep ${{{reference}}} as it is; a value of the environment is a key of a resource of type environment: ${{resources.NAME.KEY}}",
                "escriba $${{{reference}}} para dejar ${{{reference}}} como está; un valor del ambiente es una clave de un recurso de tipo environment: ${{resources.NOMBRE.CLAVE}}"
            ),
            PlaceholderErrorKind::NoKey | PlaceholderErrorKind::EmptyKey => message!(
                "write ${{metadata.KEY}} or ${{resources.NAME.KEY}}; `\\.` is a dot within a name",
                "escriba ${{metadata.CLAVE}} o ${{resources.NOMBRE.CLAVE}}; `\\.` es un punto dentro de un nombre"
            ),
        };
        let place = found
            .document
            .place_within(&node.pointer, &format!("${{{reference}}}"));
        found.error("bad-placeholder", place, error.message(), hint);
    }
}

fn unclosed(node: &Node<'_>, text: &str, found: &mut Findings<'_>) {
    let Some(start) = text.rfind("${") else {
        return;
    };
    let escaped = text[..start]
        .bytes()
        .rev()
        .take_while(|byte| *byte == b'$')
        .count()
        % 2
        == 1;
    if escaped || text[start..].contains('}') {
        return;
    }
    found.warning(
        "unclosed-placeholder",
        found.document.place_within(&node.pointer, &text[start..]),
        message!(
            "nothing closes this placeholder, so it stays as it is",
            "nada cierra este marcador, así que queda como está"
        ),
        message!(
            "add the `}}`, or write `$$` for a dollar",
            "agregue la `}}`, o escriba `$$` para un signo de dólar"
        ),
    );
}

fn resolves(root: &Node<'_>, node: &Node<'_>, reference: &Reference, found: &mut Findings<'_>) {
    let at = root.get(reference.root.as_str());
    let path = match reference.root {
        Root::Metadata => reference.path.as_slice(),
        // Which outputs there are is known where the resource is provided.
        Root::Resources => &reference.path[..1],
    };
    let mut at = at.map(|node| node.value);
    for key in path {
        let inner = at.and_then(|value| value.get(key.as_str()));
        if inner.is_none() {
            let known = at.and_then(Value::as_object).into_iter().flatten();
            let known: Vec<&str> = known.map(|(key, _)| key.as_str()).collect();
            let hint = match reference.root {
                Root::Resources if known.is_empty() => message!(
                    "add `resources: {{ {key}: {{ type: TYPE }} }}`",
                    "agregue `resources: {{ {key}: {{ type: TIPO }} }}`"
                ),
                _ => suggest::instead(key, known),
            };
            unknown(node, reference, key, hint, found);
            return;
        }
        at = inner;
    }
}

fn unknown(
    node: &Node<'_>,
    reference: &Reference,
    key: &str,
    hint: Message,
    found: &mut Findings<'_>,
) {
    let place = found
        .document
        .place_within(&node.pointer, &format!("${{{reference}}}"));
    let message = match reference.root {
        Root::Metadata => message!(
            "${{{reference}}}: metadata has no \"{key}\"",
            "${{{reference}}}: metadata no tiene «{key}»"
        ),
        Root::Resources => message!(
            "${{{reference}}}: there is no resource \"{key}\" in this file",
            "${{{reference}}}: no hay un recurso «{key}» en este archivo"
        ),
    };
    found.error("unknown-reference", place, message, hint);
}

/// The command line and the probes are taken as they are; the shell's own
/// `${VAR}` is common there, Score's is a mistake.
fn not_expanded_in(container: &Node<'_>, found: &mut Findings<'_>) {
    let probes = ["livenessProbe", "readinessProbe"];
    for node in ["command", "args"]
        .iter()
        .chain(&probes)
        .filter_map(|key| container.get(key))
    {
        each_text(&node, &mut |text| not_expanded(text, found));
    }
}

fn not_expanded(node: &Node<'_>, found: &mut Findings<'_>) {
    let text = node.value.as_str().unwrap_or_default();
    let Some(start) = text
        .find("${metadata.")
        .or_else(|| text.find("${resources."))
    else {
        return;
    };
    let end = text[start..]
        .find('}')
        .map_or(text.len(), |length| start + length + 1);
    let written = &text[start..end];
    found.warning(
        "not-expanded",
        found.document.place_within(&node.pointer, written),
        message!(
            "{written} stays as it is: placeholders are not expanded here",
            "{written} queda como está: aquí no se expanden marcadores"
        ),
        message!(
            "put it into a variable, and use the variable",
            "póngalo en una variable, y use la variable"
        ),
    );
}
