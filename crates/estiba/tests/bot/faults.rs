//! What a Bot API says when something is wrong.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::{Json, Router};
use serde_json::{Value, json};

use crate::place::{Place, until};

/// A Bot API that answers as it is told to, and well where it is not.
#[derive(Clone, Default)]
struct Telegram(Arc<Mutex<Told>>);

#[derive(Default)]
struct Told {
    /// What people wrote.
    updates: VecDeque<Value>,
    /// What the next calls of a method are answered with.
    faults: VecDeque<(&'static str, u16, Value)>,
    /// All calls but for updates.
    calls: Vec<(String, Value)>,
    written: i64,
}

impl Telegram {
    /// Begins to answer, and tells where.
    fn start() -> (Self, String) {
        let telegram = Self::default();
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let state = telegram.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build().unwrap();
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                let router = Router::new().route("/{bot}/{method}", axum::routing::post(answer));
                axum::serve(listener, router.with_state(state))
                    .await
                    .unwrap();
            });
        });
        (telegram, format!("http://{address}"))
    }

    fn fault(&self, method: &'static str, status: u16, rest: Value) {
        self.0
            .lock()
            .unwrap()
            .faults
            .push_back((method, status, rest));
    }

    fn write(&self, chat: i64, text: &str) {
        let mut told = self.0.lock().unwrap();
        told.written += 1;
        let number = told.written;
        told.updates
            .push_back(json!({ "update_id": number, "message": {
                "message_id": number, "date": 1_700_000_000, "text": text,
                "chat": { "id": chat, "type": "private", "first_name": "P" },
                "from": { "id": chat, "is_bot": false, "first_name": "P", "language_code": "en" },
            }}));
    }

    /// What a method was last called with.
    fn called(&self, method: &str) -> Value {
        until(method, || {
            let told = self.0.lock().unwrap();
            let call = told.calls.iter().rfind(|(of, _)| of == method);
            call.map(|(_, body)| body.clone())
        })
    }

    /// The texts of a chat.
    fn texts(&self, chat: i64) -> Vec<String> {
        let told = self.0.lock().unwrap();
        let calls = told
            .calls
            .iter()
            .filter(|(method, body)| method.starts_with("Send") && body["chat_id"] == chat);
        calls
            .map(|(_, body)| body["text"].as_str().unwrap().to_owned())
            .collect()
    }

    fn sees(&self, chat: i64, word: &str) -> usize {
        until(&format!("{word}: {:?}", self.texts(chat)), || {
            let texts = self.texts(chat);
            let count = texts.iter().filter(|text| text.contains(word)).count();
            (count > 0).then_some(count)
        })
    }
}

async fn answer(
    State(telegram): State<Telegram>,
    Path((_, method)): Path<(String, String)>,
    body: Bytes,
) -> (StatusCode, Json<Value>) {
    let body = serde_json::from_slice(&body).unwrap_or_else(|_| form(&body));
    let fault = {
        let mut told = telegram.0.lock().unwrap();
        let at = told.faults.iter().position(|(of, ..)| *of == method);
        at.and_then(|at| told.faults.remove(at))
    };
    if let Some((_, status, mut rest)) = fault {
        rest["ok"] = false.into();
        rest["error_code"] = status.into();
        return (StatusCode::from_u16(status).unwrap(), Json(rest));
    }
    let user = json!({ "id": 4711, "is_bot": true, "first_name": "E", "username": "estiba_bot",
        "can_join_groups": true, "can_read_all_group_messages": false,
        "supports_inline_queries": false, "has_main_web_app": false });
    let result = match method.as_str() {
        "GetMe" => user,
        "GetUpdates" => {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let mut told = telegram.0.lock().unwrap();
            let offset = body["offset"].as_i64().unwrap_or(0);
            told.updates
                .retain(|update| update["update_id"].as_i64() >= Some(offset));
            json!(told.updates)
        }
        "SendMessage" => {
            let mut told = telegram.0.lock().unwrap();
            told.calls.push((method, body.clone()));
            json!({ "message_id": told.calls.len(), "date": 1_700_000_000, "from": user,
                "chat": { "id": body["chat_id"], "type": "private", "first_name": "P" },
                "text": body["text"] })
        }
        _ => {
            telegram.0.lock().unwrap().calls.push((method, body));
            json!(true)
        }
    };
    (
        StatusCode::OK,
        Json(json!({ "ok": true, "result": result })),
    )
}

/// The fields of a multipart form, which is how webhooks are set.
fn form(body: &[u8]) -> Value {
    let text = String::from_utf8_lossy(body);
    let fields = text.split("; name=\"").skip(1).filter_map(|field| {
        let (name, rest) = field.split_once('"')?;
        let (_, value) = rest.split_once("\r\n\r\n")?;
        let (value, _) = value.split_once("\r\n--")?;
        Some((name.to_owned(), Value::from(value)))
    });
    Value::Object(fields.collect())
}

