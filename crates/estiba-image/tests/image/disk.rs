//! Disks that are full, on a small file system of their own.

use std::path::{Path, PathBuf};
use std::process::Command;

use estiba_image::{ImageError, ImageStore, PackRequest};

use crate::support::{Layer, docker_archive, is_root, scratch};

struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        std::fs::create_dir(at).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=512k", "tmpfs"])
            .arg(at);
        let mounted = is_root() && mount.status().is_ok_and(|status| status.success());
        if !mounted {
            println!("skipped: this user may not mount a file system");
        }
        mounted.then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn assert_full(error: &ImageError, disk: &Path) {
    let message = error.message();
    assert!(message.en.contains("disk is full"), "{error:?}");
    assert!(message.es.contains("disco está lleno"), "{error:?}");
    assert!(message.en.contains(disk.to_str().unwrap()), "{error:?}");
}

#[test]
fn a_full_disk_is_said_and_leaves_nothing_behind() {
    let s = scratch();
    let place = s.dir.path().join("disk");
    let Some(disk) = SmallDisk::mount(&place) else {
        return;
    };
    let store = ImageStore::open(place.join("store")).unwrap();
    let pack = PackRequest {
        program: "/bin/ls".into(),
        ..PackRequest::default()
    };
    assert_full(&store.pack(&pack).unwrap_err(), &place);

    let big = Layer::new().file("f", &"x".repeat(1 << 20)).bytes();
    let archive = docker_archive(&[(big.clone(), big.clone())]);
    assert_full(
        &store
            .import_archive_from(archive.as_slice(), "a.tar")
            .unwrap_err(),
        &place,
    );

    // Small while it is compressed.
    let zipped = docker_archive(&[(big.clone(), crate::support::gzip(&big))]);
    let image = store
        .import_archive_from(zipped.as_slice(), "a.tar")
        .unwrap();
    assert_full(&store.layers(&image).unwrap_err(), &place);
    assert_eq!(
        std::fs::read_dir(store.root().join("unpacked"))
            .unwrap()
            .count(),
        0
    );
    assert_eq!(
        std::fs::read_dir(store.root().join("tmp")).unwrap().count(),
        0
    );
    drop(disk);
}
