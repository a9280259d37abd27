//! How an index is made, so that lines are found there as they are here. Pure.
//!
//! It holds on Elasticsearch from 7.10, and on OpenSearch from 1.0. Words are those of
//! [`estiba_logs::words`]. An attribute is a keyword, whatever its first value was, so that
//! a number in one line and a text in the next are both taken; numbers are in a field
//! `.number` beside it, too.

use serde_json::{Value, json};

/// The field below an attribute that has its numbers.
pub(crate) const NUMBER: &str = "number";
/// Longer values are kept and not searched, in characters.
pub(crate) const LONGEST_VALUE: usize = 1024;
/// More fields are not mapped; each attribute has two.
const MOST_FIELDS: usize = 3000;
/// Above those that Elasticsearch brings along for `logs-*-*`, which are 100 and 200.
const PRIORITY: u32 = 300;

/// The name of the template of an index.
pub(crate) fn name(index: &str) -> String {
    format!("estiba-{index}")
}

/// The template.
pub(crate) fn template(index: &str) -> Value {
    let value = json!({
        "type": "keyword",
        "ignore_above": LONGEST_VALUE,
        "fields": {NUMBER: {"type": "double", "ignore_malformed": true, "coerce": false}},
    });
    let keyword = || json!({"type": "keyword", "ignore_above": LONGEST_VALUE});
    let of = |kind: &str, mapping: Value| json!({format!("{kind}s"): {"match_mapping_type": kind, "mapping": mapping}});
    let mut properties = json!({
        "@timestamp": {"type": "date"},
        "message": {"type": "text", "analyzer": "estiba_words"},
        "level": {"type": "keyword"},
        crate::document::SEQUENCE: {"type": "long"},
    });
    for name in estiba_logs::Origin::FIELDS {
        properties[name] = keyword();
    }
    json!({
        "index_patterns": [index],
        "priority": PRIORITY,
        "_meta": {"made_by": "estiba", "version": 1},
        "template": {
            "settings": {"index": {
                "mapping": {"total_fields": {"limit": MOST_FIELDS}},
                "analysis": {
                    "tokenizer": {"estiba_words": {
                        "type": "pattern",
                        "pattern": r"[^\p{IsAlphabetic}\p{IsDigit}\p{No}]+",
                    }},
                    "filter": {"estiba_short": {
                        "type": "truncate",
                        "length": estiba_logs::LONGEST_WORD_BYTES,
                    }},
                    "analyzer": {"estiba_words": {
                        "type": "custom",
                        "tokenizer": "estiba_words",
                        "filter": ["lowercase", "estiba_short"],
                    }},
                },
            }},
            "mappings": {
                "date_detection": false,
                "dynamic_templates": [
                    of("boolean", keyword()),
                    of("string", value.clone()),
                    of("long", value.clone()),
                    of("double", value),
                ],
                "properties": properties,
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_stays() {
        insta::assert_json_snapshot!(template("estiba-logs"));
    }
}
