//! A Bot API that is not ours, and people who use it.

use std::net::TcpListener;

use std::process::Command;

use serde_json::{Value, json};

use crate::place::{Running, TOKEN, until};
use crate::support::node;

/// The Bot API of npm's telegram-test-api.
pub struct Telegram {
    _process: Running,
    pub url: String,
}

/// Somebody in a private chat.
#[derive(Clone, Copy)]
pub struct Person {
    pub number: i64,
    pub lang: &'static str,
}

impl Telegram {
    /// `None` and a word about it where it can't be had.
    pub fn start() -> Option<Self> {
        Self::at("127.0.0.1")
    }

    /// The same at an address of this machine that others reach.
    pub fn at(host: &str) -> Option<Self> {
        let folder = node::folder("tests/bot", &["telegram.cjs"])?;
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let inner = free.local_addr().unwrap().port().to_string();
        drop(free);
        let mut server = Command::new("node");
        server
            .args(["telegram.cjs", TOKEN, &inner, host])
            .current_dir(&folder);
        let (process, port) = Running::start(server, true);
        assert!(!port.is_empty(), "{}", process.log());
        Some(Self {
            _process: process,
            url: format!("http://{host}:{}", port.trim()),
        })
    }

    pub fn post(&self, what: &str, body: &Value) -> Value {
        crate::place::post(&self.url, &format!("/test/{what}"), body)
    }

    pub fn write(&self, who: Person, text: &str) {
        self.write_in(who, who.number, text);
    }

    pub fn write_in(&self, who: Person, chat: i64, text: &str) {
        let (user, lang) = (who.number, who.lang);
        let body = json!({ "user": user, "chat": chat, "lang": lang, "text": text });
        self.post("write", &body);
    }

    pub fn press(&self, who: Person, message: &Value, label: &str) {
        let buttons = message["buttons"].as_array().unwrap();
        let button = buttons
            .iter()
            .find(|b| b["text"].as_str().unwrap().contains(label));
        let button = button.unwrap_or_else(|| panic!("no {label}: {message}"));
        let (user, lang) = (who.number, who.lang);
        let body = json!({ "user": user, "chat": message["chat"], "lang": lang,
            "message": message["id"], "data": button["callback_data"] });
        self.post("press", &body);
    }

    pub fn shown(&self, chat: i64) -> Vec<Value> {
        let all = self.post("look", &json!({}))["shown"].clone();
        let all = all.as_array().unwrap().iter();
        all.filter(|one| one["chat"] == chat).cloned().collect()
    }

    /// The last message of a chat that says all of these.
    pub fn sees(&self, chat: i64, words: &[&str]) -> Value {
        until(
            &format!("{words:?} in {chat}: {:#?}", self.shown(chat)),
            || {
                let all = self.shown(chat);
                all.into_iter().rev().find(|one| {
                    let text = one["text"].as_str().unwrap();
                    words.iter().all(|word| text.contains(word))
                })
            },
        )
    }

    pub fn count(&self, chat: i64, word: &str) -> usize {
        let all = self.shown(chat);
        all.iter()
            .filter(|one| one["text"].as_str().unwrap().contains(word))
            .count()
    }

    pub fn toast(&self, words: &str) {
        until(words, || {
            let answers = self.post("look", &json!({}))["answers"].clone();
            let mut answers = answers.as_array().unwrap().iter();
            answers
                .any(|one| one.as_str().unwrap().contains(words))
                .then_some(())
        });
    }
}
