//! Layers become directories: all of them, nothing outside of them.
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use crate::support::{Layer, docker_archive, gzip, image, listing, scratch, seen, text, zstd};
use estiba_image::ImageError;
use tar::EntryType;

#[test]
fn a_layer_without_whiteouts_is_shared_between_images() {
    let s = scratch();
    let base = || Layer::new().file("base", "b");
    let one = image(&s.store, vec![base(), Layer::new().file("one", "1")]);
    let two = image(&s.store, vec![base(), Layer::new().file("two", "2")]);
    let (one, two) = (s.store.layers(&one).unwrap(), s.store.layers(&two).unwrap());
    assert_eq!(one[0], two[0]);
    assert_ne!(one[1], two[1]);
    assert_eq!(listing(&one[0]), ["base"]);
    assert_eq!(listing(&one[1]), ["one"]);
}

#[test]
fn whiteouts_hide_what_is_below_and_are_never_in_a_directory() {
    let s = scratch();
    let image = image(
        &s.store,
        vec![
            Layer::new()
                .file("keep", "k")
                .file("gone", "g")
                .file("d/old", "o")
                .file("d/sub/x", "x"),
            Layer::new()
                .file(".wh.gone", "")
                .dir("d/", 0o750)
                .file("d/new", "n")
                .file("d/sub/y", "y")
                .file("d/.wh..wh..opq", ""),
            Layer::new().file("top", "t"),
        ],
    );
    let layers = s.store.layers(&image).unwrap();
    assert_eq!(layers.len(), 2, "the first two are merged: {layers:?}");
    assert_eq!(
        listing(&layers[0]),
        ["d", "d/new", "d/sub", "d/sub/y", "keep"]
    );
    assert_eq!(listing(&layers[1]), ["top"]);
    assert_eq!(
        fs::metadata(layers[0].join("d")).unwrap().mode() & 0o777,
        0o750
    );
    assert_eq!(s.store.layers(&image).unwrap(), layers, "and again");
}

#[test]
fn a_layer_is_not_taken_for_what_it_was_in_another_image() {
    let s = scratch();
    // Nothing to hide at the bottom of one image, and a file in the other.
    let hiding = || Layer::new().file(".wh.a", "").file("d/b", "b");
    let bottom = image(&s.store, vec![hiding()]);
    let top = image(
        &s.store,
        vec![
            Layer::new()
                .file("a", "a")
                .symlink("d", "e")
                .dir("e/", 0o755),
            hiding(),
        ],
    );
    assert_eq!(listing(&s.store.layers(&bottom).unwrap()[0]), ["d", "d/b"]);
    let layers = s.store.layers(&top).unwrap();
    assert_eq!(listing(&layers[0]), ["d", "e", "e/b"]);
}

#[test]
fn merging_leaves_the_lower_directory_as_it_was() {
    let s = scratch();
    let base = || {
        Layer::new()
            .file("a", "lower")
            .file("b", "b")
            .file("c", "c")
    };
    let plain = image(&s.store, vec![base()]);
    let merged = image(
        &s.store,
        vec![base(), Layer::new().file("a", "upper").file(".wh.b", "")],
    );
    let lower = s.store.layers(&plain).unwrap();
    let upper = s.store.layers(&merged).unwrap();
    assert_eq!(text(&lower, "a").unwrap(), "lower");
    assert_eq!(text(&upper, "a").unwrap(), "upper");
    assert_eq!(listing(&upper[0]), ["a", "c"]);
    let inode = |dir: &std::path::Path| fs::metadata(dir.join("c")).unwrap().ino();
    assert_eq!(inode(&lower[0]), inode(&upper[0]), "linked, not copied");
}

#[test]
fn whiteouts_of_a_layer_do_not_apply_to_itself() {
    let s = scratch();
    let image = image(
        &s.store,
        vec![
            Layer::new().file("x", "old").file("d/old", "o"),
            Layer::new()
                .file("x", "new")
                .file("d/new", "n")
                .file(".wh.x", "")
                .file(".wh.d", ""),
        ],
    );
    let layers = s.store.layers(&image).unwrap();
    assert_eq!(text(&layers, "x").unwrap(), "new");
    assert_eq!(listing(layers.last().unwrap()), ["d", "d/new", "x"]);
}

#[test]
fn a_directory_that_a_layer_does_not_mention_keeps_its_mode() {
    let s = scratch();
    let image = image(
        &s.store,
        vec![
            Layer::new().dir("tmp/", 0o1777),
            Layer::new().file("tmp/x", "x"),
        ],
    );
    let layers = s.store.layers(&image).unwrap();
    let top = fs::metadata(seen(&layers, "tmp").unwrap()).unwrap();
    assert_eq!(top.mode() & 0o7777, 0o1777);
}

