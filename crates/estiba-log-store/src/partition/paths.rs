//! The paths of attributes that a partition has columns for.

use std::collections::HashSet;

use serde_json::{Map, Value};

use super::schema::Fields;

/// So many paths of attributes are searched in a partition: each has columns of its own,
/// however deep it is. Lines with others are kept, and found by all else.
const MOST_PATHS: usize = 1000;
/// Lines with a longer path, in bytes, are found by all else than their attributes.
const LONGEST_PATH: usize = 1024;
/// Lines with more values than this are found by all else than their attributes.
const MOST_VALUES: usize = 200;

/// Paths, each name of them with a dot before it.
#[derive(Debug, Default)]
pub(super) struct Paths(HashSet<String>);

impl Paths {
    /// Those that an index has columns for.
    pub(super) fn of(index: &tantivy::Index) -> tantivy::Result<Self> {
        let fields = index.fields_metadata()?.into_iter();
        let paths = fields.filter_map(|field| {
            let path = field.field_name.strip_prefix(Fields::ATTRIBUTES)?;
            path.starts_with('.').then(|| path.to_owned())
        });
        Ok(Self(paths.collect()))
    }

    /// Whether there are columns for all of these attributes, or room for more of them. If
    /// one finds no room, none takes any.
    pub(super) fn admit(&mut self, attributes: &Map<String, Value>) -> bool {
        let (mut new, mut values) = (HashSet::new(), 0);
        let all = in_map(attributes, &mut String::new(), &mut |path, value| {
            values += 1;
            let is_known = value.is_null() || self.0.contains(path) || new.contains(path);
            if !is_known {
                new.insert(path.to_owned());
            }
            values <= MOST_VALUES && path.len() <= LONGEST_PATH
        });
        let room = MOST_PATHS.saturating_sub(self.0.len());
        let admitted = all && new.len() <= room;
        if admitted {
            self.0.extend(new);
        }
        admitted
    }
}

/// Calls `each` with every value and its path, as columns are named: a dot in a name is a
/// level too, and lists are none. It ends where the answer is no.
fn in_map(
    map: &Map<String, Value>,
    path: &mut String,
    each: &mut impl FnMut(&str, &Value) -> bool,
) -> bool {
    map.iter().all(|(name, value)| {
        let before = path.len();
        path.push('.');
        path.push_str(name);
        let all = in_value(value, path, each);
        path.truncate(before);
        all
    })
}

fn in_value(value: &Value, path: &mut String, each: &mut impl FnMut(&str, &Value) -> bool) -> bool {
    match value {
        Value::Object(map) => in_map(map, path, each),
        Value::Array(list) => list.iter().all(|value| in_value(value, path, each)),
        value => each(path, value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn admits(paths: &mut Paths, attributes: &Value) -> bool {
        paths.admit(attributes.as_object().unwrap())
    }

    #[test]
    fn whole_paths_are_counted_once() {
        let mut paths = Paths::default();
        for attributes in [
            json!({"http": {"status": 1, "method": "GET"}, "ok": true}),
            json!({"http.status": 2, "http": [{"method": "PUT"}, {"method": null}], "none": {"a": null}}),
            json!({"": {"": 1}}),
        ] {
            assert!(admits(&mut paths, &attributes), "{attributes}");
        }
        let mut counted: Vec<_> = paths.0.iter().map(String::as_str).collect();
        counted.sort_unstable();
        assert_eq!(counted, ["..", ".http.method", ".http.status", ".ok"]);
    }

    #[test]
    fn what_finds_no_room_takes_none() {
        let mut paths = Paths::default();
        for number in 0..MOST_PATHS - 1 {
            assert!(admits(&mut paths, &json!({"m": {format!("p{number}"): 1}})));
        }
        assert!(!admits(&mut paths, &json!({"m": {"a": 1, "b": 2}})));
        assert!(!admits(&mut paths, &json!({"m".repeat(LONGEST_PATH): 1})));
        assert!(!admits(
            &mut paths,
            &json!({"p0": vec![1; MOST_VALUES + 1]})
        ));
        assert!(admits(&mut paths, &json!({"m": {"p0": 1, "a": 1}})));
        assert!(!admits(&mut paths, &json!({"m": {"b": 1}})));
        assert!(admits(&mut paths, &json!({"m": {"a": [1, 2], "p0": "x"}})));
    }
}
