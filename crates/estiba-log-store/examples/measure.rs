//! What a store does with many lines: `cargo run --release --example measure -- 1000000`.
//!
//! Lines of 200 bytes of JSON come as `_bulk` bodies of 2,000, by way of the endpoint
//! but without a socket. It prints lines per second of processor time, all of the
//! index's work included, the index's size, the memory, and how long queries take.

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use estiba_log_store::elastic::{self, Access, Credentials, Grant, Refused, Settings, Writer};
use estiba_log_store::{HistogramOf, LogStore, Options, Scope, Search, Selection, Tailed};
use estiba_logs::{Origin, Query};
use jiff::Timestamp;
use rustix::time::{ClockId, clock_gettime};
use tower::ServiceExt;

const PER_BODY: u64 = 2000;
const QUERIES: u64 = 40;
/// The lines are of one day, so that all are in few partitions.
const FIRST_MS: i64 = 1_780_000_000_000;
const DAY_MS: u64 = 86_400_000;

struct Anyone;

#[async_trait]
impl Access for Anyone {
    async fn grant(&self, _: Option<Credentials>) -> Result<Grant, Refused> {
        let forced = Origin {
            team: Some("moria".into()),
            project: Some("tp2".into()),
            environment: Some("prod".into()),
            ..Origin::default()
        };
        let write = Some(Writer {
            forced,
            defaults: Origin::default(),
        });
        Ok(Grant {
            write,
            read: Scope::everything(),
        })
    }
}

/// A line that looks like those of an API, about 200 bytes long.
fn line(number: u64, lines: u64, into: &mut String) {
    let hash = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let at = FIRST_MS + i64::try_from(number * DAY_MS / lines).unwrap_or_default();
    let at = Timestamp::from_millisecond(at).unwrap_or_default();
    let level = [
        "info", "info", "info", "info", "info", "info", "debug", "debug", "warn", "error",
    ];
    let level = level[(hash >> 8) as usize % level.len()];
    let verb = ["GET", "POST", "PUT", "DELETE"][(hash >> 16) as usize % 4];
    let thing = ["users", "orders", "cargos", "ports", "ships", "crews"][(hash >> 24) as usize % 6];
    let (id, took, trace) = (hash >> 44, (hash >> 32) % 900, hash >> 20);
    let _ = writeln!(
        into,
        r#"{{"@timestamp":"{at:.3}","level":"{level}","workload":"api","instance":"api-{}","message":"{verb} /api/v1/{thing}/{id} answered in {took} ms for request {trace:011x} from the {thing} page"}}"#,
        hash % 4,
    );
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let lines: u64 = std::env::args()
        .nth(1)
        .map_or(Ok(1_000_000), |lines| lines.parse())?;
    let folder = tempfile::tempdir_in(".")?;
    let store = Arc::new(LogStore::open(folder.path(), Options::default()).await?);
    let router = elastic::router(Arc::clone(&store), Arc::new(Anyone), Settings::default());

    let (mut raw, mut making, mut acknowledged) = (0, Duration::ZERO, Duration::ZERO);
    let started = Instant::now();
    let before = processor_time();
    let mut first = 0;
    while first < lines {
        let made = thread_time();
        let mut body = String::new();
        for number in first..(first + PER_BODY).min(lines) {
            body.push_str("{\"create\":{}}\n");
            let start = body.len();
            line(number, lines, &mut body);
            raw += body.len() - start;
        }
        making += thread_time().saturating_sub(made);
        let request = Request::post("/_bulk").body(Body::from(body))?;
        let response = router.clone().oneshot(request).await?;
        assert!(response.status().is_success(), "{}", response.status());
        first += PER_BODY;
        if first.is_multiple_of(1_000_000) {
            let (resident, anonymous) = memory();
            eprintln!(
                "{first} lines, {:.1} s, {resident} MB resident, {anonymous} MB of it anonymous",
                started.elapsed().as_secs_f64()
            );
        }
    }
    acknowledged += processor_time()
        .saturating_sub(before)
        .saturating_sub(making);
    let wall = started.elapsed();
    while store.health().waiting_bytes > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let indexed = processor_time()
        .saturating_sub(before)
        .saturating_sub(making);
    let (resident, anonymous) = memory();
    println!(
        "lines                              {lines} of {} bytes",
        raw as u64 / lines
    );
    println!(
        "acknowledged on disk, wall clock   {:.0} lines/s",
        lines as f64 / wall.as_secs_f64()
    );
    println!(
        "acknowledged on disk               {:.0} lines per CPU s",
        lines as f64 / acknowledged.as_secs_f64()
    );
    println!(
        "until all was in the index         {:.0} lines per CPU s",
        lines as f64 / indexed.as_secs_f64()
    );
    println!(
        "index / raw                        {:.2}",
        size(folder.path())? as f64 / raw as f64
    );
    println!(
        "memory after writing               {resident} MB resident, {anonymous} MB anonymous; at most {} MB",
        peak()
    );

    ask(&store, lines).await?;
    let (resident, anonymous) = memory();
    println!("memory after reading               {resident} MB resident, {anonymous} MB anonymous");
    fresh(&router, &store).await?;
    store.close().await;
    println!(
        "index / raw once it is merged      {:.2}",
        size(folder.path())? as f64 / raw as f64
    );
    drop(router);
    drop(store);
    let closed = folder.path().join("closed");
    println!(
        "the first search of an opened store {:.1} ms",
        first_search(folder.path()).await?
    );
    std::fs::remove_file(closed)?;
    println!(
        "the same after a crash             {:.1} ms, which reads all files through",
        first_search(folder.path()).await?
    );
    Ok(())
}

