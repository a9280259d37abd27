//! How many lines there are over time.

use std::collections::BTreeMap;
use std::sync::Arc;

use estiba_logs::Node;
use estiba_model::message;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tantivy::query::EnableScoring;

use super::aggregate::{aggregate, buckets, ends, lines, listed, shown};
use super::bars::{Bars, BarsOf, Segment};
use super::compile::Compiler;
use super::errors::{Failed, each_partition};
use super::{Bucket, Histogram, HistogramOf, Selection};
use crate::partition::Fields;
use crate::shared::Shared;
use crate::{ReadError, Scope};

/// The most values that a bar is split by.
const MOST_PARTS: usize = 50;
/// The most bars of an answer, and the most values of all its bars.
const MOST_BARS: usize = 65_000;
const MOST_PARTS_OF_ALL: usize = 1_000_000;
/// About so many bars are shown.
const BARS: i64 = 60;

pub(crate) fn histogram(
    shared: &Shared,
    scope: &Scope,
    of: &HistogramOf,
) -> Result<Histogram, ReadError> {
    let interval = match of.interval {
        Some(interval) => interval.max(SignedDuration::from_millis(1)),
        None => fitting_interval(shared, scope, &of.selection),
    };
    let interval_ms = i64::try_from(interval.as_millis()).unwrap_or(i64::MAX);
    let by = of.by.as_deref().map(listed).transpose()?;
    let buckets = match counted(shared, scope, &of.selection, by.as_deref(), interval_ms)? {
        Some(buckets) => buckets,
        None => aggregated(shared, scope, &of.selection, by.as_deref(), interval_ms)?,
    };
    Ok(Histogram { interval, buckets })
}

/// The bars, from columns and from what is remembered; `None` where this way is not
/// for them: attributes have values of many kinds, and a segment of few lines over a
/// very long time would be mostly empty bars.
fn counted(
    shared: &Shared,
    scope: &Scope,
    selection: &Selection,
    by: Option<&str>,
    interval_ms: i64,
) -> Result<Option<Vec<Bucket>>, ReadError> {
    if by.is_some_and(|by| by == Fields::AT || by.starts_with(Fields::ATTRIBUTES)) {
        return Ok(None);
    }
    let (_, fields) = Fields::schema();
    let (from_us, until_us) = ends(selection);
    let of = BarsOf {
        from_us,
        until_us,
        by,
        interval_ms,
        query: selection.query.to_string(),
    };
    let mut total = Total::default();
    let mut fits = true;
    each_partition(shared, &shared.seen_by(scope), |shelf, partition| {
        let contents = partition.contents();
        if !fits || contents.lines == 0 || !of.overlaps(contents.from_us, contents.until_us) {
            return Ok(());
        }
        let searcher = partition.searcher()?;
        let mut found: Vec<Arc<Bars>> = Vec::new();
        let mut left = Vec::new();
        for segment in searcher.segment_readers() {
            let Some(segment) = Segment::open(segment, &of)? else {
                continue;
            };
            match shared.bars.get(&segment, &of) {
                Some(bars) => found.push(bars),
                None => left.push(segment),
            }
        }
        let weight = match &selection.query.node {
            Node::All => None,
            _ if left.is_empty() => None,
            node => {
                let compiler = Compiler {
                    environment: &shelf.environment,
                    fields: &fields,
                    searcher: &searcher,
                };
                let scoring = EnableScoring::disabled_from_searcher(&searcher);
                Some(compiler.compile(node)?.weight(scoring)?)
            }
        };
        drop(searcher);
        for segment in left {
            let Some(bars) = segment.count(&of, weight.as_deref())? else {
                fits = false;
                return Ok(());
            };
            found.push(shared.bars.keep(&segment, &of, bars));
            // What was read of it stays in memory as long as somebody has it open.
            drop(segment);
            shared.limit_mapped();
        }
        // Not before: a partition that fails in the middle is read again.
        found.iter().try_for_each(|bars| total.add(bars))
    })?;
    Ok(fits.then(|| total.buckets(interval_ms)))
}

/// The bars of all segments.
#[derive(Default)]
struct Total {
    bars: BTreeMap<i64, (u64, BTreeMap<String, u64>)>,
    parts: usize,
}

