//! A registry between the client and a real one, which fails as it is told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request by its first line and headers.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    pub authorization: Option<String>,
    pub body_bytes: u64,
}

/// What becomes of a request.
pub enum Deal {
    Pass,
    /// An answer of the proxy's own: status, headers, body.
    Answer(u16, String, String),
    /// The connection ends.
    Cut,
    /// What comes is read, and nothing is ever said.
    Hang,
    /// The answer of the server stops after so many bytes.
    Stall(u64),
    /// What comes is taken at so many bytes a second, and passed on.
    Slow(u64),
}

pub type Rule = dyn FnMut(&Request) -> Deal + Send;

pub struct Proxy {
    pub address: String,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Proxy {
    pub fn start(server: &str, rule: impl FnMut(&Request) -> Deal + Send + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let seen: Arc<Mutex<Vec<Request>>> = Arc::default();
        let rule: Arc<Mutex<Box<Rule>>> = Arc::new(Mutex::new(Box::new(rule)));
        let (server, noted) = (server.to_owned(), Arc::clone(&seen));
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let (server, noted, rule) = (server.clone(), noted.clone(), rule.clone());
                thread::spawn(move || serve(client, &server, &noted, &rule));
            }
        });
        Self { address, seen }
    }

    /// The requests of a method so far.
    pub fn seen(&self, method: &str) -> Vec<Request> {
        let seen = self.seen.lock().unwrap();
        let of = seen.iter().filter(|request| request.method == method);
        of.cloned().collect()
    }

    /// The bodies of blobs that came, in bytes.
    pub fn blobs(&self) -> Vec<u64> {
        let uploads = self.seen("PUT").into_iter();
        let blobs = uploads.filter(|put| put.path.contains("/blobs/uploads/"));
        blobs.map(|put| put.body_bytes).collect()
    }
}

/// One request a connection.
fn serve(client: TcpStream, server: &str, noted: &Mutex<Vec<Request>>, rule: &Mutex<Box<Rule>>) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    if is_tls(&mut reader) {
        // As an HTTP server answers: clients try again without TLS.
        let mut client = client;
        let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n");
        return;
    }
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        match reader.read_line(&mut line) {
            Ok(length) if length > 2 => head.push(line),
            Ok(2) => break,
            _ => return,
        }
    }
    let header = |name: &str| {
        let found = head.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        });
        found.filter(|value| !value.is_empty())
    };
    let mut words = head[0].split(' ').map(str::to_owned);
    let body_bytes = header("content-length").and_then(|length| length.parse().ok());
    let request = Request {
        method: words.next().unwrap(),
        path: words.next().unwrap(),
        authorization: header("authorization"),
        body_bytes: body_bytes.unwrap_or(0),
    };
    noted.lock().unwrap().push(request.clone());
    let deal = rule.lock().unwrap()(&request);
    let mut client = client;
    match deal {
        Deal::Cut => drop(client.shutdown(Shutdown::Both)),
        // Until the client has had enough.
        Deal::Hang => drop(std::io::copy(&mut reader, &mut std::io::sink())),
        Deal::Answer(status, headers, body) => {
            // What is sent has to be read, or the answer may be lost.
            let _ = std::io::copy(&mut reader.take(request.body_bytes), &mut std::io::sink());
            let length = body.len();
            let _ = write!(
                client,
                "HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
        }
        Deal::Pass => pass(reader, client, server, &head, &request, u64::MAX, None),
        Deal::Stall(bytes) => pass(reader, client, server, &head, &request, bytes, None),
        Deal::Slow(pace) => pass(
            reader,
            client,
            server,
            &head,
            &request,
            u64::MAX,
            Some(pace),
        ),
    }
}

/// Whether a handshake comes
/// (<https://www.rfc-editor.org/rfc/rfc8446#section-5.1>).
fn is_tls(reader: &mut BufReader<TcpStream>) -> bool {
    const HANDSHAKE: u8 = 22;
    reader
        .fill_buf()
        .is_ok_and(|bytes| bytes.first() == Some(&HANDSHAKE))
}

/// Passes a request on, its body at a pace, and so much of the answer.
fn pass(
    reader: BufReader<TcpStream>,
    mut client: TcpStream,
    server: &str,
    head: &[String],
    request: &Request,
    most: u64,
    pace: Option<u64>,
) {
    let mut server = TcpStream::connect(server).unwrap();
    let is_connection = |line: &String| line.to_lowercase().starts_with("connection:");
    for line in head.iter().filter(|line| !is_connection(line)) {
        server.write_all(line.as_bytes()).unwrap();
    }
    server.write_all(b"connection: close\r\n\r\n").unwrap();
    let answers = server.try_clone().unwrap();
    let mut waiting = client.try_clone().unwrap();
    let mut body = reader.take(request.body_bytes);
    let sending = thread::spawn(move || {
        let Some(pace) = pace else {
            return std::io::copy(&mut body, &mut server);
        };
        let mut sent = 0;
        loop {
            let piece = std::io::copy(&mut (&mut body).take(pace / 10), &mut server)?;
            if piece == 0 {
                return Ok(sent);
            }
            sent += piece;
            // The pace is what is asked for here.
            thread::sleep(std::time::Duration::from_millis(100));
        }
    });
    let copied = std::io::copy(&mut answers.take(most), &mut client);
    let _ = sending.join();
    if copied.is_ok_and(|copied| copied == most) {
        let _ = std::io::copy(&mut waiting, &mut std::io::sink());
    }
    let _ = client.shutdown(Shutdown::Both);
}
