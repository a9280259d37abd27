//! Any text as a template: what escapes it undoes expansion, and a text that is
//! no template has mistakes that can be shown.

#![no_main]

use std::convert::Infallible;

use estiba_score::placeholder::{Template, errors, escape};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let escaped = Template::parse(&escape(text)).expect("an escaped text has no placeholders");
    assert_eq!(escaped.references().count(), 0);
    let expanded = escaped.expand(&|_| Ok::<_, Infallible>(String::new()));
    assert_eq!(expanded.as_deref(), Ok(text));

    let mistakes = errors(text);
    assert_eq!(Template::parse(text).is_err(), !mistakes.is_empty());
    for mistake in mistakes {
        assert!(text[mistake.offset..].starts_with("${"));
    }
});
