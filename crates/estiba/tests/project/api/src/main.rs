//! A web API of nothing but the standard library, which can misbehave: what
//! `BEHAVIOUR` says (words separated by commas) and what its first argument is.

mod answer;
mod logfile;
mod mail;
mod signal;
mod tell;

use std::fs::OpenOptions;
use std::io::Write;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, fs, process, thread};

/// Connections that are being answered.
static BUSY: AtomicUsize = AtomicUsize::new(0);
/// All connections so far.
static CAME: AtomicUsize = AtomicUsize::new(0);
/// What was at `/data/migrations` when it started.
static BEGAN_WITH: OnceLock<String> = OnceLock::new();
/// After SIGTERM, it serves until nobody has come for so long: whoever sends
/// requests may learn later than the program that it is to end.
const QUIET: Duration = Duration::from_millis(1500);

fn main() {
    signal::listen();
    match env::args().nth(1).as_deref() {
        Some("migrate") => migrate(env::args().nth(2).as_deref()),
        Some("tell") => tell::tell(),
        Some("bot") => {
            note("start");
            println!("polling for {}", variable("API_URL"));
            until_told_to_end();
        }
        _ => serve(),
    }
}

fn migrate(how: Option<&str>) {
    if how == Some("badly") || behaves("unmigratable") {
        eprintln!("column \"text\" already exists");
        process::exit(3);
    }
    // Where there are no volumes, its line in the log is all that tells of it.
    if Path::new("/data").exists() {
        let runs = fs::read_to_string("/data/migrations").unwrap_or_default();
        fs::write("/data/migrations", format!("{runs}migrated\n")).expect("the volume");
    }
    println!("migrated");
}

fn serve() {
    println!("token is {}", variable("TOKEN"));
    if behaves("crash") {
        eprintln!("cannot find my configuration");
        process::exit(1);
    }
    let _ = BEGAN_WITH.set(fs::read_to_string("/data/migrations").unwrap_or_default());
    note("start");
    let delay = variable("START_SECONDS").parse().unwrap_or(0);
    thread::sleep(Duration::from_secs(delay));
    let port: u16 = variable("PORT").parse().expect("PORT");
    let listener = TcpListener::bind(("0.0.0.0", port)).expect("a free port");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            BUSY.fetch_add(1, Ordering::SeqCst);
            CAME.fetch_add(1, Ordering::SeqCst);
            thread::spawn(move || {
                let _ = answer::answer(stream);
                BUSY.fetch_sub(1, Ordering::SeqCst);
            });
        }
    });
    if let Ok(port) = variable("PORT_ECHO").parse::<u16>() {
        thread::spawn(move || echo(port));
    }
    println!("listening on {port}");
    until_told_to_end();
}

/// Sends each datagram back.
fn echo(port: u16) {
    let socket = UdpSocket::bind(("0.0.0.0", port)).expect("a free port");
    let mut bytes = [0; 1024];
    while let Ok((length, from)) = socket.recv_from(&mut bytes) {
        let _ = socket.send_to(&bytes[..length], from);
    }
}

fn until_told_to_end() {
    let tick = Duration::from_millis(20);
    loop {
        thread::sleep(tick);
        if !signal::came() {
            continue;
        }
        note("told");
        if behaves("stubborn") {
            loop {
                thread::park();
            }
        }
        let (mut since, mut came) = (Instant::now(), CAME.load(Ordering::SeqCst));
        while came > 0 && (BUSY.load(Ordering::SeqCst) > 0 || since.elapsed() < QUIET) {
            thread::sleep(tick);
            let now = CAME.load(Ordering::SeqCst);
            if now != came {
                (since, came) = (Instant::now(), now);
            }
        }
        note("end");
        return;
    }
}

/// Says what happens, and keeps it where there is a volume, or a folder for logs.
fn note(what: &str) {
    let line = format!("{what} {}\n", variable("ESTIBA_INSTANCE"));
    print!("{line}");
    logfile::write(&line);
    let kept = OpenOptions::new()
        .create(true)
        .append(true)
        .open("/data/life");
    if let Ok(mut kept) = kept {
        let _ = kept.write_all(line.as_bytes());
    }
}

fn behaves(how: &str) -> bool {
    variable("BEHAVIOUR").split(',').any(|word| word == how)
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}
