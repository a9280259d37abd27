//! The environment that a line belongs to, and its folder.

use std::fmt;
use std::path::{Path, PathBuf};

use estiba_logs::Origin;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};

/// One environment of a team's project: what retention and [`Scope`](crate::Scope)
/// are about. A name that a line doesn't say is empty.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Environment {
    /// The team.
    pub team: String,
    /// The project.
    pub project: String,
    /// The environment's own name.
    pub environment: String,
}

impl Environment {
    /// The longest name, in bytes; what is longer is cut.
    pub const LONGEST_NAME_BYTES: usize = 63;

    /// One of these names.
    pub fn new(
        team: impl Into<String>,
        project: impl Into<String>,
        environment: impl Into<String>,
    ) -> Self {
        Self {
            team: team.into(),
            project: project.into(),
            environment: environment.into(),
        }
    }

    /// The environment that a line says it is from.
    #[must_use]
    pub fn of(origin: &Origin) -> Self {
        let name = |value: &Option<String>| cut(value.as_deref().unwrap_or_default()).to_owned();
        Self::new(
            name(&origin.team),
            name(&origin.project),
            name(&origin.environment),
        )
    }

    /// An origin of which nothing else is known.
    pub(crate) fn origin(&self) -> Origin {
        let name = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        Origin {
            team: name(&self.team),
            project: name(&self.project),
            environment: name(&self.environment),
            ..Origin::default()
        }
    }

    /// Whether [`Self::of`] answers this one. It copies nothing.
    pub(crate) fn is_of(&self, origin: &Origin) -> bool {
        let same =
            |mine: &str, name: &Option<String>| mine == cut(name.as_deref().unwrap_or_default());
        same(&self.team, &origin.team)
            && same(&self.project, &origin.project)
            && same(&self.environment, &origin.environment)
    }

    /// The folder below `root`: a part for each name.
    pub(crate) fn folder(&self, root: &Path) -> PathBuf {
        [&self.team, &self.project, &self.environment]
            .into_iter()
            .fold(root.to_owned(), |path, name| path.join(as_folder(name)))
    }

    /// The environment of a folder that [`Self::folder`] made.
    pub(crate) fn from_folders(team: &str, project: &str, environment: &str) -> Option<Self> {
        Some(Self::new(
            from_folder(team)?,
            from_folder(project)?,
            from_folder(environment)?,
        ))
    }
}

impl fmt::Display for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.team, self.project, self.environment)
    }
}

/// What would leave the folder, or mean another one.
const ENCODED: AsciiSet = CONTROLS.add(b'/').add(b'%').add(b'.').add(b'\\').add(b'=');

/// Folders have names: an empty one is written as `=`, which no other is.
const EMPTY: &str = "=";

fn as_folder(name: &str) -> String {
    if name.is_empty() {
        return EMPTY.to_owned();
    }
    utf8_percent_encode(name, &ENCODED).to_string()
}

fn from_folder(folder: &str) -> Option<String> {
    if folder == EMPTY {
        return Some(String::new());
    }
    let name = percent_decode_str(folder).decode_utf8().ok()?.into_owned();
    (as_folder(&name) == folder).then_some(name)
}

fn cut(name: &str) -> &str {
    let mut end = name.len().min(Environment::LONGEST_NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_folder_says_its_environment_and_stays_below(team in ".{0,80}", project in "[./%=\\\\a]{0,6}") {
            let origin = Origin {
                team: Some(team),
                project: Some(project),
                ..Origin::default()
            };
            let environment = Environment::of(&origin);
            let folder = environment.folder(Path::new(""));
            let parts: Vec<_> = folder.iter().map(|part| part.to_str().unwrap()).collect();
            prop_assert_eq!(parts.len(), 3);
            prop_assert!(parts.iter().all(|part| part.len() <= 255 && *part != ".." && *part != "."));
            prop_assert_eq!(Environment::from_folders(parts[0], parts[1], parts[2]), Some(environment));
        }
    }
}
