use super::*;
use crate::framing::Stream;
use proptest::prelude::*;
use serde_json::{Value, json};

fn encode(parse: Parse, text: &[u8]) -> Value {
    encode_event(
        parse,
        &Event {
            text,
            time: None,
            stream: None,
            cut: false,
        },
    )
}

fn encode_event(parse: Parse, event: &Event<'_>) -> Value {
    encode_by(Rules::default(), parse, event)
}

fn redacted(parse: Parse, pattern: &str, text: &str) -> Value {
    let mut rules = Rules::default();
    rules.redact(regex::bytes::Regex::new(pattern).unwrap());
    let event = Event {
        text: text.as_bytes(),
        time: None,
        stream: None,
        cut: false,
    };
    encode_by(rules, parse, &event)
}

fn encode_by(rules: Rules, parse: Parse, event: &Event<'_>) -> Value {
    let mut fields = Fields::default();
    fields.add("team", "moria");
    let known = Known {
        fields: &fields,
        read_at: "2026-05-05T00:00:00Z",
        level: None,
    };
    let mut out = Vec::new();
    assert!(Encoder::new(parse, rules).encode(event, &known, &mut out));
    assert_eq!(memchr::memchr(b'\n', &out), Some(out.len() - 1));
    serde_json::from_slice(&out)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&out)))
}

const READ_AT: &str = "2026-05-05T00:00:00Z";

#[test]
fn texts() {
    let line = "2026-01-02T03:04:05Z ERROR a \"b\"";
    assert_eq!(
        encode(Parse::Auto, line.as_bytes()),
        json!({"@timestamp": "2026-01-02T03:04:05Z", "level": "error", "message": line, "team": "moria"})
    );
    assert_eq!(
        encode(Parse::None, line.as_bytes()),
        json!({"@timestamp": READ_AT, "message": line, "team": "moria"})
    );
    assert_eq!(encode(Parse::Auto, b"a\xff\0b")["message"], "a\u{fffd}\0b");
    assert_eq!(encode(Parse::Auto, b"")["message"], "");
}

