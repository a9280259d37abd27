//! Bars over time of single segments, counted from columns.
//!
//! A segment never changes, so its bars are remembered: whoever asks again, as
//! dashboards do all the time, only waits for what is new.

use std::sync::{Arc, Mutex};

use lru::LruCache;
use tantivy::columnar::{BytesColumn, Column, ColumnIndex, MonotonicallyMappableToU64, StrColumn};
use tantivy::index::SegmentId;
use tantivy::query::Weight;
use tantivy::{DateTime, DocId, SegmentReader};

use super::errors::Failed;
use crate::line::{FIRST_US, LAST_US};
use crate::locked::locked;
use crate::partition::Fields;

/// The memory of all remembered bars.
const REMEMBERED_BYTES: usize = 4 << 20;
/// A segment that needs more counts than these is not counted this way.
const MOST_COUNTS: i64 = 1 << 20;
/// So many lines are counted at a time.
const BLOCK: u32 = 1024;

/// What bars are wanted.
pub(super) struct BarsOf<'a> {
    pub(super) from_us: i64,
    pub(super) until_us: i64,
    /// The column whose values the bars are split by.
    pub(super) by: Option<&'a str>,
    pub(super) interval_ms: i64,
    /// What the lines are like. Of one segment, the same text has the same answer.
    pub(super) query: String,
}

impl BarsOf<'_> {
    pub(super) fn overlaps(&self, first_us: i64, last_us: i64) -> bool {
        last_us >= self.from_us && first_us < self.until_us
    }

    fn interval_ns(&self) -> i64 {
        self.interval_ms.saturating_mul(1_000_000)
    }

    fn key(&self, segment: SegmentId) -> Key {
        Key {
            segment,
            by: self.by.map(str::to_owned),
            interval_ms: self.interval_ms,
            query: self.query.clone(),
        }
    }
}

/// The bars of a segment.
#[derive(Default)]
pub(super) struct Bars {
    /// The number of the first bar: a moment divided by the interval.
    first: i64,
    values: Vec<String>,
    /// For each bar, the lines without a value, then those with each.
    counts: Vec<u32>,
}

impl Bars {
    /// The number of each bar that has lines, its lines, and those with each value.
    pub(super) fn iter(
        &self,
    ) -> impl Iterator<Item = (i64, u64, impl Iterator<Item = (&str, u64)>)> {
        let bars = self.counts.chunks_exact(self.values.len() + 1);
        (self.first..).zip(bars).filter_map(|(number, counts)| {
            let lines: u64 = counts.iter().copied().map(u64::from).sum();
            let parts = self.values.iter().zip(&counts[1..]);
            let parts = parts
                .filter(|(_, lines)| **lines > 0)
                .map(|(value, lines)| (value.as_str(), u64::from(*lines)));
            (lines > 0).then_some((number, lines, parts))
        })
    }
}

/// Bars of whole segments, those forgotten first that nobody asked for the longest.
pub(crate) struct BarsCache {
    remembered: Mutex<Remembered>,
}

struct Remembered {
    bars: LruCache<Key, Arc<Bars>>,
    bytes: usize,
}

#[derive(PartialEq, Eq, Hash)]
struct Key {
    segment: SegmentId,
    by: Option<String>,
    interval_ms: i64,
    query: String,
}

impl Default for BarsCache {
    fn default() -> Self {
        let remembered = Remembered {
            bars: LruCache::unbounded(),
            bytes: 0,
        };
        Self {
            remembered: Mutex::new(remembered),
        }
    }
}

impl BarsCache {
    /// The bars of a segment, if they are remembered.
    pub(super) fn get(&self, segment: &Segment, of: &BarsOf<'_>) -> Option<Arc<Bars>> {
        if !segment.is_whole {
            return None;
        }
        let mut remembered = locked(&self.remembered);
        let key = of.key(segment.reader.segment_id());
        remembered.bars.get(&key).cloned()
    }

