//! Programs become images that run, the same ones wherever they are packed.
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{Scratch, is_root, listing, scratch, seen};
use estiba_image::{ImageError, ImageStore, PackRequest, PackedFile};
use proptest::prelude::*;

/// A dynamic program that every machine has, in a directory of its own.
fn program(dir: &Path, name: &str) -> PathBuf {
    fs::create_dir_all(dir).unwrap();
    let path = dir.join(name);
    fs::copy("/bin/true", &path).unwrap();
    path
}

fn request(program: PathBuf) -> PackRequest {
    PackRequest {
        program,
        ..PackRequest::default()
    }
}

fn file(source: PathBuf, target: &str) -> PackedFile {
    PackedFile {
        source,
        target: target.to_owned(),
    }
}

#[test]
fn the_same_files_give_the_same_digest_wherever_they_are() {
    let digests: Vec<_> = ["here", "there/and/deeper"]
        .into_iter()
        .enumerate()
        .map(|(i, place)| {
            let s = scratch();
            let dir = s.dir.path().join(place);
            let program = program(&dir, "app");
            fs::create_dir(dir.join("static")).unwrap();
            // Made in another order, at another time, with other rights.
            let mut names = ["a.css", "b.js", "c/d.html"];
            if i == 1 {
                names.reverse();
                fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
            }
            for name in names {
                let path = dir.join("static").join(name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, name).unwrap();
                filetime::set_file_mtime(&path, filetime::FileTime::from_unix_time(i as i64, 0))
                    .unwrap();
            }
            let labels = |n: usize| (0..n).map(|i| (format!("l{i}"), format!("{i}")));
            let mut request = request(program);
            request.files = vec![file(dir.join("static"), "/app/static")];
            request.workdir = "/app".to_owned();
            request.labels = labels(20).collect::<BTreeMap<_, _>>();
            s.store.pack(&request).unwrap()
        })
        .collect();
    assert_eq!(digests[0], digests[1]);
}

#[test]
fn a_packed_program_has_what_it_needs_and_runs() {
    let s = scratch();
    let mut request = request(program(s.dir.path(), "app"));
    fs::write(s.dir.path().join("seed.sql"), "select 1").unwrap();
    request.files = vec![file(s.dir.path().join("seed.sql"), "/app/db/seed.sql")];
    request.workdir = "/app".to_owned();
    let digest = s.store.pack(&request).unwrap();

    let image = s.store.manifest(&digest).unwrap();
    assert_eq!(image.config.entrypoint, ["/usr/local/bin/app"]);
    assert_eq!(image.config.user, "65532");
    assert_eq!(image.config.workdir, "/app");

    let layers = s.store.layers(&digest).unwrap();
    for path in [
        "etc/passwd",
        "etc/group",
        "tmp",
        "usr/local/bin/app",
        "app/db/seed.sql",
    ] {
        assert!(seen(&layers, path).is_some(), "{path} in {layers:?}");
    }
    let tmp = fs::metadata(seen(&layers, "tmp").unwrap()).unwrap();
    assert_eq!(tmp.mode() & 0o7777, 0o1777);
    if Path::new("/etc/ssl/certs/ca-certificates.crt").exists() {
        assert!(seen(&layers, "etc/ssl/certs/ca-certificates.crt").is_some());
    }
    assert_runs(&s, &layers, "/usr/local/bin/app", &[]);
}

#[test]
fn programs_that_resolve_names_and_load_libraries_run() {
    let s = scratch();
    // getent loads NSS by name; git and its like load several libraries.
    let Ok(getent) = fs::canonicalize("/usr/bin/getent") else {
        println!("skipped: no getent on this machine");
        return;
    };
    let digest = s.store.pack(&request(getent)).unwrap();
    let layers = s.store.layers(&digest).unwrap();
    assert_runs(&s, &layers, "/usr/local/bin/getent", &["passwd", "nonroot"]);
}

