//! Lines that are posted: the appender and Heroku's drain.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::shipper::{Place, Shipper};
use crate::sink::Sink;

/// An address nobody listens at yet.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

fn start(place: &Place, sink: &Sink, address: SocketAddr, more: &str) -> Shipper {
    std::fs::write(place.path("token"), "s3cret").unwrap();
    let token = place.path("token");
    let config = format!(
        "listen: {{ address: \"{address}\", token_file: {} }}\nstate: {}\nsink: {{ to: \"http://{}\", linger: 10ms }}\n{more}",
        token.display(),
        place.path("state").display(),
        sink.address,
    );
    let shipper = Shipper::start(&config);
    while TcpStream::connect(address).is_err() {
        std::thread::yield_now();
    }
    shipper
}

/// Status and body of the answer.
fn request(address: SocketAddr, head: &str, body: impl AsRef<[u8]>) -> (u16, String) {
    let body = body.as_ref();
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "{head}\r\nhost: x\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // What is refused by its head is answered before the body is taken.
    let _ = stream.write_all(body);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let status = answer
        .split(' ')
        .nth(1)
        .unwrap_or_else(|| panic!("{answer}"))
        .parse()
        .unwrap();
    (status, answer)
}

fn post(address: SocketAddr, kind: &str, body: &str) -> u16 {
    let head = format!(
        "POST /?workload=bot HTTP/1.1\r\nauthorization: Bearer s3cret\r\ncontent-type: {kind}"
    );
    request(address, &head, body).0
}

#[test]
fn what_an_appender_may_send() {
    let (place, sink, address) = (Place::new(), Sink::start(), free());
    let shipper = start(&place, &sink, address, "fields: { team: moria }");
    assert_eq!(
        post(
            address,
            "text/plain; charset=utf-8",
            "one\r\ntwo\nERROR three"
        ),
        202
    );
    assert_eq!(
        post(
            address,
            "application/x-ndjson",
            "{\"msg\":\"four\",\"level\":\"warn\"}\n{\"msg\":\"five\"}\n"
        ),
        202
    );
    assert_eq!(
        post(
            address,
            "application/json",
            "[{\"msg\":\"six\",\n \"n\": 1}, \"seven\"]"
        ),
        202
    );
    assert_eq!(
        post(address, "application/json", "{\"msg\":\"eight\"}"),
        202
    );
    sink.expect_once(&[
        "one",
        "two",
        "ERROR three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
    ]);
    let document = sink.document("four");
    assert_eq!(
        (&document["level"], &document["workload"], &document["team"]),
        (&"warn".into(), &"bot".into(), &"moria".into())
    );
    assert_eq!(post(address, "application/json", "{\"msg\":"), 400);
    assert_eq!(post(address, "text/plain", &"x\n".repeat(600_000)), 413);
    assert_eq!(request(address, "POST / HTTP/1.1", "x").0, 401);
    assert_eq!(
        request(
            address,
            "POST / HTTP/1.1\r\nauthorization: Bearer wrong",
            "x"
        )
        .0,
        401
    );
    assert_eq!(request(address, "GET / HTTP/1.1", "").0, 405);
    assert_eq!(request(address, "GET /healthz HTTP/1.1", "").0, 200);
    shipper.stop();
}

