//! The files that a file includes.

use std::path::{Path, PathBuf};

use estiba_model::Place;
use estiba_score::yaml::{Document, join};
use regex::Regex;
use serde_json::Value;

use super::Repository;
use super::model::{Inputs, text_of};

/// A file that is to be read.
pub(super) struct Asked {
    /// Its path from the root.
    pub path: PathBuf,
    /// The values of its inputs.
    pub inputs: Inputs,
    /// Where it is asked for.
    pub at: Option<Place>,
}

/// What a file includes.
pub(super) struct Included {
    /// The files of the repository.
    pub files: Vec<Asked>,
    /// Whether there are others, which are not read.
    pub has_others: bool,
}

/// What a document includes.
pub(super) fn included(document: &Document, repository: &dyn Repository) -> Included {
    let mut found = Included {
        files: Vec::new(),
        has_others: false,
    };
    let (list, pointer) = match document.value.get("include") {
        None | Some(Value::Null) => return found,
        Some(Value::Array(items)) => (items.iter().collect(), Some("/include")),
        Some(one) => (vec![one], None),
    };
    for (index, item) in list.into_iter().enumerate() {
        let pointer = pointer.map_or("/include".to_owned(), |p| join(p, &index.to_string()));
        let local = match item {
            Value::String(text) if !text.contains("://") => Some(text.as_str()),
            Value::String(_) => None,
            other => other.get("local").and_then(Value::as_str),
        };
        let Some(local) = local.filter(|path| !path.contains('$')) else {
            found.has_others = true;
            continue;
        };
        let inputs = item.get("inputs").and_then(Value::as_object);
        let inputs = inputs.into_iter().flatten();
        let inputs: Inputs = inputs
            .map(|(name, value)| (name.clone(), text_of(value)))
            .collect();
        let paths = paths(local.trim_start_matches('/'), repository);
        found.files.extend(paths.into_iter().map(|path| Asked {
            path,
            inputs: inputs.clone(),
            at: Some(document.place(&pointer)),
        }));
    }
    found
}

/// The file of a path, or all that a pattern is met by.
fn paths(local: &str, repository: &dyn Repository) -> Vec<PathBuf> {
    let Some(star) = local.find('*') else {
        return vec![PathBuf::from(local)];
    };
    let folder = local[..star]
        .rsplit_once('/')
        .map_or("", |(folder, _)| folder);
    let Some(pattern) = pattern(local) else {
        return Vec::new();
    };
    let mut met: Vec<PathBuf> = repository
        .files(Path::new(folder))
        .into_iter()
        .filter(|path| path.to_str().is_some_and(|path| pattern.is_match(path)))
        .collect();
    met.sort();
    met
}

/// As GitLab reads stars: one stays in its folder, two do not.
fn pattern(local: &str) -> Option<Regex> {
    let folders = local.split("**").map(|part| {
        let names = part.split('*').map(regex::escape);
        names.collect::<Vec<_>>().join("[^/]*")
    });
    let folders = folders.collect::<Vec<_>>().join(".*");
    Regex::new(&format!("^{folders}$")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_star_stays_in_its_folder() {
        for (local, path, is_met) in [
            ("ci/*.yml", "ci/a.yml", true),
            ("ci/*.yml", "ci/b/a.yml", false),
            ("ci/**.yml", "ci/b/a.yml", true),
            ("ci/**/*.yml", "ci/b/a.yml", true),
            ("ci/**/*.yml", "ci/a.yml", false),
            ("ci/*.yml", "ci/axyml", false),
        ] {
            let pattern = pattern(local).unwrap();
            assert_eq!(pattern.is_match(path), is_met, "{local} {path}");
        }
    }
}
