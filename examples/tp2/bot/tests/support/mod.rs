//! A server that speaks as much of the Bot API and of the notes API as the bot
//! asks for, and a real process of the bot.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tiny_http::{Header, Request, Response, Server};

pub const TOKEN: &str = "123456:not-a-real-token";
/// Long enough for a busy machine; only a test that fails waits for it.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a request was: its path without the token, and its body.
pub type Call = (String, Value);
type Script = Arc<Mutex<VecDeque<(u16, Value)>>>;

pub struct Fake {
    pub url: String,
    calls: Receiver<Call>,
    script: Script,
}

impl Fake {
    /// Answers `getUpdates` and `sendMessage` with `script`, one after the
    /// other; then all is well and nothing is new, as in a long poll that
    /// nobody ends. `api` says what the notes API answers.
    pub fn start(script: Vec<(u16, Value)>, api: fn(&str) -> (u16, Value)) -> Self {
        let server = Arc::new(Server::http("127.0.0.1:0").unwrap());
        let url = format!("http://{}", server.server_addr());
        let script: Script = Arc::new(Mutex::new(script.into()));
        let (heard, calls) = mpsc::channel();
        let answers = Arc::clone(&script);
        thread::spawn(move || {
            let mut held: Vec<Request> = Vec::new();
            for mut request in server.incoming_requests() {
                let mut body = String::new();
                request.as_reader().read_to_string(&mut body).unwrap();
                let body: Value = serde_json::from_str(&body).unwrap_or_default();
                let path = request.url().replace(&format!("/bot{TOKEN}"), "");
                let answer = match path.as_str() {
                    "/getUpdates" | "/sendMessage" => {
                        let next = answers.lock().unwrap().pop_front();
                        match next {
                            Some(answer) => Some(answer),
                            None if body["timeout"].as_u64() > Some(0) => None,
                            None => Some(ok(json!([]))),
                        }
                    }
                    path => Some(api(path)),
                };
                if heard.send((path, body)).is_err() {
                    return;
                }
                match answer {
                    Some((status, body)) => {
                        let json = "Content-Type: application/json".parse::<Header>().unwrap();
                        let answer = Response::from_string(body.to_string())
                            .with_status_code(status)
                            .with_header(json);
                        // The bot may be gone already.
                        request.respond(answer).ok();
                    }
                    None => held.push(request),
                }
            }
        });
        Self { url, calls, script }
    }

    pub fn next(&self) -> Call {
        self.calls
            .recv_timeout(PATIENCE)
            .expect("the bot asks for something")
    }

    /// The next call of this kind; those before it are forgotten.
    pub fn next_of(&self, path: &str) -> Value {
        loop {
            let (called, body) = self.next();
            if called == path {
                return body;
            }
        }
    }

    pub fn script_is_done(&self) -> bool {
        self.script.lock().unwrap().is_empty()
    }
}

pub fn ok(result: Value) -> (u16, Value) {
    (200, json!({ "ok": true, "result": result }))
}

pub fn update(id: i64, text: &str) -> Value {
    json!({
        "update_id": id,
        "message": {
            "message_id": id, "date": 0, "chat": { "id": 7, "type": "private" },
            "from": { "id": 7, "is_bot": false, "first_name": "Ana", "language_code": "es" },
            "text": text,
        },
    })
}

/// The bot, running.
pub struct Bot {
    process: Child,
    log: RefCell<BufReader<ChildStdout>>,
    seen: RefCell<String>,
    alive: PathBuf,
}

impl Bot {
    pub fn start(name: &str, url: &str, token: &str) -> Self {
        let alive = std::env::temp_dir().join(format!("tp2-{}-{name}", std::process::id()));
        std::fs::write(&alive, "left by the one before").unwrap();
        let mut process = command(&alive)
            .env("TELEGRAM_API_URL", url)
            .env("API_URL", url)
            .env("TELEGRAM_TOKEN", token)
            .env("ESTIBA_VERSION", "1.4.2")
            .env("LOG_LEVEL", "trace")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(process.stdout.take().unwrap());
        Self {
            process,
            log: log.into(),
            seen: RefCell::default(),
            alive,
        }
    }

    /// Waits for the log to say so.
    pub fn first_line_with(&self, text: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.log.borrow_mut().read_line(&mut line).unwrap();
            assert_ne!(read, 0, "the bot ended");
            self.seen.borrow_mut().push_str(&line);
            if line.contains(text) {
                return line;
            }
        }
    }

    /// What the probe says.
    pub fn is_alive(&self) -> bool {
        command(&self.alive)
            .arg("alive")
            .status()
            .unwrap()
            .success()
    }

    pub fn send_sigterm(&self) {
        let kill = format!("kill -TERM {}", self.process.id());
        Command::new("sh").args(["-c", &kill]).status().unwrap();
    }

    /// How it ends, and all that it wrote, the token not among it.
    pub fn end(mut self) -> (ExitStatus, String) {
        let status = self.process.wait().unwrap();
        let mut output = self.seen.take();
        self.log.get_mut().read_to_string(&mut output).unwrap();
        self.process
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut output)
            .unwrap();
        assert!(!output.contains("not-a-real-token"), "{output}");
        (status, output)
    }
}

impl Drop for Bot {
    fn drop(&mut self) {
        // A test that failed leaves it running.
        self.process.kill().ok();
        std::fs::remove_file(&self.alive).ok();
    }
}

fn command(alive: &PathBuf) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bot"));
    command.env_clear().env("ALIVE_FILE", alive);
    command
}
