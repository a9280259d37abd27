//! The rule of the reference implementation, by its own cases and by laws.

use estiba_score::placeholder::{
    ExpandError, PlaceholderErrorKind, Reference, Root, Template, errors, escape, expand_value,
    value_to_text,
};
use proptest::prelude::*;
use serde_json::json;

fn shown(reference: &Reference) -> Result<String, std::convert::Infallible> {
    let root = match reference.root {
        Root::Metadata => "m",
        Root::Resources => "r",
    };
    Ok(format!("<{root}:{}>", reference.path.join("|")))
}

fn expand(text: &str) -> Result<String, PlaceholderErrorKind> {
    let template = Template::parse(text).map_err(|error| error.kind)?;
    Ok(template.expand(&shown).unwrap())
}

#[test]
fn dollars_and_references() {
    let cases = [
        ("", ""),
        ("abc", "abc"),
        ("$abc", "$abc"),
        ("abc $$ abc", "abc $ abc"),
        ("$", "$"),
        ("$$", "$"),
        ("$$$", "$$"),
        ("$${abc}", "${abc}"),
        ("$$$${abc}", "$${abc}"),
        ("$${abc .4t3298y *(^&(*}", "${abc .4t3298y *(^&(*}"),
        ("${metadata.name", "${metadata.name"),
        ("$${open", "${open"),
        ("$$${metadata.name}", "$<m:name>"),
        ("my name is ${metadata.name}", "my name is <m:name>"),
        ("${metadata.thing\\.two}", "<m:thing.two>"),
        (
            "${metadata.annotations.key\\.com/foo-bar}",
            "<m:annotations|key.com/foo-bar>",
        ),
        ("${resources.env}", "<r:env>"),
        ("${resources.a\\.b\\.c.d\\}", "<r:a.b.c|d\\>"),
        (
            "${resources.db.user}:${resources.db.name}",
            "<r:db|user>:<r:db|name>",
        ),
        ("${metadata.a\nb}", "<m:a\nb>"),
        ("ñ${metadata.ñ}ñ", "ñ<m:ñ>ñ"),
    ];
    for (text, expanded) in cases {
        assert_eq!(expand(text).as_deref(), Ok(expanded), "{text}");
    }
}

#[test]
fn what_refers_to_nothing_is_refused() {
    use PlaceholderErrorKind::{EmptyKey, NoKey, UnknownRoot};
    let cases = [
        ("${}", UnknownRoot),
        ("${missing}", UnknownRoot),
        ("$$${abc}", UnknownRoot),
        ("$$$$${abc}", UnknownRoot),
        ("${metadata\\.name}", UnknownRoot),
        ("${metadata}", NoKey),
        ("${resources}", NoKey),
        ("${resources.}", EmptyKey),
        ("${resources.a..b}", EmptyKey),
    ];
    for (text, kind) in cases {
        assert_eq!(expand(text), Err(kind), "{text}");
    }
}

#[test]
fn all_mistakes_of_a_text_are_found_where_they_are() {
    let found = errors("ñ ${a} ${metadata.b} $${c} ${metadata}");
    let found: Vec<_> = found
        .iter()
        .map(|e| (e.offset, e.reference.as_str()))
        .collect();
    assert_eq!(found, [(3, "a"), (28, "metadata")]);
}

#[test]
fn values_are_expanded_within() {
    let value =
        json!({ "a": "1", "c": ["1", "${metadata.name}", { "d": "$$" }], "n": 3, "${x}": null });
    let expanded = json!({ "a": "1", "c": ["1", "<m:name>", { "d": "$" }], "n": 3, "${x}": null });
    assert_eq!(expand_value(&value, &shown).unwrap(), expanded);
    let refused = expand_value(&json!(["${x}"]), &shown).unwrap_err();
    assert!(matches!(refused, ExpandError::Placeholder(_)));
    let failed = expand_value(&json!(["${metadata.x}"]), &|_| Err("no such value"));
    assert_eq!(failed.unwrap_err(), ExpandError::Resolve("no such value"));
}

#[test]
fn what_is_no_text_becomes_json() {
    assert_eq!(value_to_text(&json!("a \"b\"")), "a \"b\"");
    assert_eq!(
        value_to_text(&json!({ "key": ["value", 1, null] })),
        r#"{"key":["value",1,null]}"#
    );
    assert_eq!(value_to_text(&json!(5432)), "5432");
}

proptest! {
    #[test]
    fn escaping_undoes_expansion(text in "[${}a.\\\\]{0,20}|\\PC{0,40}") {
        prop_assert_eq!(expand(&escape(&text)), Ok(text));
    }

    #[test]
    fn a_reference_is_shown_as_it_is_written(path in proptest::collection::vec("[a-z.]{1,8}", 1..4)) {
        let reference = Reference { root: Root::Resources, path };
        let template = Template::parse(&format!("${{{reference}}}")).unwrap();
        prop_assert_eq!(template.references().collect::<Vec<_>>(), [&reference]);
    }

    #[test]
    fn any_text_is_a_template_or_has_errors(text in "[${}a-z.\\\\]{0,40}") {
        prop_assert_eq!(Template::parse(&text).is_err(), !errors(&text).is_empty());
        for error in errors(&text) {
            let begins = text[error.offset..].starts_with("${");
            prop_assert!(begins);
        }
    }
}
