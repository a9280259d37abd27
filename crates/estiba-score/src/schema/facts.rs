//! What an error of the schema validator, and the schema, tell.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind as Kind};
use serde_json::Value;

type Branches = [Vec<ValidationError<'static>>];

/// The keys that the schema has where the error's keyword is.
pub(super) fn known_keys<'s>(schema: &'s Value, error: &ValidationError<'_>) -> Vec<&'s str> {
    let keyword = error.schema_path().as_str();
    let parent = keyword.rsplit_once('/').map_or("", |(parent, _)| parent);
    let properties = schema
        .pointer(parent)
        .and_then(|schema| schema.get("properties"));
    let properties = properties.and_then(Value::as_object).into_iter().flatten();
    let known =
        properties.filter(|(_, schema)| schema.get("deprecated") != Some(&Value::Bool(true)));
    known.map(|(key, _)| key.as_str()).collect()
}

/// The keys of `oneOf: [{ required: [A] }, { required: [B] }]`.
pub(super) fn excluding_keys(schema: &Value, error: &ValidationError<'_>) -> Vec<String> {
    let branches = schema
        .pointer(error.schema_path().as_str())
        .and_then(Value::as_array);
    let keys = branches
        .into_iter()
        .flatten()
        .filter_map(|branch| branch.pointer("/required/0"));
    keys.filter_map(|key| key.as_str().map(str::to_owned))
        .collect()
}

/// The keys of which one is needed, where that is all that the branches ask.
pub(super) fn alternatives(branches: &Branches) -> Option<Vec<String>> {
    let key = |branch: &Vec<ValidationError<'static>>| match branch.as_slice() {
        [only] => match only.kind() {
            Kind::Required { property } => property.as_str().map(str::to_owned),
            _ => None,
        },
        _ => None,
    };
    branches.iter().map(key).collect()
}

/// The branch that was likely meant: of those that take this type of value, the
/// one with the fewest errors.
pub(super) fn closest<'b>(
    branches: &'b Branches,
    pointer: &str,
) -> Option<&'b [ValidationError<'static>]> {
    let takes_type = |branch: &&Vec<ValidationError<'static>>| {
        !branch.iter().any(|error| {
            error.instance_path().as_str() == pointer && matches!(error.kind(), Kind::Type { .. })
        })
    };
    branches
        .iter()
        .filter(takes_type)
        .min_by_key(|branch| branch.len())
        .map(Vec::as_slice)
}

/// The types that the branches take together.
pub(super) fn all_types(branches: &Branches) -> Vec<String> {
    let types = branches
        .iter()
        .flatten()
        .filter_map(|error| match error.kind() {
            Kind::Type { kind } => Some(type_names(kind)),
            _ => None,
        });
    let mut types: Vec<String> = types.flatten().collect();
    types.sort();
    types.dedup();
    types
}

pub(super) fn type_names(kind: &TypeKind) -> Vec<String> {
    match kind {
        TypeKind::Single(single) => vec![single.to_string()],
        TypeKind::Multiple(set) => set.iter().map(|kind| kind.to_string()).collect(),
    }
}

/// The last key of a JSON pointer, as it is in the file.
pub(super) fn last_key(pointer: &str) -> String {
    let key = pointer.rsplit_once('/').map_or("", |(_, key)| key);
    key.replace("~1", "/").replace("~0", "~")
}

/// A value as it fits into a sentence.
pub(super) fn shown(value: &Value) -> String {
    const MOST: usize = 80;
    let text = crate::placeholder::value_to_text(value);
    if text.chars().count() <= MOST {
        return text;
    }
    text.chars().take(MOST).chain(['…']).collect()
}
