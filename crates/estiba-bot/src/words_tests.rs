//! Notices in both languages.

use std::collections::BTreeSet;

use estiba_model::Approval;
use jiff::Timestamp;

use super::*;

fn example(stage: Stage) -> Track {
    let place = EnvironmentId {
        team: "moria".parse().unwrap(),
        project: "tp2".parse().unwrap(),
        environment: "test".parse().unwrap(),
    };
    Track {
        version: Some("1.1".parse().unwrap()),
        before: Some("1.0".parse().unwrap()),
        cause: Some(Cause::Deploy),
        by: Some("ana <a&b>".to_owned()),
        stage,
        ..Track::new(place, Timestamp::UNIX_EPOCH)
    }
}

fn both(text: impl Fn(Lang) -> Text) -> [String; 2] {
    [Lang::En, Lang::Es].map(|lang| text(lang).messages().join("\n---\n"))
}

#[test]
fn spans_are_short() {
    let cases = [
        (0, "0.0 s"),
        (1_540, "1.5 s"),
        (59_999, "59 s"),
        (61_000, "1 min 1 s"),
        (7_260_000, "2 h 1 min"),
    ];
    for (milliseconds, expected) in cases {
        assert_eq!(took(milliseconds), expected);
    }
}

#[test]
fn deployments_are_told() {
    let place = "<b>moria/tp2/test</b>";
    let change = "<b>1.0</b> → <b>1.1</b>";
    let cases = [
        (
            Stage::Queued,
            format!("⏳ {place}: deployment of {change} waits for its turn"),
            format!("⏳ {place}: despliegue de {change} espera su turno"),
        ),
        (
            Stage::Running { done: 2, total: 9 },
            format!("🚚 {place}: deployment of {change} started (step 3 of 9)"),
            format!("🚚 {place}: comenzó despliegue de {change} (paso 3 de 9)"),
        ),
        (
            Stage::RollingBack,
            format!("↩️ {place}: {change} failed; what worked before is being restored"),
            format!("↩️ {place}: {change} falló; se restaura lo que funcionaba"),
        ),
        (
            Stage::Succeeded { took_ms: 12_000 },
            format!("✅ {place}: {change} succeeded in 12 s"),
            format!("✅ {place}: {change} se desplegó bien en 12 s"),
        ),
        (
            Stage::Superseded,
            format!("⏭ {place}: a newer deployment took the place of {change}"),
            format!("⏭ {place}: un despliegue más nuevo reemplazó a {change}"),
        ),
    ];
    for (stage, english, spanish) in cases {
        let told = example(stage);
        let expected = [
            format!("{english}\n#7, asked for by ana &lt;a&amp;b&gt;"),
            format!("{spanish}\n#7, lo pidió ana &lt;a&amp;b&gt;"),
        ];
        assert_eq!(both(|lang| track(7, &told, lang)), expected);
    }
}

#[test]
fn a_failure_says_why_and_who_can_help() {
    let told = example(Stage::Failed {
        reasons: vec![message!("no <answer>", "no <responde>")],
        log: vec!["a < b".to_owned(), "panic".to_owned()],
    });
    let helpers = ["ana".to_owned(), "beto".to_owned()];
    let [english, spanish] = both(|lang| failure(7, &told, &helpers, lang));
    assert!(
        english.ends_with(
            "no &lt;answer&gt;\nLast lines:\n<pre>a &lt; b\npanic</pre>\nWho can help: ana, beto"
        ),
        "{english}"
    );
    assert!(spanish.ends_with("no &lt;responde&gt;\nÚltimas líneas:\n<pre>a &lt; b\npanic</pre>\nPueden ayudar: ana, beto"), "{spanish}");
}

#[test]
fn requests_are_told_as_they_are() {
    let of = |state, decided_by: Option<&str>| Request {
        approval: Approval {
            id: 3,
            environment: example(Stage::Queued).environment,
            version: "1.1".parse().unwrap(),
            cause: Cause::Promote,
            requested_by: "ana".to_owned(),
            requested_at: Timestamp::UNIX_EPOCH,
            state,
            decided_by: decided_by.map(str::to_owned),
            decided_at: None,
            deployment: None,
            without: BTreeSet::new(),
        },
        message: None,
        untold: true,
    };
    let cases = [
        (
            of(ApprovalState::Waiting, None),
            "ana asks to deploy",
            "ana pide desplegar",
        ),
        (
            of(ApprovalState::Approved, Some("beto")),
            "beto agreed to",
            "beto aceptó",
        ),
        (
            of(ApprovalState::Rejected, Some("beto")),
            "beto rejected",
            "beto rechazó",
        ),
        (
            of(ApprovalState::Superseded, None),
            "a newer request",
            "un pedido más nuevo",
        ),
    ];
    for (told, english, spanish) in cases {
        let [en, es] = both(|lang| request(&told, lang));
        assert!(en.contains(english) && es.contains(spanish), "{en}\n{es}");
    }
}

#[test]
fn an_alert_says_what_came_and_how_often() {
    let alarm_of = |over, within_seconds| Alarm {
        environment: example(Stage::Queued).environment,
        alert: "errors".parse().unwrap(),
        when: "level:error -\"a<b\"".to_owned(),
        over,
        within_seconds,
        log: vec!["no <answer>".to_owned()],
        at: Timestamp::UNIX_EPOCH,
        untold: true,
    };
    let [english, spanish] = both(|lang| alarm(&alarm_of(10, 300), lang));
    assert_eq!(
        english,
        "🚨 <b>moria/tp2/test</b>: alert <b>errors</b>: more than 10 lines within 5 min\n\
         🔎 level:error -\"a&lt;b\"\n<pre>no &lt;answer&gt;</pre>"
    );
    assert!(spanish.contains("más de 10 líneas en 5 min"), "{spanish}");
    let [english, spanish] = both(|lang| alarm(&alarm_of(0, 90), lang));
    assert!(english.contains("a line came"), "{english}");
    assert!(spanish.contains("apareció una línea"), "{spanish}");
    let [english, spanish] = both(|lang| muted(&alarm_of(0, 90), 24, lang));
    assert!(english.contains("not told for 24 h"), "{english}");
    assert!(spanish.contains("no se avisa por 24 h"), "{spanish}");
}

#[test]
fn notes_are_a_line_each() {
    let environment = example(Stage::Queued).environment;
    let note = |what| Note {
        environment: environment.clone(),
        what,
        at: Timestamp::UNIX_EPOCH,
    };
    let all = [
        note(Noted::Crashing(
            "api".parse().unwrap(),
            vec!["<boom>".to_owned()],
        )),
        note(Noted::Recovered("bot".parse().unwrap())),
        note(Noted::Rejected("1.1".parse().unwrap(), "<beto>".to_owned())),
    ];
    let [english, spanish] = both(|lang| notes(&all, lang));
    assert_eq!(english.lines().count(), 4);
    assert!(english.contains("<pre>&lt;boom&gt;</pre>"), "{english}");
    for (text, expected) in [
        (&english, "api ends again and again"),
        (&english, "bot is well again"),
        (&english, "&lt;beto&gt; rejected 1.1"),
        (&spanish, "api se cae una y otra vez"),
        (&spanish, "bot está bien de nuevo"),
        (&spanish, "&lt;beto&gt; rechazó 1.1"),
    ] {
        assert!(text.contains(expected), "{text}");
    }
}