#[test]
fn a_path_through_a_link_of_a_lower_layer_is_followed_inside_the_image() {
    let s = scratch();
    let image = image(
        &s.store,
        vec![
            Layer::new()
                .file("usr/lib/a", "a")
                .symlink("lib", "/usr/lib"),
            Layer::new().file("lib/b", "b"),
        ],
    );
    let layers = s.store.layers(&image).unwrap();
    assert_eq!(text(&layers, "usr/lib/b").unwrap(), "b");
    assert!(seen(&layers, "lib").unwrap().is_symlink());
    assert!(!std::path::Path::new("/usr/lib/b").exists());
}

#[test]
fn a_hard_link_to_a_lower_layer_finds_its_file() {
    let s = scratch();
    let image = image(
        &s.store,
        vec![
            Layer::new().file("a", "same"),
            Layer::new().hard_link("b", "a"),
        ],
    );
    let layers = s.store.layers(&image).unwrap();
    assert_eq!(text(&layers, "b").unwrap(), "same");
}

#[test]
fn gzip_zstd_and_plain_layers_unpack_alike() {
    let s = scratch();
    for (i, compress) in [|d: &[u8]| d.to_vec(), gzip, zstd, two_frames]
        .iter()
        .enumerate()
    {
        let plain = Layer::new()
            .file("f", &format!("{i}").repeat(300_000))
            .bytes();
        let archive = docker_archive(&[(plain.clone(), compress(&plain))]);
        let image = s
            .store
            .import_archive_from(archive.as_slice(), "test")
            .unwrap();
        let layers = s.store.layers(&image).unwrap();
        assert_eq!(text(&layers, "f").unwrap(), format!("{i}").repeat(300_000));
    }
}

/// As `zstd:chunked` images have it: several frames, one to be skipped.
fn two_frames(data: &[u8]) -> Vec<u8> {
    let (one, two) = data.split_at(data.len() / 2);
    let skipped = [0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, b'a', b'b', b'c'];
    [zstd(one).as_slice(), &skipped, &zstd(two), &skipped].concat()
}

