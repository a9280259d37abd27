//! What happens to files while they are read, and while nobody reads them.

use std::fs;
use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

use crate::shipper::{Place, numbered, text};
use crate::sink::Sink;

#[test]
fn lines_arrive_once_over_restarts() {
    let (place, sink) = (Place::new(), Sink::start());
    let all = numbered("line", 0..30);
    for part in all.chunks(10) {
        place.write("a.log", text(part));
        let shipper = place.ship(&sink, "fields: { team: moria }");
        sink.expect(part);
        shipper.stop();
    }
    sink.expect_once(&all);
    assert_eq!(sink.document("line 3")["team"], "moria");
}

#[test]
fn a_file_that_is_renamed_is_read_to_its_end() {
    let (place, sink) = (Place::new(), Sink::start());
    place.write("a.log", "before\n");
    let shipper = place.ship(&sink, "");
    sink.expect(&["before"]);
    // Whoever writes has the file open still, and ends it without an end of line.
    fs::rename(place.path("a.log"), place.path("a.log.1")).unwrap();
    place.write("a.log.1", "late\nunended");
    place.write("a.log", "after\n");
    sink.expect(&["late", "unended", "after"]);
    shipper.stop();
    sink.expect_once(&["before", "late", "unended", "after"]);
}

#[test]
fn a_file_that_was_renamed_while_nobody_read_is_found() {
    let (place, sink) = (Place::new(), Sink::start());
    place.write("a.log", "one\n");
    let shipper = place.ship(&sink, "");
    sink.expect(&["one"]);
    shipper.stop();
    place.write("a.log", "two\n");
    fs::rename(place.path("a.log"), place.path("a.log.1")).unwrap();
    place.write("a.log", "three\n");
    let shipper = place.ship(&sink, "");
    sink.expect(&["two", "three"]);
    shipper.stop();
    sink.expect_once(&["one", "two", "three"]);
}

#[test]
fn copytruncate_loses_nothing_that_is_in_the_copy() {
    let (place, sink) = (Place::new(), Sink::start());
    let first = numbered("first", 0..50);
    place.write("a.log", text(&first));
    let shipper = place.ship(&sink, "");
    sink.expect(&first);
    sink.with(|state| state.is_down = true);
    let unread = numbered("unread", 0..50);
    place.write("a.log", text(&unread));
    fs::copy(place.path("a.log"), place.path("a.log.1")).unwrap();
    fs::File::options()
        .write(true)
        .open(place.path("a.log"))
        .unwrap()
        .set_len(0)
        .unwrap();
    place.write("a.log", "anew\n");
    sink.with(|state| state.is_down = false);
    sink.expect(&unread);
    sink.expect(&["anew"]);
    shipper.stop();
}

#[test]
fn truncation_while_running_and_while_stopped() {
    let (place, sink) = (Place::new(), Sink::start());
    place.write("a.log", text(&numbered("first", 0..100)));
    let shipper = place.ship(&sink, "");
    sink.expect(&numbered("first", 0..100));
    fs::write(place.path("a.log"), "short\n").unwrap();
    sink.expect(&["short"]);
    // As long as what was there, so that its size tells nothing.
    fs::write(place.path("a.log"), "SHORT\nlonger\n").unwrap();
    sink.expect(&["SHORT", "longer"]);
    shipper.stop();
    fs::write(place.path("a.log"), "stopped\nand longer than before\n").unwrap();
    let shipper = place.ship(&sink, "");
    sink.expect(&["stopped", "and longer than before"]);
    shipper.stop();
    fs::write(place.path("a.log"), "x\n").unwrap();
    let shipper = place.ship(&sink, "");
    sink.expect(&["x"]);
    shipper.stop();
}

#[test]
fn a_file_that_is_removed_is_read_to_its_end() {
    let (place, sink) = (Place::new(), Sink::start());
    place.write("a.log", "first\n");
    let shipper = place.ship(
        &sink,
        "sink: { to: \"http://SINK\", batch: 1Ki, linger: 10ms }"
            .replace("SINK", &sink.address.to_string())
            .as_str(),
    );
    sink.expect(&["first"]);
    sink.with(|state| state.is_down = true);
    let rest = numbered("rest", 0..500);
    place.write("a.log", text(&rest));
    sink.wait("a request that is refused", |state| {
        (state.requests > 1).then_some(())
    });
    fs::remove_file(place.path("a.log")).unwrap();
    sink.with(|state| state.is_down = false);
    sink.expect(&rest);
    shipper.stop();
}

#[test]
fn another_file_with_the_same_inode_is_another_file() {
    let (place, sink) = (Place::new(), Sink::start());
    place.write("a.log", text(&numbered("old", 0..20)));
    let inode = fs::metadata(place.path("a.log")).unwrap().ino();
    let shipper = place.ship(&sink, "");
    sink.expect(&numbered("old", 0..20));
    shipper.stop();
    fs::remove_file(place.path("a.log")).unwrap();
    let new = numbered("new", 0..40);
    let mut is_reused = false;
    for attempt in 0..100 {
        place.write("b.log", text(&new));
        is_reused = fs::metadata(place.path("b.log")).unwrap().ino() == inode;
        if is_reused {
            break;
        }
        fs::rename(place.path("b.log"), place.path(&format!("{attempt}.other"))).unwrap();
    }
    if !is_reused {
        println!("the file system gives no inode twice; the same content is read all the same");
        place.write("b.log", text(&new));
    }
    let shipper = place.ship(&sink, "");
    sink.expect(&new);
    shipper.stop();
}

