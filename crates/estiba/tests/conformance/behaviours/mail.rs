//! Mail in an environment for tests reaches nobody, and can be read.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;

use serde_json::{Value, json};

use crate::behaviour::{Behaviour, Need};
use crate::bench::{Bench, Kit};
use crate::score;

pub const ALL: &[Behaviour] = &[
    Behaviour::new(
        "mail_is_taken",
        "mail that a workload sends is kept and delivered to nobody; each environment has its own",
        "el correo que envía un componente se guarda y no se entrega a nadie; cada ambiente tiene el suyo",
        mail_is_taken,
    )
    .needing(&[Need::MailSink]),
    Behaviour::new(
        "mail_outlives_a_version",
        "what was sent is still there after a new version; `down` ends it",
        "lo que se envió sigue estando después de una versión nueva; `down` lo termina",
        mail_outlives_a_version,
    )
    .needing(&[Need::MailSink]),
    Behaviour::new(
        "mail_server",
        "a mail server that the environment names is used, and no sink is started",
        "se usa el servidor de correo que el ambiente indica, y no se inicia un sumidero",
        mail_server,
    ),
];

fn mails(project: &Kit, environment: &str) -> Vec<Value> {
    let listed = project.run(&["mail", "--env", environment, "--json"]).ok();
    listed.json().as_array().unwrap().clone()
}

fn subjects(project: &Kit, environment: &str) -> Vec<String> {
    let all = mails(project, environment);
    all.iter()
        .map(|mail| mail["subject"].as_str().unwrap().to_owned())
        .collect()
}

fn mail_is_taken(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::with_mail(score::web("api")));
    project.up("1.0.0");
    project
        .run(&["promote", "--from", "test", "--to", "prod"])
        .ok();
    let answer = project.get("/mail/first");
    assert!(answer.starts_with("250 "), "{answer}");
    let answer = project.get_of("prod", "api", "/mail/other");
    assert!(answer.starts_with("250 "), "{answer}");
    assert_eq!(subjects(&project, "test"), ["first"]);
    assert_eq!(subjects(&project, "prod"), ["other"]);

    let anonymous = project.get("/anonymous-mail/nobody");
    assert!(anonymous.starts_with("530 "), "{anonymous}");

    let mail = &mails(&project, "test")[0];
    assert_eq!(mail["to"], json!(["ana@example.edu"]));
    assert_eq!(mail["from"], format!("no-reply@{}.test", project.name));
    let shown = project.run(&["mail", "1", "--env", "test"]).ok();
    assert!(shown.out.contains("subject: first"), "{}", shown.out);
    assert!(shown.out.contains("Hello Ana,"), "{}", shown.out);
    let raw = project.run(&["mail", "1", "--raw", "--env", "test"]).ok();
    assert!(
        raw.out.ends_with("\r\n\r\nHello Ana,\r\n.\r\n"),
        "{:?}",
        raw.out
    );
    let none = project.run(&["mail", "7", "--env", "test"]);
    assert_eq!(none.code, 1, "{}", none.out);
    assert!(none.err.contains("no such mail"), "{}", none.err);

    // A test inside asks for itself.
    let asked: Value = serde_json::from_str(&project.get("/ask/SMTP_API/1")).unwrap();
    assert_eq!(asked["subject"], "first");

    project.run(&["mail", "--clear", "--env", "test"]).ok();
    assert_eq!(subjects(&project, "test"), Vec::<String>::new());
    assert_eq!(subjects(&project, "prod"), ["other"]);
}

fn mail_outlives_a_version(bench: &Bench) {
    let project = bench.project();
    project.workload(&score::with_mail(score::web("api")));
    project.up("1.0.0");
    project.get("/mail/before");
    let sink = project.instances_of("test", "estiba-mail");
    let again = project.up("1.0.0");
    assert!(again.out.contains("nothing was changed"), "{}", again.out);
    project.up("1.1.0");
    assert_eq!(project.instances_of("test", "estiba-mail"), sink);
    project.get("/mail/after");
    assert_eq!(subjects(&project, "test"), ["before", "after"]);
    project.run(&["down", "--env", "test", "--yes"]).ok();
    assert!(project.instances_of("test", "estiba-mail").is_empty());
    let gone = project.run(&["mail", "--env", "test"]);
    assert_eq!(gone.code, 1, "{}", gone.out);
    project.up("1.1.0");
    assert_eq!(subjects(&project, "test"), Vec::<String>::new());
}

/// A mail server of this machine that tells who logged in.
fn server() -> (u16, thread::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let lines = BufReader::new(stream.try_clone().unwrap()).lines();
        stream.write_all(b"220 here\r\n").unwrap();
        let mut heard = Vec::new();
        for line in lines.map_while(Result::ok) {
            let is_data = line == "DATA";
            heard.push(line.clone());
            let answer: &[u8] = match line.as_str() {
                _ if is_data => b"354 go on\r\n",
                "." => b"250 delivered\r\n",
                // The mail itself.
                _ if heard.contains(&"DATA".to_owned()) => continue,
                _ => b"250 ok\r\n",
            };
            stream.write_all(answer).unwrap();
            if line == "." {
                break;
            }
        }
        heard
    });
    (port, heard)
}

fn mail_server(bench: &Bench) {
    let project = bench.project();
    let (port, heard) = server();
    project.edit(|file| {
        let server = json!({ "smtp": { "url-from": "SMTP_URL", "from": "team@example.edu" } });
        for environment in ["test", "prod"] {
            file["environments"][environment]["resources"] = server.clone();
        }
    });
    project.workload(&score::with_mail(score::web("api")));
    let refused = project.run(&["up", "--version", "1.0.0"]);
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(refused.err.contains("SMTP_URL"), "{}", refused.err);
    let url = format!("smtp://app:s3cret%2Fsmtp@127.0.0.1:{port}");
    project.secret("SMTP_URL", &url, "test");
    let done = project.up("1.0.0");
    assert!(!done.err.contains("estiba-mail"), "{}", done.err);
    assert!(project.instances_of("test", "estiba-mail").is_empty());
    for (name, value) in [
        ("HOST", "127.0.0.1"),
        ("USERNAME", "app"),
        ("PASSWORD", "s3cret/smtp"),
        ("FROM", "team@example.edu"),
        ("ENCRYPTION", "starttls"),
        ("API", ""),
    ] {
        assert_eq!(project.get(&format!("/env/SMTP_{name}")), value);
    }
    let none = project.run(&["mail", "--env", "test"]);
    assert_eq!(none.code, 1, "{}", none.out);
    assert!(none.err.contains("goes to the server"), "{}", none.err);
    // A container of an engine or a cluster has another loopback.
    let answer = project.get("/mail/real");
    if answer.starts_with("250 ") {
        let heard = heard.join().unwrap();
        assert!(heard.contains(&"Subject: real".to_owned()), "{heard:?}");
    } else {
        assert!(answer.contains("refused"), "{answer}");
    }
}
