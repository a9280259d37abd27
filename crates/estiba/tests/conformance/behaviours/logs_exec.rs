//! What instances write, and commands that run beside them.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;

use crate::behaviour::{Behaviour, Need};
use crate::bench::{Bench, Kit, eventually};
use crate::score;

pub const ALL: &[Behaviour] = &[
    Behaviour::new(
        "log_lines_in_order",
        "20,000 lines are all there, in order",
        "están las 20.000 líneas, en orden",
        log_lines_in_order,
    )
    .needing(&[Need::LongLogs]),
    Behaviour::new(
        "log_follow",
        "`--follow` goes on with lines as they are written",
        "`--follow` sigue con las líneas a medida que se escriben",
        log_follow,
    ),
    Behaviour::new(
        "log_since_and_tail",
        "`--since` and `--tail` give the newest lines alone",
        "`--since` y `--tail` dan sólo las líneas más nuevas",
        log_since_and_tail,
    )
    .needing(&[Need::LogTimes]),
    Behaviour::new(
        "log_both_streams",
        "standard output and error are told apart",
        "la salida y el error estándar se distinguen",
        log_both_streams,
    )
    .needing(&[Need::Streams]),
    Behaviour::new(
        "log_of_one_that_ended",
        "what a program wrote before it ended is there after it was started again",
        "lo que un programa escribió antes de terminar está después de que se reinició",
        log_of_one_that_ended,
    ),
    Behaviour::new(
        "log_very_long_line",
        "a line of 200,000 characters is there whole",
        "una línea de 200.000 caracteres está entera",
        log_very_long_line,
    ),
    Behaviour::new(
        "exec_code",
        "`exec` ends with the code of the command",
        "`exec` termina con el código del comando",
        exec_code,
    )
    .needing(&[Need::CommandsInside]),
    Behaviour::new(
        "exec_streams",
        "`exec` keeps output and error apart",
        "`exec` separa la salida del error",
        exec_streams,
    )
    .needing(&[Need::CommandsInside]),
    Behaviour::new(
        "exec_input",
        "`exec` passes standard input to the command, to its end",
        "`exec` pasa la entrada estándar al comando, hasta su fin",
        exec_input,
    )
    .needing(&[Need::CommandsInside, Need::EndOfInput]),
    Behaviour::new(
        "exec_large_output",
        "10 MB of output of `exec` arrive whole",
        "10 MB de salida de `exec` llegan enteros",
        exec_large_output,
    )
    .needing(&[Need::CommandsInside]),
    Behaviour::new(
        "exec_unknown_program",
        "a program that is not there is named by `exec`",
        "`exec` nombra un programa que no está",
        exec_unknown_program,
    )
    .needing(&[Need::CommandsInside]),
];

const LIMIT: Duration = Duration::from_secs(30);

fn project(bench: &Bench) -> Kit {
    let project = bench.project();
    project.workload(&score::web("api"));
    project.up("1.0.0");
    project
}

/// The lines that `logs` gives, with more arguments.
fn lines(project: &Kit, more: &[&str]) -> Vec<Value> {
    let args = [["logs", "api", "--env", "test", "--json"].as_slice(), more].concat();
    let done = project.run(&args).ok();
    let lines = done.out.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn texts(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| line["text"].as_str().unwrap())
        .collect()
}

fn written(project: &Kit, text: &str) -> bool {
    texts(&lines(project, &["--tail", "50"])).contains(&text)
}

/// The numbers of 20,000 lines that are written at once, as the log has them.
fn counted(bench: &Bench) -> Vec<usize> {
    let project = project(bench);
    project.get("/count/20000");
    project.get("/print/after");
    eventually("the last line", LIMIT, || written(&project, "after"));
    let all = lines(&project, &[]);
    let number = |text: &&str| text.strip_prefix("line ")?.split(' ').next()?.parse().ok();
    texts(&all).iter().filter_map(number).collect()
}

/// The newest lines are there, and none of them is missing.
pub fn newest_lines_in_order(bench: &Bench) {
    let numbers = counted(bench);
    assert!(numbers.len() > 1000, "{}", numbers.len());
    assert!(numbers.iter().copied().eq(20_000 - numbers.len()..20_000));
}

fn log_lines_in_order(bench: &Bench) {
    let numbers = counted(bench);
    let wrong = (0..).zip(&numbers).find(|(want, number)| want != *number);
    assert_eq!((wrong, numbers.len()), (None, 20_000));
}

