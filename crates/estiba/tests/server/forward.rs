//! Logs in a cluster: forwarded there, and found there.
//!
//! Another Estiba is one, always; a real OpenSearch is one where
//! `ESTIBA_TEST_OPENSEARCH=http://127.0.0.1:PORT` names it (`tests/opensearch/run`).

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::bench::{PROJECT, SCORE, Server};
use crate::gate::Gate;
use crate::logs::{LIMIT, ask, eventually, found_at, texts};

const MORIA: &str = "/api/v1/teams/moria/projects/tp2/logs";

fn describe(server: &Server, team: &str, logs: &str) {
    let files = json!({ "files": {
        "estiba.yaml": PROJECT.replace("TEAM", team) + logs, "api/score.yaml": SCORE,
    }});
    let path = format!("/api/v1/teams/{team}/projects/tp2");
    let put = server.send("PUT", &path, &server.admin, &files);
    assert_eq!(put.status(), 200, "{}", put.text().unwrap());
}

/// A key that writes lines of an environment.
fn shipper(server: &Server, team: &str, environment: &str) -> String {
    server.token(
        &json!({ "name": format!("ship-{team}-{environment}"), "machine": true, "scope": {
            "role": "shipper", "team": team, "project": "tp2", "environments": [environment],
        }}),
    )
}

fn ship(server: &Server, key: &str, documents: impl IntoIterator<Item = Value>) {
    let body: String = documents
        .into_iter()
        .map(|document| format!("{{\"create\":{{}}}}\n{document}\n"))
        .collect();
    let written = server
        .request("POST", "/elastic/_bulk", "")
        .basic_auth("estiba", Some(key))
        .header("content-type", "application/x-ndjson")
        .body(body)
        .send()
        .unwrap();
    assert_eq!(written.status(), 200);
    let written = written.text().unwrap();
    assert!(written.contains("\"errors\":false"), "{written}");
}

/// Lines with numbers, in the order of time.
fn numbered(numbers: std::ops::Range<u32>) -> impl Iterator<Item = Value> {
    numbers.map(|number| {
        json!({
            "@timestamp": format!("2026-05-01T12:{:02}:{:02}.{:03}250Z", number / 60_000, number / 1000 % 60, number % 1000),
            "message": format!("number {number}"), "n": number, "instance": format!("api-{}", number % 2),
            "level": if number % 10 == 0 { "error" } else { "info" },
        })
    })
}

/// How often each number is there; once each of `count` is what it has to be.
fn wrong(lines: &[Value], count: u32) -> Vec<(u64, usize)> {
    let mut times: BTreeMap<u64, usize> = (0..u64::from(count)).map(|n| (n, 0)).collect();
    for line in lines {
        *times
            .entry(line["attributes"]["n"].as_u64().unwrap())
            .or_default() += 1;
    }
    times.into_iter().filter(|(_, times)| *times != 1).collect()
}

fn metric(server: &Server, name: &str) -> f64 {
    let text = server.get("/metrics", "").text().unwrap();
    let line = text
        .lines()
        .find(|line| line.starts_with(&format!("{name} ")));
    line.map_or(-1.0, |line| {
        line.rsplit(' ').next().unwrap().parse().unwrap()
    })
}

/// A server whose project of moria has its lines at another one, behind a gate.
struct Pair {
    here: Server,
    there: Server,
    gate: std::sync::Arc<Gate>,
    /// A key of `there` that reads and writes.
    of_there: String,
    /// A key of `here` that writes.
    ship: String,
}

impl Pair {
    fn start() -> Self {
        let there = Server::start();
        there.team("moria");
        let of_there = there.person("moria", "gimli", "member");
        let port = there.url.rsplit(':').next().unwrap().parse().unwrap();
        let (gate, port) = Gate::before_port(port);
        let here = Server::start();
        here.team("moria");
        let logs =
            format!("logs: {{ to: \"http://127.0.0.1:{port}/elastic\", token: LOG_TOKEN }}\n");
        describe(&here, "moria", &logs);
        let ship = shipper(&here, "moria", "prod");
        Self {
            here,
            there,
            gate,
            of_there,
            ship,
        }
    }

