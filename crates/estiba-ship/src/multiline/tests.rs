//! Traces as these languages really write them, between lines that are others'.

use std::ops::ControlFlow;

use proptest::prelude::*;

use super::*;
use crate::framing::{Assembler, Cursor, End, Format, Limits};

const LIMITS: Limits = Limits {
    bytes: 1 << 20,
    lines: 1000,
};

fn events(multiline: Option<Multiline>, text: &str) -> Vec<String> {
    let mut events = Vec::new();
    Assembler::new(Format::Raw, multiline, LIMITS).take(
        text.as_bytes(),
        End::All,
        &mut Cursor::default(),
        |event| {
            events.push(String::from_utf8(event.text.to_vec()).unwrap());
            ControlFlow::Continue(())
        },
    );
    events
}

/// Each part is one event; the language alone and all of them see the same.
fn assert_parts(language: Language, parts: &[&str]) {
    let text = parts.join("\n");
    for languages in [&[language][..], &Language::ALL] {
        assert_eq!(
            events(Some(Multiline::traces(languages)), &text),
            parts,
            "{languages:?}"
        );
    }
}

#[test]
fn java() {
    assert_parts(
        Language::Java,
        &[
            "2026-01-02 03:04:05 INFO starts",
            "2026-01-02 03:04:06 ERROR c.e.Api - failed\njava.lang.IllegalStateException: no account\n\tat com.example.Api.get(Api.java:42)\n\tat java.base/java.lang.Thread.run(Thread.java:840)\nCaused by: java.sql.SQLException: gone\n\tat org.postgresql.Driver.connect(Driver.java:1)\n\t... 12 more",
            "2026-01-02 03:04:07 INFO goes on",
            "Exception in thread \"main\" java.lang.NullPointerException\n\tat Main.main(Main.java:3)\n\tSuppressed: java.io.IOException: x\n\t\tat Main.close(Main.java:9)",
            "after",
        ],
    );
}

#[test]
fn python() {
    assert_parts(
        Language::Python,
        &[
            "INFO:root:starts",
            "ERROR:root:failed\nTraceback (most recent call last):\n  File \"/app/a.py\", line 3, in f\n    return 1 / 0\n           ~~^~~\nZeroDivisionError: division by zero\n\nDuring handling of the above exception, another exception occurred:\n\nTraceback (most recent call last):\n  File \"/app/a.py\", line 5, in <module>\n    raise KeyError('a')\nKeyError: 'a'",
            "INFO:root:goes on",
            "Traceback (most recent call last):\n  File \"a.py\", line 1, in <module>\nModuleNotFoundError: No module named 'x'",
            "after",
        ],
    );
}

#[test]
fn an_object_is_whole() {
    assert_parts(
        Language::Python,
        &[
            r#"{"level":"error","msg":"failed"}"#,
            "Traceback (most recent call last):\n  File \"a.py\", line 1, in f\nKeyError: 'a'",
            r#"{"level":"error","msg":"failed"}"#,
            "  File \"a.py\", line 1, in f",
        ],
    );
}

#[test]
fn dotnet() {
    assert_parts(
        Language::Dotnet,
        &[
            "info: Microsoft.Hosting.Lifetime[14]\n      Now listening on: http://localhost:5000",
            "fail: Microsoft.AspNetCore.Server.Kestrel[13]\n      Connection id \"0HM\"\n      System.InvalidOperationException: no\n         at Api.Get() in /src/Api.cs:line 7",
            "Unhandled exception. System.ArgumentException: outer\n ---> System.IO.IOException: inner\n   at A.B(String s) in /src/A.cs:line 3\n   --- End of inner exception stack trace ---\n   at A.Main() in /src/A.cs:line 9",
            "after",
        ],
    );
}

#[test]
fn node() {
    assert_parts(
        Language::Node,
        &[
            "listening on 3000",
            "TypeError: Cannot read properties of undefined (reading 'a')\n    at get (/app/index.js:3:9)\n    at process.processTicksAndRejections (node:internal/process/task_queues:95:5) {\n  code: 'E_X',\n  [cause]: Error: inner\n      at /app/index.js:2:1\n}",
            "goes on",
            "/app/index.js:3\n  throw new Error('boom')\n  ^\n\nError: boom\n    at Object.<anonymous> (/app/index.js:3:9)\n    at node:internal/main/run_main_module:28:49\n\nNode.js v20.11.0",
            "after",
        ],
    );
}

#[test]
fn ruby() {
    assert_parts(
        Language::Ruby,
        &[
            "starts",
            "app.rb:2:in 'Integer#/': divided by 0 (ZeroDivisionError)\n\tfrom app.rb:2:in 'Object#f'\n\tfrom app.rb:5:in '<main>'",
            "goes on",
            "ActiveRecord::RecordNotFound (Couldn't find User with 'id'=1):\n  \napp/controllers/users_controller.rb:5:in `show'\napp/middleware.rb:9:in `call'",
            "after",
        ],
    );
}

