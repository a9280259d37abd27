use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::Record;

fn record() -> Record {
    Record::from_value(
        json!({
            "@timestamp": "2026-05-01T12:00:00.5Z",
            "message": "GET /Api/v1 — Conexión rechazada: connection refused (10.0.0.7) => 500",
            "level": "ERROR",
            "team": "moria", "environment": "prod", "workload": "Bot", "instance": "bot-1",
            "status": 500, "took": 12.5, "ok": false, "path": "/api/users/7",
            "http": {"method": "GET"}, "http.host": "example.org",
            "tags": ["blue", "Green"], "nothing": null, "code": "500",
        }),
        "2026-05-01T12:00:00Z".parse().unwrap(),
    )
    .unwrap()
}

#[test]
fn queries_find_what_they_say() {
    for (text, found) in [
        ("", true),
        ("*", true),
        ("*:*", true),
        ("refused", true),
        ("REFUSED", true),
        ("conexión", true),
        ("refuse", false),
        ("refuse*", true),
        ("?efused", true),
        ("connection refused", true),
        ("\"connection refused\"", true),
        ("\"refused connection\"", false),
        ("10.0.0.7", true),
        ("10.0.*.7", true),
        ("10.0.0.8", false),
        ("/api/v?", true),
        ("\"=>\"", true),
        ("\"<=\"", false),
        ("level:error", true),
        ("lvl:ERR", true),
        ("level:err*", true),
        ("level:>=warn", true),
        ("level:<error", false),
        ("level:[info TO error]", true),
        ("level:{info TO error}", false),
        ("workload:bot", true),
        ("workload:bo", false),
        ("WORKLOAD:bot", false),
        ("fields.team:moria", true),
        ("status:500", true),
        ("status:500.0", true),
        ("status:5*", true),
        ("status:>=500", true),
        ("status:>500", false),
        ("status:[400 TO 599]", true),
        ("status:[400 TO 500}", false),
        ("status:[* TO 599]", true),
        ("status:(404 OR 500)", true),
        ("status:(404 500)", false),
        ("code:500", true),
        ("code:>=500", false),
        ("took:<12.6", true),
        ("took:12.50", true),
        ("ok:false", true),
        ("path:/api/*", true),
        ("path:/API/users/?", true),
        ("path:[/a TO /b]", true),
        ("http.method:get", true),
        ("http.host:example.org", true),
        ("http.nothing:*", false),
        ("http:*", true),
        ("http:[* TO *]", true),
        ("htt:*", false),
        ("http.method.get:*", false),
        ("tags:green", true),
        ("tags:red", false),
        ("nothing:*", false),
        ("path:*", true),
        ("NOT refused", false),
        ("-mordor", true),
        ("!mordor level:error", true),
        ("mordor OR level:error", true),
        ("mordor OR level:error AND status:404", false),
        ("(mordor OR level:error) AND status:500", true),
        ("team:mordor || team:moria && level:error", true),
        ("@timestamp:>=2026-05-01T12:00:00Z", true),
        (
            "@timestamp:[\"2026-05-01 11:00:00\" TO \"2026-05-01 11:59:59\"]",
            false,
        ),
        ("@timestamp:[* TO 2026-05-01]", true),
        ("@timestamp:[* TO 2026-05-01}", false),
        ("@timestamp:<=2026-05-01T12:00Z", true),
        ("@timestamp:>2026-05-01", false),
        ("@timestamp:2026-05-01", true),
        ("@timestamp:\"2026-05-01T12:00:00Z\"", true),
        ("@timestamp:2026-05-01T12:00:00.500Z", true),
        ("@timestamp:2026-05-01T12:00:00.4Z", false),
        ("@timestamp:1777636800500", true),
        ("@timestamp:1777636800499", false),
        ("_exists_:status", true),
        ("_exists_:gold", false),
        ("path:/api/users/7/", false),
        ("12:00", false),
        ("http://example.org", false),
    ] {
        let query = Query::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(query.matches(&record()), found, "{text} → {query:?}");
    }
}

#[test]
fn mistakes_point_at_the_character() {
    for (text, marked) in [
        ("level:", ""),
        ("level: error", " "),
        ("(a OR b", "("),
        ("a OR b)", ")"),
        ("a AND", ""),
        ("OR b", "OR"),
        ("a AND OR b", "OR"),
        ("path:\"/api", "\""),
        ("status:[1 5]", "5"),
        ("status:[1 TO 5", "["),
        ("a\"b\"", "\""),
        ("\"a b\"~2", "~"),
        ("ht*p:x", "*"),
        ("*:x", "x"),
        ("a \\", "\\"),
        ("()", ")"),
        ("status:>=", ""),
        ("level:>=grave", "grave"),
        ("level:[info TO \"grave\"]", "\"grave\""),
        ("@timestamp:<yesterday", "yesterday"),
        ("refused~", "~"),
        ("level:error^2.5", "^"),
        ("label:/val[01]/", "/val[01]/"),
        ("_exists_:pa*", "pa*"),
        ("conexión NOT", ""),
    ] {
        let error = Query::parse(text).expect_err(text);
        assert_eq!(&text[error.span.clone()], marked, "{text}: {error}");
        assert_ne!(error.message.en, error.message.es);
    }
    let deep = "(".repeat(200);
    assert!(Query::parse(&deep).is_err());
    assert!(Query::parse(&"é".repeat(Query::LONGEST_BYTES)).is_err());
}

