//! Link, look, deploy, approve, be told; and a bot that is killed.

use crate::place::{Place, until};
use crate::support::get;
use crate::telegram::{Person, Telegram};

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

pub fn a_team_ships_from_its_chat() {
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

pub fn lines_are_found_and_alerts_are_told_until_they_are_muted() {
    let Some(telegram) = Telegram::start() else {
        return;
    };
    let place = Place::new();
    let file = place.project.dir().join("estiba.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    // The second is told whenever the first would be.
    let alerts = "alerts:\n  errors: { when: \"level:error\", pause: 1s, in: [test] }\n  other: { when: \"level:error refused\", pause: 1s }\n";
    std::fs::write(&file, format!("{text}\n{alerts}")).unwrap();
    let _bot = place.bot(&telegram.url);
    let code = place.code(&place.admin);
    telegram.write(BETO, &format!("/start {code}"));
    telegram.sees(BETO.number, &["You are", "ana"]);
    place.ask(&place.admin, &["team", "add", "estiba"]);
    let deploy = ["deploy", "--env", "test", "--version", "1.0.0", "--yes"];
    place.ask(&place.admin, &deploy);
    telegram.write(BETO, "/subscribe estiba");
    telegram.sees(BETO.number, &["told what happens"]);
    let address = place.project.address("test", "api");
    let write = |line: &str| {
        let answer = get(&address, &format!("/print/ERROR:{line}")).unwrap();
        assert_eq!(answer.status, 200);
    };
    let (errors, other) = ("alert <b>errors</b>:", "alert <b>other</b>:");
    let told = |what| telegram.count(BETO.number, what);
    // Lines are followed as soon as it is known that there are alerts.
    let mut number = 0;
    until("the first alert", || {
        number += 1;
        write(&format!("refused-{number}"));
        (told(errors) > 0 && told(other) > 0).then_some(())
    });
    let alert = telegram.sees(BETO.number, &[errors, "level:error", "refused-"]);

    // The words of a search come in any order.
    write("searched");
    let search = ["logs", "api", "--env", "test", "--grep", "searched"];
    until("the line", || {
        (!place.ask(&place.admin, &search).is_null()).then_some(())
    });
    telegram.write(BETO, "/logs api error searched test");
    let seen = [
        "estiba/tests/test</b> api",
        "error+ searched",
        "ERROR:searched",
    ];
    telegram.sees(BETO.number, &seen);
    telegram.write(BETO, "/logs test level:(");
    telegram.sees(BETO.number, &["<pre>level:(", "^"]);
    telegram.write(ANA, "/logs test");
    telegram.sees(ANA.number, &["no está vinculada"]);

    // Muted, it is not told; the other one is.
    telegram.press(BETO, &alert, "1 hour");
    let muted = telegram.sees(BETO.number, &["<b>errors</b> is not told for 1 h"]);
    // What was on its way comes before this one.
    until("the other alert", || {
        write("refused-while-muted");
        (told("refused-while-muted") > 0).then_some(())
    });
    let before = (told(errors), told(other));
    until("the other alert again", || {
        write("refused-while-muted");
        (told(other) > before.1).then_some(())
    });
    assert_eq!(told(errors), before.0);
    telegram.press(BETO, &muted, "Tell again");
    telegram.sees(BETO.number, &["<b>errors</b> is told again"]);
    until("the alert again", || {
        write("refused-again");
        (told(errors) > before.0).then_some(())
    });
}

pub fn a_crash_loop_is_told() {
    let Some(telegram) = Telegram::start() else {
        return;
    };
    let place = Place::new();
    let _bot = place.bot(&telegram.url);
    let code = place.code(&place.admin);
    telegram.write(BETO, &format!("/start {code}"));
    telegram.sees(BETO.number, &["You are", "ana"]);
    place.ask(&place.admin, &["team", "add", "estiba"]);
    let deploy = ["deploy", "--env", "test", "--version", "1.0.0", "--yes"];
    place.ask(&place.admin, &deploy);
    telegram.write(BETO, "/subscribe estiba");
    telegram.sees(BETO.number, &["told what happens"]);

    let address = place.project.address("test", "api");
    until("the crash loop is told", || {
        // Whenever it is there again, it is told to end. No answer comes.
        let _ = get(&address, "/exit/1");
        (telegram.count(BETO.number, "ends again and again") > 0).then_some(())
    });
}
