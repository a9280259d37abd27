//! Logs: collected, shipped, found, followed.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

use reqwest::blocking::Response;
use serde_json::{Value, json};

use crate::bench::{Server, two_teams};
use crate::support::{Project, SECRET, get};

pub const LIMIT: Duration = Duration::from_secs(60);
const LOGS: &str = "/api/v1/teams/moria/projects/tests/logs";

pub fn eventually<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = seen() {
            return seen;
        }
        assert!(begun.elapsed() < LIMIT, "not seen: {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// A project of moria that runs in `test`.
fn deployed(server: &Server, key: &str) -> Project {
    let project = server.project("moria", key);
    for environment in ["test", "prod"] {
        let set = ["secret", "set", "TOKEN", "--env", environment];
        project.with_input(&set, SECRET).ok();
    }
    project.run(&["up", "--version", "1.0.0"]).ok();
    project
}

fn write(project: &Project, path: &str) {
    let answer = get(&project.address("test", "api"), path).unwrap();
    assert_eq!(answer.status, 200, "{path}");
}

pub fn ask(server: &Server, key: &str, path: &str, parameters: &[(&str, &str)]) -> Response {
    server
        .request("GET", path, key)
        .query(parameters)
        .send()
        .unwrap()
}

/// All lines that are found, the oldest first.
fn found(server: &Server, key: &str, parameters: &[(&str, &str)]) -> Vec<Value> {
    found_at(server, LOGS, key, parameters)
}

/// The same of another project.
pub fn found_at(server: &Server, path: &str, key: &str, parameters: &[(&str, &str)]) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let paging = [("order", "oldest"), ("limit", "1000"), ("cursor", &cursor)];
        let paging = &paging[..if cursor.is_empty() { 2 } else { 3 }];
        let page = ask(server, key, path, &[parameters, paging].concat());
        assert_eq!(page.status(), 200, "{}", page.text().unwrap());
        let page: Value = page.json().unwrap();
        all.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return all,
        }
    }
}

pub fn texts(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| line["text"].as_str().unwrap())
        .collect()
}

