use std::fs;
use std::path::{Path, PathBuf};

use estiba_log_store::{LogStore, Options, Scope};
use serde_json::json;

use crate::world::{append, find, line, quick, store, texts};

fn files(folder: &Path, kind: &str) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|found| found == kind))
        .collect();
    files.sort_by_key(|path| fs::metadata(path).unwrap().modified().unwrap());
    files
}

fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    fs::write(path, bytes).unwrap();
}

/// Waits until what is written has another time than all that was: file systems count
/// in steps of some milliseconds, and segments are told apart by it.
fn later(folder: &Path) {
    let probe = folder.join("probe");
    let written = || {
        fs::write(&probe, "").unwrap();
        fs::metadata(&probe).unwrap().modified().unwrap()
    };
    let before = written();
    while written() == before {}
    fs::remove_file(probe).unwrap();
}

/// A store with two segments in one partition, and one line in another environment.
async fn filled(folder: &Path) -> PathBuf {
    let store = store(folder).await;
    append(&store, vec![line(json!({"message": "first"}))]).await;
    later(folder);
    append(&store, vec![line(json!({"message": "second"}))]).await;
    append(
        &store,
        vec![line(json!({"message": "elsewhere", "environment": "test"}))],
    )
    .await;
    store.close().await;
    folder.join("lines/moria/tp2/prod/00000001")
}

#[tokio::test]
async fn a_damaged_segment_is_set_aside_and_all_else_is_read() {
    for kind in ["store", "fast", "term", "idx"] {
        for cut in [false, true] {
            let folder = tempfile::tempdir().unwrap();
            let partition = filled(folder.path()).await;
            let damaged = &files(&partition, kind)[0];
            if cut {
                fs::write(damaged, b"short").unwrap();
            } else {
                flip(damaged);
            }
            let store = store(folder.path()).await;
            let found = find(&store, &Scope::everything(), "*").await;
            assert_eq!(texts(&found), ["elsewhere", "second"], "{kind}");
            assert_eq!(store.health().set_aside.len(), 1, "{kind}");
            let left: u64 = store
                .environments(&Scope::everything())
                .iter()
                .map(|stored| stored.lines)
                .sum();
            assert_eq!(left, 2, "{kind}");
            assert!(store.health().set_aside[0].path.exists());
            append(&store, vec![line(json!({"message": "third"}))]).await;
            assert_eq!(find(&store, &Scope::everything(), "*").await.hits.len(), 3);
        }
    }
}

/// Damages a file as a disk does: nothing tells of it.
fn rot(path: &Path) {
    let written = fs::metadata(path).unwrap().modified().unwrap();
    flip(path);
    let file = fs::File::options().append(true).open(path).unwrap();
    file.set_modified(written).unwrap();
}

#[tokio::test]
async fn what_a_disk_forgot_is_set_aside_in_the_background() {
    let folder = tempfile::tempdir().unwrap();
    let partition = filled(folder.path()).await;
    rot(&files(&partition, "fast")[0]);
    let store = store(folder.path()).await;
    for _ in 0..6000 {
        if !store.health().set_aside.is_empty() {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    assert_eq!(store.health().set_aside.len(), 1);
    let found = find(&store, &Scope::everything(), "*").await;
    assert_eq!(texts(&found), ["elsewhere", "second"]);
    append(&store, vec![line(json!({"message": "third"}))]).await;
    assert_eq!(find(&store, &Scope::everything(), "*").await.hits.len(), 3);
}

#[tokio::test]
async fn after_a_crash_files_are_read_through_before_they_are_used() {
    let folder = tempfile::tempdir().unwrap();
    let partition = filled(folder.path()).await;
    fs::remove_file(folder.path().join("closed")).unwrap();
    for file in files(&partition, "fast") {
        rot(&file);
    }
    let store = store(folder.path()).await;
    let found = find(&store, &Scope::everything(), "*").await;
    assert_eq!(texts(&found), ["elsewhere"]);
    assert_eq!(store.health().set_aside.len(), 1);
    store.close().await;
    drop(store);
    let again = crate::world::store(folder.path()).await;
    let left = again.environments(&Scope::everything());
    assert_eq!(left.iter().map(|stored| stored.lines).sum::<u64>(), 1);
}

#[tokio::test]
async fn a_partition_that_cant_be_read_at_all_is_set_aside() {
    for file in ["meta.json", "everything"] {
        let folder = tempfile::tempdir().unwrap();
        let partition = filled(folder.path()).await;
        if file == "meta.json" {
            fs::write(partition.join(file), b"{").unwrap();
        } else {
            for entry in fs::read_dir(&partition).unwrap() {
                fs::write(entry.unwrap().path(), b"{}").unwrap();
            }
        }
        let store = store(folder.path()).await;
        let found = find(&store, &Scope::everything(), "*").await;
        assert_eq!(texts(&found), ["elsewhere"], "{file}");
        assert_eq!(store.health().set_aside.len(), 1);
        append(&store, vec![line(json!({"message": "third"}))]).await;
        assert_eq!(find(&store, &Scope::everything(), "*").await.hits.len(), 2);
    }
}

#[tokio::test]
async fn a_hole_in_the_write_ahead_log_loses_no_other_line() {
    let folder = tempfile::tempdir().unwrap();
    let never = Options {
        index_every: std::time::Duration::from_secs(3600),
        ..quick()
    };
    let first = LogStore::open(folder.path(), never).await.unwrap();
    for text in ["one", "two", "three"] {
        first
            .append(vec![line(json!({"message": text}))])
            .await
            .unwrap();
    }
    let log = files(&folder.path().join("wal"), "wal").remove(0);
    let written = fs::read(&log).unwrap();
    first.close().await;
    drop(first);
    // As if the process had died before anything was indexed.
    fs::remove_dir_all(folder.path().join("lines")).unwrap();
    fs::remove_file(folder.path().join("wal/indexed")).unwrap();
    let mut torn = written.clone();
    torn.extend_from_slice(&written[..20]);
    fs::write(&log, torn).unwrap();
    flip(&log);
    let again = store(folder.path()).await;
    assert_eq!(
        texts(&find(&again, &Scope::everything(), "*").await),
        ["three", "one"]
    );
    assert_eq!(again.health().set_aside.len(), 1);
}
