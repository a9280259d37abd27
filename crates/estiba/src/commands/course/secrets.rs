//! Secrets of environments from files: a `NAME=VALUE` a line.

use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use estiba_model::{Message, Name, SecretString, is_variable_name, message};
use jiff::Timestamp;

use crate::failure::Failure;

/// The longest text that is told where a name should be.
const LONGEST_TOLD: usize = 64;

/// The secrets of an environment, and since when the file has them.
pub struct SecretFile {
    pub values: BTreeMap<String, SecretString>,
    pub written_at: Timestamp,
}

/// What is in the files of environments, those that there are; or all that is wrong
/// in any of them.
pub fn read_all(files: &BTreeMap<Name, PathBuf>) -> Result<BTreeMap<Name, SecretFile>, Failure> {
    let mut all = BTreeMap::new();
    let mut problems = Vec::new();
    for (environment, path) in files {
        match checked(path) {
            Ok(Some(file)) => drop(all.insert(environment.clone(), file)),
            Ok(None) => {}
            Err(wrong) => problems.extend(wrong),
        }
    }
    match problems.is_empty() {
        true => Ok(all),
        false => Err(failed(problems)),
    }
}

/// What is in a file of secrets; none where there is no such file.
pub fn read(path: &Path) -> Result<Option<SecretFile>, Failure> {
    checked(path).map_err(failed)
}

fn failed(messages: Vec<Message>) -> Failure {
    let log = Vec::new();
    Failure::Failed { messages, log }
}

fn checked(path: &Path) -> Result<Option<SecretFile>, Vec<Message>> {
    let unreadable = |error: std::io::Error| vec![Failure::file(path, &error).message()];
    let found = match std::fs::metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let shown = path.display();
    if found.mode() & 0o077 != 0 {
        return Err(vec![message!(
            "{shown} has secrets and others may read it: chmod 600 {shown}",
            "{shown} tiene secretos y otras personas pueden leerlo: chmod 600 {shown}"
        )]);
    }
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    Ok(Some(SecretFile {
        values: values(path, &text)?,
        written_at: written_at(&found),
    }))
}

fn written_at(found: &Metadata) -> Timestamp {
    let at = found.modified().ok();
    let at = at.and_then(|at| Timestamp::try_from(at).ok());
    at.unwrap_or_default()
}

/// The secrets by their names, or every line that has none.
fn values(path: &Path, text: &str) -> Result<BTreeMap<String, SecretString>, Vec<Message>> {
    let shown = path.display();
    let mut values = BTreeMap::new();
    let mut problems = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        // The line itself is not told: it may be a value.
        let Some((name, value)) = line.split_once('=') else {
            problems.push(message!(
                "{shown}, line {number}: write NAME=VALUE",
                "{shown}, línea {number}: escriba NOMBRE=VALOR"
            ));
            continue;
        };
        let name = name.trim();
        if is_variable_name(name) {
            values.insert(name.to_owned(), SecretString::new(value));
        } else {
            let Message { en, es } = no_name(name);
            problems.push(message!(
                "{shown}, line {number}: {en}",
                "{shown}, línea {number}: {es}"
            ));
        }
    }
    match problems.is_empty() {
        true => Ok(values),
        false => Err(problems),
    }
}

/// A name that is none. What does not look like one at all is not told: a part of a
/// value can have an equals sign too.
fn no_name(name: &str) -> Message {
    let is_told = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | ' ');
    match name.len() <= LONGEST_TOLD && name.chars().all(is_told) {
        true => message!(
            "\"{name}\" is no name of a secret: use letters, digits and '_', and no digit first",
            "«{name}» no es el nombre de un secreto: use letras, dígitos y '_', sin un dígito al comienzo"
        ),
        false => message!(
            "what is before \"=\" is no name of a secret: use letters, digits and '_', and no digit first",
            "lo que está antes de «=» no es el nombre de un secreto: use letras, dígitos y '_', sin un dígito al comienzo"
        ),
    }
}

impl SecretFile {
    /// The names that an environment lacks, or has older than the file.
    pub fn newer_than(&self, kept: &BTreeMap<String, Timestamp>) -> Vec<String> {
        let is_kept = |name: &String| kept.get(name).is_some_and(|at| *at >= self.written_at);
        let names = self.values.keys().filter(|name| !is_kept(name));
        names.cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn file(folder: &Path, name: &str, text: &str) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    }

    #[test]
    fn every_line_without_a_name_is_told_at_once_and_no_value_is() {
        let folder = tempfile::tempdir().unwrap();
        let test = "=novalue\nTOKEN=a\nexport X=hidden\nhidden\n# nothing\n1ST=hidden\n";
        let files = BTreeMap::from([
            ("test".parse().unwrap(), file(folder.path(), "t.env", test)),
            (
                "prod".parse().unwrap(),
                file(folder.path(), "p.env", "hidden/+hidden==\n"),
            ),
            ("dev".parse().unwrap(), folder.path().join("no.env")),
        ]);
        let Err(Failure::Failed { messages, .. }) = read_all(&files) else {
            panic!("it has names that are none");
        };
        let told: Vec<&str> = messages
            .iter()
            .map(|one| one.en.rsplit_once('/').unwrap().1)
            .map(|one| one.split_once(": use").map_or(one, |(told, _)| told))
            .collect();
        let expected = [
            "p.env, line 1: what is before \"=\" is no name of a secret",
            "t.env, line 1: \"\" is no name of a secret",
            "t.env, line 3: \"export X\" is no name of a secret",
            "t.env, line 4: write NAME=VALUE",
            "t.env, line 6: \"1ST\" is no name of a secret",
        ];
        assert_eq!(told, expected);
        assert!(!format!("{messages:?}").contains("hidden"));
    }

    #[test]
    fn a_value_is_all_that_comes_after_the_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = file(folder.path(), "t.env", "TOKEN_2 = a=b\n_X=\n");
        let read = read(&path).unwrap().unwrap();
        let values = read.values.iter();
        let values: Vec<_> = values.map(|(n, v)| (n.as_str(), v.expose())).collect();
        assert_eq!(values, [("TOKEN_2", " a=b"), ("_X", "")]);
    }
}