/// Runs a program with the image as its root file system; only the superuser
/// can.
fn assert_runs(s: &Scratch, layers: &[PathBuf], program: &str, args: &[&str]) {
    if !is_root() {
        println!("skipped: chroot needs the superuser");
        return;
    }
    let root = s.dir.path().join("root");
    fs::create_dir(&root).unwrap();
    for layer in layers {
        let copied = Command::new("cp")
            .arg("-a")
            .arg(layer.join("."))
            .arg(&root)
            .status()
            .unwrap();
        assert!(copied.success());
    }
    let mut chroot = Command::new("chroot");
    chroot
        .arg("--userspec=65532:65532")
        .arg(&root)
        .arg(program)
        .args(args)
        .env_clear();
    chroot.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let output = chroot.output().unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn programs_share_the_layer_of_the_c_library() {
    let s = scratch();
    let one = s
        .store
        .pack(&request(program(s.dir.path(), "one")))
        .unwrap();
    // Linked to more than libc, unlike the first.
    let two = s
        .store
        .pack(&request(fs::canonicalize("/bin/ls").unwrap()))
        .unwrap();
    let (one, two) = (
        s.store.manifest(&one).unwrap(),
        s.store.manifest(&two).unwrap(),
    );
    assert_eq!(one.layers[0], two.layers[0]);
    assert_eq!((one.layers.len(), two.layers.len()), (2, 3));
}

#[test]
fn a_static_program_gets_no_libraries() {
    let s = scratch();
    let source = s.dir.path().join("main.c");
    fs::write(&source, "int main(void) { return 0; }").unwrap();
    let program = s.dir.path().join("static");
    let built = Command::new("cc")
        .args(["-static", "-o"])
        .arg(&program)
        .arg(&source)
        .status();
    if !built.is_ok_and(|status| status.success()) {
        println!("skipped: no C compiler with a static C library");
        return;
    }
    let digest = s.store.pack(&request(program)).unwrap();
    let layers = s.store.layers(&digest).unwrap();
    assert!(
        !listing(&layers[0]).iter().any(|name| name.contains("lib")),
        "{layers:?}"
    );
    assert_runs(&s, &layers, "/usr/local/bin/static", &[]);
}

#[test]
fn what_cannot_be_packed_says_why() {
    let s = scratch();
    let script = s.dir.path().join("script");
    fs::write(
        &script,
        "#!/bin/sh\nexit 0 # long enough to have a header\n",
    )
    .unwrap();
    let error = s.store.pack(&request(script)).unwrap_err();
    assert!(matches!(error, ImageError::NotAProgram { .. }), "{error:?}");

    let missing = s
        .store
        .pack(&request("/no/such/program".into()))
        .unwrap_err();
    assert!(
        missing.to_string().contains("/no/such/program"),
        "{missing}"
    );

    let mut twice = request(program(s.dir.path(), "app"));
    fs::write(s.dir.path().join("x"), "x").unwrap();
    twice.files = vec![file(s.dir.path().join("x"), "/usr/local/bin/app")];
    let error = s.store.pack(&twice).unwrap_err();
    assert!(
        matches!(error, ImageError::DuplicateTarget { .. }),
        "{error:?}"
    );

    twice.files = vec![file(s.dir.path().join("x"), "/app/../../x")];
    let error = s.store.pack(&twice).unwrap_err();
    assert!(matches!(error, ImageError::BadPath { .. }), "{error:?}");
}

#[test]
fn a_library_that_is_not_there_is_named() {
    let s = scratch();
    let dir = s.dir.path();
    fs::write(dir.join("lib.c"), "int f(void) { return 0; }").unwrap();
    fs::write(
        dir.join("main.c"),
        "int f(void); int main(void) { return f(); }",
    )
    .unwrap();
    let cc = |args: &[&str]| {
        Command::new("cc")
            .current_dir(dir)
            .args(args)
            .status()
            .is_ok_and(|s| s.success())
    };
    if !cc(&["-shared", "-o", "libgone.so", "lib.c"])
        || !cc(&["-o", "app", "main.c", "-L.", "-lgone"])
    {
        println!("skipped: no C compiler");
        return;
    }
    let app = dir.join("app");
    let error = s.store.pack(&request(app.clone())).unwrap_err();
    assert!(error.to_string().contains("libgone.so"), "{error}");

    // Found by a path relative to the program, which the image does not have.
    assert!(cc(&[
        "-o",
        "app",
        "main.c",
        "-L.",
        "-lgone",
        "-Wl,-rpath,$ORIGIN"
    ]));
    let digest = s.store.pack(&request(app)).unwrap();
    let layers = s.store.layers(&digest).unwrap();
    assert_runs(&s, &layers, "/usr/local/bin/app", &[]);
}

fn tree() -> impl Strategy<Value = BTreeMap<String, Vec<u8>>> {
    let name = "[a-zA-Z0-9ñ ._-]{1,20}".prop_filter("not special", |n| n != "." && n != "..");
    let long = "[a-z]{90,120}";
    let path = prop::collection::vec(prop_oneof![4 => name, 1 => long], 1..4)
        .prop_map(|parts| parts.join("/"));
    let content = prop::collection::vec(any::<u8>(), 0..2_000);
    prop::collection::btree_map(path, content, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    #[test]
    fn unpacking_what_was_packed_gives_it_back(files in tree()) {
        let s = scratch();
        let source = s.dir.path().join("source");
        let mut written = BTreeMap::new();
        for (name, content) in files {
            let path = source.join(&name);
            let made = fs::create_dir_all(path.parent().unwrap()).is_ok()
                && !path.is_dir()
                && fs::write(&path, &content).is_ok();
            if made {
                written.insert(name, content);
            }
        }
        fs::create_dir_all(&source).unwrap();
        let mut request = request(program(s.dir.path(), "app"));
        request.files = vec![file(source.clone(), "/data")];
        let digest = s.store.pack(&request).unwrap();
        let layers = s.store.layers(&digest).unwrap();
        let data = seen(&layers, "data").unwrap();
        prop_assert_eq!(listing(&data), listing(&source));
        for (name, content) in written {
            prop_assert_eq!(fs::read(data.join(name)).unwrap(), content);
        }
    }
}

#[test]
fn opening_a_store_again_finds_its_images() {
    let s = scratch();
    let digest = s
        .store
        .pack(&request(program(s.dir.path(), "app")))
        .unwrap();
    let again = ImageStore::open(s.dir.path().join("store")).unwrap();
    assert_eq!(
        again.manifest(&digest).unwrap(),
        s.store.manifest(&digest).unwrap()
    );
}
