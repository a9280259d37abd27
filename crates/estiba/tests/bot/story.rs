//! Link, look, deploy, approve, be told; and a bot that is killed.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::place::{Place, Running, TOKEN, until};

/// The Bot API of npm's telegram-test-api.
struct Telegram {
    _process: Running,
    url: String,
}

/// Somebody in a private chat.
#[derive(Clone, Copy)]
struct Person {
    number: i64,
    lang: &'static str,
}

const ANA: Person = Person {
    number: 11,
    lang: "es",
};
const BETO: Person = Person {
    number: 22,
    lang: "en",
};
const STRANGER: Person = Person {
    number: 33,
    lang: "es",
};

impl Telegram {
    /// `None` and a word about it where it can't be had.
    fn start() -> Option<Self> {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("telegram");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bot");
        std::fs::create_dir_all(&folder).unwrap();
        for file in ["package.json", "telegram.cjs"] {
            std::fs::copy(source.join(file), folder.join(file)).unwrap();
        }
        if !folder.join("node_modules/telegram-test-api").is_dir() {
            let mut npm = Command::new("npm");
            npm.args(["install", "--no-audit", "--no-fund"])
                .current_dir(&folder);
            npm.stdout(Stdio::null());
            if !npm.status().is_ok_and(|status| status.success()) {
                eprintln!("skipped: npm, or its package telegram-test-api, can't be had");
                return None;
            }
        }
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let inner = free.local_addr().unwrap().port().to_string();
        drop(free);
        let mut node = Command::new("node");
        node.args(["telegram.cjs", TOKEN, &inner])
            .current_dir(&folder);
        let (process, port) = Running::start(node, true);
        assert!(!port.is_empty(), "{}", process.log());
        Some(Self {
            _process: process,
            url: format!("http://127.0.0.1:{}", port.trim()),
        })
    }

    fn post(&self, what: &str, body: &Value) -> Value {
        crate::place::post(&self.url, &format!("/test/{what}"), body)
    }

    fn write(&self, who: Person, text: &str) {
        self.write_in(who, who.number, text);
    }

    fn write_in(&self, who: Person, chat: i64, text: &str) {
        let (user, lang) = (who.number, who.lang);
        let body = json!({ "user": user, "chat": chat, "lang": lang, "text": text });
        self.post("write", &body);
    }

