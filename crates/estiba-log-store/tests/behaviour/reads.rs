use std::os::unix::fs::PermissionsExt as _;

use estiba_log_store::{HistogramOf, LogStore, Order, Scope, Search, Selection, TermsOf};
use estiba_logs::{Query, Record};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use crate::world::{append, find, indexed, line, search, store, texts};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + second).unwrap()
}

fn numbered(number: i64, second: i64) -> Record {
    Record {
        at: at(second),
        ..line(
            json!({"message": format!("line {number}"), "instance": format!("i{}", number % 2),
            "level": if number % 3 == 0 { "error" } else { "info" }, "number": number}),
        )
    }
}

/// Lines that came out of order, and some of one moment, in several segments.
async fn filled(folder: &std::path::Path) -> LogStore {
    let store = store(folder).await;
    for chunk in [0..10, 20..30, 10..20] {
        append(
            &store,
            chunk.map(|number| numbered(number, number / 2)).collect(),
        )
        .await;
    }
    store
}

#[tokio::test]
async fn pages_have_every_line_once_in_the_order_of_time() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path()).await;
    for (order, expected) in [
        (Order::OldestFirst, (0..30).collect::<Vec<_>>()),
        (Order::NewestFirst, (0..30).rev().collect()),
    ] {
        let (mut after, mut numbers, mut pages) = (None, Vec::new(), 0);
        loop {
            let page = Search {
                order,
                after,
                limit: 7,
                ..search("line")
            };
            let found = store.search(&Scope::everything(), page).await.unwrap();
            pages += 1;
            numbers.extend(
                found
                    .hits
                    .iter()
                    .map(|hit| hit.record.attributes["number"].as_i64().unwrap()),
            );
            after = found.next.map(|next| next.to_string().parse().unwrap());
            if after.is_none() {
                break;
            }
        }
        assert_eq!((numbers, pages), (expected, 5));
    }
}

#[tokio::test]
async fn times_have_their_first_moment_and_not_their_last() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path()).await;
    let selection = Selection {
        query: Query::all(),
        from: Some(at(3)),
        until: Some(at(5)),
    };
    assert_eq!(
        store
            .count(&Scope::everything(), selection.clone())
            .await
            .unwrap(),
        4
    );
    let page = Search {
        from: selection.from,
        until: selection.until,
        order: Order::OldestFirst,
        ..search("*")
    };
    let found = store.search(&Scope::everything(), page).await.unwrap();
    assert_eq!(texts(&found), ["line 6", "line 7", "line 8", "line 9"]);
}

#[tokio::test]
async fn no_time_is_too_far() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path()).await;
    for (from, until, lines) in [
        (Timestamp::MIN, Timestamp::MAX, 30),
        (at(0), Timestamp::MAX, 30),
        (at(5), Timestamp::MAX, 20),
        (Timestamp::MAX, Timestamp::MIN, 0),
        (Timestamp::MIN, at(5), 10),
    ] {
        let selection = Selection {
            query: Query::all(),
            from: Some(from),
            until: Some(until),
        };
        let counted = store.count(&Scope::everything(), selection).await.unwrap();
        assert_eq!(counted, lines, "{from} {until}");
        let page = Search {
            from: Some(from),
            until: Some(until),
            ..search("@timestamp:>=0001-01-01T00:00:00Z")
        };
        let found = store.search(&Scope::everything(), page).await.unwrap();
        assert_eq!(found.hits.len() as u64, lines, "{from} {until}");
    }
    for order in [Order::OldestFirst, Order::NewestFirst] {
        for cursor in [
            "-9223372036854775808_0",
            "9223372036854775807_18446744073709551615",
        ] {
            let page = Search {
                order,
                after: Some(cursor.parse().unwrap()),
                ..search("*")
            };
            let found = store.search(&Scope::everything(), page).await.unwrap();
            assert!(matches!(found.hits.len(), 0 | 30), "{cursor}");
        }
    }
}

