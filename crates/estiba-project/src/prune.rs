//! Takes what breaks the schema out of a document, so that the rules that look
//! across it can judge the rest in the same run.

use jsonschema::Validator;
use jsonschema::error::{ValidationError, ValidationErrorKind};
use serde_json::Value;

/// Taking a value out can leave its parent incomplete, up to the root.
const MOST_LEVELS: usize = 8;

/// `value` without what breaks the schema; `None` where nothing useful is left. What
/// is missing or broken of `named` has another name for a while: they matter to
/// nothing that is checked.
#[must_use]
pub fn prune(mut value: Value, validator: &Validator, named: &[&str]) -> Option<Value> {
    for _ in 0..MOST_LEVELS {
        name_it(&mut value, named);
        let mut broken: Vec<Vec<String>> = validator
            .iter_errors(&value)
            .flat_map(|e| breaks(&e))
            .collect();
        if broken.is_empty() {
            return Some(value);
        }
        // Later items of an array first, so that the others keep their index.
        broken.sort_by(|a, b| by_index(b, a));
        broken.dedup();
        for path in &broken {
            remove(&mut value, path)?;
        }
    }
    None
}

fn name_it(value: &mut Value, named: &[&str]) {
    let Value::Object(map) = value else { return };
    for key in named {
        map.entry(*key).or_insert_with(|| "unnamed".into());
    }
}

/// Segments in order, those that are numbers as numbers.
fn by_index(a: &[String], b: &[String]) -> std::cmp::Ordering {
    let key = |path: &[String]| -> Vec<(Option<usize>, String)> {
        path.iter().map(|s| (s.parse().ok(), s.clone())).collect()
    };
    key(a).cmp(&key(b))
}

fn breaks(error: &ValidationError<'_>) -> Vec<Vec<String>> {
    let path: Vec<String> = error
        .instance_path()
        .segments()
        .map(|s| s.to_string())
        .collect();
    let child = |key: &str| {
        let mut child = path.clone();
        child.push(key.to_owned());
        child
    };
    match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            unexpected.iter().map(|key| child(key)).collect()
        }
        ValidationErrorKind::PropertyNames { error } => match error.instance().as_str() {
            Some(key) => vec![child(key)],
            None => vec![path],
        },
        _ => vec![path],
    }
}

/// `None` for the root. What an outer removal took along already is no error.
fn remove(value: &mut Value, path: &[String]) -> Option<()> {
    let (last, parents) = path.split_last()?;
    let mut parent = value;
    for segment in parents {
        let next = match parent {
            Value::Object(map) => map.get_mut(segment),
            Value::Array(items) => segment.parse::<usize>().ok().and_then(|i| items.get_mut(i)),
            _ => None,
        };
        match next {
            Some(next) => parent = next,
            None => return Some(()),
        }
    }
    match parent {
        Value::Object(map) => {
            map.shift_remove(last);
        }
        Value::Array(items) => {
            if let Some(index) = last.parse::<usize>().ok().filter(|i| *i < items.len()) {
                items.remove(index);
            }
        }
        _ => {}
    }
    Some(())
}
