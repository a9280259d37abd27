//! What the formats share: variables that every instance gets, and lists of
//! secrets to fill in.

use std::collections::BTreeSet;

use estiba_model::{Lang, Message, Name, Workload, message};

use crate::parts::constant;
use crate::{Export, ExportedFile};

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

/// The part of a README about what the format can't say.
pub(crate) fn notes(notes: &[Message], lang: Lang) -> String {
    if notes.is_empty() {
        return String::new();
    }
    let head = message!(
        "\n## Not as with Estiba\n",
        "\n## Distinto que con Estiba\n"
    );
    let mut text = format!("{}\n", head.text(lang));
    for note in notes {
        text.push_str(&format!("- {}\n", note.text(lang)));
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

/// The script that fills templates in.
const SCRIPT: &str = "fill.sh";

/// A script that writes each template with the values of `.env` in place of
/// `@@NAME@@`.
pub(crate) fn fill_script(templates: &[String]) -> ExportedFile {
    let mut text = String::from(
        r#"#!/bin/sh
# Writes templates/* to filled/*, with the values of .env in place of @@NAME@@.
set -eu
cd "$(dirname "$0")"
umask 022
if [ -f .env ]; then
    while IFS= read -r line || [ -n "$line" ]; do
        case $line in [A-Za-z_]*=*) export "$line" ;; esac
    done < .env
fi
fill() {
    mkdir -p "filled/$(dirname "$1")"
    awk '{
        text = $0
        while (match(text, /@@[A-Za-z0-9_]+@@/)) {
            name = substr(text, RSTART + 2, RLENGTH - 4)
            if (!(name in ENVIRON) || ENVIRON[name] == "") {
                print name " has no value in .env" > "/dev/stderr"
                exit 1
            }
            printf "%s%s", substr(text, 1, RSTART - 1), ENVIRON[name]
            text = substr(text, RSTART + RLENGTH)
        }
        print text
    }' "templates/$1" > "filled/$1"
}
unpack() {
    mkdir -p "filled/$(dirname "$1")"
    base64 -d "templates/$1.base64" > "filled/$1"
}
mkdir -p filled && chmod 700 filled
"#,
    );
    for template in templates {
        match template.strip_suffix(".base64") {
            Some(place) => text.push_str(&format!("unpack '{place}'\n")),
            None => text.push_str(&format!("fill '{template}'\n")),
        }
    }
    ExportedFile {
        executable: true,
        ..ExportedFile::new(SCRIPT, text)
    }
}