#[test]
fn a_drain_of_heroku() {
    let (place, sink, address) = (Place::new(), Sink::start(), free());
    let shipper = start(&place, &sink, address, "");
    let messages = [
        "<190>1 2026-01-02T03:04:05.678+00:00 host app web.1 - ERROR broken\n",
        "<158>1 2026-01-02T03:04:06+00:00 host heroku router - at=info method=GET path=\"/\" status=200\n",
        "no syslog",
    ];
    let body: String = messages
        .iter()
        .map(|message| format!("{} {message}", message.len()))
        .collect();
    // "aGVyb2t1OnMzY3JldA==" is heroku:s3cret.
    let head = "POST /drain?workload=api HTTP/1.1\r\nauthorization: Basic aGVyb2t1OnMzY3JldA==\r\ncontent-type: application/logplex-1\r\nlogplex-msg-count: 3";
    assert_eq!(request(address, head, &body).0, 202);
    assert_eq!(request(address, head, "no frame").0, 400);
    sink.expect(&["ERROR broken", "no syslog"]);
    let document = sink.document("ERROR broken");
    for (key, value) in [
        ("level", "error"),
        ("instance", "web.1"),
        ("program", "app"),
        ("workload", "api"),
        ("@timestamp", "2026-01-02T03:04:05.678+00:00"),
    ] {
        assert_eq!(document[key], value, "{key}");
    }
    sink.wait("the router's line", |state| {
        state
            .documents
            .iter()
            .any(|document| document["status"] == 200)
            .then_some(())
    });
    shipper.stop();
}

#[test]
fn what_was_accepted_survives_a_restart() {
    let (place, sink, address) = (Place::new(), Sink::start(), free());
    sink.with(|state| state.is_down = true);
    let shipper = start(&place, &sink, address, "buffer: 1Mi\ndrain: 0s");
    for number in 0..50 {
        assert_eq!(post(address, "text/plain", &format!("line {number}")), 202);
    }
    shipper.stop();
    sink.with(|state| state.is_down = false);
    let shipper = start(&place, &sink, address, "buffer: 1Mi");
    sink.expect_once(&crate::shipper::numbered("line", 0..50));
    shipper.stop();
    let left = std::fs::read_dir(place.path("state/buffer"))
        .unwrap()
        .count();
    assert_eq!(left, 0, "what is acknowledged is removed");
}

#[test]
fn a_full_buffer_refuses_until_there_is_room() {
    let (place, sink, address) = (Place::new(), Sink::start(), free());
    sink.with(|state| state.is_down = true);
    let metrics = free();
    let shipper = start(
        &place,
        &sink,
        address,
        &format!("buffer: 64Ki\nmetrics: \"{metrics}\""),
    );
    let mut accepted = Vec::new();
    let refused = (0..200).find(|number| {
        let line = format!("{number} {}", "x".repeat(2000));
        let status = post(address, "text/plain", &line);
        if status == 202 {
            accepted.push(line);
        }
        status == 503
    });
    assert!(refused.is_some() && !accepted.is_empty());
    let figures = request(metrics, "GET /metrics HTTP/1.1", "").1;
    assert!(figures.contains("estiba_ship_sink_down 1"), "{figures}");
    assert!(figures.contains("# TYPE estiba_ship_lines_read_total counter"));
    sink.with(|state| state.is_down = false);
    sink.expect(&accepted);
    while post(address, "text/plain", "room again") != 202 {}
    sink.expect(&["room again"]);
    shipper.stop();
}

#[test]
fn slow_senders_hold_nobody_up() {
    let (place, sink, address) = (Place::new(), Sink::start(), free());
    let shipper = start(&place, &sink, address, "drain: 0s");
    let slow: Vec<_> = (0..60)
        .map(|number| {
            let mut stream = TcpStream::connect(address).unwrap();
            let head = "POST / HTTP/1.1\r\nhost: x\r\nauthorization: Bearer s3cret\r\ncontent-length: 1000000\r\n\r\nx";
            // Some never end their head, some their body.
            let sent = if number % 2 == 0 { head } else { &head[..30] };
            stream.write_all(sent.as_bytes()).unwrap();
            stream
        })
        .collect();
    assert_eq!(post(address, "text/plain", "quick"), 202);
    sink.expect_once(&["quick"]);
    shipper.stop();
    drop(slow);
}

#[test]
fn without_a_buffer_accepted_means_acknowledged() {
    let (place, sink, address) = (Place::new(), Sink::start(), free());
    let shipper = start(&place, &sink, address, "");
    assert_eq!(post(address, "text/plain", "safe"), 202);
    assert_eq!(
        sink.with(|state| state.counts.get("safe").copied()),
        Some(1)
    );
    shipper.stop();
}
