//! How fast and how small a shipper is: `cargo bench -p estiba-ship --bench ship`.
//!
//! A million lines of JSON of 200 bytes each, from a file to a `_bulk` that takes
//! everything. The shipper is a process of its own, so that its time and memory are
//! its alone. `ESTIBA_BENCH_LINES` says how many lines; where `rsyslogd` or
//! `syslog-ng` are named as arguments, they ship the same file after it.

use std::io::{BufRead, BufReader, BufWriter, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const CONFIG: &str = "ESTIBA_BENCH_SHIP";

fn main() {
    if let Ok(text) = std::env::var(CONFIG) {
        return ship(&text);
    }
    let lines = std::env::var("ESTIBA_BENCH_LINES")
        .map_or(1_000_000, |lines| lines.parse().expect("a number"));
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("a.log");
    write(&log, lines);
    let (address, documents) = sink();
    println!("| shipper | lines/s | CPU s | peak RSS MB | idle RSS MB |");
    println!("|---|---|---|---|---|");
    for parse in ["none", "auto"] {
        let state = folder.path().join(format!("state-{parse}"));
        let config = format!(
            "files: [{{ paths: {} }}]\nparse: {parse}\nfields: {{ team: moria, project: tp2, environment: prod, workload: api, instance: api-0 }}\nstate: {}\nsink: {{ to: \"http://{address}\" }}",
            log.display(),
            state.display()
        );
        let name = if parse == "none" {
            "estiba ship, raw"
        } else {
            "estiba ship, JSON parsed"
        };
        let child = Command::new(std::env::current_exe().expect("this program"))
            .env(CONFIG, config)
            .spawn()
            .expect("a shipper");
        measure(name, child, lines, &documents);
    }
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if wanted.iter().any(|name| name == "rsyslogd") {
        let child = rsyslog(folder.path(), &log, address);
        measure("rsyslog, tuned queue", child, lines, &documents);
    }
    if wanted.iter().any(|name| name == "syslog-ng") {
        let child = syslog_ng(folder.path(), &log, address);
        measure("syslog-ng", child, lines, &documents);
    }
}

fn ship(text: &str) {
    let config = estiba_ship::Config::read(Path::new("ship.yaml"), Some(text), |_| None)
        .expect("a configuration");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime
        .block_on(estiba_ship::run(config, std::future::pending()))
        .expect("a run");
}

fn write(log: &Path, lines: usize) {
    let mut file = BufWriter::new(std::fs::File::create(log).expect("a file"));
    for number in 0..lines {
        let line = format!(
            "{{\"time\":\"2026-01-02T03:{:02}:{:02}.{:03}Z\",\"level\":\"info\",\"msg\":\"request {number} handled\",\"method\":\"GET\",\"path\":\"/api/accounts/{}\",\"status\":200,\"duration_ms\":{}",
            number / 60_000 % 60,
            number / 1000 % 60,
            number % 1000,
            number % 977,
            number % 89
        );
        let padding = 199_usize.saturating_sub(line.len() + ",\"request\":\"\"}".len());
        writeln!(file, "{line},\"request\":\"{}\"}}", "f".repeat(padding)).expect("a line");
    }
    file.flush().expect("a whole file");
}

/// Waits until all documents are there, and prints what it took. The process is
/// ended.
fn measure(name: &str, mut child: Child, lines: usize, documents: &AtomicUsize) {
    documents.store(0, Ordering::SeqCst);
    let began = Instant::now();
    let mut first = None;
    while documents.load(Ordering::SeqCst) < lines {
        if first.is_none() && documents.load(Ordering::SeqCst) > 0 {
            first = Some(Instant::now());
        }
        assert!(
            began.elapsed() < Duration::from_secs(300),
            "{name}: {} lines came",
            documents.load(Ordering::SeqCst)
        );
        std::thread::sleep(Duration::from_millis(1));
    }
    let took = began.elapsed();
    let used = cpu_seconds(child.id());
    let peak = memory_mb(child.id(), "VmHWM:");
    // What it is like when there is nothing to do.
    std::thread::sleep(Duration::from_secs(3));
    let idle = memory_mb(child.id(), "VmRSS:");
    let idle_cpu = cpu_seconds(child.id()) - used;
    child.kill().expect("an end");
    child.wait().expect("an end");
    let speed = lines as f64 / took.as_secs_f64() / 1000.0;
    println!("| {name} | {speed:.0}k | {used:.2} | {peak:.1} | {idle:.1} |");
    println!("<!-- {name}: {idle_cpu:.3} CPU s in 3 s of nothing to do -->");
}

fn cpu_seconds(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("its times");
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks: f64 = fields[11].parse::<f64>().expect("user time")
        + fields[12].parse::<f64>().expect("system time");
    ticks / 100.0
}

fn memory_mb(pid: u32, key: &str) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("its memory");
    let line = status
        .lines()
        .find(|line| line.starts_with(key))
        .expect("a figure");
    let kib: f64 = line
        .split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .expect("a number");
    kib / 1024.0
}