    /// Remembers the bars of a segment, if all of it was wanted.
    pub(super) fn keep(&self, segment: &Segment, of: &BarsOf<'_>, bars: Bars) -> Arc<Bars> {
        let bars = Arc::new(bars);
        if segment.is_whole {
            let key = of.key(segment.reader.segment_id());
            let mut remembered = locked(&self.remembered);
            remembered.bytes += size(&key, &bars);
            if let Some((key, bars)) = remembered.bars.push(key, Arc::clone(&bars)) {
                remembered.bytes -= size(&key, &bars);
            }
            while remembered.bytes > REMEMBERED_BYTES
                && let Some((key, bars)) = remembered.bars.pop_lru()
            {
                remembered.bytes -= size(&key, &bars);
            }
        }
        bars
    }
}

fn size(key: &Key, bars: &Bars) -> usize {
    let texts = key.query.len() + key.by.as_deref().map_or(0, str::len);
    let values: usize = bars
        .values
        .iter()
        .map(|one| one.len() + size_of::<String>())
        .sum();
    size_of::<Key>() + texts + size_of::<Bars>() + values + bars.counts.len() * size_of::<u32>()
}

/// A segment that has lines of the time that is wanted.
pub(super) struct Segment {
    reader: SegmentReader,
    at: Column<u64>,
    first_ns: i64,
    last_ns: i64,
    /// Whether all of its lines are of that time.
    is_whole: bool,
}

impl Segment {
    /// `None` if no line is of the time.
    pub(super) fn open(reader: &SegmentReader, of: &BarsOf<'_>) -> Result<Option<Self>, Failed> {
        let Some((at, _)) = reader.fast_fields().u64_lenient(Fields::AT)? else {
            return Ok(None);
        };
        let [first, last] = [at.min_value(), at.max_value()].map(DateTime::from_u64);
        let (first_us, last_us) = (first.into_timestamp_micros(), last.into_timestamp_micros());
        let wanted = reader.max_doc() > 0 && of.overlaps(first_us, last_us);
        Ok(wanted.then(|| Self {
            reader: reader.clone(),
            at,
            first_ns: first.into_timestamp_nanos().max(nanoseconds(of.from_us)),
            last_ns: last.into_timestamp_nanos().min(before(of.until_us)),
            is_whole: of.from_us <= first_us && last_us < of.until_us,
        }))
    }

    /// Counts the lines that a query finds, or all where there is none. `None` if
    /// that needs too many counts.
    pub(super) fn count(
        &self,
        of: &BarsOf<'_>,
        weight: Option<&dyn Weight>,
    ) -> Result<Option<Bars>, Failed> {
        let by = match of.by {
            Some(by) => self.reader.fast_fields().str(by)?,
            None => None,
        };
        let [first, last] = [self.first_ns, self.last_ns].map(|ns| ns.div_euclid(of.interval_ns()));
        let width = by.as_ref().map_or(1, |by| by.num_terms() + 1);
        let counts = i64::try_from(width)
            .ok()
            .and_then(|width| (last - first + 1).checked_mul(width))
            .filter(|counts| *counts <= MOST_COUNTS)
            .and_then(|counts| usize::try_from(counts).ok());
        let Some(counts) = counts else {
            return Ok(None);
        };
        let mut bars = Bars {
            first,
            values: by.as_ref().map_or(Ok(Vec::new()), values)?,
            counts: vec![0; counts],
        };
        let mut counting = Counting {
            at: &self.at,
            by: by.as_deref().map(BytesColumn::ords),
            bar: Bar::new(self, of.interval_ns(), first),
            width,
            counts: &mut bars.counts,
            moments: Vec::new(),
            ordinals: Vec::new(),
            maybe: Vec::new(),
        };
        match weight {
            Some(weight) => {
                weight.for_each_no_score(&self.reader, &mut |docs| counting.take(docs))?;
            }
            None => {
                let mut docs = Vec::with_capacity(BLOCK as usize);
                for start in (0..self.reader.max_doc()).step_by(BLOCK as usize) {
                    docs.clear();
                    docs.extend(start..self.reader.max_doc().min(start + BLOCK));
                    counting.take(&docs);
                }
            }
        }
        Ok(Some(bars))
    }
}

