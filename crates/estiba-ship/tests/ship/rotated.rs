//! Files that were rotated while nobody read, by names that lead elsewhere.

use std::fs;
use std::os::unix::fs::symlink;

use crate::shipper::{Place, Shipper, numbered};
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

/// As logrotate does with `copytruncate`.
fn copy_and_truncate(place: &Place, copy: &str) {
    fs::copy(place.path("a.log"), place.path(copy)).unwrap();
    let log = fs::File::options().write(true).open(place.path("a.log"));
    log.unwrap().set_len(0).unwrap();
}

/// Nothing of the file is read before its shipper ends: the sink takes none of another one.
fn noted_and_not_read(place: &Place, sink: &Sink, before: &str) {
    sink.with(|state| state.is_down = true);
    // A batch of documents of its own is on its way, and another one is full.
    place.write("0.log", numbered("first", 0..4).join("\n") + "\n");
    let more = format!(
        "drain: 0s\nsink: {{ to: \"http://{}\", linger: 0ms, batch_documents: 1 }}",
        sink.address
    );
    let shipper = place.ship(sink, &more);
    sink.wait("a request", |state| (state.requests > 0).then_some(()));
    place.write("a.log", before);
    let positions = place.path("state/positions");
    while !fs::read_to_string(&positions).unwrap().contains("a.log") {
        std::thread::yield_now();
    }
    shipper.stop();
    sink.with(|state| state.is_down = false);
}

#[test]
fn a_copy_of_a_file_that_was_not_read() {
    let (place, sink) = (Place::new(), Sink::start());
    noted_and_not_read(&place, &sink, "one\n");
    place.write("a.log.bak", "another one\n");
    copy_and_truncate(&place, "a.log.1");
    place.write("a.log", "two\n");
    let shipper = place.ship(&sink, "");
    sink.expect(&["one", "two"]);
    shipper.stop();
    sink.expect_once(&[numbered("first", 0..4), vec!["one".into(), "two".into()]].concat());
}

#[test]
fn a_copy_of_a_file_that_was_empty() {
    let (place, sink) = (Place::new(), Sink::start());
    noted_and_not_read(&place, &sink, "");
    place.write("a.log", "one\n");
    copy_and_truncate(&place, "a.log.1");
    for _ in 0..2 {
        let shipper = place.ship(&sink, "");
        sink.expect(&["one"]);
        shipper.stop();
    }
    sink.expect_once(&[numbered("first", 0..4), vec!["one".into()]].concat());
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
