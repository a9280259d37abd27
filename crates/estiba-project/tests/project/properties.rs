//! No text makes the reader panic, and what it tells is within the text.

use std::path::Path;

use crate::support::ESTIBA;
use estiba_model::has_errors;
use estiba_project::parse;
use proptest::prelude::*;

/// Where there are no Score files: the text alone is looked at.
const NOWHERE: &str = "/nonexistent/estiba.yaml";

fn survives(text: &str) {
    let loaded = parse(Path::new(NOWHERE), text);
    assert_eq!(loaded.project.is_none(), has_errors(&loaded.diagnostics));
    for place in loaded.diagnostics.iter().filter_map(|d| d.place.as_ref()) {
        assert!(place.line <= text.lines().count() + 1, "{place:?}");
    }
}

/// The good project with a stretch replaced by other words of its own language.
fn broken() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        Just("laptop"),
        Just("test"),
        Just("after: prod"),
        Just("{"),
        Just("}"),
        Just("[1, null]"),
        Just("\n"),
        Just("  "),
        Just(": "),
        Just("~"),
        Just("&a"),
        Just("*a"),
        Just("!!binary x"),
        Just("ñ"),
    ];
    (
        0..ESTIBA.len(),
        0..40usize,
        prop::collection::vec(word, 0..4),
    )
        .prop_map(|(at, length, words)| {
            let end = (at + length).min(ESTIBA.len());
            format!("{}{}{}", &ESTIBA[..at], words.concat(), &ESTIBA[end..])
        })
}

proptest! {
    #[test]
    fn any_text_is_survived(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn any_change_of_a_project_is_survived(text in broken()) {
        survives(&text);
    }
}
