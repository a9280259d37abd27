//! What it answers, by the path.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::{BEGAN_WITH, behaves, logfile, mail, variable};

static ALIVE: AtomicBool = AtomicBool::new(true);

/// Reads one request and answers it.
pub fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while reader.read_line(&mut head)? > 2 {}
    let path = head.split_whitespace().nth(1).unwrap_or("/").to_owned();
    let mut parts: VecDeque<&str> = path.trim_start_matches('/').split('/').collect();
    let what = parts.pop_front().unwrap_or_default();
    match what {
        "stream" => return streamed(&mut stream),
        "upgrade" => return upgraded(&mut stream, &mut reader),
        _ => {}
    }
    let rest = path.splitn(3, '/').nth(2).unwrap_or_default();
    let (status, body) = match what {
        "health" if behaves("unhealthy") || Path::new("/tmp/unready").exists() => {
            ("503 Unavailable", "no".to_owned())
        }
        "alive" if !ALIVE.load(Ordering::SeqCst) => ("503 Unavailable", "no".to_owned()),
        "health" | "alive" => ("200 OK", "ok".to_owned()),
        _ => match said(what, rest, &parts) {
            Some(body) => ("200 OK", body),
            None => ("404 Not Found", String::new()),
        },
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

fn said(what: &str, rest: &str, parts: &VecDeque<&str>) -> Option<String> {
    let number = || rest.parse::<u64>().unwrap_or(0);
    Some(match what {
        "version" => variable("ESTIBA_VERSION"),
        "instance" => variable("ESTIBA_INSTANCE"),
        "greeting" => variable("GREETING"),
        "migrations" => fs::read_to_string("/data/migrations").unwrap_or_default(),
        "path" => format!("/path/{rest}"),
        "env" => variable(rest),
        "file" => text(fs::read(format!("/{rest}")).map(|b| String::from_utf8_lossy(&b).into())),
        "hex" => text(fs::read(format!("/{rest}")).map(|bytes| hex(&bytes))),
        "mode" => text(fs::metadata(format!("/{rest}")).map(|m| octal(m.permissions().mode()))),
        "write" => text(fs::write(format!("/{rest}"), "written").map(|()| "written".to_owned())),
        "began-with" => BEGAN_WITH.get().cloned().unwrap_or_default(),
        "exit" => process::exit(rest.parse().unwrap_or(1)),
        "die" => {
            ALIVE.store(false, Ordering::SeqCst);
            String::new()
        }
        "slow" => {
            sleep(Duration::from_millis(number()));
            "slow".to_owned()
        }
        "print" => {
            println!("{rest}");
            String::new()
        }
        "complain" => {
            eprintln!("{rest}");
            String::new()
        }
        "log" => {
            logfile::log(rest);
            String::new()
        }
        "rotate" => {
            logfile::rotate();
            String::new()
        }
        "count" => {
            let mut out = io::stdout().lock();
            (0..number()).for_each(|n| drop(writeln!(out, "line {n:06} {}", "-".repeat(80))));
            String::new()
        }
        "long" => {
            println!("{}|", "y".repeat(usize::try_from(number()).ok()?));
            String::new()
        }
        "allocate" => allocated(number()).to_string(),
        "burn" => burnt(Duration::from_millis(number()))
            .as_millis()
            .to_string(),
        "ask" => text(ask(
            &variable(parts.front()?),
            &rest[parts.front()?.len()..],
        )),
        "mail" => text(mail::send(rest, false)),
        "anonymous-mail" => text(mail::send(rest, true)),
        "datagram" => text(datagram(&variable(rest))),
        "postgres" => text(is_postgres(&variable(rest))),
        _ => return None,
    })
}

fn text(done: io::Result<String>) -> String {
    done.unwrap_or_else(|error| format!("error: {error}"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn octal(mode: u32) -> String {
    format!("{:04o}", mode & 0o7777)
}

/// Five pieces, one at a time.
fn streamed(stream: &mut TcpStream) -> io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    )?;
    for piece in 0..5 {
        // In one piece: whoever passes it on may cut it where writes ended.
        stream.write_all(format!("2\r\n{piece}\n\r\n").as_bytes())?;
        sleep(Duration::from_millis(100));
    }
    write!(stream, "0\r\n\r\n")
}

/// Another protocol after HTTP: every byte comes back.
fn upgraded(stream: &mut TcpStream, reader: &mut impl Read) -> io::Result<()> {
    write!(
        stream,
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n"
    )?;
    let mut bytes = [0; 1024];
    loop {
        match reader.read(&mut bytes)? {
            0 => return Ok(()),
            length => stream.write_all(&bytes[..length])?,
        }
    }
}

/// Uses so many megabytes.
fn allocated(megabytes: u64) -> usize {
    let mut all = Vec::new();
    for _ in 0..megabytes {
        all.push(vec![1_u8; 1 << 20]);
    }
    all.iter().map(Vec::len).sum::<usize>() >> 20
}

/// Computes for a time; returns the processor time that it got.
fn burnt(wanted: Duration) -> Duration {
    let (begin, before) = (Instant::now(), used());
    let mut sum = 0_u64;
    while begin.elapsed() < wanted {
        sum = std::hint::black_box(sum.wrapping_mul(31).wrapping_add(7));
    }
    used().saturating_sub(before)
}

/// The processor time of this thread: `proc(5)`, `/proc/pid/schedstat`.
fn used() -> Duration {
    let stat = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = stat.split_whitespace().next().and_then(|n| n.parse().ok());
    Duration::from_nanos(nanos.unwrap_or(0))
}

/// A GET to another workload: `base` is `http://HOST:PORT`, perhaps with a path.
pub fn ask(base: &str, path: &str) -> io::Result<String> {
    let base = base.trim_start_matches("http://");
    let authority = base.split('/').next().unwrap_or(base);
    let path = format!("{}{path}", &base[authority.len()..]);
    let mut stream = TcpStream::connect(authority)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer
        .split_once("\r\n\r\n")
        .map(|(_, body)| body.to_owned())
        .unwrap_or_default())
}

fn datagram(to: &str) -> io::Result<String> {
    let socket = UdpSocket::bind("0.0.0.0:0")?;
    socket.set_read_timeout(Some(Duration::from_secs(2)))?;
    socket.send_to(b"ping", to)?;
    let mut bytes = [0; 16];
    let (length, _) = socket.recv_from(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes[..length]).into())
}

/// A PostgreSQL answers the question for TLS with `S` or `N`
/// (<https://www.postgresql.org/docs/current/protocol-message-formats.html>, SSLRequest).
fn is_postgres(at: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(at)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(&[0, 0, 0, 8, 4, 210, 22, 47])?;
    let mut answer = [0];
    stream.read_exact(&mut answer)?;
    Ok(char::from(answer[0]).to_string())
}