/// A `_bulk` that counts documents and keeps none.
fn sink() -> (SocketAddr, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("an address");
    let address = listener.local_addr().expect("an address");
    let documents = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&documents);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let counted = Arc::clone(&counted);
            std::thread::spawn(move || serve(&stream, &counted));
        }
    });
    (address, documents)
}

fn serve(stream: &TcpStream, documents: &AtomicUsize) -> Option<()> {
    let mut reader = BufReader::with_capacity(256 << 10, stream);
    let mut body = Vec::new();
    loop {
        let (mut line, mut length, mut is_post) = (String::new(), 0, false);
        loop {
            line.clear();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            is_post |= line.starts_with("POST");
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().ok()?;
            }
            if line.trim().is_empty() {
                break;
            }
        }
        body.resize(length, 0);
        reader.read_exact(&mut body).ok()?;
        let count = memchr::memchr_iter(b'\n', &body).count().div_ceil(2);
        let answer = if is_post {
            let items = vec![r#"{"create":{"status":201}}"#; count].join(",");
            format!(r#"{{"took":1,"errors":false,"items":[{items}]}}"#)
        } else {
            "{}".to_owned()
        };
        let mut stream = stream;
        write!(stream, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nX-Elastic-Product: Elasticsearch\r\ncontent-length: {}\r\n\r\n{answer}", answer.len()).ok()?;
        if is_post {
            documents.fetch_add(count, Ordering::SeqCst);
        }
    }
}

fn rsyslog(folder: &Path, log: &Path, address: SocketAddr) -> Child {
    let config = folder.join("rsyslog.conf");
    let text = format!(
        r#"global(workDirectory="{folder}" maxMessageSize="64k")
module(load="imfile" mode="inotify")
module(load="omelasticsearch")
template(name="doc" type="list") {{ constant(value="{{\"message\":\"") property(name="msg" format="json") constant(value="\",\"team\":\"moria\"}}") }}
input(type="imfile" File="{log}" Tag="x" ruleset="all")
ruleset(name="all") {{ action(type="omelasticsearch" server="{host}" serverport="{port}" template="doc" searchIndex="logs" bulkmode="on" bulkid="" queue.type="linkedlist" queue.size="200000" queue.dequeuebatchsize="5000" queue.workerthreads="1") }}
"#,
        folder = folder.display(),
        log = log.display(),
        host = address.ip(),
        port = address.port(),
    );
    std::fs::write(&config, text).expect("a configuration");
    Command::new("rsyslogd")
        .args(["-n", "-i", "NONE", "-f"])
        .arg(&config)
        .stdout(Stdio::null())
        .spawn()
        .expect("rsyslogd")
}

fn syslog_ng(folder: &Path, log: &Path, address: SocketAddr) -> Child {
    let config = folder.join("syslog-ng.conf");
    let text = format!(
        r#"@version: 3.38
source s {{ file("{log}" flags(no-parse) read-old-records(yes)); }};
destination d {{ http(url("http://{address}/_bulk") method("POST") headers("Content-Type: application/x-ndjson") batch-lines(5000) batch-bytes(2097152) batch-timeout(200) workers(1) delimiter("\n") body-suffix("\n") body("{{\"create\":{{}}}}\n$(format-json message=$MESSAGE team=moria)")); }};
log {{ source(s); destination(d); flags(flow-control); }};
"#,
        log = log.display(),
    );
    std::fs::write(&config, text).expect("a configuration");
    let state = |name: &str| folder.join(name);
    Command::new("syslog-ng")
        .args(["-F", "--no-caps", "-f"])
        .arg(&config)
        .arg("-R")
        .arg(state("ng.persist"))
        .arg("-p")
        .arg(state("ng.pid"))
        .arg("-c")
        .arg(state("ng.ctl"))
        .spawn()
        .expect("syslog-ng")
}
