//! Shippers as processes of their own: ended by signals, fed by pipes.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rand::Rng as _;
use rustix::process::{Pid, Signal, kill_process};

use crate::shipper::{Place, numbered, text};
use crate::sink::Sink;

const CONFIG: &str = "ESTIBA_TEST_SHIP";

/// Not a test but the process that the others start: this program, asked to run
/// this one alone.
#[test]
fn shipper_process() {
    let Ok(text) = std::env::var(CONFIG) else {
        return;
    };
    let config = estiba_ship::Config::read(Path::new("ship.yaml"), Some(&text), |_| None).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let shipped = runtime.block_on(async {
        let mut terminate =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).unwrap();
        estiba_ship::run(config, async move {
            terminate.recv().await;
        })
        .await
    });
    if let Err(error) = &shipped {
        println!("{error}");
    }
    std::process::exit(i32::from(shipped.is_err()));
}

fn spawn(config: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::shipper_process", "--nocapture"])
        .env(CONFIG, config)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Lines of a batch, which may come twice for each kill.
const BATCH: usize = 500;

#[test]
fn kill_at_random() {
    let kills: usize =
        std::env::var("ESTIBA_TEST_KILLS").map_or(20, |kills| kills.parse().unwrap());
    let (place, sink) = (Place::new(), Sink::start());
    let more = format!(
        "sink: {{ to: \"http://{}\", linger: 5ms, batch_documents: {BATCH} }}",
        sink.address
    );
    let config = place.config(&sink, &more);
    let mut random = rand::rng();
    let mut written = 0;
    for kill in 0..kills {
        let mut child = spawn(&config);
        let more = written..written + 4_000;
        for lines in numbered("line", more.clone()).chunks(400) {
            place.write("a.log", text(lines));
        }
        written = more.end;
        if kill % 3 == 1 {
            // A file that nobody ever saw by its name can't be found by another.
            let first = format!("line {}", more.start);
            sink.wait("the file's first line", |state| {
                state.counts.contains_key(&first).then_some(())
            });
            std::fs::rename(place.path("a.log"), place.path(&format!("a.log.{kill}"))).unwrap();
        }
        // Somewhere on its way through what is there.
        let enough = random.random_range(0..written);
        sink.wait("some lines", |state| {
            (state.counts.len() >= enough).then_some(())
        });
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let child = spawn(&config);
    let all = numbered("line", 0..written);
    sink.expect(&all);
    end(child, Signal::TERM);
    let twice: usize = sink.with(|state| state.counts.values().map(|count| count - 1).sum());
    println!("{kills} kills, {written} lines, {twice} of them twice");
    assert!(
        twice <= kills * BATCH,
        "{twice} lines came twice after {kills} kills"
    );
    assert_eq!(sink.with(|state| state.counts.len()), written);
}

fn end(mut child: Child, signal: Signal) {
    kill_process(Pid::from_child(&child), signal).unwrap();
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_pipe_is_shipped_to_its_end() {
    let sink = Sink::start();
    let mut child = spawn(&format!(
        "stdin: true\nsink: {{ to: \"http://{}\" }}",
        sink.address
    ));
    let lines = numbered("line", 0..30_000);
    let mut input = child.stdin.take().unwrap();
    input.write_all(text(&lines).as_bytes()).unwrap();
    input.write_all(b"unended").unwrap();
    drop(input);
    assert!(child.wait().unwrap().success());
    sink.expect_once(&[lines, vec!["unended".to_owned()]].concat());
}

#[test]
fn documents_on_standard_output() {
    let mut child = spawn("stdin: true\nsink: { to: stdout }\nfields: { team: moria }");
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"one\ntwo\n")
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let documents: Vec<serde_json::Value> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter(|line| line.starts_with('{'))
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let messages: Vec<_> = documents
        .iter()
        .map(|document| (&document["message"], &document["team"]))
        .collect();
    let team = &"moria".into();
    assert_eq!(messages, [(&"one".into(), team), (&"two".into(), team)]);
}

#[test]
fn the_end_takes_no_longer_than_stated() {
    let (place, sink) = (Place::new(), Sink::start());
    sink.with(|state| state.is_down = true);
    place.write("a.log", "line\n");
    let config = place.config(&sink, "drain: 100ms");
    let child = spawn(&config);
    sink.wait("a request", |state| (state.requests > 0).then_some(()));
    end(child, Signal::TERM);
    sink.with(|state| state.is_down = false);
    let child = spawn(&config);
    sink.expect(&["line"]);
    end(child, Signal::TERM);
}

/// What a shipper that failed said.
fn failed(child: Child) -> String {
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success(), "{said}");
    said
}

#[test]
fn a_pipe_that_is_not_delivered_in_time_is_a_failure() {
    let sink = Sink::start();
    sink.with(|state| state.is_down = true);
    let mut child = spawn(&format!(
        "stdin: true\ndrain: 100ms\nsink: {{ to: \"http://{}\" }}",
        sink.address
    ));
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"one\ntwo\n").unwrap();
    drop(input);
    let said = failed(child);
    assert!(said.contains("lost: 2;"), "{said}");
}

#[test]
fn lines_that_are_lost_at_the_end_are_counted() {
    let sink = Sink::start();
    sink.with(|state| state.is_down = true);
    let mut child = spawn(&format!(
        "stdin: true\ndrain: 100ms\nsink: {{ to: \"http://{}\", linger: 0ms }}",
        sink.address
    ));
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"one\ntwo\nthree\n").unwrap();
    sink.wait("a request", |state| (state.requests > 0).then_some(()));
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    let said = failed(child);
    assert!(said.contains("lost: 3;"), "{said}");
    drop(input);
}

#[test]
fn lines_in_the_disk_buffer_are_not_lost() {
    let (place, sink) = (Place::new(), Sink::start());
    sink.with(|state| state.is_down = true);
    let config = format!(
        "stdin: true\ndrain: 100ms\nstate: {}\nbuffer: 1Mi\nsink: {{ to: \"http://{}\" }}",
        place.path("state").display(),
        sink.address
    );
    for (lines, is_down) in [("one\ntwo\n", true), ("three\n", false)] {
        sink.with(|state| state.is_down = is_down);
        let mut child = spawn(&config.replace("100ms", if is_down { "100ms" } else { "60s" }));
        let mut input = child.stdin.take().unwrap();
        input.write_all(lines.as_bytes()).unwrap();
        drop(input);
        assert!(child.wait().unwrap().success());
    }
    sink.expect_once(&["one", "two", "three"]);
}
