//! Files put into containers. Those with secrets are templates, filled in on
//! the machine that runs them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use estiba_model::{Container, FileData, Message, Name, message};

use super::Parts;
use super::service::Writer;
use crate::ExportedFile;
use crate::parts::{Part, secrets_in, slug};

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
