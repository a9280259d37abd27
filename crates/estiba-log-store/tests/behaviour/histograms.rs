//! Bars over time are exactly what counting line by line gives.

use std::collections::BTreeMap;

use estiba_log_store::{Bucket, HistogramOf, Scope, Selection};
use estiba_logs::{Query, Record};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::world::{append, line, store};

const FIRST_US: i64 = 1_780_000_000_000_000;

fn moment(us: i64) -> Timestamp {
    Timestamp::from_microsecond(us).unwrap()
}

/// Lines of some minutes, some without a level, and two of a wrong clock.
fn lines() -> Vec<Record> {
    let levels = [
        Some("info"),
        Some("error"),
        None,
        Some("info"),
        Some("warn"),
    ];
    let mut lines: Vec<_> = (0..300_i64)
        .map(|number| {
            let mut document = json!({
                "message": if number % 3 == 0 { "refused" } else { "accepted" },
                "took": number % 4,
            });
            if let Some(level) = levels[usize::try_from(number * number % 5).unwrap()] {
                document["level"] = level.into();
            }
            if number >= 240 {
                document["instance"] = format!("api-{}", number % 3).into();
            }
            let mut line = line(document);
            line.at = moment(FIRST_US + number * 1_234_567);
            line
        })
        .collect();
    for year in ["1970-01-01T00:00:07Z", "2100-01-01T00:00:00.25Z"] {
        let mut line = line(json!({"message": "refused", "level": "debug"}));
        line.at = year.parse().unwrap();
        lines.push(line);
    }
    lines
}

fn counted(lines: &[Record], of: &HistogramOf) -> Vec<Bucket> {
    let interval_us = i64::try_from(of.interval.unwrap().as_micros()).unwrap();
    let mut bars: BTreeMap<i64, (u64, BTreeMap<String, u64>)> = BTreeMap::new();
    for line in lines {
        let Selection { query, from, until } = &of.selection;
        let is_within =
            from.is_none_or(|from| line.at >= from) && until.is_none_or(|until| line.at < until);
        if !is_within || !query.matches(line) {
            continue;
        }
        let bar = bars
            .entry(line.at.as_microsecond().div_euclid(interval_us))
            .or_default();
        bar.0 += 1;
        let document = Value::Object(line.to_document());
        let value = of.by.as_deref().map(|by| &document[by]);
        if let Some(value) = value.filter(|value| !value.is_null()) {
            let shown = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            *bar.1.entry(shown).or_default() += 1;
        }
    }
    let bucket = |(number, (lines, by))| Bucket {
        from: moment(number * interval_us),
        lines,
        by,
    };
    bars.into_iter().map(bucket).collect()
}

fn histograms() -> impl Strategy<Value = HistogramOf> {
    let query = prop::sample::select(vec![
        "*",
        "refused",
        "level:error OR level:warn",
        "NOT level:*",
        "took:>=2",
        "absent",
    ]);
    let by = prop::sample::select(vec![
        None,
        Some("level"),
        Some("instance"),
        Some("team"),
        Some("took"),
        Some("stream"),
    ]);
    let interval_ms = prop::sample::select(vec![
        1,
        250,
        1000,
        7000,
        60_000,
        86_400_000,
        31_536_000_000_i64,
    ]);
    let end =
        prop::option::of((-100..400_i64).prop_map(|second| moment(FIRST_US + second * 1_000_000)));
    (query, by, interval_ms, end.clone(), end).prop_map(|(query, by, interval_ms, from, until)| {
        HistogramOf {
            selection: Selection {
                query: Query::parse(query).unwrap(),
                from,
                until,
            },
            by: by.map(str::to_owned),
            interval: Some(SignedDuration::from_millis(interval_ms)),
        }
    })
}

#[test]
fn bars_are_those_of_counting_line_by_line_also_when_they_are_remembered() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let lines = lines();
    let store = runtime.block_on(async {
        let store = store(folder.path()).await;
        let of = HistogramOf {
            by: Some("level".into()),
            interval: Some(SignedDuration::from_secs(60 * 60)),
            ..HistogramOf::default()
        };
        let mut appended = 0;
        for some in lines.chunks(70) {
            append(&store, some.to_vec()).await;
            appended += some.len();
            let found = store
                .histogram(&Scope::everything(), of.clone())
                .await
                .unwrap();
            assert_eq!(found.buckets, counted(&lines[..appended], &of));
        }
        store
    });
    let mut runner = TestRunner::new(Config::with_cases(300));
    let outcome = runner.run(&histograms(), |of| {
        let expected = counted(&lines, &of);
        for _ in 0..2 {
            let found = runtime
                .block_on(store.histogram(&Scope::everything(), of.clone()))
                .unwrap();
            prop_assert_eq!(&found.buckets, &expected);
        }
        Ok(())
    });
    outcome.unwrap();
}
