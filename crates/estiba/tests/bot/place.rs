//! A server with a project, people and a bot.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Project, copy, source};

/// The token of the bot, whose secret is to be found nowhere.
pub const TOKEN: &str = "4711:AAplantedSecretOfTheBotFather0000000";

/// A process that ends with the test.
pub struct Running {
    pub child: Child,
    /// What it wrote to standard error.
    pub written: Arc<Mutex<String>>,
}

impl Running {
    /// Starts a command, and gives the first line that it writes to standard
    /// output where it is to be waited for.
    pub fn start(mut command: Command, wait: bool) -> (Self, String) {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let written = Arc::new(Mutex::new(String::new()));
        let errors = BufReader::new(child.stderr.take().unwrap());
        let kept = Arc::clone(&written);
        std::thread::spawn(move || {
            for line in errors.lines().map_while(Result::ok) {
                let mut kept = kept.lock().unwrap();
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut first = String::new();
        if wait {
            out.read_line(&mut first).unwrap();
        }
        std::thread::spawn(move || out.read_to_end(&mut Vec::new()));
        (Self { child, written }, first)
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Ends it with SIGTERM; whether it ended well.
    pub fn end(&mut self) -> bool {
        let id = i32::try_from(self.child.id()).unwrap();
        let id = rustix::process::Pid::from_raw(id).unwrap();
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        self.child.wait().unwrap().success()
    }

    pub fn log(&self) -> String {
        self.written.lock().unwrap().clone()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Sends JSON, and reads the JSON that is answered.
pub fn post(url: &str, path: &str, body: &Value) -> Value {
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    let body = body.to_string();
    let length = body.len();
    let head = format!("POST {path} HTTP/1.0\r\nhost: {address}\r\ncontent-length: {length}\r\n");
    let head = head + "content-type: application/json\r\n\r\n";
    stream.write_all((head + &body).as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}

/// Waits until something is so.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "waited in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A project of the team `estiba`, its server, and the bot's key.
pub struct Place {
    pub server: Running,
    pub url: String,
    pub admin: String,
    bot: String,
    pub project: Project,
}

impl Place {
    pub fn new() -> Self {
        let project = Project::new();
        copy(&source(), &project.dir());
        let described = std::fs::read_to_string(project.dir().join("estiba.yaml")).unwrap();
        let described = described.replace("after: test,", "after: test, approve: true,");
        std::fs::write(project.dir().join("estiba.yaml"), described).unwrap();
        for environment in ["test", "prod"] {
            let args = ["secret", "set", "TOKEN", "--env", environment];
            project.with_input(&args, "a token").ok();
        }
        let create = |args: &[&str]| {
            let all = [&["token", "create", "--json"], args].concat();
            project.run(&all).ok().json()["key"]
                .as_str()
                .unwrap()
                .to_owned()
        };
        let admin = create(&["first", "--login", "ana", "--role", "admin"]);
        let bot = create(&["bot", "--machine", "--role", "bot"]);
        let (server, url) = serve(&project, "127.0.0.1:0");
        Self {
            server,
            url,
            admin,
            bot,
            project,
        }
    }

    /// The server again, where it was.
    pub fn serve_again(&mut self) {
        let address = self.url.trim_start_matches("http://").to_owned();
        (self.server, _) = serve(&self.project, &address);
    }

    /// A command of the server's client.
    pub fn ask(&self, key: &str, args: &[&str]) -> Value {
        let mut command = self.project.command(args);
        command
            .env("ESTIBA_URL", &self.url)
            .env("ESTIBA_TOKEN", key);
        let output = command.arg("--json").output().unwrap();
        let out = String::from_utf8_lossy(&output.stdout);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {out}\n{error}");
        let last = out.lines().last().unwrap_or_default();
        serde_json::from_str(&out)
            .or_else(|_| serde_json::from_str(last))
            .unwrap_or_default()
    }

    /// A one-time code of whoever has a key.
    pub fn code(&self, key: &str) -> String {
        self.ask(key, &["chat-code"])["code"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    /// The bot, which speaks to a Bot API.
    pub fn bot(&self, telegram: &str) -> Running {
        self.bot_with(telegram, &[])
    }

    /// The same with options.
    pub fn bot_with(&self, telegram: &str, options: &[&str]) -> Running {
        let mut command = self.project.command(&[&["bot"], options].concat());
        command
            .env("ESTIBA_URL", &self.url)
            .env("ESTIBA_TOKEN", &self.bot)
            .env("TELEGRAM_TOKEN", TOKEN)
            .env("TELEGRAM_API_URL", telegram);
        Running::start(command, false).0
    }
}

fn serve(project: &Project, address: &str) -> (Running, String) {
    let command = project.command(&["serve", "--listen", address, "--json"]);
    let (server, first) = Running::start(command, true);
    let told: Value = serde_json::from_str(&first).unwrap_or_default();
    let address = told["address"].as_str();
    let url = format!(
        "http://{}",
        address.unwrap_or_else(|| panic!("{first} {}", server.log()))
    );
    (server, url)
}