/// How long the first search of a store takes, in milliseconds.
async fn first_search(folder: &Path) -> Result<f64, Box<dyn std::error::Error>> {
    let store = LogStore::open(folder, Options::default()).await?;
    let search = Search {
        query: Query::parse("level:error AND orders")?,
        ..Search::default()
    };
    let started = Instant::now();
    store.search(&Scope::everything(), search).await?;
    let took = started.elapsed().as_secs_f64() * 1000.0;
    store.close().await;
    Ok(took)
}

async fn ask(store: &LogStore, lines: u64) -> Result<(), Box<dyn std::error::Error>> {
    let scope = Scope::everything();
    let at =
        |ms: u64| Timestamp::from_millisecond(FIRST_MS + i64::try_from(ms).unwrap_or_default());
    let mut kinds: [Asked; 5] = Default::default();
    for number in 0..QUERIES {
        let hour = DAY_MS / 24;
        let from = number * (DAY_MS - 2 * hour) / QUERIES;
        let (from, until) = (Some(at(from)?), Some(at(from + 2 * hour)?));
        let search = |text: &str| {
            Query::parse(text).map(|query| Search {
                query,
                from,
                until,
                ..Search::default()
            })
        };

        let lines_of_two_hours = search("level:error AND orders")?;
        let found = kinds[0]
            .of(store.search(&scope, lines_of_two_hours))
            .await?;
        assert!(!found.hits.is_empty() || lines < 100_000);

        let phrase = search("\"answered in 7 ms\"")?;
        kinds[1].of(store.search(&scope, phrase)).await?;

        let everything = Search::default();
        kinds[2].of(store.search(&scope, everything)).await?;

        let of = HistogramOf {
            selection: Selection {
                query: Query::all(),
                from,
                until,
            },
            by: Some("level".into()),
            interval: None,
        };
        kinds[3].of(store.histogram(&scope, of)).await?;

        let of = HistogramOf {
            by: Some("level".into()),
            ..HistogramOf::default()
        };
        let histogram = kinds[4].of(store.histogram(&scope, of)).await?;
        let counted: u64 = histogram.buckets.iter().map(|bar| bar.lines).sum();
        assert_eq!(counted, lines);
    }
    let names = [
        "level:error AND orders, two hours",
        "a phrase, two hours",
        "the newest hundred of all",
        "histogram by level, two hours",
        "histogram by level, all",
    ];
    for (name, asked) in names.into_iter().zip(kinds) {
        let Asked { mut times, peak } = asked;
        let first = times[0].as_secs_f64() * 1000.0;
        times.sort();
        let at = |part: usize| {
            times[(times.len() * part / 100).min(times.len() - 1)].as_secs_f64() * 1000.0
        };
        println!(
            "{name:<34} p50 {:.1} ms, p95 {:.1} ms, the first {first:.1} ms; at most {peak} MB",
            at(50),
            at(95)
        );
    }
    Ok(())
}

/// How long a line that comes takes to be told to who follows, and to be found.
async fn fresh(router: &Router, store: &LogStore) -> Result<(), Box<dyn std::error::Error>> {
    let scope = Scope::everything();
    let (mut told, mut found) = (Vec::new(), Vec::new());
    for number in 0..QUERIES {
        let word = format!("fresh{number}");
        let mut tail = store.tail(&scope, Query::parse(&word)?)?;
        let body = format!("{{\"create\":{{}}}}\n{{\"message\":\"{word}\"}}\n");
        let request = Request::post("/_bulk").body(Body::from(body))?;
        let started = Instant::now();
        let response = router.clone().oneshot(request).await?;
        assert!(response.status().is_success(), "{}", response.status());
        assert!(matches!(tail.next().await, Some(Tailed::Line(..))));
        told.push(started.elapsed());
        let search = Search {
            query: Query::parse(&word)?,
            ..Search::default()
        };
        while store.search(&scope, search.clone()).await?.hits.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        found.push(started.elapsed());
    }
    for (what, mut times) in [("told to who follows", told), ("found", found)] {
        times.sort();
        let [middle, last] = [times.len() / 2, times.len() - 1];
        let [middle, last] = [middle, last].map(|place| times[place].as_secs_f64() * 1000.0);
        let what = format!("a new line is {what}");
        println!("{what:<34} p50 {middle:.1} ms, at most {last:.1} ms");
    }
    Ok(())
}

/// Questions of one kind.
#[derive(Default)]
struct Asked {
    times: Vec<Duration>,
    /// The most memory while one was answered, in MB.
    peak: u64,
}

impl Asked {
    async fn of<T, E>(&mut self, question: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        forget_peak();
        let started = Instant::now();
        let answer = question.await;
        self.times.push(started.elapsed());
        self.peak = self.peak.max(peak());
        answer
    }
}

fn processor_time() -> Duration {
    time(ClockId::ProcessCPUTime)
}

fn thread_time() -> Duration {
    time(ClockId::ThreadCPUTime)
}

fn time(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or_default(),
        u32::try_from(time.tv_nsec).unwrap_or_default(),
    )
}

/// All of the resident memory, and the part that is no file, in MB.
fn memory() -> (u64, u64) {
    (status("VmRSS:"), status("RssAnon:"))
}

fn peak() -> u64 {
    status("VmHWM:")
}

/// The peak is that of what follows, from here on
/// (<https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html>).
fn forget_peak() {
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1024
}

/// The size of the index, without the write-ahead log.
fn size(folder: &Path) -> std::io::Result<u64> {
    let mut bytes = 0;
    let mut folders = vec![folder.join("lines")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            match entry.file_type()?.is_dir() {
                true => folders.push(entry.path()),
                false => bytes += entry.metadata().map_or(0, |file| file.len()),
            }
        }
    }
    Ok(bytes)
}
