//! The index finds exactly what [`Query::matches`] finds.

use estiba_log_store::{LogStore, Scope, Selection};
use estiba_logs::{Query, Record};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::world::{append, find, line, store, texts};

fn lines() -> Vec<Record> {
    let mut lines: Vec<_> = [
        json!({"message": "Connection refused by 10.0.0.7", "level": "ERROR", "workload": "Bot", "status": 500}),
        json!({"message": "connection to peer refused", "level": "warn", "workload": "api", "status": "500"}),
        json!({"message": "GET /api/users => 200", "level": "info", "instance": "api-1", "status": 200, "path": "/api/users"}),
        json!({"message": "", "status": 499.5, "ok": true, "tags": ["Blue", "green", 7]}),
        json!({"message": "refused", "http": {"method": "GET", "status": 404}, "stream": "stderr"}),
        json!({"message": "refused", "http.status": 404, "big": u64::MAX, "negative": -3}),
        json!({"message": "é Conexión => rechazada", "level": "trace", "release": "v1.2.3"}),
        json!({"message": "moment", "when": "2026-05-01T12:00:00Z", "ok": false, "path": "/other", "empty": ""}),
        json!({"message": "x y", "list": [{"id": 1}, {"id": 2}], "nothing": null, "mixed": 1}),
        json!({"message": "a-b-c", "level": "fatal", "mixed": "one", "container": "sidecar"}),
        json!({"message": "long", "stack": "Word ".repeat(400)}),
    ]
    .into_iter()
    .map(line)
    .collect();
    for (second, line) in lines.iter_mut().enumerate() {
        line.at = format!("2026-05-01T12:00:{second:02}.5Z").parse().unwrap();
    }
    lines
}

/// Queries that go everywhere the lines go.
fn queries() -> impl Strategy<Value = String> {
    let field = prop::sample::select(vec![
        "message",
        "level",
        "workload",
        "instance",
        "stream",
        "release",
        "container",
        "team",
        "environment",
        "@timestamp",
        "status",
        "path",
        "ok",
        "tags",
        "http.status",
        "http.method",
        "http",
        "big",
        "negative",
        "when",
        "empty",
        "list.id",
        "nothing",
        "mixed",
        "stack",
        "absent",
    ]);
    let value = prop::sample::select(vec![
        "refused",
        "connection",
        "conexión",
        "Bot",
        "api",
        "api*",
        "*",
        "500",
        "404",
        "200",
        "499.5",
        "5*",
        "?00",
        "/api/*",
        "/API/users",
        "*s*",
        "warn",
        "warning",
        "error",
        "GET",
        "blue",
        "7",
        "true",
        "false",
        "one",
        "1",
        "moria",
        "m*",
        "prod",
        "10.0.0.7",
        "\"refused by\"",
        "\"connection refused\"",
        "\"=>\"",
        "\"\"",
        "a-b",
        "a-?-c",
        "v1.2.*",
        "18446744073709551615",
        "-3",
        "2026-05-01T12:00:03.5Z",
        "2026-05-01T12:00:00Z",
        "word*",
        "stderr",
        "500.0",
    ]);
    let range = prop::sample::select(vec![
        ">=500",
        ">404",
        "<=200",
        "<1e3",
        "[200 TO 499]",
        "{200 TO 499.5]",
        "[* TO 404}",
        "[* TO *]",
        ">=warn",
        "[info TO error]",
        "{a TO z}",
        ">=B",
        "[/a TO /b]",
        ">=2026-05-01T12:00:04Z",
        "[2026-05-01T12:00:01Z TO 2026-05-01T12:00:05.5Z}",
        "[1 TO z]",
        ">-4",
        "<v2",
        "[* TO n]",
    ]);
    let leaf = prop_oneof![
        (field.clone(), value.clone()).prop_map(|(field, value)| format!("{field}:{value}")),
        (field, range).prop_map(|(field, range)| format!("{field}:{range}")),
        value.prop_map(str::to_owned),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} AND {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} OR {b})")),
            inner.prop_map(|a| format!("(NOT {a})")),
        ]
    })
}

async fn agree(store: &LogStore, lines: &[Record], text: &str) -> Result<(), TestCaseError> {
    let query = match Query::parse(text) {
        Ok(query) => query,
        Err(_) => return Ok(()),
    };
    let wanted: Vec<_> = lines
        .iter()
        .rev()
        .filter(|line| query.matches(line))
        .collect();
    let found = store
        .search(&Scope::everything(), crate::world::search(text))
        .await;
    let found = found.map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
    let found: Vec<_> = found.hits.iter().map(|hit| &hit.record).collect();
    prop_assert_eq!(&found, &wanted, "{}", text);
    let selection = Selection {
        query,
        ..Selection::default()
    };
    let counted = store.count(&Scope::everything(), selection).await.unwrap();
    prop_assert_eq!(counted, wanted.len() as u64, "{}", text);
    Ok(())
}

#[test]
fn the_index_and_the_test_of_single_lines_agree() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let lines = lines();
    let store = runtime.block_on(async {
        let store = store(folder.path()).await;
        // In two segments, so that what differs by segment is tried too.
        append(&store, lines[..6].to_vec()).await;
        append(&store, lines[6..].to_vec()).await;
        store
    });
    let mut runner = TestRunner::new(Config {
        cases: 800,
        failure_persistence: None,
        ..Config::default()
    });
    let tried = runner.run(&queries(), |text| {
        runtime.block_on(agree(&store, &lines, &text))
    });
    tried.unwrap();
    runtime.block_on(store.close());
}

#[tokio::test]
async fn lines_that_are_searched_in_part_are_kept_whole() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let many: Value = (0..300)
        .map(|number| (format!("a{number}"), json!(number)))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let long = json!({"long": "x".repeat(100_000), "message": "long value"});
    append(
        &store,
        vec![
            line(json!({"message": "many values", "deep": many})),
            line(long),
        ],
    )
    .await;
    let found = find(&store, &Scope::everything(), "values").await;
    assert_eq!(found.hits[0].record.attributes["deep"]["a299"], json!(299));
    let found = find(&store, &Scope::everything(), "long:x*").await;
    assert_eq!(texts(&found), ["long value"]);
    assert_eq!(
        found.hits[0].record.attributes["long"]
            .as_str()
            .unwrap()
            .len(),
        100_000
    );
}