impl Total {
    fn add(&mut self, bars: &Bars) -> Result<(), Failed> {
        for (number, lines, parts) in bars.iter() {
            let (all, by) = self.bars.entry(number).or_default();
            *all += lines;
            for (value, lines) in parts {
                match by.get_mut(value) {
                    Some(all) => *all += lines,
                    None => {
                        by.insert(value.to_owned(), lines);
                        self.parts += 1;
                    }
                }
            }
            if self.bars.len() > MOST_BARS || self.parts > MOST_PARTS_OF_ALL {
                return Err(Failed::Answer(ReadError::Wrong(message!(
                    "there would be more than {MOST_BARS} bars; ask for a shorter time or a longer interval",
                    "habría más de {MOST_BARS} barras; pide un tiempo más corto o un intervalo más largo"
                ))));
            }
        }
        Ok(())
    }

    fn buckets(self, interval_ms: i64) -> Vec<Bucket> {
        let bucket = |(number, (lines, by)): (i64, (u64, BTreeMap<_, _>))| {
            let from = Timestamp::from_millisecond(number.saturating_mul(interval_ms)).ok()?;
            let by = most(by);
            Some(Bucket { from, lines, by })
        };
        self.bars.into_iter().filter_map(bucket).collect()
    }
}

/// The values with the most lines.
fn most(by: BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    if by.len() <= MOST_PARTS {
        return by;
    }
    let mut by: Vec<_> = by.into_iter().collect();
    by.sort_by_key(|(_, lines)| std::cmp::Reverse(*lines));
    by.truncate(MOST_PARTS);
    by.into_iter().collect()
}

/// The bars by the index's own aggregation.
fn aggregated(
    shared: &Shared,
    scope: &Scope,
    selection: &Selection,
    by: Option<&str>,
    interval_ms: i64,
) -> Result<Vec<Bucket>, ReadError> {
    let mut bars = json!({
        "date_histogram": {
            "field": Fields::AT,
            "fixed_interval": format!("{interval_ms}ms"),
            "min_doc_count": 1,
        },
    });
    if let Some(by) = by {
        let terms = json!({"field": by, "size": MOST_PARTS});
        bars["aggs"] = json!({"by": {"terms": terms}});
    }
    let aggregated = aggregate(shared, scope, selection, &json!({"bars": bars}))?;
    let mut buckets: Vec<_> = buckets(&aggregated.answer["bars"])
        .iter()
        .filter_map(|bar| {
            Some(Bucket {
                from: Timestamp::from_millisecond(milliseconds(&bar["key"])?).ok()?,
                lines: lines(bar),
                by: self::buckets(&bar["by"])
                    .iter()
                    .map(|part| (shown(part), lines(part)))
                    .collect(),
            })
        })
        .collect();
    buckets.sort_by_key(|bucket| bucket.from);
    Ok(buckets)
}

/// The interval of usual lengths that gives about [`BARS`] bars.
fn fitting_interval(shared: &Shared, scope: &Scope, selection: &Selection) -> SignedDuration {
    let contents: Vec<_> = shared
        .seen_by(scope)
        .iter()
        .flat_map(|shelf| shelf.partitions())
        .map(|partition| partition.contents())
        .filter(|contents| contents.lines > 0)
        .collect();
    let (from, until) = ends(selection);
    let first = contents
        .iter()
        .map(|one| one.from_us)
        .min()
        .unwrap_or_default();
    let last = contents
        .iter()
        .map(|one| one.until_us)
        .max()
        .unwrap_or_default();
    interval_over(until.min(last).saturating_sub(from.max(first)))
}

/// The interval of usual lengths that gives about [`BARS`] bars over so many microseconds.
pub(super) fn interval_over(wide_us: i64) -> SignedDuration {
    let wide = wide_us.max(1) / BARS;
    const SECONDS: [i64; 17] = [
        1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200,
    ];
    const DAY: i64 = 86_400;
    let seconds = SECONDS
        .into_iter()
        .find(|seconds| seconds * 1_000_000 >= wide);
    let days = || (wide / (DAY * 1_000_000) + 1) * DAY;
    SignedDuration::from_secs(seconds.unwrap_or_else(days))
}

fn milliseconds(key: &Value) -> Option<i64> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "moments are whole milliseconds"
    )]
    key.as_i64().or_else(|| Some(key.as_f64()?.round() as i64))
}
