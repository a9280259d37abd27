//! Files put into containers. Those with secrets are templates, filled in on
//! the machine that runs them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use estiba_model::{Container, FileData, Message, Name, message};

use super::Parts;
use super::service::Writer;
use crate::ExportedFile;
use crate::parts::{Part, secrets_in, slug};

/// The script that fills templates in.
const SCRIPT: &str = "fill.sh";

/// The mounts of a container's files.
pub(super) fn mounts(
    writer: &Writer<'_>,
    name: &Name,
    container: &Container,
    parts: &mut Parts,
) -> Result<Vec<String>, Message> {
    let mut mounts = Vec::new();
    for (target, file) in &container.files {
        let place = format!("{}/{name}/{}", writer.name, slug(target.trim_matches('/')));
        let found = match &file.data {
            FileData::Content(text) if file.no_expand => vec![Part::Text(text.clone())],
            FileData::Content(text) => writer.parts(text)?,
            FileData::Binary(bytes) => {
                // A text file carries no bytes: the script unpacks them.
                let path = format!("templates/{place}.base64");
                parts
                    .files
                    .push(ExportedFile::new(&path, STANDARD.encode(bytes)));
                parts.templates.push(format!("{place}.base64"));
                mounts.push(format!("./filled/{place}:{target}:ro"));
                continue;
            }
            FileData::Source(source) => {
                return Err(message!(
                    "{target} still refers to {source}",
                    "{target} todavía se refiere a {source}",
                    source = source.display()
                ));
            }
        };
        let secrets = secrets_in(&found);
        let text: String = found
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Config(name) => writer.export.config.get(name).cloned().unwrap_or_default(),
                Part::Secret(name) => format!("@@{name}@@"),
            })
            .collect();
        if secrets.is_empty() {
            let path = format!("files/{place}");
            mounts.push(format!("./{path}:{target}:ro"));
            parts.files.push(ExportedFile {
                executable: file.mode.is_some_and(|mode| mode & 0o100 != 0),
                ..ExportedFile::new(path, text)
            });
        } else {
            parts.secrets.extend(secrets);
            parts
                .files
                .push(ExportedFile::new(format!("templates/{place}"), text));
            parts.templates.push(place.clone());
            mounts.push(format!("./filled/{place}:{target}:ro"));
        }
    }
    Ok(mounts)
}

/// A script that writes each template with the values of `.env` in place of
/// `@@NAME@@`.
pub(super) fn fill_script(templates: &[String]) -> ExportedFile {
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