    fn set_secret(&self) {
        let path = "/api/v1/teams/moria/projects/tp2/environments/prod/secrets/LOG_TOKEN";
        let value = json!({ "value": self.of_there });
        let set = self.here.send("PUT", path, &self.here.admin, &value);
        assert_eq!(set.status(), 204, "{}", set.text().unwrap());
    }

    fn found(&self, parameters: &[(&str, &str)]) -> Vec<Value> {
        found_at(&self.here, MORIA, &self.here.admin, parameters)
    }

    /// How many lines the other one has, asked there.
    fn there_are(&self) -> u64 {
        let count = self.there.request("GET", "/elastic/_count", "");
        let count = count.basic_auth("estiba", Some(&self.of_there)).send();
        count.unwrap().json::<Value>().unwrap()["count"]
            .as_u64()
            .unwrap()
    }
}

pub fn lines_of_a_project_are_in_a_cluster_and_found_there() {
    let pair = Pair::start();
    ship(&pair.here, &pair.ship, numbered(0..100));

    // Without its secret nothing goes anywhere, and it is said what to do.
    let refused = ask(&pair.here, &pair.here.admin, MORIA, &[]);
    assert_eq!(refused.status(), 502);
    let problem: Value = refused.json().unwrap();
    assert_eq!(problem["code"], "logs-elsewhere");
    assert!(
        problem["detail"]
            .as_str()
            .unwrap()
            .contains("secret set LOG_TOKEN"),
        "{problem}"
    );
    // Nor does anything while the cluster was never there, and that shows.
    pair.gate.shut();
    pair.set_secret();
    eventually("the cluster to be told down", || {
        let down = metric(&pair.here, "estiba_logs_forward_down_clusters") > 0.0;
        let failures = metric(&pair.here, "estiba_logs_forward_failures_total");
        (down && failures > 0.0).then_some(())
    });
    pair.gate.open();
    eventually("the lines", || {
        let refused = ask(&pair.here, &pair.here.admin, MORIA, &[]).status() != 200;
        (!refused && pair.found(&[]).len() == 100).then_some(())
    });
    assert_eq!(pair.there_are(), 100);

    // The same questions as ever.
    let errors = pair.found(&[("q", "level:error n:<50")]);
    assert_eq!(
        texts(&errors),
        [
            "number 0",
            "number 10",
            "number 20",
            "number 30",
            "number 40"
        ]
    );
    let around = [("q", "\"number 51\""), ("before", "2"), ("after", "1")];
    let hit = pair.found(&around).remove(0);
    assert_eq!(
        texts(hit["before"].as_array().unwrap()),
        ["number 47", "number 49"]
    );
    assert_eq!(texts(hit["after"].as_array().unwrap()), ["number 53"]);
    assert_eq!(hit["at"], "2026-05-01T12:00:00.05125Z");
    let place = format!("{MORIA}/lines/{}", hit["cursor"].as_str().unwrap());
    let line: Value = ask(&pair.here, &pair.here.admin, &place, &around[1..])
        .json()
        .unwrap();
    assert_eq!(line, hit);
    let get = |what: &str, parameters: &[(&str, &str)]| -> Value {
        let path = format!("{MORIA}/{what}");
        ask(&pair.here, &pair.here.admin, &path, parameters)
            .json()
            .unwrap()
    };
    let bars = get("histogram", &[("by", "level")]);
    let errors: u64 = bars["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|bar| bar["by"]["error"].as_u64())
        .sum();
    assert_eq!(errors, 10, "{bars}");
    let terms = get("terms", &[("field", "instance")]);
    assert_eq!(terms["terms"][0]["lines"], 50, "{terms}");
    let fields = get("fields", &[]);
    let fields = fields["items"].as_array().unwrap();
    assert!(
        fields.contains(&json!("n")) && !fields.contains(&json!("estiba_sequence")),
        "{fields:?}"
    );
    // Another environment has none of these.
    assert!(pair.found(&[("environment", "test")]).is_empty());

    // What answers is the other one: shut off, nothing is found, and it is said why.
    pair.gate.shut();
    let unreachable = ask(&pair.here, &pair.here.admin, MORIA, &[]);
    assert_eq!(unreachable.status(), 502);
    let problem = unreachable.text().unwrap();
    assert!(
        problem.contains("logs-elsewhere") && problem.contains("127.0.0.1"),
        "{problem}"
    );
    assert!(!problem.contains(&pair.of_there), "{problem}");
    // Lines are taken all the same, and kept until it is back.
    ship(&pair.here, &pair.ship, numbered(100..600));
    eventually("lines that wait", || {
        let waiting = metric(&pair.here, "estiba_logs_forward_waiting_lines");
        let failures = metric(&pair.here, "estiba_logs_forward_failures_total");
        (waiting >= 500.0 && failures > 0.0).then_some(())
    });
    assert_eq!(pair.there_are(), 100);
    pair.gate.open();
    eventually("all lines", || (pair.there_are() == 600).then_some(()));
    eventually("nothing waits", || {
        (metric(&pair.here, "estiba_logs_forward_waiting_lines") == 0.0).then_some(())
    });
    assert_eq!(wrong(&pair.found(&[]), 600), []);
    assert_eq!(
        metric(&pair.here, "estiba_logs_forward_sent_lines_total"),
        600.0
    );
    assert_eq!(
        metric(&pair.here, "estiba_logs_forward_lost_lines_total"),
        0.0
    );
}

pub fn a_killed_forwarder_loses_and_doubles_no_line() {
    let mut pair = Pair::start();
    pair.set_secret();
    let count: u32 = 12_000;
    for round in 0..6 {
        let begin = round * count / 6;
        ship(&pair.here, &pair.ship, numbered(begin..begin + count / 6));
        // Some have arrived, some are on their way.
        if round % 2 == 0 {
            let least = u64::from(begin) / 2;
            eventually("some lines", || (pair.there_are() > least).then_some(()));
        }
        pair.here.killed_and_started();
    }
    eventually("all lines", || {
        (pair.there_are() >= u64::from(count)).then_some(())
    });
    eventually("nothing waits", || {
        (metric(&pair.here, "estiba_logs_forward_waiting_lines") == 0.0).then_some(())
    });
    assert_eq!(wrong(&pair.found(&[]), count), []);
}

/// The real thing, or why not.
fn opensearch() -> Option<String> {
    let address = std::env::var("ESTIBA_TEST_OPENSEARCH").ok();
    if address.is_none() {
        eprintln!(
            "skipped: ESTIBA_TEST_OPENSEARCH names no OpenSearch; tests/opensearch/run starts one"
        );
    }
    address
}

/// An index of its own, which goes with the test.
struct Index {
    cluster: String,
    name: String,
}

impl Index {
    fn new(cluster: &str) -> Self {
        let now = jiff::Timestamp::now().as_microsecond();
        Self {
            cluster: cluster.to_owned(),
            name: format!("estiba-test-{now}"),
        }
    }

    fn ask(&self, method: &str, path: &str) -> reqwest::Result<Value> {
        let url = format!("{}/{path}", self.cluster);
        let client = reqwest::blocking::Client::builder()
            .timeout(LIMIT)
            .build()?;
        client.request(method.parse().unwrap(), url).send()?.json()
    }
}

impl Drop for Index {
    fn drop(&mut self) {
        let template = format!("_index_template/estiba-{}", self.name);
        for path in [&self.name, &template] {
            if let Err(error) = self.ask("DELETE", path) {
                eprintln!("{path} is left in the cluster: {error}");
            }
        }
    }
}

/// What both a cluster and the store have to find the same lines by.
const QUERIES: [&str; 36] = [
    "*",
    "refused",
    "REFUSED",
    "\"connection refused\"",
    "connection AND timeout",
    "refus*",
    "?ime*",
    "foo",
    "\"foo bar\"",
    "foo-b*",
    "NOT foo-b*",
    "10.0.0.7",
    "conexión",
    "CONEXIÓN",
    "level:error",
    "level:>=warn",
    "NOT level:info",
    "-level:*",
    "level:{debug TO error}",
    "status:500",
    "status:500.0",
    "status:>=500",
    "status:[400 TO 499]",
    "status:abc",
    "status:*",
    "NOT status:*",
    "path:/api/*",
    "path:\"/API/users\"",
    "user:PEÑA",
    "NOT user:peña",
    "request.took:>1.5",
    "ok:true",
    "instance:(api-0 OR bot-1)",
    "workload:BOT OR status:404",
    "@timestamp:[2026-05-01T12:00:01Z TO 2026-05-01T12:00:03Z}",
    "@timestamp:\"2026-05-01T12:00:01.000250Z\"",
];

fn varied() -> Vec<Value> {
    let moment = |second: u32| format!("2026-05-01T12:00:{second:02}.000250Z");
    let lines = [
        json!({"message": "Connection refused by 10.0.0.7", "level": "error", "status": 502, "path": "/api/users", "workload": "api", "instance": "api-0"}),
        json!({"message": "connection timeout: refused again", "level": "warn", "status": 500, "path": "/API/Users", "workload": "api", "instance": "api-1"}),
        json!({"message": "foo-bar", "level": "info", "status": "abc", "ok": true, "workload": "bot", "instance": "bot-1"}),
        json!({"message": "bar foo", "status": 404, "user": "Peña", "workload": "bot", "instance": "bot-0"}),
        json!({"message": "Conexión rechazada", "level": "debug", "status": 500.0, "user": "Pena", "request": {"took": 2.5, "tags": ["a", "b"]}}),
        json!({"message": "foo bar baz timeout", "level": "fatal", "ok": "true", "request": {"took": 1}, "workload": "api", "instance": "api-0"}),
        json!({"message": "", "level": "info", "status": 418}),
        json!({"message": "a line\nof two", "level": "trace", "user": "PEÑA"}),
    ];
    let lines = (1..).zip(lines).map(|(second, mut line)| {
        line["@timestamp"] = moment(second).into();
        line
    });
    lines.collect()
}

pub fn opensearch_finds_what_the_store_finds() {
    let Some(cluster) = opensearch() else { return };
    let index = Index::new(&cluster);
    let there = Server::with(&["--logs-to", &cluster, "--logs-index", &index.name]);
    let here = Server::start();
    for server in [&there, &here] {
        for team in ["moria", "rohan"] {
            server.team(team);
            describe(server, team, "");
            let theirs =
                json!({"message": format!("refused in {team}"), "status": 500, "secret_of": team});
            ship(server, &shipper(server, team, "test"), [theirs]);
        }
        ship(server, &shipper(server, "moria", "prod"), varied());
    }
    let all = |server: &Server, parameters: &[(&str, &str)]| {
        found_at(server, MORIA, &server.admin, parameters)
    };
    for server in [&there, &here] {
        eventually("all lines", || (all(server, &[]).len() == 9).then_some(()));
    }
    for query in QUERIES {
        let parameters = [("q", query), ("environment", "prod")];
        let [mine, theirs] = [&here, &there].map(|server| {
            let lines = all(server, &parameters);
            texts(&lines)
                .into_iter()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        });
        assert_eq!(theirs, mine, "{query}");
    }
    // Lines are whole, with what is around them.
    let bare = |mut line: Value| {
        line.as_object_mut().unwrap().remove("cursor");
        line
    };
    for parameters in [
        &[("environment", "prod")][..],
        &[
            ("q", "timeout"),
            ("workload", "api"),
            ("before", "1"),
            ("after", "2"),
        ],
        &[
            ("level", "warn"),
            ("from", "2026-05-01T12:00:02Z"),
            ("until", "2026-05-01T12:00:07Z"),
        ],
    ] {
        let [mine, theirs] = [&here, &there].map(|server| {
            all(server, parameters)
                .into_iter()
                .map(bare)
                .collect::<Vec<_>>()
        });
        assert_eq!(theirs, mine, "{parameters:?}");
    }
    // Counts.
    let get = |server: &Server, what: &str, parameters: &[(&str, &str)]| -> Value {
        let answer = ask(
            server,
            &server.admin,
            &format!("{MORIA}/{what}"),
            parameters,
        );
        assert_eq!(answer.status(), 200, "{what}: {}", answer.text().unwrap());
        answer.json().unwrap()
    };
    for (what, parameters) in [
        (
            "histogram",
            &[("environment", "prod"), ("by", "level"), ("interval", "2s")][..],
        ),
        (
            "histogram",
            &[("environment", "prod"), ("q", "status:>=500")],
        ),
        ("terms", &[("environment", "prod"), ("field", "level")]),
        (
            "terms",
            &[
                ("environment", "prod"),
                ("field", "workload"),
                ("limit", "1"),
            ],
        ),
        (
            "terms",
            &[("environment", "prod"), ("field", "user"), ("q", "user:*")],
        ),
    ] {
        let sorted = |server: &Server| {
            let mut answer = get(server, what, parameters);
            if let Some(terms) = answer["terms"].as_array_mut() {
                terms.sort_by_key(ToString::to_string);
            }
            answer
        };
        assert_eq!(sorted(&there), sorted(&here), "{what} {parameters:?}");
    }
    // One team never sees another's, whatever it asks.
    for query in [
        "team:rohan",
        "team:rohan OR *",
        "NOT team:moria",
        "secret_of:rohan",
    ] {
        let seen = all(&there, &[("q", query)]);
        assert!(
            !Value::from(seen.clone()).to_string().contains("rohan"),
            "{query}: {seen:?}"
        );
    }
    let fields = get(&there, "fields", &[]).to_string();
    assert!(
        fields.contains("request.took") && fields.contains("secret_of"),
        "{fields}"
    );
    // A line has one address, from the search and from who follows.
    let hit = all(&there, &[("q", "baz")]).remove(0);
    let place = format!("lines/{}", hit["cursor"].as_str().unwrap());
    assert_eq!(get(&there, &place, &[])["text"], hit["text"]);
    // What a cluster can't tell is said.
    let refused = ask(&there, &there.admin, MORIA, &[("q", "\"???\"")]);
    assert_eq!(refused.status(), 422, "{}", refused.text().unwrap());
}

pub fn opensearch_gets_each_line_once_and_bad_ones_are_set_aside() {
    let Some(cluster) = opensearch() else { return };
    let index = Index::new(&cluster);
    let mut server = Server::with(&["--logs-to", &cluster, "--logs-index", &index.name]);
    server.team("moria");
    describe(&server, "moria", "");
    let key = shipper(&server, "moria", "prod");
    // An object where others have a value: the mapping refuses it.
    ship(&server, &key, [json!({"message": "a value", "odd": 1})]);
    eventually("a line", || {
        found_at(&server, MORIA, &server.admin, &[]).pop()
    });
    ship(
        &server,
        &key,
        [json!({"message": "an object", "odd": {"a": 1}})],
    );
    eventually("it is refused", || {
        (metric(&server, "estiba_logs_forward_refused_lines_total") == 1.0).then_some(())
    });
    let aside = server
        .folder
        .path()
        .join("state/logs/refused/rejected.ndjson");
    assert!(
        std::fs::read_to_string(aside)
            .unwrap()
            .contains("an object")
    );
    let count: u32 = 12_000;
    for round in 0..4 {
        let begin = round * count / 4;
        ship(&server, &key, numbered(begin..begin + count / 4));
        server.killed_and_started();
    }
    let lines = || found_at(&server, MORIA, &server.admin, &[("q", "number")]);
    eventually("all lines", || {
        (lines().len() >= count as usize).then_some(())
    });
    assert_eq!(wrong(&lines(), count), []);
    index
        .ask("POST", &format!("{}/_refresh", index.name))
        .unwrap();
    let counted = index.ask("GET", &format!("{}/_count", index.name)).unwrap();
    assert_eq!(counted["count"], count + 1);
}
