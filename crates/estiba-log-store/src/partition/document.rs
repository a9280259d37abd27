//! From a line to what the index holds of it.

use estiba_logs::Level;
use serde_json::{Map, Value};
use tantivy::schema::document::{ReferenceValue, ReferenceValueLeaf, Value as IndexValue};
use tantivy::{DateTime, TantivyDocument};

use super::paths::Paths;
use super::schema::Fields;
use crate::Environment;
use crate::line::Line;

/// The document of a line. `paths` are those of the attributes seen so far.
pub(super) fn document(
    fields: &Fields,
    environment: &Environment,
    sequence: u64,
    bytes: &[u8],
    line: &Line,
    paths: &mut Paths,
) -> TantivyDocument {
    let mut document = TantivyDocument::with_capacity(bytes.len() * 2 + 128);
    document.add_date(fields.at, DateTime::from_timestamp_micros(line.at_us()));
    document.add_u64(fields.sequence, sequence);
    let of = [
        &environment.team,
        &environment.project,
        &environment.environment,
    ];
    for (field, name) in fields.environment.iter().zip(of) {
        if !name.is_empty() {
            document.add_text(*field, name);
        }
    }
    for (field, place) in fields.places.iter().zip(line.places()) {
        if let Some(place) = place {
            document.add_text(*field, place);
        }
    }
    if let Some(level) = line.level() {
        document.add_text(fields.level, Level::as_str(level));
    }
    document.add_text(fields.message, line.text());
    if let Some(attributes) = line.attributes()
        && paths.admit(attributes)
    {
        document.add_field_value(fields.attributes, Attributes::Object(attributes));
    }
    document.add_bytes(fields.line, bytes);
    document
}

/// Values as they are: tantivy's own reading of JSON would make moments of texts,
/// which would no longer be found as texts.
#[derive(Debug, Clone, Copy)]
enum Attributes<'a> {
    Object(&'a Map<String, Value>),
    Value(&'a Value),
}

impl<'a> IndexValue<'a> for Attributes<'a> {
    type ArrayIter = Box<dyn Iterator<Item = Self> + 'a>;
    type ObjectIter = Box<dyn Iterator<Item = (&'a str, Self)> + 'a>;

    fn as_value(&self) -> ReferenceValue<'a, Self> {
        let value = match self {
            Self::Object(map) => return object(map),
            Self::Value(value) => value,
        };
        let leaf = match value {
            Value::Object(map) => return object(map),
            Value::Array(list) => {
                let values: Self::ArrayIter = Box::new(list.iter().map(Self::Value));
                return ReferenceValue::Array(values);
            }
            Value::Null => ReferenceValueLeaf::Null,
            Value::Bool(value) => ReferenceValueLeaf::Bool(*value),
            Value::String(text) => ReferenceValueLeaf::Str(text),
            Value::Number(number) => match (number.as_i64(), number.as_u64(), number.as_f64()) {
                (Some(number), _, _) => ReferenceValueLeaf::I64(number),
                (_, Some(number), _) => ReferenceValueLeaf::U64(number),
                (_, _, Some(number)) => ReferenceValueLeaf::F64(number),
                _ => ReferenceValueLeaf::Null,
            },
        };
        ReferenceValue::Leaf(leaf)
    }
}

fn object<'a>(map: &'a Map<String, Value>) -> ReferenceValue<'a, Attributes<'a>> {
    let values: Box<dyn Iterator<Item = _>> = Box::new(
        map.iter()
            .map(|(name, value)| (name.as_str(), Attributes::Value(value))),
    );
    ReferenceValue::Object(values)
}
