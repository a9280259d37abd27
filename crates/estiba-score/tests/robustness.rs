//! No text makes the reader panic or say nothing.

use std::path::Path;

use estiba_score::yaml::Document;
use proptest::prelude::*;

fn survives(text: &str) {
    let parsed = estiba_score::parse(Path::new("score.yaml"), text);
    assert_eq!(
        parsed.workload.is_none(),
        estiba_model::has_errors(&parsed.diagnostics)
    );
    for finding in parsed.diagnostics {
        let place = finding.place.expect("every finding has a place");
        assert!(place.line > 0 && place.column > 0);
        assert!(place.offset_bytes + place.length_bytes <= text.len());
    }
}

const VALID: &str = include_str!("fixtures/good/everything.yaml");

proptest! {
    #[test]
    fn any_text(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn text_made_of_yaml(text in "([ \\t\\n:,*&!|>'\"{}\\[\\]#%@`?-]|[a-z]{1,3}|\\$\\{|---\n|\r|ñ|<<|\u{feff}){0,60}") {
        survives(&text);
    }

    #[test]
    fn a_valid_file_with_a_piece_cut_out(from in 0..VALID.len(), length in 0usize..40) {
        let to = (from + length).min(VALID.len());
        survives(&format!("{}{}", &VALID[..from], &VALID[to..]));
    }

    #[test]
    fn a_valid_file_with_a_piece_put_in(at in 0..VALID.len(), piece in "[\\n :{}\\[\\]&*!$'\"a-z0-9\t-]{1,6}") {
        survives(&format!("{}{}{}", &VALID[..at], piece, &VALID[at..]));
    }

    #[test]
    fn json_reads_as_itself(value in json(4)) {
        let text = value.to_string();
        let document = Document::parse(Path::new("x.json"), &text);
        match document {
            Ok(document) => prop_assert_eq!(document.value, value),
            Err(found) => prop_assert!(value.is_null(), "{:?}", found),
        }
    }
}

fn json(depth: u32) -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        "[ -~]{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(depth, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Into::into),
            proptest::collection::hash_map("[ -~]{1,8}", inner, 0..5)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

#[test]
fn chains_and_crowds_are_read_in_time() {
    let chain: String = (0..8000)
        .map(|n| {
            format!(
                "  c{n:06}: {{ image: x, before: {{ c{:06}: {{ ready: started }} }} }}\n",
                n + 1
            )
        })
        .collect();
    survives(&format!(
        "apiVersion: score.dev/v1b1\nmetadata: {{ name: api }}\ncontainers:\n{chain}"
    ));
    let ports: String = (1..20000)
        .map(|n| format!("    p{n}: {{ port: {n} }}\n"))
        .collect();
    survives(&format!(
        "apiVersion: score.dev/v1b1\nmetadata: {{ name: api }}\ncontainers: {{}}\nservice:\n  ports:\n{ports}"
    ));
}