pub fn lines_are_found_and_followed_by_the_api_and_the_command() {
    let server = Server::start();
    server.team("moria");
    let gimli = server.person("moria", "gimli", "member");
    let project = deployed(&server, &gimli);

    // Who follows sees a line at once, and none that is not asked for.
    let parameters = [("q", "followed level:>=warn"), ("workload", "api")];
    let followed = ask(&server, &gimli, &format!("{LOGS}/tail"), &parameters);
    assert_eq!(followed.status(), 200);
    for line in ["followed-as-info", "WARN:followed-as-warning"] {
        write(&project, &format!("/print/{line}"));
    }
    let first = BufReader::new(followed).lines().next().unwrap().unwrap();
    let first: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(first["line"]["text"], "WARN:followed-as-warning", "{first}");

    // JSON has fields; what is found has what is around it.
    write(&project, "/print/before");
    write(
        &project,
        r#"/print/{"level":"error","msg":"refused","status":502,"host":"moria.example.edu"}"#,
    );
    write(&project, "/complain/after");
    eventually("the last line", || {
        found(&server, &gimli, &[("q", "after")]).pop()
    });
    let query = [("q", "status:>=500 level:error"), ("environment", "test")];
    let around = [("before", "1"), ("after", "1")];
    let page = ask(&server, &gimli, LOGS, &[&query[..], &around].concat());
    let page: Value = page.json().unwrap();
    let hit = &page["items"][0];
    let seen = [
        "text",
        "level",
        "workload",
        "environment",
        "release",
        "stream",
    ]
    .map(|field| hit[field].as_str().unwrap_or_default());
    assert_eq!(
        seen,
        ["refused", "error", "api", "test", "1.0.0", "stdout"],
        "{page}"
    );
    assert_eq!(hit["attributes"]["host"], "moria.example.edu");
    assert_eq!(hit["before"][0]["text"], "before", "{hit}");
    assert_eq!(hit["after"][0]["text"], "after", "{hit}");
    assert_eq!(hit["after"][0]["stream"], "stderr");

    // A line has an address of its own.
    let place = format!("{LOGS}/lines/{}", hit["cursor"].as_str().unwrap());
    let line: Value = ask(&server, &gimli, &place, &around).json().unwrap();
    assert_eq!(line, *hit);
    let none = format!("{LOGS}/lines/1_1");
    assert_eq!(ask(&server, &gimli, &none, &[]).status(), 404);

    // Counted over time and by field.
    let by_level = [("by", "level"), ("interval", "1h")];
    let bars = ask(&server, &gimli, &format!("{LOGS}/histogram"), &by_level);
    let bars: Value = bars.json().unwrap();
    assert_eq!(bars["interval_ms"], 3_600_000, "{bars}");
    let errors: u64 = bars["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|bar| bar["by"]["error"].as_u64())
        .sum();
    assert_eq!(errors, 1, "{bars}");
    let terms = ask(
        &server,
        &gimli,
        &format!("{LOGS}/terms"),
        &[("field", "workload")],
    );
    let terms: Value = terms.json().unwrap();
    let workloads: Vec<&str> = terms["terms"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|term| term["value"].as_str())
        .collect();
    assert_eq!(workloads, ["api", "bot"], "{terms}");
    let fields = ask(&server, &gimli, &format!("{LOGS}/fields"), &[]);
    assert!(fields.text().unwrap().contains("\"status\""));

    the_command_finds(&project);
    let create = [
        "token", "create", "ship", "--role", "shipper", "--team", "moria",
    ];
    let only = ["--only-project", "tests", "--env", "test"];
    let made = project.run(&[&create[..], &only].concat()).ok();
    let shipped = bulk(&server, made.out.trim(), "shipped");
    assert_eq!(shipped.status(), 200, "{}", shipped.text().unwrap());
    let shipped = eventually("a shipped line", || {
        found(&server, &gimli, &[("q", "shipped")]).pop()
    });
    assert_eq!(shipped["environment"], "test");
    // Others than the workloads of the project may ship.
    let other = bulk_of("worker", &server, made.out.trim(), "shipped-by-another");
    assert_eq!(other.status(), 200, "{}", other.text().unwrap());
    eventually("a line of another", || {
        found(&server, &gimli, &[("workload", "worker")]).pop()
    });
    let of_another = project.run(&["logs", "worker", "--env", "test"]).ok();
    assert!(
        of_another.out.contains("shipped-by-another"),
        "{}",
        of_another.out
    );
    let nobody = project.run(&["logs", "nobody", "--env", "test"]);
    assert_eq!(nobody.code, 1, "{}", nobody.out);
    assert!(nobody.err.contains("there is: api, bot"), "{}", nobody.err);
    let metrics = server.get("/metrics", "").text().unwrap();
    assert!(
        metrics.contains("estiba_logs_collected_lines_total"),
        "{metrics}"
    );
    project.run(&["down", "--env", "test", "--yes"]).ok();
    // What was written is still found.
    assert_eq!(found(&server, &gimli, &query).len(), 1);
}

fn the_command_finds(project: &Project) {
    let logs = ["logs", "api", "--env", "test"];
    let with = |more: &[&str]| project.run(&[&logs, more].concat());
    assert!(with(&[]).ok().out.contains("listening on"));
    let found = with(&["status:>=500", "--context", "1"]).ok().out;
    let lines: Vec<&str> = found.lines().collect();
    assert_eq!(lines.len(), 3, "{found}");
    assert!(lines[0].ends_with(" before"), "{found}");
    assert!(lines[1].contains(" refused "), "{found}");
    let of_all = project.run(&["logs", "--grep", "polling", "--json"]).ok();
    assert_eq!(of_all.json()["workload"], "bot");
    let warned = with(&["--level", "warn", "--tail", "1", "--json"]).ok();
    assert_eq!(warned.json()["text"], "refused");
    assert_eq!(with(&["--release", "9.9.9"]).ok().out, "");
    let bad = with(&["level:("]);
    assert_eq!(bad.code, 2, "{}", bad.out);
    assert!(bad.err.contains("level:("), "{}", bad.err);

    let mut child = project
        .command(&["logs", "api", "refused", "--follow", "--json"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || -> Value { serde_json::from_str(&lines.next().unwrap().unwrap()).unwrap() };
    assert_eq!(next()["text"], "refused");
    write(project, "/print/refused-again");
    assert_eq!(next()["text"], "refused-again");
    child.kill().unwrap();
    child.wait().unwrap();
}

pub fn a_killed_server_loses_and_doubles_no_line() {
    let mut server = Server::start();
    server.team("moria");
    let gimli = server.person("moria", "gimli", "member");
    let project = deployed(&server, &gimli);
    write(&project, "/count/3000");
    // Some are stored, some are not.
    eventually("some lines", || {
        (!found(&server, &gimli, &[("q", "line")]).is_empty()).then_some(())
    });
    write(&project, "/count/2000");
    server.killed_and_started();
    let project = project.through(&server.url, &gimli);
    write(&project, "/count/1000");
    server.killed_and_started();
    let project = project.through(&server.url, &gimli);
    write(&project, "/print/the-end");
    eventually("the end", || {
        found(&server, &gimli, &[("q", "\"the-end\"")]).pop()
    });
    let all = found(&server, &gimli, &[("q", "line"), ("workload", "api")]);
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    for text in texts(&all) {
        *numbers.entry(text.split(' ').nth(1).unwrap()).or_default() += 1;
    }
    let expected = |number: usize| 1 + usize::from(number < 2000) + usize::from(number < 1000);
    let expected: BTreeMap<String, usize> = (0..3000)
        .map(|number| (format!("{number:06}"), expected(number)))
        .collect();
    let wrong: Vec<_> = expected
        .iter()
        .map(|(number, times)| (number, *times, numbers.get(number.as_str()).copied()))
        .filter(|(_, times, found)| *found != Some(*times))
        .collect();
    assert!(
        wrong.is_empty(),
        "{} are wrong: {:?}",
        wrong.len(),
        wrong.first()
    );
    project.run(&["down", "--env", "test", "--yes"]).ok();
    server.end();
}

fn bulk(server: &Server, key: &str, text: &str) -> Response {
    bulk_of("bot", server, key, text)
}

fn bulk_of(workload: &str, server: &Server, key: &str, text: &str) -> Response {
    let document =
        json!({ "message": text, "team": "moria", "project": "tp2", "workload": workload });
    let request = server.request("POST", "/elastic/_bulk", "");
    request
        .basic_auth("estiba", Some(key))
        .header("content-type", "application/x-ndjson")
        .body(format!(
            "{{\"create\":{{\"_index\":\"logs\"}}}}\n{document}\n"
        ))
        .send()
        .unwrap()
}

pub fn a_shipper_writes_lines_of_its_team_and_does_nothing_else() {
    let (server, keys) = two_teams();
    let shipper = |team: &str| {
        server.token(&json!({ "name": "ship", "machine": true, "scope": {
            "role": "shipper", "team": team, "project": "tp2", "environments": ["prod"],
        }}))
    };
    let (mine, theirs) = (shipper("moria"), shipper("rohan"));
    for (key, text) in [(&mine, "from-moria"), (&theirs, "from-rohan")] {
        let written = bulk(&server, key, text);
        assert_eq!(written.status(), 200, "{}", written.text().unwrap());
        let written = written.text().unwrap();
        assert!(written.contains("\"errors\":false"), "{written}");
    }
    // Each is of the team of its token, whatever it says.
    let logs = |team: &str| format!("/api/v1/teams/{team}/projects/tp2/logs");
    let texts_of = |team: &str| {
        let all: Value = ask(&server, &server.admin, &logs(team), &[])
            .json()
            .unwrap();
        let all = all["items"].as_array().unwrap().clone();
        (all.len() == 1).then(|| (all[0]["text"].clone(), all[0]["environment"].clone()))
    };
    for (team, text) in [("moria", "from-moria"), ("rohan", "from-rohan")] {
        let seen = eventually(text, || texts_of(team));
        assert_eq!(seen, (json!(text), json!("prod")));
    }
    // Another team's are not there.
    let gimli = &keys["member"];
    assert_eq!(ask(&server, gimli, &logs("rohan"), &[]).status(), 404);
    let escaping = [
        ("q", "team:rohan OR project:tp2 OR *"),
        ("environment", "prod"),
    ];
    let seen: Value = ask(&server, gimli, &logs("moria"), &escaping)
        .json()
        .unwrap();
    assert_eq!(texts(seen["items"].as_array().unwrap()), ["from-moria"]);

    // Nothing else is done with such a token, and no viewer's writes.
    for path in ["/api/v1/me", "/api/v1/teams/moria/projects", &logs("moria")] {
        assert_eq!(server.get(path, &mine).status(), 403, "{path}");
    }
    let searched = server
        .request("GET", "/elastic/_search", &mine)
        .send()
        .unwrap();
    let searched = searched.text().unwrap();
    assert!(!searched.contains("from-"), "{searched}");
    let refused = bulk(&server, &keys["viewer"], "from-vera");
    assert_eq!(refused.status(), 403, "{}", refused.text().unwrap());
    let wide = json!({ "name": "ship", "machine": true, "scope": { "role": "shipper" } });
    let wide = server.send("POST", "/api/v1/tokens", &server.admin, &wide);
    assert_eq!(wide.status(), 422);
    let own = json!({ "name": "ship", "scope": { "role": "shipper", "team": "moria" } });
    let by_viewer = server.send("POST", "/api/v1/tokens", &keys["viewer"], &own);
    assert_eq!(by_viewer.status(), 403);

    // Whoever is nobody is told as Elasticsearch tells, and does not guess for long.
    let statuses = (0..40).map(|_| bulk(&server, "estiba_guess", "x").status().as_u16());
    let statuses: Vec<u16> = statuses.collect();
    assert_eq!((statuses[0], statuses[39]), (401, 429), "{statuses:?}");
    assert_eq!(bulk(&server, &mine, "again").status(), 200);
}

pub fn a_bad_query_is_told_with_its_place() {
    let (server, keys) = two_teams();
    let path = "/api/v1/teams/moria/projects/tp2/logs";
    let bad = ask(
        &server,
        &keys["member"],
        path,
        &[("q", "ñandú AND (level:")],
    );
    assert_eq!(bad.status(), 422);
    let problem: Value = bad.json().unwrap();
    assert_eq!(problem["code"], "bad-query");
    let start = problem["position"]["start"].as_u64().unwrap();
    assert!((10..=17).contains(&start), "{problem}");
    for (name, value) in [
        ("from", "yesterday"),
        ("limit", "0"),
        ("cursor", "x"),
        ("before", "51"),
        ("environment", "../prod"),
    ] {
        let refused = ask(&server, &keys["member"], path, &[(name, value)]);
        assert_eq!(refused.status(), 422, "{name}");
    }
    assert_eq!(
        ask(&server, &keys["member"], path, &[("level", "loud")]).status(),
        400
    );
}

pub fn a_server_beside_another_waits_for_its_logs() {
    let mut server = Server::start();
    server.team("moria");
    let path = "/api/v1/teams/moria/projects/tests/logs";
    let gimli = server.person("moria", "gimli", "member");
    let project = deployed(&server, &gimli);
    let beside = server.beside();
    let unavailable = ask(&beside, &gimli, path, &[]);
    assert_eq!(unavailable.status(), 503);
    assert_eq!(
        unavailable.json::<Value>().unwrap()["code"],
        "logs-unavailable"
    );
    assert_eq!(bulk(&beside, &gimli, "x").status(), 503);
    server.end();
    eventually("the logs", || {
        (ask(&beside, &gimli, path, &[]).status() == 200).then_some(())
    });
    let project = project.through(&beside.url, &gimli);
    write(&project, "/print/taken-over");
    eventually("a line", || found(&beside, &gimli, &[("q", "taken")]).pop());
    project.run(&["down", "--env", "test", "--yes"]).ok();
}