#[test]
fn objects_are_spread() {
    let table = [
        (
            json!({"msg": "hi", "level": "WARNING", "ts": 1_767_323_045, "n": {"a": [1]}}),
            json!({"message": "hi", "level": "warn", "@timestamp": "2026-01-02T03:04:05Z", "n": {"a": [1]}}),
        ),
        (
            json!({"message": "hi", "msg": "other", "level": 50}),
            json!({"message": "hi", "msg": "other", "level": "error", "@timestamp": READ_AT}),
        ),
        (
            json!({"message": {"a": 1}, "level": "odd", "team": "x", "_id": 1, "@timestamp": "never"}),
            json!({"message": "{\"a\":1}", "line_level": "odd", "line_team": "x", "line_id": 1,
                "line_timestamp": "never", "@timestamp": READ_AT}),
        ),
        (
            json!({"timestamp": "2026-01-02T03:04:05.5Z", "level": "INFO", "fields": {"message": "m", "k": 1}}),
            json!({"@timestamp": "2026-01-02T03:04:05.5Z", "level": "info", "message": "m", "fields": {"message": "m", "k": 1}}),
        ),
    ];
    for (line, mut expected) in table {
        expected["team"] = json!("moria");
        assert_eq!(
            encode(Parse::Auto, line.to_string().as_bytes()),
            expected,
            "{line}"
        );
        if line["message"].is_object() {
            continue;
        }
        let spread = serde_json::to_string_pretty(&line).unwrap();
        assert_eq!(encode(Parse::Json, spread.as_bytes()), expected, "{spread}");
    }
    let with_day = r#"{"date":"2026-05-01","ts":12,"msg":"hi"}"#;
    assert_eq!(
        encode(Parse::Auto, with_day.as_bytes()),
        json!({"@timestamp": READ_AT, "date": "2026-05-01", "ts": 12, "message": "hi", "team": "moria"})
    );
    let no_message = encode(Parse::Auto, br#"{"user":"x"}"#);
    assert_eq!(no_message["message"], r#"{"user":"x"}"#);
}

#[test]
fn a_moment_of_a_wrong_clock_is_the_lines_alone() {
    for wrong in ["0001-01-01T00:00:00Z", "2300-01-01T00:00:00Z"] {
        let line = json!({"@timestamp": wrong, "time": wrong, "msg": "hi"});
        assert_eq!(
            encode(Parse::Auto, line.to_string().as_bytes()),
            json!({"@timestamp": READ_AT, "line_timestamp": wrong, "time": wrong, "message": "hi", "team": "moria"})
        );
        let text = encode(Parse::Auto, format!("{wrong} hi").as_bytes());
        assert_eq!(text["@timestamp"], READ_AT);
    }
}

#[test]
fn every_loggers_names_are_known() {
    for (line, said, level) in [
        (
            r#"{"PRIORITY":"4","MESSAGE":"journald"}"#,
            "journald",
            "warn",
        ),
        (
            r#"{"body":"opentelemetry","severity_text":"ERROR"}"#,
            "opentelemetry",
            "error",
        ),
        (
            r#"{"levelname":"WARNING","event.original":"ecs"}"#,
            "ecs",
            "warn",
        ),
    ] {
        assert_eq!(
            encode(Parse::Auto, line.as_bytes()),
            json!({"@timestamp": READ_AT, "message": said, "level": level, "team": "moria"})
        );
    }
}

#[test]
fn the_name_that_says_most_is_the_message() {
    for line in [
        r#"{"body":"b","event":"e","msg":"m","log":"l"}"#,
        r#"{"log":"l","msg":"m","event":"e","body":"b"}"#,
    ] {
        assert_eq!(
            encode(Parse::Auto, line.as_bytes()),
            json!({"@timestamp": READ_AT, "message": "m", "log": "l", "event": "e", "body": "b",
                "team": "moria"})
        );
    }
}

#[test]
fn what_would_be_refused_is_a_text() {
    for line in [
        r#"{"a":1,"a":2}"#,
        r#"{"_id":1,"line_id":2}"#,
        r#"{"line_id":2,"_id":1}"#,
        r#"{"_id":1,"__id":2}"#,
        r#"{"team":1,"_team":2}"#,
        r#"{"a":1"#,
        r#"{"":1}"#,
        r#"{"a..b":1}"#,
        r#"{"a":01}"#,
        "{}x",
        "{a:1}",
        "[1]",
    ] {
        assert_eq!(
            encode(Parse::Auto, line.as_bytes()),
            json!({"@timestamp": READ_AT, "message": line, "team": "moria"})
        );
    }
}

#[test]
fn pairs_are_spread() {
    assert_eq!(
        encode(
            Parse::Auto,
            br#"time=2026-01-02T03:04:05Z level=error msg="a b" n=1 flag"#
        ),
        json!({"@timestamp": "2026-01-02T03:04:05Z", "level": "error", "message": "a b", "n": 1,
               "flag": true, "team": "moria"})
    );
    assert_eq!(
        encode(
            Parse::Auto,
            br#"msg=404 status=503 took=0.5 zip="0" id=007 v=1.10 sha=12e7 level=50"#
        ),
        json!({"@timestamp": READ_AT, "level": "error", "message": "404", "status": 503, "took": 0.5,
               "zip": "0", "id": "007", "v": "1.10", "sha": "12e7", "team": "moria"})
    );
    assert_eq!(encode(Parse::Logfmt, b"no pairs")["message"], "no pairs");
    let no_level = encode(Parse::Auto, br#"at=info desc="[error] no route""#);
    assert_eq!(no_level["level"], "error");
}

#[test]
fn the_runtimes_time_and_stream() {
    let event = |text, cut| Event {
        text,
        time: Some("2026-02-02T00:00:00.1Z"),
        stream: Some(Stream::Stderr),
        cut,
    };
    assert_eq!(
        encode_event(Parse::Auto, &event(b"2026-01-02 03:04:05 x", false)),
        json!({"@timestamp": "2026-02-02T00:00:00.1Z", "message": "2026-01-02 03:04:05 x", "team": "moria", "stream": "stderr"})
    );
    assert_eq!(
        encode_event(Parse::Auto, &event(br#"{"a":1}"#, true)),
        json!({"@timestamp": "2026-02-02T00:00:00.1Z", "message": "{\"a\":1} …[cut]", "cut": true, "team": "moria", "stream": "stderr"})
    );
}

#[test]
fn a_stream_that_the_line_says_is_not_the_runtimes() {
    let event = |stream| Event {
        text: br#"{"msg":"hi","stream":"audit"}"#,
        time: None,
        stream,
        cut: false,
    };
    let document = encode_event(Parse::Auto, &event(None));
    assert_eq!(document["stream"], "audit");
    assert_eq!(
        encode_event(Parse::Auto, &event(Some(Stream::Stderr))),
        json!({"@timestamp": READ_AT, "message": "hi", "line_stream": "audit", "team": "moria",
            "stream": "stderr"})
    );
}

#[test]
fn values_are_redacted_and_a_line_keeps_its_structure() {
    for (pattern, line, expected) in [
        (
            r"token=\S+",
            r#"{"msg":"login token=abc","user":"ana","n":{"token=a":["token=b",1]}}"#,
            json!({"message": "login ***", "user": "ana", "n": {"token=a": ["***", 1]}}),
        ),
        (
            r#"password: "[^"]+""#,
            r#"{"msg":"password: \"hunter2\" rejected"}"#,
            json!({"message": "*** rejected"}),
        ),
        (
            r"token=\S+",
            r#"{"msg":"tok\u0065n=s3cr3t"}"#,
            json!({"message": "***"}),
        ),
        (
            r"token=\S+",
            r#"{"msg":"\ud800 tok\u0065n=a"}"#,
            json!({"message": "\u{fffd} ***"}),
        ),
        (
            r"(?i)héllo|👍",
            r#"{"msg":"H\u00c9LLO \uD83D\uDC4D \\u0065"}"#,
            json!({"message": "*** *** \\u0065"}),
        ),
        (
            r"token=\S+",
            r#"{"message":{"a":"x token=b"}}"#,
            json!({"message": "{\"a\":\"x ***\"}"}),
        ),
        (
            r"token=\S+",
            r#"{"fields":{"message":"token=b"}}"#,
            json!({"message": "***", "fields": {"message": "***"}}),
        ),
        (
            r"token=\S+",
            r#"{"user": "tok\u0065n=b", "n": -1.5e3}"#,
            json!({"message": r#"{"user": "***", "n": -1.5e3}"#, "user": "***", "n": -1.5e3}),
        ),
        (
            r"\d{16}",
            r#"{"msg":"paid","card":4111111111111111,"n":[5500000000000004,true]}"#,
            json!({"message": "paid", "card": null, "n": [null, true]}),
        ),
    ] {
        let mut expected = expected;
        expected["team"] = json!("moria");
        expected["@timestamp"] = json!(READ_AT);
        assert_eq!(redacted(Parse::Auto, pattern, line), expected, "{line}");
    }
}

#[test]
fn pairs_are_redacted_and_keep_their_names() {
    for (pattern, line, expected) in [
        (
            r"token=\S+",
            r#"level=info msg="login token=abc" token=b user=ana"#,
            json!({"message": "login ***", "token": "***", "user": "ana", "level": "info"}),
        ),
        (
            r#"password: "[^"]+""#,
            r#"msg="password: \"hunter2\" rejected" user=ana"#,
            json!({"message": "*** rejected", "user": "ana"}),
        ),
        (
            r"token=\S+",
            r#"msg="\q tok\u0065n=a" n=x"#,
            json!({"message": "\\q ***", "n": "x"}),
        ),
        (
            r"token=\S+",
            r#"n=x msg="tok\u0065n=a"#,
            json!({"message": "***", "n": "x"}),
        ),
        (
            r#"key="[^"]+""#,
            r#"msg=hi key="a b" n=x"#,
            json!({"message": "hi", "key": "***", "n": "x"}),
        ),
        (
            "s3cr3t",
            r#"at=info user="as3cr3t b""#,
            json!({"message": r#"at=info user="a*** b""#, "at": "info", "user": "a*** b"}),
        ),
        // Words that belong to no value make a text of the line.
        (
            r"token \S+",
            r#"msg=hi token s3cr3t n="b \" token c""#,
            json!({"message": r#"msg=hi *** n="b \" ***""#}),
        ),
        (
            r"user=\S+ pass=\S+",
            "msg=hi user=a pass=b",
            json!({"message": "msg=hi ***"}),
        ),
    ] {
        let mut expected = expected;
        expected["team"] = json!("moria");
        expected["@timestamp"] = json!(READ_AT);
        assert_eq!(redacted(Parse::Auto, pattern, line), expected, "{line}");
    }
}

#[test]
fn an_odd_line_is_redacted_too() {
    for line in [
        r#"{"a":"tok\u0065n=s3cr3t","a":1}"#,
        r#"{"a":"tok\u0065n=s3cr3t"#,
        r#"{"a":"tok\u0065n=s3cr3t\"#,
        r#"{"a":"\x tok\u0065n=s3cr3t"}"#,
        r#"{"a":1,token=s3cr3t}"#,
        r#"  {"a":"tok\u0065n=s3cr3t"} x"#,
        "\u{feff}{\"a\":\"tok\\u0065n=s3cr3t\"}",
        "[token=s3cr3t]",
        "a=\u{1} token=s3cr3t level=info",
    ] {
        for parse in [
            Parse::Auto,
            Parse::Json,
            Parse::Logfmt,
            Parse::Text,
            Parse::None,
        ] {
            let document = redacted(parse, r"token=\S+", line).to_string();
            assert!(!document.contains("s3cr3t"), "{document}");
        }
    }
    let cut = Event {
        text: br#"{"msg":"password: \"hunter2\" rejec"#,
        time: None,
        stream: None,
        cut: true,
    };
    let mut rules = Rules::default();
    rules.redact(regex::bytes::Regex::new("password: \"[^\"]+\"").unwrap());
    let document = encode_by(rules, Parse::Auto, &cut);
    assert_eq!(document["message"], "{\"msg\":\"*** rejec\" …[cut]");
}

proptest! {
    #[test]
    fn any_bytes_become_one_line_of_json(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let document = encode(Parse::Auto, &text);
        prop_assert!(document["message"].is_string());
    }

    #[test]
    fn any_object_keeps_its_members(members in proptest::collection::btree_map("x[a-z]{1,9}", any::<Option<i32>>(), 0..6)) {
        let line = serde_json::to_string(&members).unwrap();
        let document = encode(Parse::Auto, line.as_bytes());
        for (key, value) in members {
            prop_assert_eq!(document.get(&key), Some(&json!(value)));
        }
    }

    #[test]
    fn no_value_is_shipped_unredacted(value in ".*", quoted in any::<bool>()) {
        let said = serde_json::to_string(&format!("{value}s3cr3t{value}")).unwrap();
        let line = match quoted {
            true => format!(r#"{{"a":[{{"b":{said}}}]}}"#),
            false => format!("level=info a={said} b"),
        };
        let document = redacted(Parse::Auto, "s3cr3t", &line);
        prop_assert!(!document.to_string().contains("s3cr3t"));
        prop_assert!(document.get("a").is_some(), "{}", document);
    }

    #[test]
    fn no_bytes_are_too_odd_to_be_redacted(before in ".{0,20}", after in ".{0,20}", start in "(\\{|a=|\\{\"a\":\"|level=\"|)") {
        for parse in [Parse::Auto, Parse::Logfmt] {
            let document = redacted(parse, "s3cr3t", &format!("{start}{before}s3cr3t{after}"));
            prop_assert!(!document.to_string().contains("s3cr3t"));
        }
    }
}