fn log_follow(bench: &Bench) {
    let project = bench.shown();
    let mut child = project
        .command(&["logs", "api", "--env", "test", "--follow", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut read = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut until = |text: &str| {
        let found = read.any(|line| line.unwrap().contains(text));
        assert!(found, "it ended without {text}");
    };
    until("listening on");
    for text in ["first-followed", "second-followed"] {
        project.get(&format!("/print/{text}"));
        until(text);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}

fn log_since_and_tail(bench: &Bench) {
    let project = project(bench);
    for text in ["one", "two", "three"] {
        project.get(&format!("/print/{text}"));
        eventually(text, LIMIT, || written(&project, text));
    }
    let last = lines(&project, &["--tail", "2"]);
    assert_eq!(texts(&last), ["two", "three"]);
    let at = last[0]["at"].as_str().unwrap();
    assert_eq!(texts(&lines(&project, &["--since", at])), ["two", "three"]);
    let all = lines(&project, &["--since", "1h"]);
    assert!(all.len() > 3, "{all:?}");
}

/// What holds where lines have whole seconds: none of that second is left out, and
/// none before it is shown.
pub fn since_gives_a_second(bench: &Bench) {
    let project = project(bench);
    project.get("/print/one");
    eventually("one", LIMIT, || written(&project, "one"));
    let of_one = lines(&project, &["--tail", "1"])[0]["at"].clone();
    let is_later = || {
        project.get("/print/two");
        lines(&project, &["--tail", "1"])[0]["at"] != of_one
    };
    eventually("a later second", LIMIT, is_later);
    let last = lines(&project, &["--tail", "1"]);
    let since = lines(&project, &["--since", last[0]["at"].as_str().unwrap()]);
    assert!(
        since.iter().all(|line| line["at"] == last[0]["at"]),
        "{since:?}"
    );
    assert!(texts(&since).contains(&"two"));
}

fn log_both_streams(bench: &Bench) {
    let project = project(bench);
    project.get("/print/said");
    project.get("/complain/complained");
    eventually("both", LIMIT, || {
        written(&project, "said") && written(&project, "complained")
    });
    let all = lines(&project, &[]);
    let stream = |text: &str| {
        let line = all.iter().find(|line| line["text"] == text).unwrap();
        line["stream"].as_str().unwrap().to_owned()
    };
    assert_eq!(stream("said"), "stdout");
    assert_eq!(stream("complained"), "stderr");
}

fn log_of_one_that_ended(bench: &Bench) {
    let project = project(bench);
    project.get("/print/last-words");
    let _ = project.answer("test", "api", "/exit/7");
    let answers = || {
        let answer = project.answer("test", "api", "/print/after");
        answer.is_ok_and(|answer| answer.status == 200)
    };
    eventually("an answer", Duration::from_secs(60), answers);
    eventually("the new one's line", LIMIT, || written(&project, "after"));
    assert!(written(&project, "last-words"));
}

fn log_very_long_line(bench: &Bench) {
    let project = project(bench);
    project.get("/long/200000");
    project.get("/print/after");
    eventually("the next line", LIMIT, || written(&project, "after"));
    let all = lines(&project, &[]);
    let long: String = texts(&all)
        .into_iter()
        .filter(|text| text.starts_with('y') || *text == "|")
        .collect();
    assert_eq!(long.len(), 200_001);
    assert!(long.ends_with("y|"));
}

/// What `exec` runs in the API.
fn tell<'a>(words: &[&'a str]) -> Vec<&'a str> {
    let exec = ["exec", "api", "--env", "test", "--", "api", "tell"];
    [exec.as_slice(), words].concat()
}

fn exec_code(bench: &Bench) {
    for code in ["0", "1", "42"] {
        let done = bench.shown().run(&tell(&["code", code]));
        assert_eq!(done.code.to_string(), code);
    }
}

fn exec_streams(bench: &Bench) {
    let words = tell(&["out", "said", "err", "complained"]);
    let done = bench.shown().run(&words).ok();
    assert_eq!(done.out, "said");
    assert_eq!(done.err.trim(), "complained");
}

fn exec_input(bench: &Bench) {
    let words = tell(&["out", "said;", "err", "complained", "stdin"]);
    let done = bench.shown().with_input(&words, "given ñ").ok();
    assert_eq!(done.out, "said;given ñ");
    assert_eq!(done.err.trim(), "complained");
}

fn exec_large_output(bench: &Bench) {
    let done = bench.shown().run(&tell(&["bytes", "10000000"])).ok();
    assert_eq!(done.out.len(), 10_000_000);
}

fn exec_unknown_program(bench: &Bench) {
    let project = bench.shown();
    let done = project.run(&["exec", "api", "--env", "test", "--", "/no/program"]);
    assert_ne!(done.code, 0);
    let said = format!("{}{}", done.out, done.err);
    assert!(said.contains("/no/program"), "{said}");
}
