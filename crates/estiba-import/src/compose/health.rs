//! `healthcheck`.

use estiba_model::message;
use serde_json::Value;

use super::Compose;
use crate::node::Node;
use crate::probe;

/// The readiness probe that a health check is.
pub(super) fn read(compose: &mut Compose<'_>, field: &Node<'_>) -> Option<Value> {
    if field.get("disable").is_some_and(|node| *node.value == true) {
        return None;
    }
    let test = field.get("test")?;
    let timed = field.fields();
    if let Some((key, node)) = timed.iter().find(|(key, _)| *key != "test") {
        compose.report.warn_once(
            "probe-times",
            node.key_place(),
            message!(
                "Score has no times for probes, so `{key}` and the like were not carried over",
                "Score no tiene tiempos para las sondas, así que `{key}` y similares no se trasladaron"
            ),
            message!(
                "Estiba asks every second, and waits for a slow start",
                "Estiba pregunta cada segundo, y espera a quien tarda en arrancar"
            ),
        );
    }
    if let Some(line) = test.scalar() {
        let line = compose.plain(&line, &test);
        return Some(probe::of_shell(&line));
    }
    let words: Vec<String> = test.list().iter().filter_map(Node::scalar).collect();
    let words: Vec<String> = words
        .iter()
        .map(|word| compose.plain(word, &test))
        .collect();
    let (kind, rest) = words.split_first()?;
    match kind.as_str() {
        "CMD" if !rest.is_empty() => Some(probe::of_command(rest)),
        "CMD-SHELL" => Some(probe::of_shell(&rest.join(" "))),
        _ => None,
    }
}
