//! A `_bulk` over plain sockets: it counts documents, and can do what sinks do wrong.

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Far more than anything takes.
const PATIENCE: Duration = Duration::from_secs(90);

#[derive(Debug, Clone)]
pub enum Fault {
    /// Answered instead of taking anything.
    Status(u16),
    /// Takes nothing and closes.
    Close,
    /// Takes all, and closes in the middle of the answer.
    HalfAnswer,
    /// Takes nothing and answers a page.
    Page,
    /// Takes nothing and answers nothing for so long.
    Silence(Duration),
    /// Of the documents, every second one "not now".
    Half429,
    /// Refuses documents with this text in them for good.
    Refuse(&'static str),
}

#[derive(Debug, Default)]
pub struct State {
    pub faults: VecDeque<Fault>,
    /// A longer body is answered by 413.
    pub most_bytes: Option<usize>,
    /// Answers 503 to everything.
    pub is_down: bool,
    pub documents: Vec<Value>,
    pub counts: BTreeMap<String, usize>,
    pub requests: usize,
    pub authorization: Option<String>,
}

pub struct Sink {
    pub address: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Sink {
    pub fn start() -> Self {
        Self::at("127.0.0.1:0".parse().unwrap())
    }

    pub fn at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new((Mutex::new(State::default()), Condvar::new()));
        let shared = Arc::clone(&state);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || while serve(&stream, &shared).is_some() {});
            }
        });
        Self { address, state }
    }

    pub fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state.0.lock().unwrap());
        self.state.1.notify_all();
        changed
    }

    pub fn wait<T>(&self, what: &str, mut until: impl FnMut(&State) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        let mut state = self.state.0.lock().unwrap();
        loop {
            if let Some(found) = until(&state) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "waited in vain for {what}: {} documents, {} requests",
                state.documents.len(),
                state.requests
            );
            state = self.state.1.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Waits until every one of these messages is there.
    pub fn expect<T: AsRef<str>>(&self, messages: &[T]) {
        let mut missing: Vec<&str> = messages.iter().map(AsRef::as_ref).collect();
        self.wait(&format!("{} messages", messages.len()), |state| {
            missing.retain(|message| !state.counts.contains_key(*message));
            missing.is_empty().then_some(())
        });
    }

    /// The same, and that each came once and nothing else did.
    pub fn expect_once<T: AsRef<str>>(&self, messages: &[T]) {
        self.expect(messages);
        self.with(|state| {
            let mut wanted = BTreeMap::new();
            for message in messages {
                *wanted.entry(message.as_ref().to_owned()).or_insert(0) += 1;
            }
            assert_eq!(state.counts, wanted);
        });
    }

    pub fn document(&self, message: &str) -> Value {
        self.with(|state| {
            state
                .documents
                .iter()
                .find(|document| document["message"] == message)
                .cloned()
                .unwrap()
        })
    }
}

fn serve(stream: &TcpStream, shared: &(Mutex<State>, Condvar)) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let (mut length, mut authorization) = (0, None);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    assert!(line.is_empty() || line.starts_with("POST /"), "{line}");
    loop {
        line.clear();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        let Some((name, value)) = line.trim().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (mutex, changed) = shared;
    let mut state = mutex.lock().unwrap();
    state.requests += 1;
    state.authorization = authorization;
    let fault = if state.is_down {
        Some(Fault::Status(503))
    } else {
        state.faults.pop_front()
    };
    let is_too_long = state.most_bytes.is_some_and(|most| body.len() > most);
    let answer = match &fault {
        _ if is_too_long => response(413, ""),
        Some(Fault::Status(status)) => response(*status, "no"),
        Some(Fault::Close) => {
            changed.notify_all();
            return None;
        }
        Some(Fault::Page) => response(200, "<html>"),
        Some(Fault::Silence(time)) => {
            changed.notify_all();
            drop(state);
            std::thread::sleep(*time);
            return None;
        }
        _ => response(200, &take(&body, fault.as_ref(), &mut state)),
    };
    changed.notify_all();
    drop(state);
    let mut stream = stream;
    if matches!(fault, Some(Fault::HalfAnswer)) {
        stream
            .write_all(&answer.as_bytes()[..answer.len() - 5])
            .ok()?;
        return None;
    }
    stream.write_all(answer.as_bytes()).ok()
}

fn take(body: &[u8], fault: Option<&Fault>, state: &mut State) -> String {
    assert!(body.ends_with(b"\n"));
    let mut items = Vec::new();
    let lines: Vec<&[u8]> = body
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .collect();
    for (index, pair) in lines.chunks(2).enumerate() {
        assert_eq!(pair[0], br#"{"create":{}}"#);
        let document: Value =
            serde_json::from_slice(pair[1]).unwrap_or_else(|error| panic!("{error}"));
        let message = document["message"].as_str().unwrap().to_owned();
        assert!(document["@timestamp"].is_string());
        let status = match fault {
            Some(Fault::Half429) if index % 2 == 1 => 429,
            Some(Fault::Refuse(text)) if message.contains(text) => 400,
            _ => 201,
        };
        if status == 201 {
            *state.counts.entry(message).or_default() += 1;
            state.documents.push(document);
        }
        items.push(serde_json::json!({"create": {"status": status}}));
    }
    let errors = items.iter().any(|item| item["create"]["status"] != 201);
    serde_json::json!({"took": 1, "errors": errors, "items": items}).to_string()
}

fn response(status: u16, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} X\r\nretry-after: 0\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}
