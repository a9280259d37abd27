//! The commits that a release was made of, and those that it brings over another.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Release;

/// A Git commit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Commit {
    /// Its full hash.
    pub id: String,
    /// Who wrote it, by name.
    pub author: String,
    /// The first line of its message.
    pub subject: String,
}

/// What a release changes over the one before it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Changes {
    /// The commits, the newest first.
    pub commits: Vec<Commit>,
    /// They are taken back: the release before was the newer one.
    #[serde(default)]
    pub undone: bool,
    /// There are older ones that the release does not know.
    #[serde(default)]
    pub more: bool,
}

impl Release {
    /// What it changes over the release `before`. Nothing where one of the two was not
    /// made from a commit.
    #[must_use]
    pub fn changes_since(&self, before: &Self) -> Changes {
        let (Some(now), Some(then)) = (&self.commit, &before.commit) else {
            return Changes::default();
        };
        let until = |commits: &[Commit], end: &str| {
            let end = commits.iter().position(|commit| commit.id == end)?;
            Some(commits[..end].to_vec())
        };
        if let Some(commits) = until(&self.commits, then) {
            return Changes {
                commits,
                ..Changes::default()
            };
        }
        if let Some(commits) = until(&before.commits, now) {
            return Changes {
                commits,
                undone: true,
                more: false,
            };
        }
        let known = |commit: &&Commit| !before.commits.contains(commit);
        let commits: Vec<Commit> = self.commits.iter().filter(known).cloned().collect();
        Changes {
            // Two branches have met nowhere in what is known of them.
            more: commits.len() == self.commits.len() && !commits.is_empty(),
            commits,
            undone: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::{Name, ProjectId};

    /// A release of commits with a letter each, the newest first.
    fn release(commits: &str) -> Release {
        let commit = |letter: char| Commit {
            id: letter.to_string(),
            author: "Ana".to_owned(),
            subject: format!("Do {letter}"),
        };
        let name: Name = "tp2".parse().unwrap();
        Release {
            project: ProjectId {
                team: name.clone(),
                project: name,
            },
            version: "1".parse().unwrap(),
            commit: commits.chars().next().map(String::from),
            commits: commits.chars().map(commit).collect(),
            created_at: jiff::Timestamp::UNIX_EPOCH,
            workloads: BTreeMap::new(),
        }
    }

    #[test]
    fn a_release_tells_what_it_changes() {
        for (now, before, commits, undone, more) in [
            ("cba", "a", "cb", false, false),
            ("cba", "cba", "", false, false),
            // Back to an older one.
            ("a", "cba", "cb", true, false),
            // Another branch since `a`.
            ("dba", "ca", "db", false, false),
            // Older than what is known.
            ("zyx", "cba", "zyx", false, true),
            ("", "cba", "", false, false),
            ("cba", "", "", false, false),
        ] {
            let changes = release(now).changes_since(&release(before));
            let told: String = changes.commits.iter().map(|c| c.id.as_str()).collect();
            assert_eq!(
                (told.as_str(), changes.undone, changes.more),
                (commits, undone, more),
                "{now} {before}"
            );
        }
    }
}
