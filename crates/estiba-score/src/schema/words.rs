//! Types of JSON in the words of those who write YAML.

use estiba_model::{Message, message};
use serde_json::Value;

/// "a text or a number".
pub(super) fn types(names: &[String]) -> Message {
    let words: Vec<Message> = names
        .iter()
        .filter(|name| *name != "null")
        .map(|n| of(n))
        .collect();
    let join =
        |pick: fn(&Message) -> &str, or: &str| words.iter().map(pick).collect::<Vec<_>>().join(or);
    Message {
        en: join(|m| &m.en, " or "),
        es: join(|m| &m.es, " o "),
    }
}

pub(super) fn type_of(value: &Value) -> Message {
    of(match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    })
}

fn of(name: &str) -> Message {
    match name {
        "null" => message!("nothing", "nada"),
        "boolean" => message!("true or false", "true o false"),
        "integer" => message!("a whole number", "un número entero"),
        "number" => message!("a number", "un número"),
        "string" => message!("a text", "un texto"),
        "array" => message!("a list", "una lista"),
        "object" => message!("a map of keys", "un mapa de claves"),
        other => Message::verbatim(other),
    }
}