    fn press(&self, who: Person, message: &Value, label: &str) {
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

    fn shown(&self, chat: i64) -> Vec<Value> {
        let all = self.post("look", &json!({}))["shown"].clone();
        let all = all.as_array().unwrap().iter();
        all.filter(|one| one["chat"] == chat).cloned().collect()
    }

    /// The last message of a chat that says all of these.
    fn sees(&self, chat: i64, words: &[&str]) -> Value {
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

    fn count(&self, chat: i64, word: &str) -> usize {
        let all = self.shown(chat);
        all.iter()
            .filter(|one| one["text"].as_str().unwrap().contains(word))
            .count()
    }

    fn toast(&self, words: &str) {
        until(words, || {
            let answers = self.post("look", &json!({}))["answers"].clone();
            let mut answers = answers.as_array().unwrap().iter();
            answers
                .any(|one| one.as_str().unwrap().contains(words))
                .then_some(())
        });
    }
}

#[test]
fn a_team_ships_from_its_chat() {
    let Some(telegram) = Telegram::start() else {
        return;
    };
    let place = Place::new();
    let mut bot = place.bot(&telegram.url);

    // Link.
    telegram.write(STRANGER, "/estado");
    telegram.sees(STRANGER.number, &["no está vinculada"]);
    telegram.write(STRANGER, "/start WRONG");
    telegram.sees(STRANGER.number, &["este código no es válido"]);
    let code = place.code(&place.admin);
    telegram.write(ANA, &format!("/start {code}"));
    telegram.sees(ANA.number, &["Ahora usted es", "ana"]);
    place.ask(&place.admin, &["team", "add", "estiba"]);
    place.ask(
        &place.admin,
        &["deploy", "--env", "test", "--version", "1.0.0", "--yes"],
    );
    place.ask(
        &place.admin,
        &["team", "admit", "estiba", "beto", "--role", "member"],
    );
    let made = place.ask(&place.admin, &["token", "create", "b", "--login", "beto"]);
    let code = place.code(made["key"].as_str().unwrap());
    telegram.write(BETO, &format!("/start {code}"));
    telegram.sees(BETO.number, &["You are", "beto", "Teams: estiba"]);

    // Look, and be told.
    telegram.write(ANA, "/estado");
    telegram.sees(ANA.number, &["<b>test</b>: 1.0.0", "2 de 2"]);
    telegram.write(ANA, "/ambientes");
    telegram.sees(ANA.number, &["<b>prod</b>", "http://"]);
    telegram.write(ANA, "/logs test api");
    telegram.sees(ANA.number, &["estiba/tests/test</b> api"]);
    telegram.write(BETO, "/subscribe");
    telegram.sees(BETO.number, &["told what happens in <b>estiba</b>"]);
    let score = place.project.dir().join("api/score.yaml");
    let text = std::fs::read_to_string(&score).unwrap();
    std::fs::write(
        &score,
        text.replace("args: [migrate]", "args: [migrate, again]"),
    )
    .unwrap();
    place.ask(
        &place.admin,
        &["deploy", "--env", "test", "--version", "1.1.0", "--yes"],
    );
    let told = [
        "estiba/tests/test",
        "<b>1.0.0</b> → <b>1.1.0</b>",
        "succeeded in",
        "ana",
    ];
    telegram.sees(BETO.number, &told);
    assert_eq!(
        telegram.count(BETO.number, "1.1.0"),
        1,
        "{:#?}",
        telegram.shown(BETO.number)
    );

    // Deploy with buttons; they are for whom they were made.
    telegram.write(ANA, "/volver test");
    let choice = telegram.sees(ANA.number, &["¿Qué versión?"]);
    telegram.press(ANA, &choice, "1.0.0");
    let question = telegram.sees(ANA.number, &["¿Volver a", "1.0.0", "Ahora está 1.1.0"]);
    assert_eq!(question["id"], choice["id"], "it is edited");
    telegram.press(STRANGER, &question, "Sí");
    telegram.toast("son para quien los pidió");
    telegram.press(ANA, &question, "Sí");
    telegram.sees(ANA.number, &["1.0.0", "se desplegó bien"]);
    telegram.press(ANA, &question, "Sí");
    telegram.toast("ya no sirven");
    telegram.sees(
        BETO.number,
        &["<b>1.1.0</b> → <b>1.0.0</b>", "succeeded in"],
    );
    telegram.write(BETO, "/history test");
    telegram.sees(BETO.number, &["rollback", "deployment"]);

    // prod wants another person to agree.
    telegram.write(ANA, "/promover");
    let question = telegram.sees(ANA.number, &["¿Promover", "estiba/tests/prod"]);
    telegram.press(ANA, &question, "Sí");
    let own = telegram.sees(ANA.number, &["ana pide desplegar"]);
    telegram.press(ANA, &own, "Aprobar");
    telegram.toast("otra persona");
    let asked = telegram.sees(BETO.number, &["ana asks to deploy", "1.0.0"]);
    telegram.press(STRANGER, &asked, "Approve");
    telegram.toast("no está vinculada");
    telegram.press(BETO, &asked, "Approve");
    telegram.sees(BETO.number, &["beto agreed to"]);
    telegram.sees(ANA.number, &["beto aceptó"]);
    telegram.sees(BETO.number, &["estiba/tests/prod", "succeeded in"]);

    // A group belongs to a team; whoever is in none gets nothing there.
    telegram.write_in(BETO, -5, "/subscribe@estiba_bot");
    telegram.sees(-5, &["This group belongs to <b>estiba</b>"]);
    telegram.write_in(STRANGER, -5, "/desuscribir");
    telegram.sees(-5, &["no está vinculada"]);

    // Killed, and there again: nothing is lost and nothing told twice.
    bot.kill();
    telegram.write(BETO, "/status");
    std::fs::write(&score, text).unwrap();
    place.ask(
        &place.admin,
        &["deploy", "--env", "test", "--version", "1.2.0", "--yes"],
    );
    let answers = telegram.count(BETO.number, "<b>test</b>:");
    let mut again = place.bot(&telegram.url);
    telegram.sees(
        BETO.number,
        &["<b>1.0.0</b> → <b>1.2.0</b>", "succeeded in"],
    );
    telegram.sees(-5, &["<b>1.0.0</b> → <b>1.2.0</b>", "succeeded in"]);
    until("the answer", || {
        (telegram.count(BETO.number, "<b>test</b>:") > answers).then_some(())
    });
    let before = telegram.shown(BETO.number);
    assert!(again.end(), "{}", again.log());
    let mut third = place.bot(&telegram.url);
    telegram.write(BETO, "/help");
    telegram.sees(BETO.number, &["/rollback"]);
    let after = telegram.shown(BETO.number);
    assert_eq!(before.len() + 1, after.len(), "{after:#?}");
    assert!(third.end(), "{}", third.log());
    for log in [bot.log(), again.log(), third.log(), place.server.log()] {
        assert!(!log.contains("plantedSecret"), "{log}");
    }
}
