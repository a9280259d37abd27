//! The version of a build: said, or read from Git.

use std::path::Path;

use estiba_model::{Commit, NameError, Version};
use tokio::process::Command;

use crate::run::ask;

/// Where a version came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VersionSource {
    /// The user said it.
    Explicit,
    /// A Git tag on the commit, and nothing changed since.
    Tag,
    /// The Git commit, and nothing changed since.
    Commit,
    /// A Git commit with changes that are not committed.
    Dirty,
    /// The content: there is no Git here.
    Content,
}

/// The version of a build.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedVersion {
    /// The version.
    pub version: Version,
    /// The full Git commit, where there is one.
    pub commit: Option<String>,
    /// Where the version came from.
    pub source: VersionSource,
}

/// The version of what is in `dir`: the `explicit` one; else the Git tag on a
/// clean commit without its leading `v`; else the commit; with changes in `dir`
/// that are not committed, the commit and the content; without Git, the content.
///
/// `content` is a digest or other hash of what is built. Where there are several
/// tags, the highest version wins. A repository that Git refuses to read (one
/// of another user, for example) counts as none. Runs `git` twice at most.
///
/// # Errors
/// If `explicit` is not a valid version.
pub async fn derive(
    dir: &Path,
    explicit: Option<&str>,
    content: &str,
) -> Result<DerivedVersion, NameError> {
    let state = git_state(dir).await;
    let commit = state.as_ref().map(|state| state.commit.clone());
    let hash = content.strip_prefix("sha256:").unwrap_or(content);
    let content8: String = hash.chars().take(8).collect();
    let (version, source) = match (explicit, state) {
        (Some(explicit), _) => (explicit.parse()?, VersionSource::Explicit),
        (None, None) => (format!("dev.{content8}").parse()?, VersionSource::Content),
        (
            None,
            Some(GitState {
                commit,
                dirty: true,
            }),
        ) => {
            let commit8: String = commit.chars().take(8).collect();
            (
                format!("{commit8}-dirty.{content8}").parse()?,
                VersionSource::Dirty,
            )
        }
        (
            None,
            Some(GitState {
                commit,
                dirty: false,
            }),
        ) => match tag(dir, pushed_tag()).await {
            Some(version) => (version, VersionSource::Tag),
            None => (
                commit.chars().take(8).collect::<String>().parse()?,
                VersionSource::Commit,
            ),
        },
    };
    Ok(DerivedVersion {
        version,
        commit,
        source,
    })
}

/// So many commits are told of a build.
const MOST_COMMITS: &str = "100";
/// What is longer is no first line that anybody reads.
const LONGEST_SUBJECT: usize = 200;

/// The commit of what is in `dir` and those before it, the newest first; none without
/// Git. A merge counts as one.
pub async fn commits(dir: &Path) -> Vec<Commit> {
    let mut git = git(dir);
    git.args(["log", "--first-parent", "-n", MOST_COMMITS, "-z"]);
    git.arg("--format=%H%x1f%an%x1f%s");
    let Ok(answer) = ask("git", git).await else {
        return Vec::new();
    };
    let commit = |record: &str| {
        let mut parts = record.trim().splitn(3, '\u{1f}');
        Some(Commit {
            id: parts.next()?.to_owned(),
            author: parts.next()?.to_owned(),
            subject: parts.next()?.chars().take(LONGEST_SUBJECT).collect(),
        })
    };
    answer.split('\0').filter_map(commit).collect()
}

struct GitState {
    commit: String,
    dirty: bool,
}

/// <https://git-scm.com/docs/git-status#_porcelain_format_version_2>
async fn git_state(dir: &Path) -> Option<GitState> {
    let mut git = git(dir);
    git.args([
        "status",
        "--porcelain=v2",
        "--branch",
        "--untracked-files=normal",
        "--",
        ".",
    ]);
    let answer = ask("git", git).await.ok()?;
    let commit = answer
        .lines()
        .find_map(|line| line.strip_prefix("# branch.oid "))?;
    // A repository without commits says "(initial)".
    if !commit.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let dirty = answer.lines().any(|line| !line.starts_with('#'));
    Some(GitState {
        commit: commit.to_owned(),
        dirty,
    })
}

/// Of the tags on the commit that are valid versions, the one that `pushed` names, or else
/// the highest: a final version is above its candidates.
async fn tag(dir: &Path, pushed: Option<String>) -> Option<Version> {
    let mut git = git(dir);
    git.args(["-c", "versionsort.suffix=-", "tag", "--points-at", "HEAD"]);
    git.arg("--sort=-version:refname");
    let tags = ask("git", git).await.ok()?;
    let pushed = pushed.filter(|pushed| tags.lines().any(|tag| tag == pushed));
    pushed
        .as_deref()
        .into_iter()
        .chain(tags.lines())
        .find_map(version_of)
}

fn version_of(tag: &str) -> Option<Version> {
    let number = tag
        .strip_prefix('v')
        .filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    number.unwrap_or(tag).parse().ok()
}

/// The tag that a pipeline runs for, of GitLab
/// (<https://docs.gitlab.com/ci/variables/predefined_variables/>) or GitHub
/// (<https://docs.github.com/en/actions/reference/workflows-and-actions/variables>).
fn pushed_tag() -> Option<String> {
    let said = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    said("CI_COMMIT_TAG").or_else(|| {
        let is_tag = said("GITHUB_REF_TYPE").is_some_and(|kind| kind == "tag");
        said("GITHUB_REF_NAME").filter(|_| is_tag)
    })
}

fn git(dir: &Path) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(dir);
    // A look must not wait for another git, nor lock the index against one.
    git.env("GIT_OPTIONAL_LOCKS", "0");
    // Set by git for its own hooks, these would name another repository.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        git.env_remove(name);
    }
    git
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_tag_that_was_pushed_is_the_version() {
        let dir = tempfile::tempdir().unwrap();
        let run = |args: &[&str]| {
            let user = ["-c", "user.name=t", "-c", "user.email=t@example.org"];
            let mut git = std::process::Command::new("git");
            git.arg("-C").arg(dir.path());
            assert!(git.args(user).args(args).status().unwrap().success());
        };
        run(&["init", "--quiet"]);
        run(&["commit", "--quiet", "--allow-empty", "-m", "first"]);
        for name in ["v1.0.1", "v2.0.0-rc1", "nightly"] {
            run(&["tag", name]);
        }
        for (pushed, version) in [
            (Some("v1.0.1"), "1.0.1"),
            (Some("nightly"), "nightly"),
            (Some("v9.9.9"), "2.0.0-rc1"),
            (None, "2.0.0-rc1"),
        ] {
            let found = tag(dir.path(), pushed.map(str::to_owned)).await.unwrap();
            assert_eq!(found.as_str(), version, "{pushed:?}");
        }
    }
}
