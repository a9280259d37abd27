//! Ten thousand files, of which few are open.

use crate::shipper::{Place, numbered};
use crate::sink::Sink;

const FILES: usize = 10_000;

#[test]
fn ten_thousand_files() {
    let (place, sink) = (Place::new(), Sink::start());
    for file in 0..FILES {
        place.write(&format!("{file}.log"), format!("first {file}\n"));
    }
    let before = open_files();
    let shipper = place.ship(&sink, "open_files: 64");
    sink.expect(&numbered("first", 0..FILES));
    for file in 0..FILES {
        place.write(&format!("{file}.log"), format!("second {file}\n"));
    }
    sink.expect(&numbered("second", 0..FILES));
    assert!(
        open_files() < before + 64 + 200,
        "{} files are open",
        open_files()
    );
    shipper.stop();
    sink.expect_once(&[numbered("first", 0..FILES), numbered("second", 0..FILES)].concat());
}

/// Of the whole process: other tests run beside this one.
fn open_files() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}