/// In the order of their ordinals.
fn values(column: &StrColumn) -> Result<Vec<String>, Failed> {
    let mut values = Vec::with_capacity(column.num_terms());
    let mut stream = column.dictionary().stream()?;
    while stream.advance() {
        values.push(String::from_utf8_lossy(stream.key()).into_owned());
    }
    Ok(values)
}

fn nanoseconds(us: i64) -> i64 {
    us.clamp(FIRST_US, LAST_US) * 1000
}

/// The last nanosecond before a moment; lines can't be later than [`LAST_US`].
fn before(us: i64) -> i64 {
    if us > LAST_US {
        i64::MAX
    } else {
        nanoseconds(us).saturating_sub(1)
    }
}

struct Counting<'a> {
    at: &'a Column<u64>,
    by: Option<&'a Column<u64>>,
    bar: Bar,
    width: usize,
    counts: &'a mut [u32],
    moments: Vec<u64>,
    ordinals: Vec<u64>,
    maybe: Vec<Option<u64>>,
}

impl Counting<'_> {
    fn take(&mut self, docs: &[DocId]) {
        self.moments.resize(docs.len(), 0);
        self.at.values.get_vals(docs, &mut self.moments);
        match self.by {
            None => {
                for at in &self.moments {
                    if let Some(bar) = self.bar.of(*at) {
                        self.counts[bar * self.width] += 1;
                    }
                }
            }
            Some(by) if matches!(by.index, ColumnIndex::Full) => {
                self.ordinals.resize(docs.len(), 0);
                by.values.get_vals(docs, &mut self.ordinals);
                for (at, ordinal) in self.moments.iter().zip(&self.ordinals) {
                    if let Some(bar) = self.bar.of(*at) {
                        self.counts[bar * self.width + place(Some(*ordinal))] += 1;
                    }
                }
            }
            Some(by) => {
                self.maybe.clear();
                self.maybe.resize(docs.len(), None);
                by.first_vals(docs, &mut self.maybe);
                for (at, ordinal) in self.moments.iter().zip(&self.maybe) {
                    if let Some(bar) = self.bar.of(*at) {
                        self.counts[bar * self.width + place(*ordinal)] += 1;
                    }
                }
            }
        }
    }
}

/// The place among the counts of a bar.
fn place(ordinal: Option<u64>) -> usize {
    ordinal.map_or(0, |ordinal| {
        usize::try_from(ordinal).unwrap_or(usize::MAX - 1) + 1
    })
}

/// The bar of the last moment: the next moment's is mostly the same, and a division
/// takes longer than all else.
struct Bar {
    interval_ns: i64,
    first: i64,
    /// The wanted moments, as the column has them: the first and the last.
    wanted: [u64; 2],
    /// Those of the bar.
    of_bar: [u64; 2],
    number: usize,
}

impl Bar {
    fn new(segment: &Segment, interval_ns: i64, first: i64) -> Self {
        Self {
            interval_ns,
            first,
            wanted: [segment.first_ns, segment.last_ns].map(i64::to_u64),
            of_bar: [1, 0],
            number: 0,
        }
    }

    fn of(&mut self, at: u64) -> Option<usize> {
        if at < self.of_bar[0] || at > self.of_bar[1] {
            if at < self.wanted[0] || at > self.wanted[1] {
                return None;
            }
            let number = i64::from_u64(at).div_euclid(self.interval_ns);
            let start = number.saturating_mul(self.interval_ns);
            let end = start.saturating_add(self.interval_ns - 1);
            self.of_bar = [
                start.to_u64().max(self.wanted[0]),
                end.to_u64().min(self.wanted[1]),
            ];
            self.number = usize::try_from(number - self.first).ok()?;
        }
        Some(self.number)
    }
}
