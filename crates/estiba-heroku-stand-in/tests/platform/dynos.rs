//! Dynos that crash, hang, run once, and are gone in the end.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::bench::{Bench, eventually, output, words};
use super::images::Made;

#[test]
fn what_crashes_starts_again() {
    let Some(bench) = Bench::start() else { return };
    bench.app("shaky");
    bench.release("shaky", &[("web", Made::First)]);
    assert_eq!(bench.ask("shaky", "/").0, 200);
    assert_eq!(bench.ask("shaky", "/exit").0, 503);
    bench.await_log("shaky", "heroku[web.1]: Process exited with status 3");
    bench.await_log("shaky", "State changed from up to crashed");
    eventually("an answer", || bench.ask("shaky", "/").0 == 200);
    bench
        .stand_in
        .signal_dyno("shaky", "web.1", "SIGKILL")
        .unwrap();
    bench.await_log("shaky", "heroku[web.1]: Process exited with status 137");
    eventually("an answer", || bench.ask("shaky", "/").0 == 200);
    let id = bench.dynos("shaky")[0]["id"].clone();
    bench.delete("/apps/shaky/dynos/web.1").ok();
    eventually("another dyno", || {
        let dynos = bench.dynos("shaky");
        dynos.len() == 1 && dynos[0]["id"] != id && dynos[0]["state"] == "up"
    });
    bench.await_log("shaky", "Stopping all processes with SIGTERM");
    let of_app = bench.log(
        "shaky",
        &json!({ "source": "app", "dyno_name": "web", "lines": 2 }),
    );
    let lines: Vec<_> = of_app.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines
            .iter()
            .all(|line| line.contains("+00:00 app[web.1]: ")),
        "{of_app}"
    );
}

/// Attaches to a one-off dyno, gives it input, and reads to its end.
fn attached(dyno: &Value, input: &str) -> String {
    let url = dyno["attach_url"].as_str().unwrap();
    let (address, secret) = url
        .trim_start_matches("rendezvous://")
        .split_once('/')
        .unwrap();
    let mut connection = TcpStream::connect(address).unwrap();
    write!(connection, "{secret}\r\n").unwrap();
    write!(connection, "{input}\u{4}").unwrap();
    let mut written = String::new();
    connection.read_to_string(&mut written).unwrap();
    written
}

#[test]
fn a_command_runs_once_and_is_talked_to() {
    let Some(bench) = Bench::start() else { return };
    bench.app("once");
    let command =
        json!({ "command": "echo $GREETING; cat; exit 4", "attach": true, "force_no_tty": true });
    bench
        .post("/apps/once/dynos", &command)
        .refuses(422, "invalid_params");
    bench
        .patch("/apps/once/config-vars", &json!({ "GREETING": "hello" }))
        .ok();
    bench.release("once", &[("web", Made::First)]);
    let dyno = bench.post("/apps/once/dynos", &command).ok();
    assert_eq!(dyno["type"], "run");
    assert_eq!(attached(&dyno, "given"), "rendezvous\r\nhello\ngiven");
    eventually("it to be gone", || {
        bench.dynos("once").iter().all(|one| one["type"] != "run")
    });
    let detached = json!({ "command": "echo said by nobody", "attach": false });
    let dyno = bench.post("/apps/once/dynos", &detached).ok();
    assert_eq!(dyno["attach_url"], json!(null));
    let name = dyno["name"].as_str().unwrap();
    bench.await_log("once", &format!("app[{name}]: said by nobody"));
    bench.await_log(
        "once",
        &format!("heroku[{name}]: Process exited with status 0"),
    );

    // An entrypoint gets the command as its one argument.
    bench.release("once", &[("web", Made::Second)]);
    let dyno = bench
        .post("/apps/once/dynos", &json!({ "command": "two words" }))
        .ok();
    let name = dyno["name"].as_str().unwrap();
    bench.await_log("once", &format!("app[{name}]: serving two words"));
    bench.delete(&format!("/apps/once/dynos/{name}")).ok();
    eventually("it to be stopped", || {
        bench.get(&format!("/apps/once/dynos/{name}")).status == 404
    });
}

#[test]
fn nothing_is_left_behind() {
    let Some(bench) = Bench::start() else { return };
    let containers = || {
        let list = "docker ps --all --filter label=dev.estiba.heroku-stand-in --format {{.Image}}";
        output(&mut words(list))
    };
    bench.app("tidy-one");
    bench.release("tidy-one", &[("web", Made::First)]);
    assert_eq!(bench.ask("tidy-one", "/").0, 200);
    assert!(containers().contains("tidy-one"));
    drop(bench);
    assert!(!containers().contains("tidy-one"), "{}", containers());
}
