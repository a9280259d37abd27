use std::process::Command;

use estiba_log_store::{AppendError, LogStore, Options, Scope};
use serde_json::json;

use crate::world::{append, find, line, quick, store};

#[tokio::test]
async fn without_room_to_spare_lines_are_refused_and_reads_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(folder.path()).await;
    append(&first, vec![line(json!({"message": "before"}))]).await;
    first.close().await;
    drop(first);
    let full = Options {
        reserve_bytes: u64::MAX,
        ..quick()
    };
    let again = LogStore::open(folder.path(), full).await.unwrap();
    let refused = again.append(vec![line(json!({"message": "after"}))]).await;
    assert!(matches!(refused, Err(AppendError::DiskFull)), "{refused:?}");
    assert_eq!(find(&again, &Scope::everything(), "*").await.hits.len(), 1);
}

struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(megabytes: u32) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder.path())
            .output();
        mounted
            .is_ok_and(|output| output.status.success())
            .then_some(Self(folder))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).output();
    }
}

#[tokio::test]
async fn a_disk_that_is_really_full_loses_nothing_that_was_taken() {
    let Some(disk) = SmallDisk::mount(24) else {
        eprintln!("skipped: no small disk can be mounted here");
        return;
    };
    let options = Options {
        reserve_bytes: 0,
        index_every: std::time::Duration::from_millis(20),
        ..quick()
    };
    let first = LogStore::open(disk.0.path(), options.clone())
        .await
        .unwrap();
    let filler: String = (0..4000_u64)
        .map(|n| format!("{:x} ", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
        .collect();
    let mut taken = 0_u64;
    let refused = loop {
        let lines = (0..4)
            .map(|n| line(json!({"message": format!("{taken}.{n} {filler}"), "number": taken})))
            .collect();
        match first.append(lines).await {
            Ok(appended) => taken += appended.lines as u64,
            Err(error) => break error,
        }
        assert!(taken < 10_000, "the disk never got full");
    };
    assert!(
        matches!(refused, AppendError::DiskFull | AppendError::Busy { .. }),
        "{refused:?}"
    );
    assert!(
        first
            .count(&Scope::everything(), estiba_log_store::Selection::default())
            .await
            .is_ok()
    );
    first.close().await;
    drop(first);
    // With more room everything that was taken is there, once.
    let larger = Command::new("mount")
        .args(["-o", "remount,size=256m"])
        .arg(disk.0.path())
        .status()
        .unwrap();
    assert!(larger.success());
    let again = LogStore::open(disk.0.path(), options).await.unwrap();
    crate::world::indexed(&again).await;
    let counted = again
        .count(&Scope::everything(), estiba_log_store::Selection::default())
        .await
        .unwrap();
    assert_eq!(counted, taken);
}

#[tokio::test]
async fn more_than_fits_waits_then_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let slow = Options {
        queue_bytes: 64 << 10,
        index_every: std::time::Duration::from_secs(3600),
        patience: std::time::Duration::from_millis(10),
        ..quick()
    };
    let one = LogStore::open(folder.path(), slow).await.unwrap();
    let text = "x".repeat(20 << 10);
    one.append(vec![line(json!({"message": text}))])
        .await
        .unwrap();
    let large = one
        .append(vec![line(json!({"message": "y".repeat(70 << 10)}))])
        .await;
    assert!(
        matches!(large, Err(AppendError::TooLarge { .. })),
        "{large:?}"
    );
}

#[tokio::test]
async fn environments_are_bounded() {
    let folder = tempfile::tempdir().unwrap();
    let few = Options {
        most_environments: 2,
        ..quick()
    };
    let one = LogStore::open(folder.path(), few).await.unwrap();
    append(
        &one,
        vec![
            line(json!({"message": "a"})),
            line(json!({"message": "b", "environment": "test"})),
        ],
    )
    .await;
    let third = one
        .append(vec![line(
            json!({"message": "c", "environment": "preview"}),
        )])
        .await;
    assert!(
        matches!(third, Err(AppendError::TooManyEnvironments { .. })),
        "{third:?}"
    );
    append(&one, vec![line(json!({"message": "d"}))]).await;
}
