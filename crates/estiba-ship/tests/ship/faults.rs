//! A sink that does what sinks do wrong.

use std::time::Duration;

use crate::shipper::{Place, numbered, text};
use crate::sink::{Fault, Sink};

#[test]
fn whatever_a_sink_does_every_line_arrives() {
    let (place, sink) = (Place::new(), Sink::start());
    let lines = numbered("line", 0..200);
    for fault in [
        Fault::Status(429),
        Fault::Status(503),
        Fault::Close,
        Fault::HalfAnswer,
        Fault::Page,
        Fault::Half429,
        Fault::Status(401),
        Fault::Status(302),
        Fault::Silence(Duration::from_secs(3)),
    ] {
        sink.with(|state| {
            state.counts.clear();
            state.faults.push_back(fault.clone());
        });
        let place = Place::new();
        place.write("a.log", text(&lines));
        let more = format!(
            "sink: {{ to: \"http://{}\", linger: 20ms, timeout: 1s }}",
            sink.address
        );
        let shipper = place.ship(&sink, &more);
        sink.expect(&lines);
        shipper.stop();
        let took_twice =
            sink.with(|state| state.counts.values().filter(|count| **count > 1).count());
        assert_eq!(
            took_twice,
            if matches!(fault, Fault::HalfAnswer) {
                200
            } else {
                0
            },
            "{fault:?}"
        );
    }
    drop(place);
}

#[test]
fn a_sink_that_is_not_there_is_waited_for() {
    let place = Place::new();
    let address = Sink::start().address;
    // Its port is taken by nobody else: a listener that only refuses would answer.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    assert_ne!(address, free);
    place.write("a.log", "patience\n");
    let config = format!(
        "files: [{{ paths: \"{}\" }}]\nstate: {}\nsink: {{ to: \"http://{free}\", linger: 10ms }}",
        place.path("*.log").display(),
        place.path("state").display()
    );
    let shipper = crate::shipper::Shipper::start(&config);
    while !place.path("state/positions").exists() {
        std::thread::yield_now();
    }
    let sink = Sink::at(free);
    sink.expect(&["patience"]);
    shipper.stop();
}

#[test]
fn what_is_refused_for_good_is_kept_aside() {
    let (place, sink) = (Place::new(), Sink::start());
    sink.with(|state| state.faults.push_back(Fault::Refuse("poison")));
    place.write("a.log", "good\npoison\nbetter\n");
    place.ship(&sink, "").stop();
    sink.expect_once(&["good", "better"]);
    let rejected = std::fs::read_to_string(place.path("state/rejected.ndjson")).unwrap();
    assert_eq!(rejected.lines().count(), 1);
    assert!(rejected.contains("\"message\":\"poison\""));
}

#[test]
fn what_is_too_large_is_split() {
    let (place, sink) = (Place::new(), Sink::start());
    sink.with(|state| state.most_bytes = Some(2000));
    let lines = numbered("line", 0..300);
    place.write("a.log", text(&lines) + &"x".repeat(3000) + "\nlast\n");
    place.ship(&sink, "").stop();
    sink.expect_once(&[lines, vec!["last".to_owned()]].concat());
}

#[test]
fn after_the_limit_lines_are_given_up() {
    let (place, sink) = (Place::new(), Sink::start());
    sink.with(|state| {
        state
            .faults
            .extend([Fault::Status(503), Fault::Status(503)]);
    });
    place.write("a.log", "lost\n");
    let more = format!(
        "sink: {{ to: \"http://{}\", give_up: 0s, linger: 10ms }}",
        sink.address
    );
    let shipper = place.ship(&sink, &more);
    sink.wait("a request", |state| (state.requests > 0).then_some(()));
    place.write("a.log", "lost too\n");
    sink.wait("another one", |state| (state.requests > 1).then_some(()));
    place.write("a.log", "found\n");
    sink.expect(&["found"]);
    shipper.stop();
    sink.expect_once(&["found"]);
}

#[test]
fn a_token_is_brought_and_never_told() {
    let (place, sink) = (Place::new(), Sink::start());
    place.write("a.log", "line\n");
    std::fs::write(place.path("token"), "s3cret\n").unwrap();
    let more = format!(
        "sink: {{ to: \"http://{}\", token_file: {}, gzip: false }}",
        sink.address,
        place.path("token").display()
    );
    let config =
        estiba_ship::Config::read("x".as_ref(), Some(&place.config(&sink, &more)), |_| None)
            .unwrap();
    assert!(!format!("{config:?}").contains("s3cret"));
    place.ship(&sink, &more).stop();
    assert_eq!(
        sink.with(|state| state.authorization.clone()).as_deref(),
        Some("ApiKey s3cret")
    );
}