pub fn the_bot_lives_with_what_goes_wrong() {
    let (telegram, url) = Telegram::start();
    let mut place = Place::new();
    // Telegram is down at the begin.
    for _ in 0..2 {
        telegram.fault(
            "GetMe",
            400,
            json!({ "description": "Bad Request: not now" }),
        );
    }
    let mut bot = place.bot(&url);
    let code = place.code(&place.admin);
    telegram.write(7, &format!("/start {code}"));
    telegram.sees(7, "You are <b>ana</b>");

    // 429: it waits as long as it is told, and then sends.
    let wait = json!({ "description": "Too Many Requests: retry after 1",
        "parameters": { "retry_after": 1 } });
    telegram.fault("SendMessage", 429, wait);
    telegram.write(7, "/help");
    assert_eq!(telegram.sees(7, "/rollback"), 1);

    // 409: it says so, and goes on when the other poller has ended.
    let other = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
    telegram.fault("GetUpdates", 409, json!({ "description": other }));
    until("a word about 409", || {
        bot.log().contains("(409)").then_some(())
    });
    telegram.write(7, "/quiet 22-8 -3");
    telegram.sees(7, "No notices from 22 to 8");
    telegram.write(7, "/quiet off");
    telegram.sees(7, "at any hour");

    // The server is down: who asks is told, and it is found again.
    place.server.kill();
    telegram.write(7, "/status");
    telegram.sees(7, "be reached");
    place.serve_again();
    telegram.write(7, "/subscribe");
    until("the server again", || {
        // There is no project yet, so there is no team.
        let texts = telegram.texts(7);
        texts
            .iter()
            .any(|text| text.contains("no such team"))
            .then_some(())
    });

    // 403: whoever put the bot out is told nothing more, also after a restart.
    place.ask(&place.admin, &["team", "add", "moria"]);
    telegram.write(7, "/subscribe moria");
    telegram.sees(7, "told what happens in <b>moria</b>");
    let blocked = json!({ "description": "Forbidden: bot was blocked by the user" });
    telegram.fault("SendMessage", 403, blocked);
    telegram.write(7, "/help");
    until("the block is noted", || {
        let path = "/api/v1/chats/state/telegram-4711-chat-7";
        let state = state(&place, path);
        (state["gone"] == true).then_some(())
    });
    assert!(bot.end(), "{}", bot.log());
    assert!(!bot.log().contains("plantedSecret"), "{}", bot.log());
}

pub fn telegram_calls_the_bot_with_a_secret() {
    let (telegram, url) = Telegram::start();
    let place = Place::new();
    let free = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let listen = free.local_addr().unwrap().to_string();
    drop(free);
    let hook = "https://bot.example.edu/hook";
    let mut bot = place.bot_with(&url, &["--webhook", hook, "--listen", &listen]);
    let registered = telegram.called("SetWebhook");
    assert_eq!(registered["url"], hook);
    let secret = registered["secret_token"].as_str().unwrap();
    telegram.write(7, "/help");
    let update = telegram.0.lock().unwrap().updates[0].to_string();
    let status = |path: &str, secret: &str, body: &str| {
        let head = format!("x-telegram-bot-api-secret-token: {secret}\r\n");
        let answer = request(&listen, "POST", path, &head, body);
        answer.split(' ').nth(1).unwrap().to_owned()
    };
    assert_eq!(status("/hook", "", &update), "401");
    assert_eq!(status("/hook", &secret.to_uppercase(), &update), "401");
    assert_eq!(status("/other", secret, &update), "404");
    assert_eq!(status("/hook", secret, "{}"), "400");
    assert_eq!(telegram.texts(7), Vec::<String>::new());
    // Telegram brings again what it is not sure of.
    for _ in 0..2 {
        assert_eq!(status("/hook", secret, &update), "200");
    }
    assert_eq!(telegram.texts(7).len(), 1);
    assert!(bot.end(), "{}", bot.log());
}

pub fn what_can_not_be_is_said_at_once() {
    let (telegram, url) = Telegram::start();
    let place = Place::new();
    telegram.fault("GetMe", 401, json!({ "description": "Unauthorized" }));
    let mut bot = place.bot(&url);
    assert!(!bot.child.wait().unwrap().success());
    until("why", || bot.log().contains("@BotFather").then_some(()));
    let mut bot = place.bot("not an address");
    assert!(!bot.child.wait().unwrap().success());
    until("why", || {
        bot.log().contains("TELEGRAM_API_URL").then_some(())
    });
    let mut command = place.project.command(&["bot"]);
    command
        .env("ESTIBA_URL", &place.url)
        .env("ESTIBA_TOKEN", &place.admin[..8]);
    command
        .env("TELEGRAM_API_URL", &url)
        .env("TELEGRAM_TOKEN", crate::place::TOKEN);
    let mut bot = crate::place::Running::start(command, false).0;
    assert!(!bot.child.wait().unwrap().success());
    until("why", || bot.log().contains("--role bot").then_some(()));
}

fn request(address: &str, method: &str, path: &str, head: &str, body: &str) -> String {
    use std::io::{Read, Write};
    let mut stream = until("the bot listens", || {
        std::net::TcpStream::connect(address).ok()
    });
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.0\r\nhost: {address}\r\ncontent-length: {length}\r\n{head}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// What the server keeps for the bot.
fn state(place: &Place, path: &str) -> Value {
    let address = place.url.trim_start_matches("http://");
    let head = format!("authorization: Bearer {}\r\n", place.admin);
    let answer = request(address, "GET", path, &head, "");
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_default()
}
