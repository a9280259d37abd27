//! Which image a process type runs, from what releases say of themselves:
//! `Deployed web (b8e0f5c5a2b4)`, `Rollback to v12`.

use crate::client::types::{Release, ReleaseStatus};

/// The shortest beginning of a digest that tells images apart.
const SHORTEST_DIGEST: usize = 7;

/// What is known of the image of a process type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Runs {
    /// It runs this image.
    This,
    /// It runs another one.
    Another,
    /// The releases that are known do not tell.
    Unknown,
}

/// Whether the process type `kind` runs the image whose id is `id` (hexadecimal), by
/// these releases, newest first.
pub(crate) fn runs(releases: &[Release], kind: &str, id: &str) -> Runs {
    let mut left = releases;
    while let Some((release, older)) = left.split_first() {
        left = older;
        if release.status != ReleaseStatus::Succeeded {
            continue;
        }
        if let Some(version) = rolled_back_to(&release.description) {
            left = match releases.iter().position(|one| one.version == version) {
                // What it says may be wrong, but never leads back up.
                Some(at) if release.version > version => &releases[at..],
                _ => return Runs::Unknown,
            };
            continue;
        }
        if let Some(found) = deployed(&release.description, kind) {
            return if id.starts_with(found) {
                Runs::This
            } else {
                Runs::Another
            };
        }
    }
    Runs::Unknown
}

/// The release, newest first, that brought or is bringing this image to a process
/// type after version `after`.
pub(crate) fn bringing<'r>(releases: &'r [Release], kind: &str, id: &str) -> Option<&'r Release> {
    releases.iter().find(|release| {
        deployed(&release.description, kind).is_some_and(|found| id.starts_with(found))
    })
}

/// The beginning of the id of the image that a release brought to a process type.
fn deployed<'d>(description: &'d str, kind: &str) -> Option<&'d str> {
    let rest = description.strip_prefix("Deployed ")?;
    let mut named: Option<&str> = None;
    for word in rest.split([' ', ',']).filter(|word| !word.is_empty()) {
        let Some(id) = word.strip_prefix('(').and_then(|id| id.strip_suffix(')')) else {
            named = Some(word);
            continue;
        };
        let id = id.strip_prefix("sha256:").unwrap_or(id);
        let is_id = id.len() >= SHORTEST_DIGEST && id.bytes().all(|b| b.is_ascii_hexdigit());
        if is_id && named == Some(kind) {
            return Some(id);
        }
    }
    None
}

fn rolled_back_to(description: &str) -> Option<u64> {
    let version = description.strip_prefix("Rollback to v")?;
    version.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(all: &[(u64, &str, bool)]) -> Vec<Release> {
        let made = |(version, description, succeeded): &(u64, &str, bool)| Release {
            id: String::new(),
            version: *version,
            status: match succeeded {
                true => ReleaseStatus::Succeeded,
                false => ReleaseStatus::Failed,
            },
            description: (*description).to_owned(),
            output_stream_url: None,
            current: false,
        };
        all.iter().map(made).collect()
    }

    const ID: &str = "aaaaaaaaaaaa0000";

    #[test]
    fn the_image_that_runs_is_told_by_the_releases() {
        let ours = (5, "Deployed web (aaaaaaaaaaaa)", true);
        let other = (6, "Deployed web (bbbbbbbbbbbb)", true);
        for (releases, expected) in [
            (vec![ours], Runs::This),
            (vec![(7, "Set LEVEL config vars", true), ours], Runs::This),
            (vec![other, ours], Runs::Another),
            (
                vec![(6, "Deployed web (bbbbbbbbbbbb)", false), ours],
                Runs::This,
            ),
            (vec![(7, "Rollback to v5", true), other, ours], Runs::This),
            (
                vec![(7, "Rollback to v1", true), other, ours],
                Runs::Unknown,
            ),
            (
                vec![(6, "Deployed release (bbbbbbbbbbbb)", true), ours],
                Runs::This,
            ),
            (
                vec![
                    (
                        6,
                        "Deployed web (bbbbbbbbbbbb), release (cccccccccccc)",
                        true,
                    ),
                    ours,
                ],
                Runs::Another,
            ),
            (vec![(1, "Initial release", true)], Runs::Unknown),
            (vec![], Runs::Unknown),
        ] {
            assert_eq!(
                runs(&history(&releases), "web", ID),
                expected,
                "{releases:?}"
            );
        }
    }

    #[test]
    fn a_release_that_brings_an_image_is_found_whatever_became_of_it() {
        let releases = history(&[
            (3, "Deployed release (bbbbbbbbbbbb)", true),
            (2, "Deployed release (aaaaaaaaaaaa)", false),
        ]);
        assert_eq!(bringing(&releases, "release", ID).unwrap().version, 2);
        assert!(bringing(&releases, "web", ID).is_none());
    }
}