#[test]
fn new_files_and_folders_are_found() {
    let (place, sink) = (Place::new(), Sink::start());
    let files = format!(
        "files: [{{ paths: \"{}\", except: \"**/skip.log\" }}]",
        place.path("*/*.log").display()
    );
    let shipper = place.ship(&sink, &files);
    fs::create_dir(place.path("later")).unwrap();
    place.write("later/skip.log", "not this\n");
    place.write("later/a.log", "found\n");
    sink.expect(&["found"]);
    shipper.stop();
    sink.expect_once(&["found"]);
}

#[test]
fn what_is_there_at_the_end_is_delivered() {
    let (place, sink) = (Place::new(), Sink::start());
    let lines = numbered("line", 0..20_000);
    place.write("a.log", text(&lines) + "unended");
    place.ship(&sink, "").stop();
    sink.expect_once(&[lines, vec!["unended".to_owned()]].concat());
}

#[test]
fn one_folder_has_one_shipper() {
    let (place, sink) = (Place::new(), Sink::start());
    place.write("a.log", "line\n");
    let shipper = place.ship(&sink, "");
    sink.expect(&["line"]);
    let config =
        estiba_ship::Config::read("x".as_ref(), Some(&place.config(&sink, "")), |_| None).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let second = runtime.block_on(estiba_ship::run(config, std::future::pending()));
    assert!(second.unwrap_err().to_string().contains("another shipper"));
    shipper.stop();
}

#[test]
fn a_shipper_that_has_much_to_read_ends_all_the_same() {
    let (place, sink) = (Place::new(), Sink::start());
    let line = "x".repeat(1000);
    place.write("a.log", format!("{line}\n").repeat(200_000));
    let shipper = place.ship(&sink, "drain: 0s");
    sink.expect(&[&line]);
    shipper.stop();
    let shipped = sink.with(|state| state.documents.len());
    assert!(shipped < 200_000, "it read all of it first");
}

#[test]
fn a_line_says_which_file_it_is_from() {
    let (place, sink) = (Place::new(), Sink::start());
    place.write("a.log", "one\n{\"msg\":\"two\",\"file\":\"main.py\"}\n");
    let shipper = place.ship(&sink, "path_field: file");
    sink.expect(&["one", "two"]);
    let path = place.path("a.log").display().to_string();
    fs::rename(place.path("a.log"), place.path("a.log.1")).unwrap();
    place.write("a.log.1", "three\n");
    sink.expect(&["three"]);
    shipper.stop();
    for line in ["one", "two", "three"] {
        assert_eq!(sink.document(line)["file"], path.as_str());
    }
    assert_eq!(sink.document("two")["line_file"], "main.py");
}

/// Told to end together with it, the shipper reads what a program says last.
#[test]
fn the_end_waits_for_whoever_has_a_file_open() {
    let (place, sink) = (Place::new(), Sink::start());
    let mut log = place.write("a.log", "before\n");
    let shipper = place.ship(&sink, "quiet: 100ms\ndrain: 60s");
    sink.expect(&["before"]);
    log.write_all(b"open\n").unwrap();
    sink.expect(&["open"]);
    let ending = std::thread::spawn(move || shipper.stop());
    // Long after files that nobody has open would count as silent.
    std::thread::sleep(Duration::from_millis(500));
    log.write_all(b"last\n").unwrap();
    sink.expect(&["last"]);
    let closed = Instant::now();
    drop(log);
    ending.join().unwrap();
    assert!(closed.elapsed() < Duration::from_secs(20));
    sink.expect_once(&["before", "open", "last"]);
}

#[test]
fn the_end_waits_for_silence() {
    let (place, sink) = (Place::new(), Sink::start());
    place.write("a.log", "before\n");
    let shipper = place.ship(&sink, "quiet: 2s\ndrain: 60s");
    sink.expect(&["before"]);
    let ending = std::thread::spawn(move || shipper.stop());
    for line in ["one", "two"] {
        place.write("a.log", format!("{line}\n"));
        sink.expect(&[line]);
    }
    ending.join().unwrap();
    sink.expect_once(&["before", "one", "two"]);
}

#[test]
fn the_end_comes_though_somebody_never_closes_a_file() {
    let (place, sink) = (Place::new(), Sink::start());
    let mut log = place.write("a.log", "before\n");
    let shipper = place.ship(&sink, "quiet: 100ms\ndrain: 1s");
    sink.expect(&["before"]);
    log.write_all(b"open\n").unwrap();
    sink.expect(&["open"]);
    shipper.stop();
    sink.expect_once(&["before", "open"]);
}
