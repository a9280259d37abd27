//! Lines with anything in them.

use crate::shipper::Place;
use crate::sink::Sink;

#[test]
fn any_bytes_arrive() {
    let (place, sink) = (Place::new(), Sink::start());
    place.write(
        "a.log",
        b"\xff\xfe broken\n\nNUL \0 inside\r\ntab\t\"quoted\" \\ back\n\x1b[31mred\n",
    );
    place.write("b.log", "x");
    place.write("c.log", "");
    let shipper = place.ship(&sink, "");
    sink.expect(&[
        "\u{fffd}\u{fffd} broken",
        "",
        "NUL \0 inside",
        "tab\t\"quoted\" \\ back",
        "\u{1b}[31mred",
        "x",
    ]);
    shipper.stop();
}

#[test]
fn long_lines_arrive_and_longer_ones_are_cut() {
    let (place, sink) = (Place::new(), Sink::start());
    let whole = "w".repeat(1 << 20);
    let long = "l".repeat(5 << 20);
    place.write("a.log", format!("{whole}\nbetween\n{long}\nafter\n"));
    let shipper = place.ship(&sink, "");
    let cut = format!("{} …[cut]", "l".repeat(1 << 20));
    sink.expect(&[whole.as_str(), "between", &cut, "after"]);
    shipper.stop();
    sink.expect_once(&[whole.as_str(), "between", &cut, "after"]);
    assert_eq!(sink.document(&cut)["cut"], true);
}

#[test]
fn the_rest_of_a_cut_line_is_left_out_after_a_restart() {
    let (place, sink) = (Place::new(), Sink::start());
    let config = place.config(&sink, "longest_line: 1Ki");
    let config = config.replace("unended_line_after: 300ms", "unended_line_after: 1h");
    place.write("a.log", "c".repeat(5000));
    let cut = format!("{} …[cut]", "c".repeat(1024));
    let shipper = crate::shipper::Shipper::start(&config);
    sink.expect(&[&cut]);
    place.write("a.log", format!("{}\nafter\n", "d".repeat(5000)));
    sink.expect(&["after"]);
    shipper.stop();
    sink.expect_once(&[cut.as_str(), "after"]);
}

#[test]
fn traces_come_as_one() {
    let (place, sink) = (Place::new(), Sink::start());
    let trace =
        "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\nValueError: x";
    let shipper = place.ship(&sink, "multiline: auto");
    place.write("a.log", "starts\n");
    for line in trace.lines() {
        place.write("a.log", format!("{line}\n"));
    }
    sink.expect(&["starts", trace]);
    place.write("a.log", "goes on\n");
    shipper.stop();
    sink.expect_once(&["starts", trace, "goes on"]);
}

#[test]
fn rules_hold() {
    let (place, sink) = (Place::new(), Sink::start());
    place.write(
        "a.log",
        "GET /health\nGET /1 token=abc\nPOST\n{\"msg\":\"token=xyz\"}\n",
    );
    place
        .ship(&sink, "drop: /health\nredact: 'token=\\w+'")
        .stop();
    sink.expect_once(&["GET /1 ***", "POST", "***"]);
}
