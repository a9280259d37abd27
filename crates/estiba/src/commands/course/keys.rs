//! The file with what only a team may have: its keys and codes.
//!
//! A key is shown once, by whoever makes it. So that none is lost to a `kill -9`,
//! the file says that one is being made before it is; whoever comes next ends that
//! one and makes another.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions, rename};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::failure::Failure;

/// What stands for something whose making has begun.
const BEGUN: &str = "# being made: ";

/// A team's file.
pub struct Keys {
    path: PathBuf,
    lines: Vec<String>,
}

impl Keys {
    /// What is in the file; nothing where there is none.
    pub fn read(path: &Path) -> Result<Self, Failure> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(Failure::file(path, &error)),
        };
        Ok(Self {
            path: path.to_owned(),
            lines: text.lines().map(str::to_owned).collect(),
        })
    }

    /// The tokens whose making was begun and is not known to have ended: their
    /// names and logins.
    pub fn lost(&self) -> BTreeSet<(String, Option<String>)> {
        let begun = self
            .lines
            .iter()
            .filter_map(|line| line.strip_prefix(BEGUN));
        let token = |what: &str| {
            let mut words = what.splitn(3, ' ');
            let is_token = words.next()? == "token";
            let name = words.next()?.to_owned();
            is_token.then(|| (name, words.next().map(str::to_owned)))
        };
        begun.filter_map(token).collect()
    }

    /// Says that something is being made.
    pub fn begin(&mut self, what: &str) -> Result<(), Failure> {
        let line = format!("{BEGUN}{what}");
        if !self.lines.contains(&line) {
            self.lines.push(line);
        }
        self.write()
    }

    /// Writes down what was made.
    pub fn end(&mut self, what: &str, made: &[String]) -> Result<(), Failure> {
        let line = format!("{BEGUN}{what}");
        self.lines.retain(|one| *one != line);
        self.lines.extend_from_slice(made);
        self.write()
    }

    /// The whole file or none of it, for its owner alone.
    fn write(&self) -> Result<(), Failure> {
        let failed = |error: io::Error| Failure::file(&self.path, &error);
        if let Some(folder) = self.path.parent().filter(|folder| !folder.is_dir()) {
            let mut private = DirBuilder::new();
            private.recursive(true).mode(0o700);
            private.create(folder).map_err(failed)?;
            // A repository around it must not take it in.
            std::fs::write(folder.join(".gitignore"), "*\n").map_err(failed)?;
        }
        let new = self.path.with_extension("new");
        let mut private = OpenOptions::new();
        private.write(true).create(true).truncate(true).mode(0o600);
        let mut file: File = private.open(&new).map_err(failed)?;
        for line in &self.lines {
            writeln!(file, "{line}").map_err(failed)?;
        }
        file.sync_all().map_err(failed)?;
        rename(&new, &self.path).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn what_was_begun_and_not_ended_is_lost() {
        let folder = std::env::temp_dir().join(format!("estiba-keys-{}", std::process::id()));
        let path = folder.join("moria.txt");
        let mut keys = Keys::read(&path).unwrap();
        keys.begin("token ci").unwrap();
        keys.begin("token laptop gimli@example.edu").unwrap();
        keys.end("token ci", &["ESTIBA_TOKEN=x".to_owned()])
            .unwrap();
        let lost = Keys::read(&path).unwrap().lost();
        let expected = ("laptop".to_owned(), Some("gimli@example.edu".to_owned()));
        assert_eq!(lost, BTreeSet::from([expected]));
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