#[test]
fn a_value_that_looks_like_a_url_reads_back() {
    let query = Query::parse("path:\\/\\/x*").unwrap();
    assert_eq!(query.to_string(), "path:\\//x*");
    assert_eq!(Query::parse(&query.to_string()).unwrap(), query);
    assert_ne!(Query::parse("path://x*").unwrap(), query);
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z0-9]{1,6}",
        "(AND|OR|NOT|TO)",
        "[ -~é\\t]{1,6}",
        "[\\[\\]{}<>=()\":\\\\*?+!&|~^/.-]{1,4}",
    ]
}

fn globs() -> impl Strategy<Value = Glob> {
    let piece = prop_oneof![
        3 => texts().prop_map(Piece::Text),
        1 => Just(Piece::Any),
        1 => Just(Piece::One),
    ];
    prop::collection::vec(piece, 1..4)
        .prop_map(Glob::new)
        .prop_filter("`*` alone is something else", |glob| !glob.is_any())
}

fn bounds() -> impl Strategy<Value = Bound> {
    prop_oneof![
        Just(Bound::Open),
        texts().prop_map(Bound::Including),
        texts().prop_map(Bound::Excluding),
    ]
}

/// Levels are compared with levels alone.
fn between((field, low, high): (Field, Bound, Bound)) -> Node {
    let end = |end| match field.as_str() {
        Field::LEVEL => Bound::Open,
        _ => end,
    };
    let (low, high) = (end(low), end(high));
    Node::Between { field, low, high }
}

fn nodes() -> impl Strategy<Value = Node> {
    let field = prop_oneof![
        Just("message".to_owned()),
        Just("level".to_owned()),
        "[a-z@_][a-z0-9._-]{0,5}",
        texts(),
    ]
    .prop_filter("`*` is no name", |name| name != "*" && name != "_exists_")
    .prop_map(|name| Field::new(&name))
    .prop_filter("moments are read as what they last", |field| {
        field.as_str() != Field::AT
    });
    let leaf = prop_oneof![
        Just(Node::All),
        (field.clone(), globs()).prop_map(|(field, glob)| Node::Is {
            field,
            value: Value::Word(glob)
        }),
        (field.clone(), ".{0,8}").prop_map(|(field, text)| Node::Is {
            field,
            value: Value::Phrase(text)
        }),
        (field.clone(), bounds(), bounds()).prop_map(between),
        field.prop_map(|field| Node::Exists { field }),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(Node::And),
            prop::collection::vec(inner.clone(), 2..4).prop_map(Node::Or),
            inner.prop_map(|node| Node::Not(Box::new(node))),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_reads_back(node in nodes()) {
        let query = Query { node };
        let text = query.to_string();
        let read = Query::parse(&text);
        prop_assert!(
            read.as_ref().is_ok_and(|read| *read == query),
            "{text}\n{read:?}\n{query:?}"
        );
    }

    #[test]
    fn any_text_is_read_or_refused_at_a_place(text in "[a-z \\[\\]{}<>=()\":\\\\*?+!&|~^/.A-Zé-]{0,40}") {
        match Query::parse(&text) {
            Ok(query) => {
                let found = query.matches(&record());
                let others = Query { node: Node::Not(Box::new(query.node)) };
                prop_assert_eq!(others.matches(&record()), !found);
            }
            Err(error) => prop_assert!(text.get(error.span).is_some()),
        }
    }

    #[test]
    fn a_glob_is_like_the_regular_meaning(glob in globs(), text in "[a-c]{0,8}") {
        fn simply(pieces: &[Piece], text: &str) -> bool {
            match pieces.split_first() {
                None => text.is_empty(),
                Some((Piece::Text(start), rest)) => text.strip_prefix(start.as_str()).is_some_and(|left| simply(rest, left)),
                Some((Piece::One, rest)) => text.chars().next().is_some_and(|one| simply(rest, &text[one.len_utf8()..])),
                Some((Piece::Any, rest)) => (0..=text.len()).any(|at| simply(rest, &text[at..])),
            }
        }
        prop_assert_eq!(glob.matches_lower(&text), simply(glob.pieces(), &text));
    }
}
