//! Files that were rotated while nobody read, by names that lead elsewhere.

use std::fs;
use std::os::unix::fs::symlink;

use crate::shipper::{Place, Shipper};
use crate::sink::Sink;

fn start(place: &Place, sink: &Sink, paths: &str) -> Shipper {
    let files = format!("files: [{{ paths: \"{paths}\" }}]\npath_field: file");
    place.ship(sink, &files)
}

/// One line is read; another one is written and rotated, and a third one begins anew.
fn rotated_while_stopped(place: &Place, paths: &str, log: &str) -> Sink {
    let sink = Sink::start();
    place.write(log, "one\n");
    let shipper = start(place, &sink, paths);
    sink.expect(&["one"]);
    shipper.stop();
    place.write(log, "two\n");
    fs::rename(place.path(log), place.path(&format!("{log}.1"))).unwrap();
    place.write(log, "three\n");
    let shipper = start(place, &sink, paths);
    sink.expect(&["two", "three"]);
    shipper.stop();
    sink.expect_once(&["one", "two", "three"]);
    sink
}

#[test]
fn a_link_to_a_folder() {
    let place = Place::new();
    fs::create_dir(place.path("real")).unwrap();
    symlink(place.path("real"), place.path("link")).unwrap();
    let paths = place.path("link/*.log").display().to_string();
    let sink = rotated_while_stopped(&place, &paths, "real/a.log");
    let name = place.path("link/a.log").display().to_string();
    for line in ["one", "two", "three"] {
        assert_eq!(sink.document(line)["file"], name.as_str(), "{line}");
    }
}

#[test]
fn a_link_to_a_file() {
    let place = Place::new();
    fs::create_dir_all(place.path("pods/x")).unwrap();
    fs::create_dir(place.path("containers")).unwrap();
    symlink(place.path("pods/x/0.log"), place.path("containers/x.log")).unwrap();
    let paths = place.path("containers/*.log").display().to_string();
    rotated_while_stopped(&place, &paths, "pods/x/0.log");
}

#[test]
fn a_path_that_is_relative() {
    // The folder that the tests run in is of all of them: names of its own are made in it.
    let here = std::env::current_dir().unwrap();
    let folder = tempfile::tempdir_in(&here).unwrap();
    let name = folder.path().file_name().unwrap().to_str().unwrap();
    let place = Place::new();
    let log = folder.path().join("a.log");
    let sink = rotated_while_stopped(&place, &format!("./{name}/*.log"), log.to_str().unwrap());
    assert_eq!(sink.document("two")["file"], format!("{name}/a.log"));
}

#[test]
fn several_rotations_while_stopped() {
    let (place, sink) = (Place::new(), Sink::start());
    fs::create_dir(place.path("real")).unwrap();
    symlink(place.path("real"), place.path("link")).unwrap();
    let paths = place.path("link/*.log").display().to_string();
    place.write("real/a.log", "one\n");
    let shipper = start(&place, &sink, &paths);
    sink.expect(&["one"]);
    shipper.stop();
    place.write("real/a.log", "two\n");
    fs::rename(place.path("real/a.log"), place.path("real/a.log.2")).unwrap();
    place.write("real/a.log.1", "three\n");
    place.write("real/a.log", "four\n");
    place.write("real/a.log.gz", "packed\n");
    for _ in 0..2 {
        let shipper = start(&place, &sink, &paths);
        sink.expect(&["two", "three", "four"]);
        shipper.stop();
    }
    sink.expect_once(&["one", "two", "three", "four"]);
}
