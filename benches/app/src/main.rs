//! The smallest HTTP server that the benchmarks deploy, and `bench-app await
//! URL-HOST PORT`, which returns as soon as such a server answers.

use std::io::{BufRead, BufReader, Result, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::thread;
use std::time::{Duration, Instant};

fn main() -> Result<()> {
    end_on_sigterm();
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => serve(),
        ["await", host, port] => await_answer(host, port),
        _ => Err(std::io::Error::other("usage: bench-app [await HOST PORT]")),
    }
}

/// Whether it was told to end.
static ENDING: AtomicBool = AtomicBool::new(false);
/// For how long it serves after that: DRAIN_SECONDS, or not at all.
static DRAIN_SECONDS: AtomicU32 = AtomicU32::new(0);

/// The first process of a container ignores signals that it has no handler for.
fn end_on_sigterm() {
    unsafe extern "C" {
        fn signal(number: i32, handler: extern "C" fn(i32)) -> usize;
        fn alarm(seconds: u32) -> u32;
        fn _exit(code: i32) -> !;
    }
    extern "C" fn end(_: i32) {
        unsafe { _exit(0) }
    }
    extern "C" fn drain(_: i32) {
        ENDING.store(true, Relaxed);
        match DRAIN_SECONDS.load(Relaxed) {
            0 => end(SIGTERM),
            seconds => unsafe { _ = alarm(seconds) },
        }
    }
    const SIGALRM: i32 = 14;
    const SIGTERM: i32 = 15;
    let seconds = std::env::var("DRAIN_SECONDS").ok();
    let seconds = seconds.and_then(|seconds| seconds.parse().ok());
    DRAIN_SECONDS.store(seconds.unwrap_or(0), Relaxed);
    unsafe {
        signal(SIGALRM, end);
        signal(SIGTERM, drain);
    }
}

fn serve() -> Result<()> {
    let port = std::env::var("PORT").unwrap_or_else(|_| "8080".to_owned());
    let listener = TcpListener::bind(format!("0.0.0.0:{port}"))?;
    for stream in listener.incoming().flatten() {
        thread::Builder::new()
            .stack_size(64 * 1024)
            .spawn(move || answer_all(&stream))?;
    }
    Ok(())
}

/// Answers the requests of one connection; none of them has a body.
fn answer_all(stream: &TcpStream) -> Result<()> {
    stream.set_nodelay(true)?;
    let version = std::env::var("ESTIBA_VERSION").unwrap_or_default();
    let mut reader = BufReader::new(stream);
    let (mut path, mut keep, mut line) = (String::new(), true, String::new());
    while reader.read_line(&mut line)? > 0 {
        let text = line.trim_end().to_ascii_lowercase();
        if text.is_empty() {
            let (status, body) = match path.as_str() {
                "/version" => ("200 OK", version.as_str()),
                "/" | "/health" => ("200 OK", "ok"),
                _ => ("404 Not Found", "not found"),
            };
            keep &= !ENDING.load(Relaxed);
            let connection = if keep { "keep-alive" } else { "close" };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: {connection}\r\n\r\n{body}"
            );
            (&*stream).write_all(answer.as_bytes())?;
            if !keep {
                break;
            }
            path.clear();
        } else if path.is_empty() {
            path = text.split(' ').nth(1).unwrap_or_default().to_owned();
        } else if text == "connection: close" {
            keep = false;
        }
        line.clear();
    }
    Ok(())
}

/// Asks 127.0.0.1:`port` for /health of `host` every 2 ms until it answers 200.
fn await_answer(host: &str, port: &str) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !is_healthy(host, port).unwrap_or(false) {
        if Instant::now() > deadline {
            return Err(std::io::Error::other(format!("{host}:{port} does not answer")));
        }
        thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

fn is_healthy(host: &str, port: &str) -> Result<bool> {
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    let request = format!("GET /health HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(line.starts_with("HTTP/1.1 200"))
}
