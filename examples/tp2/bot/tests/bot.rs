//! The bot as Telegram, the API and the platform see it.

#![allow(clippy::unwrap_used)]

mod support;

use serde_json::{Value, json};
use support::{Bot, Fake, TOKEN, ok, update};

fn notes_api(path: &str) -> (u16, Value) {
    match path {
        "/version" => (200, json!({ "version": "1.4.1" })),
        "/notes" => (200, json!([{ "id": 1, "text": "leche" }])),
        other => panic!("the bot asked for {other}"),
    }
}

fn api_down(_: &str) -> (u16, Value) {
    (503, json!({ "error": "the database does not answer" }))
}

#[test]
fn commands_are_answered_and_confirmed() {
    let updates = json!([
        update(10, "/version"),
        { "update_id": 11 },
        update(12, "/notes"),
    ]);
    let fake = Fake::start(vec![ok(updates)], notes_api);
    let bot = Bot::start("commands", &fake.url, TOKEN);

    assert_eq!(fake.next_of("/getUpdates")["timeout"], 0);
    let version = fake.next_of("/sendMessage");
    assert_eq!(
        version,
        json!({ "chat_id": 7, "text": "bot 1.4.2, api 1.4.1" })
    );
    assert_eq!(fake.next_of("/sendMessage")["text"], "1. leche");
    let poll = fake.next_of("/getUpdates");
    assert_eq!(
        (&poll["offset"], &poll["timeout"]),
        (&json!(13), &json!(25))
    );
    assert!(bot.is_alive());

    // In the middle of that poll, which nobody ends.
    bot.send_sigterm();
    let (status, output) = bot.end();
    assert!(status.success(), "{output}");
    for line in output.lines() {
        serde_json::from_str::<Value>(line).unwrap();
    }
}

#[test]
fn a_note_reaches_the_api() {
    let fake = Fake::start(vec![ok(json!([update(1, "/note leche y pan")]))], |path| {
        assert_eq!(path, "/notes");
        (201, json!({ "id": 5, "text": "leche y pan" }))
    });
    let _bot = Bot::start("note", &fake.url, TOKEN);
    assert_eq!(fake.next_of("/notes"), json!({ "text": "leche y pan" }));
    assert_eq!(fake.next_of("/sendMessage")["text"], "Anotado: número 5.");
}

#[test]
fn an_api_that_is_down_is_told_politely() {
    let fake = Fake::start(vec![ok(json!([update(1, "/notes")]))], api_down);
    let _bot = Bot::start("down", &fake.url, TOKEN);
    let text = fake.next_of("/sendMessage")["text"].clone();
    assert!(
        text.as_str().unwrap().starts_with("Ahora no puedo"),
        "{text}"
    );
}

#[test]
fn what_the_api_rejects_is_told() {
    let fake = Fake::start(vec![ok(json!([update(1, "/note x")]))], |_| {
        (422, json!({ "error": "text is too odd" }))
    });
    let _bot = Bot::start("rejected", &fake.url, TOKEN);
    let text = fake.next_of("/sendMessage")["text"].clone();
    assert_eq!(text, "Eso no se puede guardar: text is too odd.");
}

#[test]
fn an_answer_waits_when_telegram_asks() {
    let wait = json!({ "ok": false, "error_code": 429, "parameters": { "retry_after": 1 } });
    let script = vec![ok(json!([update(1, "/start")])), (429, wait), ok(json!({}))];
    let fake = Fake::start(script, notes_api);
    let _bot = Bot::start("wait", &fake.url, TOKEN);
    let first = fake.next_of("/sendMessage");
    assert_eq!(fake.next_of("/sendMessage"), first);
    assert_eq!(fake.next_of("/getUpdates")["offset"], 2);
    assert!(fake.script_is_done());
}

#[test]
fn a_conflict_is_logged_once_and_passes() {
    let conflict = (
        409,
        json!({ "ok": false, "error_code": 409, "description": "Conflict" }),
    );
    let script = vec![conflict.clone(), conflict, ok(json!([]))];
    let fake = Fake::start(script, notes_api);
    let bot = Bot::start("conflict", &fake.url, TOKEN);
    fake.next_of("/getUpdates");
    assert!(!bot.is_alive());
    for _ in 0..3 {
        fake.next_of("/getUpdates");
    }
    assert!(bot.is_alive());
    bot.send_sigterm();
    let (status, output) = bot.end();
    assert!(status.success());
    assert_eq!(
        output.matches("another process polls").count(),
        1,
        "{output}"
    );
    assert!(output.contains("Telegram answers again"), "{output}");
}

#[test]
fn a_message_in_hand_is_finished_and_confirmed_before_stopping() {
    let wait = json!({ "ok": false, "error_code": 429, "parameters": { "retry_after": 30 } });
    let updates = json!([update(1, "/start"), update(2, "/start")]);
    let fake = Fake::start(vec![ok(updates), (429, wait)], notes_api);
    let bot = Bot::start("in-hand", &fake.url, TOKEN);
    fake.next_of("/sendMessage");
    bot.send_sigterm();
    fake.next_of("/sendMessage");
    // The second one is not answered: it is for whoever comes next.
    let (path, body) = fake.next();
    assert_eq!((path.as_str(), &body["offset"]), ("/getUpdates", &json!(2)));
    assert!(bot.end().0.success());
}

#[test]
fn a_token_that_is_refused_ends_the_bot() {
    let refusal = json!({ "ok": false, "error_code": 401, "description": "Unauthorized" });
    let fake = Fake::start(vec![(401, refusal)], notes_api);
    let (status, output) = Bot::start("refused", &fake.url, TOKEN).end();
    assert_eq!(status.code(), Some(1));
    assert!(
        output.contains("Telegram refuses TELEGRAM_TOKEN"),
        "{output}"
    );
}

#[test]
fn a_telegram_that_is_down_is_asked_again_and_the_token_is_not_told() {
    let refused = "http://127.0.0.1:1";
    let bot = Bot::start("telegram-down", refused, TOKEN);
    let log = bot.first_line_with("cannot poll");
    assert!(log.contains("getUpdates"), "{log}");
    assert!(!bot.is_alive());
    bot.send_sigterm();
    assert!(bot.end().0.success());
}

#[test]
fn without_a_token_it_idles_and_watches_the_api() {
    let fake = Fake::start(vec![], notes_api);
    let bot = Bot::start("idle", &fake.url, "");
    bot.first_line_with("the API answers");
    assert_eq!(fake.next().0, "/version");
    assert!(bot.is_alive());
    bot.send_sigterm();
    assert!(bot.end().0.success());
}

#[test]
fn without_a_token_and_an_api_it_is_not_alive() {
    let fake = Fake::start(vec![], api_down);
    let bot = Bot::start("idle-down", &fake.url, "");
    bot.first_line_with("the API does not answer");
    assert!(!bot.is_alive());
    bot.send_sigterm();
    assert!(bot.end().0.success());
}
