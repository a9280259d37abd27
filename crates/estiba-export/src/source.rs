//! What the formats share: variables that every instance gets, and lists of
//! secrets to fill in.

use std::collections::BTreeSet;

use estiba_model::{Lang, Message, Name, Workload};

use crate::Export;
use crate::parts::constant;

/// The variables that Estiba gives to every instance, so that a program does
/// not notice the difference.
pub(crate) fn given(export: &Export, name: &Name, workload: &Workload) -> Vec<(String, String)> {
    let mut given = vec![
        (
            "ESTIBA_ENVIRONMENT".to_owned(),
            export.environment.environment.to_string(),
        ),
        ("ESTIBA_WORKLOAD".to_owned(), name.to_string()),
        ("ESTIBA_INSTANCE".to_owned(), name.to_string()),
        ("ESTIBA_VERSION".to_owned(), export.version.to_string()),
    ];
    let first = workload
        .ports
        .get("http")
        .or_else(|| workload.ports.values().next());
    if let Some(port) = first {
        given.push(("PORT".to_owned(), port.target_port.to_string()));
    }
    for (name, port) in &workload.ports {
        let variable = format!("PORT_{}", constant(name));
        given.push((variable, port.target_port.to_string()));
    }
    given
}

/// A list of secrets to fill in: names without values.
pub(crate) fn to_fill_in(secrets: &BTreeSet<String>, head: &Message, lang: Lang) -> String {
    let mut text = comment(head, lang);
    for name in secrets {
        text.push_str(&format!("{name}=\n"));
    }
    text
}

/// A comment of as many lines as the text has.
pub(crate) fn comment(text: &Message, lang: Lang) -> String {
    let lines = text.text(lang).lines();
    lines.map(|line| format!("# {line}\n")).collect()
}

/// `text` with `by` spaces before each line that has anything.
pub(crate) fn indented(text: &str, by: usize) -> String {
    let space = " ".repeat(by);
    let lines = text.split_inclusive('\n').map(|line| match line.trim() {
        "" => line.to_owned(),
        _ => format!("{space}{line}"),
    });
    lines.collect()
}
