//! A web API of nothing but the standard library. `BEHAVIOUR` says how it is.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::{env, fs, process, thread};

fn main() {
    let behaviour = env::var("BEHAVIOUR").unwrap_or_default();
    if env::args().nth(1).as_deref() == Some("migrate") {
        if env::args().nth(2).as_deref() == Some("badly") {
            eprintln!("column \"text\" already exists");
            process::exit(3);
        }
        let runs = fs::read_to_string("/data/migrations").unwrap_or_default();
        fs::write("/data/migrations", format!("{runs}migrated\n")).expect("the volume");
        println!("migrated");
        return;
    }
    println!("token is {}", env::var("TOKEN").unwrap_or_default());
    if behaviour == "crash" {
        eprintln!("cannot find my configuration");
        process::exit(1);
    }
    let port = env::var("PORT").expect("PORT");
    let listener = TcpListener::bind(format!("127.0.0.1:{port}")).expect("a free port");
    for stream in listener.incoming().flatten() {
        let behaviour = behaviour.clone();
        thread::spawn(move || answer(&stream, &behaviour));
    }
}

fn answer(mut stream: &TcpStream, behaviour: &str) {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while reader.read_line(&mut head).is_ok_and(|read| read > 2) {}
    let path = head.split_whitespace().nth(1).unwrap_or("/");
    let (status, body) = match path {
        "/health" if behaviour == "unhealthy" => ("503 Unavailable", "no".to_owned()),
        "/health" => ("200 OK", "ok".to_owned()),
        "/version" => ("200 OK", env::var("ESTIBA_VERSION").unwrap_or_default()),
        "/greeting" => ("200 OK", env::var("GREETING").unwrap_or_default()),
        "/migrations" => ("200 OK", fs::read_to_string("/data/migrations").unwrap_or_default()),
        "/token" => ("200 OK", fs::read_to_string("/etc/app/token").unwrap_or_default()),
        _ => ("404 Not Found", String::new()),
    };
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    );
}