#[tokio::test]
async fn lines_around_a_hit_are_of_its_instance() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path()).await;
    let around = Search {
        lines_before: 2,
        lines_after: 1,
        ..search("number:13")
    };
    let found = store.search(&Scope::everything(), around).await.unwrap();
    let texts = |records: &[Record]| {
        records
            .iter()
            .map(|record| record.text.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(texts(&found.hits[0].before), ["line 9", "line 11"]);
    assert_eq!(texts(&found.hits[0].after), ["line 15"]);
}

#[tokio::test]
async fn lines_are_counted_over_time_and_by_value() {
    let folder = tempfile::tempdir().unwrap();
    let store = filled(folder.path()).await;
    let of = HistogramOf {
        by: Some("level".into()),
        interval: Some(SignedDuration::from_secs(10)),
        ..HistogramOf::default()
    };
    let histogram = store.histogram(&Scope::everything(), of).await.unwrap();
    let bars: Vec<_> = histogram
        .buckets
        .iter()
        .map(|bar| (bar.from, bar.lines, bar.by["error"], bar.by["info"]))
        .collect();
    assert_eq!(bars, [(at(0), 20, 7, 13), (at(10), 10, 3, 7)]);

    let chosen = store
        .histogram(&Scope::everything(), HistogramOf::default())
        .await
        .unwrap();
    assert_eq!(chosen.interval, SignedDuration::from_secs(1));
    assert_eq!(chosen.buckets.iter().map(|bar| bar.lines).sum::<u64>(), 30);

    let of = |field: &str| TermsOf {
        selection: Selection::default(),
        field: field.into(),
        limit: 1,
    };
    let terms = store
        .terms(&Scope::everything(), of("level"))
        .await
        .unwrap();
    assert_eq!(
        (
            terms.terms[0].value.as_str(),
            terms.terms[0].lines,
            terms.others
        ),
        ("info", 20, 10)
    );
    let terms = store
        .terms(&Scope::everything(), of("number"))
        .await
        .unwrap();
    assert_eq!((terms.terms[0].lines, terms.others), (1, 29));
    let terms = store
        .terms(&Scope::everything(), of("environment"))
        .await
        .unwrap();
    assert_eq!(
        (terms.terms[0].value.as_str(), terms.terms[0].lines),
        ("prod", 30)
    );
    assert!(
        store
            .terms(&Scope::everything(), of("message"))
            .await
            .is_err()
    );

    let fields = store.fields(&Scope::everything()).await.unwrap();
    assert!(fields.contains(&"number".to_owned()) && fields.contains(&"level".to_owned()));
}

#[tokio::test]
async fn everything_is_there_after_the_store_is_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let first = filled(folder.path()).await;
    first.append(vec![numbered(99, 99)]).await.unwrap();
    first.close().await;
    drop(first);
    let again = store(folder.path()).await;
    indexed(&again).await;
    assert_eq!(
        find(&again, &Scope::everything(), "line").await.hits.len(),
        31
    );
    append(&again, vec![numbered(100, 100)]).await;
    assert_eq!(
        texts(&find(&again, &Scope::everything(), "number:>=99").await),
        ["line 100", "line 99"]
    );
}

#[tokio::test]
async fn lines_of_any_year_are_in_one_partition() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    for year in ["0001", "1600", "1970", "2026", "2100", "9999"] {
        append(
            &store,
            vec![Record {
                at: format!("{year}-06-01T00:00:00Z").parse().unwrap(),
                ..line(json!({"message": year}))
            }],
        )
        .await;
    }
    let found = find(&store, &Scope::everything(), "*").await;
    assert_eq!(texts(&found).len(), 6);
    assert_eq!(texts(&found)[1..4], ["2100", "2026", "1970"]);
    let partitions = std::fs::read_dir(folder.path().join("lines/moria/tp2/prod"))
        .unwrap()
        .count();
    assert_eq!(partitions, 1);
}

#[tokio::test]
async fn a_folder_has_one_store_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(folder.path()).await;
    let mode = std::fs::metadata(folder.path())
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700, "it is for nobody else to read");
    let second = LogStore::open(folder.path(), crate::world::quick()).await;
    assert!(second.unwrap_err().to_string().contains("another process"));
    first.close().await;
    assert!(first.append(vec![numbered(1, 1)]).await.is_err());
    drop(first);
    store(folder.path()).await;
}

#[tokio::test]
async fn paths_of_attributes_are_bounded_however_deep_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let first = store(folder.path()).await;
    let deep = |number: usize| {
        let names = (0..100).map(|one| (format!("p{number}x{one}"), json!(number)));
        let map: serde_json::Map<_, _> = names.collect();
        line(json!({"message": format!("deep {number}"), "m": {"n": map}}))
    };
    append(&first, (0..12).map(deep).collect()).await;
    first.close().await;
    drop(first);
    let again = store(folder.path()).await;
    append(
        &again,
        vec![
            deep(12),
            line(json!({"message": "known", "m": {"n": {"p3x7": 99}}})),
        ],
    )
    .await;
    let all = Scope::everything();
    let fields = again.fields(&all).await.unwrap();
    let paths = fields.iter().filter(|name| name.starts_with("m.")).count();
    assert_eq!(paths, 1000);
    assert_eq!(find(&again, &all, "deep").await.hits.len(), 13);
    let by_attribute = find(&again, &all, "m.n.p3x7:>=0").await;
    assert_eq!(texts(&by_attribute), ["known", "deep 3"]);
    let beyond = find(&again, &all, "deep 12").await;
    assert_eq!(beyond.hits[0].record.attributes["m"]["n"]["p12x0"], 12);
}
