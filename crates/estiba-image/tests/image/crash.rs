//! Processes that are killed while they unpack.

use std::fs;
use std::process::{Command, Stdio};

use estiba_image::ImageStore;

use crate::support::{Layer, image, listing, scratch};

const STORE: &str = "CRASH_STORE";
const IMAGE: &str = "CRASH_IMAGE";
const FILES: usize = 3_000;

#[test]
fn a_killed_unpacking_leaves_a_store_that_works() {
    if let (Ok(store), Ok(image)) = (std::env::var(STORE), std::env::var(IMAGE)) {
        let store = ImageStore::open(store).unwrap();
        store.layers(&image.parse().unwrap()).unwrap();
        return;
    }
    let s = scratch();
    let mut layer = Layer::new();
    for i in 0..FILES {
        layer = layer.file(&format!("f{i}"), "content");
    }
    let image = image(&s.store, vec![layer]);
    let tmp = s.store.root().join("tmp");
    for files_before_the_kill in [0, 1, FILES / 2] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "crash::a_killed_unpacking_leaves_a_store_that_works",
            ])
            .env(STORE, s.store.root())
            .env(IMAGE, image.as_str())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let under_way = || {
            let layers = fs::read_dir(&tmp).unwrap().flatten();
            layers
                .filter_map(|dir| Some(fs::read_dir(dir.path()).ok()?.count()))
                .max()
        };
        while under_way().is_none_or(|files| files < files_before_the_kill) {
            assert!(
                child.try_wait().unwrap().is_none(),
                "it ended before it was killed"
            );
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(listing(&s.store.root().join("unpacked")), [""; 0]);
        assert_eq!(
            fs::read_dir(&tmp).unwrap().count(),
            1,
            "what the killed process left"
        );
        s.store.gc(std::slice::from_ref(&image)).unwrap();
        assert_eq!(fs::read_dir(&tmp).unwrap().count(), 0);
    }
    let layers = s.store.layers(&image).unwrap();
    assert_eq!(listing(&layers[0]).len(), FILES);
}
