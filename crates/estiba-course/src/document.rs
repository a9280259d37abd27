//! A YAML file of ours: read, checked against a schema, and as much of it kept as
//! can be judged further.

use std::io::ErrorKind;
use std::path::Path;

use estiba_model::{Diagnostic, Message, Place, message};
use estiba_score::yaml::{Document, Recovered};
use serde::de::DeserializeOwned;
use serde_json::Value;

/// More than any such file has; a longer one is something else.
const MOST_BYTES: u64 = 4 << 20;

/// A file and what was found in it.
pub(crate) struct Read<T> {
    pub document: Option<Document>,
    /// The same without what the schema does not allow.
    pub sound: Option<Document>,
    /// What could be understood.
    pub content: Option<T>,
    pub found: Vec<Diagnostic>,
}

/// Reads `text` as what `schema` describes. `named` are keys that matter to nothing
/// that is checked later, so that they need not be there for it.
pub(crate) fn read<T: DeserializeOwned>(
    file: &Path,
    text: &str,
    schema: &Value,
    named: &[&str],
) -> Read<T> {
    let Recovered {
        document,
        diagnostics: mut found,
    } = Document::recover(file, text);
    let Some(document) = document else {
        return Read {
            document: None,
            sound: None,
            content: None,
            found,
        };
    };
    let sound = match jsonschema::validator_for(schema) {
        Ok(validator) => {
            found.extend(estiba_score::schema::validate_with(
                &document, &validator, schema,
            ));
            estiba_project::prune(document.value.clone(), &validator, named)
        }
        Err(error) => {
            let error = Message::verbatim(error.to_string());
            found.push(Diagnostic::error("schema", error));
            None
        }
    };
    let sound = sound.map(|value| {
        let mut sound = document.clone();
        sound.value = value;
        sound
    });
    let content = sound.as_ref().map(|sound| sound.value.clone());
    Read {
        content: content.and_then(|value| serde_json::from_value(value).ok()),
        document: Some(document),
        sound,
        found,
    }
}

/// The text of a file.
pub(crate) fn text_of(file: &Path) -> Result<String, Box<Diagnostic>> {
    let shown = file.display();
    let text = std::fs::metadata(file).and_then(|found| {
        if found.len() > MOST_BYTES {
            return Err(std::io::Error::new(
                ErrorKind::FileTooLarge,
                "more than 4 MiB",
            ));
        }
        std::fs::read_to_string(file)
    });
    text.map_err(|error| {
        let told = match error.kind() {
            ErrorKind::NotFound => message!("there is no {shown}", "no existe {shown}"),
            _ => message!(
                "{shown} can't be read: {error}",
                "no se puede leer {shown}: {error}"
            ),
        };
        Box::new(Diagnostic::error("unreadable-file", told).hint(message!(
            "correct the path; `estiba help course` shows how such a file is used",
            "corrija la ruta; `estiba help course` muestra cómo se usa un archivo así"
        )))
    })
}

/// Where the value at a pointer of a file is; where `document` says it, if it does.
pub(crate) fn place(document: &Document, file: &Path, pointer: &str) -> Option<Place> {
    let here = nearest(document, pointer);
    if file == document.file() || here == pointer {
        return Some(document.place(here));
    }
    let text = std::fs::read_to_string(file).ok()?;
    let other = Document::parse(file, &text).ok()?;
    let there = nearest(&other, pointer);
    // What is said in both is the course's to say.
    Some(match there.len() > here.len() {
        true => other.place(there),
        false => document.place(here),
    })
}

/// The part of a pointer that leads to something.
fn nearest<'p>(document: &Document, pointer: &'p str) -> &'p str {
    let mut pointer = pointer;
    while document.value.pointer(pointer).is_none() {
        pointer = pointer.rsplit_once('/').map_or("", |(parent, _)| parent);
    }
    pointer
}
