//! JSON values to YAML text that every reader takes alike.

use std::borrow::Cow;

use saphyr::{Mapping, Scalar, Yaml, YamlEmitter};
use saphyr_parser::ScalarStyle;
use serde_json::Value;

/// `value` in block style, with its keys in their order and a line end at the
/// end. Texts are plain where YAML 1.1 and 1.2 read them as the same text.
#[must_use]
pub fn emit(value: &Value) -> String {
    let mut text = String::new();
    let mut emitter = YamlEmitter::new(&mut text);
    emitter.multiline(true);
    // Writing to a String does not fail.
    let _ = emitter.dump(&node(value));
    let text = text.strip_prefix("---\n").unwrap_or(&text);
    let text = text.strip_suffix('\n').unwrap_or(text);
    format!("{text}\n")
}

/// `text` as a scalar on one line.
#[must_use]
pub fn scalar(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(Value::from(text).to_string())
    }
}

fn node(value: &Value) -> Yaml<'_> {
    match value {
        Value::Array(items) => Yaml::Sequence(items.iter().map(node).collect()),
        Value::Object(map) => {
            let mut mapping = Mapping::new();
            for (key, value) in map {
                mapping.insert(on_one_line(key), node(value));
            }
            Yaml::Mapping(mapping)
        }
        Value::String(text) if is_block(text) => Yaml::Value(Scalar::String(Cow::Borrowed(text))),
        Value::String(text) => on_one_line(text),
        other => Yaml::Representation(Cow::Owned(other.to_string()), ScalarStyle::Plain, None),
    }
}

fn on_one_line(text: &str) -> Yaml<'_> {
    Yaml::Representation(scalar(text), ScalarStyle::Plain, None)
}

/// Whether `text` reads well over several lines.
fn is_block(text: &str) -> bool {
    let line = |line: &str| !line.ends_with([' ', '\t', '\r']);
    text.trim_end_matches('\n').contains('\n')
        && !text.starts_with([' ', '\t', '\n'])
        && !text.ends_with("\n\n")
        && text.lines().all(line)
        && !text.contains(|c: char| c.is_control() && c != '\n' && c != '\t')
}

/// Whether `text` needs no quotes: it begins with a letter or a way to a file,
/// has nothing that means something to YAML, and is no word for a truth value.
/// Amounts such as `256Mi` need none either.
fn is_plain(text: &str) -> bool {
    const UNITS: [&str; 9] = ["m", "Ki", "Mi", "Gi", "Ti", "K", "M", "G", "T"];
    let unit = text.trim_start_matches(|c: char| c.is_ascii_digit());
    if text == "." || (unit.len() < text.len() && UNITS.contains(&unit)) {
        return true;
    }
    let text = text
        .strip_prefix('.')
        .filter(|rest| rest.starts_with('/'))
        .unwrap_or(text);
    const WORDS: [&str; 9] = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let first = |c: char| c.is_ascii_alphabetic() || c == '/' || c == '_' || c == '$';
    let rest = |c: char| c.is_ascii_alphanumeric() || "._/-+@=%$".contains(c);
    // A colon means something before a space or at the end, braces within
    // brackets and braces; neither is written here.
    let placeholder = |c: char| rest(c) || ":{}?&,()".contains(c);
    let spaced = |c: char| placeholder(c) || c == ' ';
    text.starts_with(first)
        && text.chars().all(spaced)
        && !text.ends_with([':', ' '])
        && !text.contains(": ")
        && !WORDS.contains(&text.to_ascii_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::yaml::Document;

    #[test]
    fn texts_keep_their_type_for_readers_of_yaml_1_1_too() {
        let value = json!({
            "port": "22:22", "truth": "yes", "mode": "0644", "on": 1,
            "url": "http://${resources.api.hostname}:8080/",
            "file": "one\ntwo\n",
        });
        insta::assert_snapshot!(emit(&value), @r###"
        port: "22:22"
        truth: "yes"
        mode: "0644"
        "on": 1
        url: http://${resources.api.hostname}:8080/
        file: |
          one
          two
        "###);
    }

    fn any_value() -> impl Strategy<Value = Value> {
        let text = prop_oneof!["\\PC{0,12}", "[ -~\n\t]{0,20}", "[a-z:{}$# ]{0,8}"];
        let leaf = prop_oneof![
            text.clone().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            any::<bool>().prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map(text.clone(), inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back_the_same(value in any_value()) {
            let value = json!({ "value": value });
            let text = emit(&value);
            let read = Document::parse(Path::new("x.yaml"), &text);
            match read {
                Ok(document) => prop_assert_eq!(document.value, value, "{}", text),
                Err(findings) => prop_assert!(false, "{findings:?}\n{text}"),
            }
        }
    }
}
