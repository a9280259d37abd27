//! Secrets of environments from files: a `NAME=VALUE` a line.

use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use estiba_model::{SecretString, message};
use jiff::Timestamp;

use crate::failure::Failure;

/// The secrets of an environment, and since when the file has them.
pub struct SecretFile {
    pub values: BTreeMap<String, SecretString>,
    pub written_at: Timestamp,
}

/// What is in a file of secrets; none where there is no such file.
pub fn read(path: &Path) -> Result<Option<SecretFile>, Failure> {
    let failed = |error: std::io::Error| Failure::file(path, &error);
    let found = match std::fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(error)),
    };
    let shown = path.display();
    if found.mode() & 0o077 != 0 {
        return Err(Failure::because(message!(
            "{shown} has secrets and others may read it: chmod 600 {shown}",
            "{shown} tiene secretos y otras personas pueden leerlo: chmod 600 {shown}"
        )));
    }
    let text = std::fs::read_to_string(path).map_err(failed)?;
    let mut values = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // The line itself is not told: it may be a value.
        let Some((name, value)) = line.split_once('=') else {
            return Err(Failure::because(message!(
                "{shown}, line {number}: write NAME=VALUE",
                "{shown}, línea {number}: escriba NOMBRE=VALOR"
            )));
        };
        values.insert(name.trim().to_owned(), SecretString::new(value));
    }
    let written_at = found
        .modified()
        .ok()
        .and_then(|at| Timestamp::try_from(at).ok());
    Ok(Some(SecretFile {
        values,
        written_at: written_at.unwrap_or_default(),
    }))
}

impl SecretFile {
    /// The names that an environment lacks, or has older than the file.
    pub fn newer_than(&self, kept: &BTreeMap<String, Timestamp>) -> Vec<String> {
        let is_kept = |name: &String| kept.get(name).is_some_and(|at| *at >= self.written_at);
        let names = self.values.keys().filter(|name| !is_kept(name));
        names.cloned().collect()
    }
}