#[test]
fn rust() {
    assert_parts(
        Language::Rust,
        &[
            "starts",
            "thread 'main' (12) panicked at src/main.rs:2:5:\nno account\nnote: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
            "goes on",
            "thread 'tokio-runtime-worker' panicked at src/lib.rs:9:1:\nassertion `left == right` failed\n  left: 1\n right: 2\nstack backtrace:\n   0: rust_begin_unwind\n             at /rustc/abc/library/std/src/panicking.rs:645:5\n   1: api::get\n             at ./src/lib.rs:9:1\nnote: Some details are omitted, run with `RUST_BACKTRACE=full` for a verbose backtrace.",
            "Error: cannot start\n\nCaused by:\n    0: cannot read\n    1: No such file or directory (os error 2)",
            "after",
        ],
    );
}

#[test]
fn a_pattern_begins_events() {
    let start = || Some(Multiline::start(r"^\d{4}-").unwrap());
    assert_eq!(
        events(start(), "2026-01 a\n  b\nc\n2026-02 d\n"),
        ["2026-01 a\n  b\nc", "2026-02 d"]
    );
    assert_eq!(events(start(), "early\n2026-01\n"), ["early", "2026-01"]);
}

#[test]
fn events_have_bounds() {
    let mut events = Vec::new();
    let limits = Limits {
        bytes: 10,
        lines: 3,
    };
    let mut assembler = Assembler::new(Format::Raw, Some(Multiline::start("^x").unwrap()), limits);
    assembler.take(
        b"x\na\nb\nc\nd\nx1234567890\n",
        End::All,
        &mut Cursor::default(),
        |event| {
            events.push((String::from_utf8(event.text.to_vec()).unwrap(), event.cut));
            ControlFlow::Continue(())
        },
    );
    let expected = [("x\na\nb", false), ("c\nd", false), ("x123456789", true)];
    assert_eq!(events, expected.map(|(text, cut)| (text.to_owned(), cut)));
}

fn lines() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![
        "[a-z]{0,6}",
        Just("Traceback (most recent call last):".to_owned()),
        Just("  File \"a.py\", line 1, in f".to_owned()),
        Just("ValueError: x".to_owned()),
        Just("2020-01-01T00:00:00.0Z stdout P half".to_owned()),
        Just("2020-01-01T00:00:00.0Z stdout F end".to_owned()),
        Just("2020-01-01T00:00:00.0Z stderr F other".to_owned()),
        Just("2020-01-01T00:00:00.0Z stderr P part".to_owned()),
        Just(r#"{"log":"half","stream":"stdout"}"#.to_owned()),
        Just(r#"{"log":"end\n","stream":"stdout"}"#.to_owned()),
    ];
    proptest::collection::vec((line, prop_oneof![Just("\n"), Just("\r\n")]), 0..20).prop_map(
        |lines| {
            lines
                .into_iter()
                .map(|(line, end)| line + end)
                .collect::<String>()
                .into_bytes()
        },
    )
}

proptest! {
    /// However the input comes and however often the batch is full, the events are
    /// those of the whole.
    #[test]
    fn any_split_gives_the_same_events(
        text in lines(),
        cuts in proptest::collection::vec(0..300_usize, 0..12),
        most in 1..4_usize,
        joins in any::<bool>(),
        format in prop_oneof![Just(Format::Raw), Just(Format::Container)],
    ) {
        let multiline = || joins.then(|| Multiline::traces(&Language::ALL));
        let take = |cuts: &[usize], most: usize| {
            let mut assembler = Assembler::new(format, multiline(), LIMITS);
            let (mut events, mut cursor) = (Vec::new(), Cursor::default());
            let ends = cuts.iter().map(|cut| (*cut).min(text.len()));
            for (end, kind) in ends.map(|end| (end, End::Open)).chain([(text.len(), End::All)]) {
                loop {
                    let start = cursor.start() as usize;
                    if start > end {
                        break;
                    }
                    let mut count = 0;
                    let taken = assembler.take(&text[start..end], kind, &mut cursor, |event| {
                        events.push((event.text.to_vec(), event.stream));
                        count += 1;
                        if count >= most { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
                    });
                    if !taken.stopped {
                        break;
                    }
                }
            }
            // Two streams are in order each, not among each other.
            events.sort_by_key(|(_, stream)| stream.map(Stream::name));
            events
        };
        let mut cuts = cuts;
        cuts.sort_unstable();
        prop_assert_eq!(take(&cuts, most), take(&[], usize::MAX));
    }
}

use crate::framing::Stream;
