//! Maps: keys that are texts, each once.

use std::collections::HashMap;

use estiba_model::message;
use saphyr_parser::{Event, ScalarStyle};
use serde_json::{Map, Value};

use super::{Builder, Built, Dialect, Fatal, Inner, Parsed, Span, Spans, span_of};

/// The key that takes in the keys of another map, or of each of a list
/// (<https://yaml.org/type/merge.html>).
const MERGE: &str = "<<";

/// Adds what `values` lacks. What is no map, or a list of maps, adds nothing.
fn merge(values: &mut Map<String, Value>, fields: &mut HashMap<String, Spans>, other: Built) {
    match (other.value, other.spans.inner) {
        (Value::Object(theirs), Inner::Fields(mut places)) => {
            for (key, value) in theirs {
                if values.contains_key(&key) {
                    continue;
                }
                if let Some(place) = places.remove(&key) {
                    fields.insert(key.clone(), place);
                }
                values.insert(key, value);
            }
        }
        (Value::Array(items), Inner::Items(places)) => {
            for (value, spans) in items.into_iter().zip(places) {
                merge(
                    values,
                    fields,
                    Built {
                        value,
                        spans,
                        nodes: 0,
                    },
                );
            }
        }
        _ => {}
    }
}

impl<'t> Builder<'t> {
    pub(super) fn mapping(&mut self, mut span: Span) -> Result<Built, Fatal> {
        let (mut values, mut fields, mut nodes) = (Map::new(), HashMap::new(), 1);
        let mut merged = Vec::new();
        loop {
            let next = self.next()?;
            if next.0 == Event::MappingEnd {
                self.close(&mut span, next.1);
                for other in merged {
                    merge(&mut values, &mut fields, other);
                }
                let spans = Spans {
                    key: None,
                    value: span,
                    inner: Inner::Fields(fields),
                };
                return Ok(Built {
                    value: Value::Object(values),
                    spans,
                    nodes,
                });
            }
            let key = self.key(next)?;
            let next = self.next()?;
            let item = self.node(next)?;
            nodes += 1 + item.nodes;
            let Some((name, key)) = key else { continue };
            if name == MERGE {
                merged.push(item);
                continue;
            }
            if let Some(first) = fields.get(&name) {
                self.duplicate(&name, key, first);
                continue;
            }
            fields.insert(
                name.clone(),
                Spans {
                    key: Some(key),
                    ..item.spans
                },
            );
            values.insert(name, item.value);
        }
    }

    /// The text of a key; `None` after a finding.
    fn key(&mut self, (event, span): Parsed<'t>) -> Result<Option<(String, Span)>, Fatal> {
        let at = span_of(span);
        let plain = matches!(event, Event::Scalar(_, ScalarStyle::Plain, ..));
        let written = match &event {
            Event::Scalar(text, ..) => text.clone().into_owned(),
            _ => String::new(),
        };
        let key = self.node((event, span))?;
        let name = match key.value {
            Value::String(name) if plain && name == MERGE && self.dialect == Dialect::Common => {
                name
            }
            Value::String(name) if plain && name == MERGE => {
                self.error(
                    "merge-key",
                    at,
                    message!(
                        "`<<` merges nothing: it is not part of YAML 1.2",
                        "`<<` no combina nada: no es parte de YAML 1.2"
                    ),
                    message!(
                        "write the keys out, or use an alias for a whole value",
                        "escriba las claves, o use un alias para un valor entero"
                    ),
                );
                return Ok(None);
            }
            Value::String(name) => name,
            Value::Number(_) | Value::Bool(_) if !written.is_empty() => written,
            _ => {
                self.error(
                    "bad-key",
                    at,
                    message!("this key is not a text", "esta clave no es un texto"),
                    message!(
                        "write a word and a colon; a text in braces or brackets at the beginning of a value needs quotes",
                        "escriba una palabra y dos puntos; un texto con llaves o corchetes al comienzo de un valor necesita comillas"
                    ),
                );
                return Ok(None);
            }
        };
        Ok(Some((name, at)))
    }

    fn duplicate(&mut self, name: &str, key: Span, first: &Spans) {
        let line = first.key.map_or(1, |key| key.line);
        self.error(
            "duplicate-key",
            key,
            message!(
                "\"{name}\" is here a second time; the first is in line {line}",
                "«{name}» está por segunda vez; la primera está en la línea {line}"
            ),
            message!("remove one of the two", "quite una de las dos"),
        );
    }
}