#[test]
fn modes_are_kept_without_set_user_id_and_devices_are_left_out() {
    let s = scratch();
    let image = image(
        &s.store,
        vec![
            Layer::new()
                .entry(EntryType::Regular, "su", "", 0o4755, b"x")
                .entry(EntryType::Regular, "rw", "", 0o640, b"x")
                .entry(EntryType::Char, "null", "", 0o666, b"")
                .entry(EntryType::Fifo, "pipe", "", 0o666, b"")
                .dir("ro/", 0o555)
                .file("ro/in", "x"),
        ],
    );
    let dir = &s.store.layers(&image).unwrap()[0];
    let mode = |name| fs::metadata(dir.join(name)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(listing(dir), ["ro", "ro/in", "rw", "su"]);
    assert_eq!((mode("su"), mode("rw")), (0o755, 0o640));
    assert_eq!(
        mode("ro"),
        if crate::support::is_root() {
            0o555
        } else {
            0o755
        }
    );
    assert_eq!(fs::metadata(dir.join("rw")).unwrap().mtime(), 1_000);
}

#[test]
fn a_layer_cannot_reach_out_of_its_directory() {
    let s = scratch();
    let outside = s.dir.path().join("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("precious"), "p").unwrap();
    let out = outside.to_str().unwrap();
    let up = "../../../../outside";
    let attacks = [
        Layer::new().file("../evil", "x"),
        Layer::new().file("a/../../evil", "x"),
        Layer::new().symlink("l", out).file("l/evil", "x"),
        Layer::new().symlink("l", up).file("l/evil", "x"),
        Layer::new()
            .symlink("l", &format!("{out}/evil"))
            .file("l", "x"),
        Layer::new()
            .symlink("l", out)
            .hard_link("h", "l/precious")
            .file("h", "x"),
        Layer::new().hard_link("h", &format!("{up}/precious")),
        Layer::new().hard_link("h", &format!("{out}/precious")),
        Layer::new()
            .symlink("l", out)
            .dir("l/", 0o777)
            .file("l/evil", "x"),
    ];
    let mut refused = 0;
    for attack in attacks {
        let image = image(&s.store, vec![attack]);
        match s.store.layers(&image) {
            Err(ImageError::UnsafeEntry { .. } | ImageError::Malformed { .. }) => refused += 1,
            Err(other) => panic!("{other}"),
            Ok(_) => {}
        }
        assert_eq!(listing(&outside), ["precious"]);
        assert_eq!(fs::read_to_string(outside.join("precious")).unwrap(), "p");
    }
    assert!(refused >= 5, "{refused}");
    assert!(!s.dir.path().join("evil").exists());
}

#[test]
fn whiteouts_cannot_remove_what_is_outside() {
    let s = scratch();
    let outside = s.dir.path().join("outside");
    fs::create_dir_all(outside.join("d")).unwrap();
    fs::write(outside.join("d/precious"), "p").unwrap();
    let out = outside.to_str().unwrap();
    for attack in [
        Layer::new().file("l/.wh.precious", ""),
        Layer::new().file("l/.wh..wh..opq", ""),
        Layer::new().file("l/.wh...", ""),
        Layer::new().file(".wh...", ""),
    ] {
        let link = Layer::new().symlink("l", &format!("{out}/d"));
        let image = image(&s.store, vec![link, attack]);
        let _ = s.store.layers(&image);
        assert_eq!(listing(&outside), ["d", "d/precious"]);
        assert!(s.store.root().join("oci-layout").exists());
    }
}

#[test]
fn a_damaged_layer_is_refused_and_leaves_nothing() {
    let s = scratch();
    let good = Layer::new().file("f", "f").bytes();
    let other = Layer::new().file("f", "g").bytes();
    let cases = [
        docker_archive(&[(good.clone(), other)]),
        docker_archive(&[(good.clone(), good[..700].to_vec())]),
        docker_archive(&[(good.clone(), gzip(&good)[..20].to_vec())]),
        docker_archive(&[(good.clone(), zstd(&good)[..20].to_vec())]),
        docker_archive(&[(good, b"not a tar".repeat(100))]),
    ];
    for archive in cases {
        let image = s
            .store
            .import_archive_from(archive.as_slice(), "test")
            .unwrap();
        let error = s.store.layers(&image).unwrap_err();
        assert!(
            matches!(
                error,
                ImageError::WrongDigest { .. } | ImageError::Malformed { .. }
            ),
            "{error:?}"
        );
        assert_eq!(listing(&s.store.root().join("unpacked")), [""; 0]);
        assert_eq!(listing(&s.store.root().join("tmp")), [""; 0]);
    }
}

#[test]
fn many_threads_unpack_one_image_once() {
    let s = scratch();
    let mut base = Layer::new();
    for i in 0..200 {
        base = base.file(&format!("d{}/f{i}", i % 7), "x");
    }
    let image = image(
        &s.store,
        vec![base, Layer::new().file("d1/.wh.f1", "").file("y", "y")],
    );
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| s.store.layers(&image)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap().unwrap())
            .collect()
    });
    assert!(results.iter().all(|layers| *layers == results[0]));
    assert_eq!(listing(&results[0][0]).len(), 199 + 7 + 1);
    assert_eq!(
        fs::read_dir(s.store.root().join("unpacked"))
            .unwrap()
            .count(),
        2
    );
    assert_eq!(fs::read_dir(s.store.root().join("tmp")).unwrap().count(), 0);
}

#[test]
fn what_a_killed_process_left_is_ignored_and_collected() {
    let s = scratch();
    let image = image(&s.store, vec![Layer::new().file("f", "f")]);
    let left = s.store.root().join("tmp/layer-killed");
    fs::create_dir(&left).unwrap();
    fs::write(left.join("f"), "half").unwrap();
    let layers = s.store.layers(&image).unwrap();
    assert_eq!(text(&layers, "f").unwrap(), "f");
    s.store.gc(&[image]).unwrap();
    assert!(!left.exists());
    assert!(layers[0].exists());
}

#[test]
fn gc_removes_all_but_what_is_kept() {
    let s = scratch();
    let base = || Layer::new().file("base", "b");
    let kept = image(&s.store, vec![base(), Layer::new().file(".wh.base", "")]);
    let gone = image(&s.store, vec![base(), Layer::new().file("gone", "g")]);
    let layers = s.store.layers(&kept).unwrap();
    s.store.layers(&gone).unwrap();
    let collected = s.store.gc(std::slice::from_ref(&kept)).unwrap();
    assert_eq!(
        (collected.blobs, collected.layers),
        (3, 1),
        "manifest, config, one layer"
    );
    assert!(s.store.is_complete(&kept) && !s.store.is_complete(&gone));
    assert_eq!(s.store.layers(&kept).unwrap(), layers);
    assert!(matches!(
        s.store.layers(&gone),
        Err(ImageError::MissingBlob { .. })
    ));
    assert_eq!(
        s.store.gc(&[kept]).unwrap(),
        estiba_image::Collected::default()
    );
}
