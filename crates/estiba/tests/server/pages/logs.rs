//! Stored lines of logs, as they are looked for on a page.

use std::io::{BufRead, BufReader};

use jiff::{Timestamp, ToSpan};
use serde_json::{Value, json};

use super::Browser;
use crate::bench::{Server, two_teams};
use crate::logs::eventually;

const PAGE: &str = "/teams/moria/projects/tp2/logs";

/// Lines of a team's `test`, as a shipper sends them.
fn ship(server: &Server, team: &str, lines: &[Value]) {
    let key = server.token(&json!({ "name": "ship", "machine": true, "scope": {
        "role": "shipper", "team": team, "project": "tp2", "environments": ["test"],
    }}));
    let lines = lines
        .iter()
        .map(|line| format!("{{\"create\":{{\"_index\":\"logs\"}}}}\n{line}\n"));
    let sent = server
        .request("POST", "/elastic/_bulk", &key)
        .header("content-type", "application/x-ndjson")
        .body(lines.collect::<String>())
        .send()
        .unwrap();
    let answer = sent.text().unwrap();
    assert!(answer.contains("\"errors\":false"), "{answer}");
}

/// The addresses of links whose text has these words.
fn links(page: &str, words: &str) -> Vec<String> {
    let links = page.split("<a ").skip(1);
    // With the bracket that ends the text.
    let links = links.map(|rest| &rest[..=rest.find("</a>").unwrap()]);
    let links = links.filter(|link| link.contains(words));
    let address = |link: &str| {
        let (_, rest) = link.split_once("href=\"").unwrap();
        let address = rest.split('"').next().unwrap();
        let address = address.replace("&#38;", "&").replace("&amp;", "&");
        match address.starts_with('?') {
            true => format!("{PAGE}{address}"),
            false => address,
        }
    };
    links.map(address).collect()
}

fn link(page: &str, words: &str) -> String {
    let found = links(page, words).into_iter().next();
    found.unwrap_or_else(|| panic!("no link \"{words}\": {page}"))
}

pub fn lines_are_searched_and_narrowed_by_clicks() {
    let (server, keys) = two_teams();
    let now = Timestamp::now();
    let mut lines: Vec<Value> = (0..250)
        .map(|number| {
            json!({ "@timestamp": now - (300 - number).seconds(), "level": "info",
                "message": format!("line {number:03}"), "workload": "api", "instance": "api-1" })
        })
        .collect();
    lines.push(
        json!({ "@timestamp": now - 20.seconds(), "level": "error", "status": 502,
        "message": "declined <b>by</b> upstream", "workload": "api", "instance": "api-2" }),
    );
    ship(&server, "moria", &lines);
    ship(&server, "rohan", &[json!({ "message": "of another team" })]);
    let browser = Browser::with(&server, &keys["viewer"]);
    let page = eventually("the lines", || {
        let page = browser.page(PAGE);
        (page.contains("251 lines") && page.contains("declined")).then_some(page)
    });
    // The newest first, with their level, as text, and no other team's.
    assert!(page.contains("<div class=\"error\">"), "{page}");
    assert!(page.contains("declined &#60;b&#62;by"), "{page}");
    assert!(page.find("declined").unwrap() < page.find("line 249").unwrap());
    assert!(!page.contains("of another team"));
    assert!(!page.contains("line 000"), "there are more than a page");

    // The rest, by its place.
    let older = browser.page(&link(&page, "Older"));
    assert!(older.contains("line 000") && !older.contains("declined"));
    assert!(!older.contains(">Older<"));
    let turned = browser.page(&link(&page, "Oldest first"));
    assert!(turned.find("line 000").unwrap() < turned.find("line 100").unwrap());

    // Narrowed by a click, and back.
    let errors = browser.page(&link(&page, ">error<"));
    assert!(errors.contains("declined") && !errors.contains("line 249"));
    let back = browser.page(&link(&errors, "×"));
    assert!(back.contains("line 249"));
    let of_instance = browser.page(&link(&page, ">api-2<"));
    assert!(of_instance.contains("declined") && !of_instance.contains("line 249"));
    let found = browser.page(&format!("{PAGE}?q=status:>=500&from=1h"));
    assert!(found.contains("1 lines") && found.contains("declined"));

    // Each bar leads to its time.
    let bars = links(&page, "<rect class=\"info\"");
    assert!(bars.len() > 3, "{bars:?}");
    let of_bar = browser.page(&bars[0]);
    assert!(of_bar.contains("line 000") && !of_bar.contains("line 249"));

    // A line has a page of its own, with its fields and what is around it.
    let place = link(&errors, "<time");
    let line = browser.page(&place);
    for words in ["declined &#60;b&#62;by", "502", "api-2"] {
        assert!(line.contains(words), "{words}: {line}");
    }
    let same = browser.page(&link(&line, ">502<"));
    assert!(same.contains("declined") && !same.contains("line 249"));
    let around = browser.page(&link(&line, "Of all instances"));
    assert!(around.contains("declined"), "{around}");
    let other = Browser::with(&server, &server.person("rohan", "eomer", "member"));
    assert_eq!(other.get(&place).status(), 404);
    assert_eq!(other.get(PAGE).status(), 404);
}

pub fn a_bad_query_is_shown_where_it_is_wrong() {
    let (server, keys) = two_teams();
    let browser = Browser::with(&server, &keys["member"]);
    for (query, marked) in [
        ("q=%C3%B1and%C3%BA+AND+%28level:", "<mark>"),
        ("level=loud", "loud"),
        ("from=yesterday", "yesterday"),
    ] {
        let answer = browser.get(&format!("{PAGE}?{query}"));
        assert_eq!(answer.status(), 422, "{query}");
        let page = answer.text().unwrap();
        assert!(page.contains(marked), "{query}: {page}");
        assert!(page.contains("name=\"q\""), "it can be mended: {page}");
    }
    let page = browser.get(&format!("{PAGE}?q=a+AND+%28level:"));
    let page = page.text().unwrap();
    assert!(page.contains("a AND (level"), "{page}");
}

pub fn new_lines_come_by_themselves() {
    let (server, keys) = two_teams();
    let browser = Browser::with(&server, &keys["member"]);
    let page = browser.page(&format!("{PAGE}?q=followed&live=true"));
    let (_, rest) = page.split_once("hx-sse:connect=\"").unwrap();
    let stream = rest.split('"').next().unwrap();
    let stream = stream.replace("&#38;", "&").replace("&amp;", "&");
    assert!(stream.starts_with(&format!("{PAGE}/tail?")), "{stream}");
    let mut lines = BufReader::new(browser.get(&stream)).lines();
    let message = |message: &str| json!({ "message": message, "level": "warn" });
    ship(
        &server,
        "moria",
        &[message("something else"), message("followed <i>")],
    );
    let told = loop {
        let line = lines.next().unwrap().unwrap();
        assert!(!line.contains("something else"), "{line}");
        if line.contains("followed") {
            break line;
        }
    };
    assert!(told.contains("class=\"warn\""), "{told}");
    assert!(told.contains("followed &#60;i&#62;"), "{told}");
    assert!(told.contains(&format!("{PAGE}/lines/")), "{told}");
}
