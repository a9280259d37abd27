//! Versions, in real repositories.
use std::fs;
use std::path::Path;
use std::process::Command;

use estiba_image::version::{DerivedVersion, VersionSource, derive};

const CONTENT: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

fn git(dir: &Path, args: &[&str]) {
    let done = Command::new("git")
        .arg("-C")
        .arg(dir)
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.org",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(args)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
}

async fn version(dir: &Path) -> DerivedVersion {
    derive(dir, None, CONTENT).await.unwrap()
}

/// A repository with two projects, one commit and no tag.
fn repository() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for project in ["api", "bot"] {
        fs::create_dir(dir.path().join(project)).unwrap();
        fs::write(dir.path().join(project).join("main.rs"), "fn main() {}").unwrap();
    }
    git(dir.path(), &["init", "--quiet"]);
    git(dir.path(), &["add", "."]);
    git(dir.path(), &["commit", "--quiet", "-m", "first"]);
    dir
}

#[tokio::test]
async fn a_clean_commit_is_its_tag_or_itself() {
    let dir = repository();
    let api = dir.path().join("api");
    let plain = version(&api).await;
    assert_eq!(plain.source, VersionSource::Commit);
    let commit = plain.commit.unwrap();
    assert_eq!(commit.len(), 40);
    assert_eq!(plain.version.as_str(), &commit[..8]);

    git(dir.path(), &["tag", "v1.9.0"]);
    git(dir.path(), &["tag", "v1.10.0"]);
    git(dir.path(), &["tag", "not/a+version"]);
    let tagged = version(&api).await;
    assert_eq!(
        (tagged.version.as_str(), tagged.source),
        ("1.10.0", VersionSource::Tag)
    );
    assert_eq!(tagged.commit, Some(commit));
    git(dir.path(), &["tag", "v2.0.0"]);
    git(dir.path(), &["tag", "v2.0.0-rc1"]);
    assert_eq!(version(&api).await.version.as_str(), "2.0.0");
}

#[tokio::test]
async fn changes_count_only_where_the_project_is() {
    let dir = repository();
    let (api, bot) = (dir.path().join("api"), dir.path().join("bot"));
    git(dir.path(), &["tag", "v1.0.0"]);
    fs::write(bot.join("new.rs"), "").unwrap();
    assert_eq!(version(&api).await.version.as_str(), "1.0.0");
    let dirty = version(&bot).await;
    assert_eq!(dirty.source, VersionSource::Dirty);
    let commit = dirty.commit.unwrap();
    assert_eq!(
        dirty.version.as_str(),
        format!("{}-dirty.01234567", &commit[..8])
    );

    fs::write(api.join("main.rs"), "fn main() { }").unwrap();
    assert_eq!(version(&api).await.source, VersionSource::Dirty);
}

#[tokio::test]
async fn without_a_commit_the_content_is_the_version() {
    let dir = tempfile::tempdir().unwrap();
    let none = version(dir.path()).await;
    assert_eq!(
        (none.version.as_str(), none.source),
        ("dev.01234567", VersionSource::Content)
    );
    assert_eq!(none.commit, None);
    git(dir.path(), &["init", "--quiet"]);
    assert_eq!(version(dir.path()).await, none);
}

#[tokio::test]
async fn what_the_user_says_goes_if_it_is_valid() {
    let dir = repository();
    let said = derive(dir.path(), Some("2.0.0-rc.1"), CONTENT)
        .await
        .unwrap();
    assert_eq!(
        (said.version.as_str(), said.source),
        ("2.0.0-rc.1", VersionSource::Explicit)
    );
    assert!(said.commit.is_some());
    assert!(derive(dir.path(), Some("2.0 beta"), CONTENT).await.is_err());
}
