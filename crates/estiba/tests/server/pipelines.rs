//! Pipelines that present an identity token of their CI.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use crate::bench::Server;
use crate::support::Done;

/// The issuer's key: anything will do.
const SEED: [u8; 32] = [7; 32];
/// What PKCS#8 has before the seed of an Ed25519 key (RFC 8410, section 7).
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// The public half, as a JSON Web Key has it (RFC 8037).
fn public() -> String {
    let key = SigningKey::from_bytes(&SEED).verifying_key();
    URL_SAFE_NO_PAD.encode(key.to_bytes())
}

/// An issuer of identity tokens, as a CI is one.
fn issuer() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let own = url.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(&stream).lines();
            let first = lines.next().unwrap().unwrap();
            while lines.next().unwrap().unwrap() != "" {}
            let body = if first.contains("openid-configuration") {
                json!({ "issuer": own, "jwks_uri": format!("{own}/keys") })
            } else if first.contains("/identity?") {
                // As GitHub gives a job its token.
                assert!(first.contains("api-version=2&audience="), "{first}");
                json!({ "value": signed(&claims(&own), "one") })
            } else {
                json!({ "keys": [{
                    "kty": "OKP", "crv": "Ed25519", "kid": "one", "alg": "EdDSA", "x": public(),
                }]})
            };
            let body = body.to_string();
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                body.len()
            );
            let mut stream = &stream;
            stream.write_all(head.as_bytes()).unwrap();
            stream.write_all(body.as_bytes()).unwrap();
        }
    });
    url
}

fn signed(claims: &Value, kid: &str) -> String {
    let mut header = Header::new(Algorithm::EdDSA);
    header.kid = Some(kid.to_owned());
    let key = EncodingKey::from_ed_der(&[PKCS8.as_slice(), &SEED].concat());
    encode(&header, claims, &key).unwrap()
}

fn claims(issuer: &str) -> Value {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    json!({
        "iss": issuer, "aud": "https://estiba.example.edu", "sub": "project_path:memo2/moria-bot",
        "project_path": "memo2/moria-bot", "ref": "v1.2.0", "ref_type": "tag", "exp": now + 300,
    })
}

/// Who guesses too often has to wait: what is asked is asked again then.
fn when_guesses_are_taken(ask: impl Fn() -> Done) -> Done {
    for _ in 0..60 {
        let done = ask();
        if !done.err.contains("too many requests") {
            return done;
        }
        thread::sleep(Duration::from_secs(1));
    }
    panic!("no guess is taken any more");
}

pub fn a_pipeline_ships_without_a_stored_token() {
    let server = Server::start();
    server.team("moria");
    let issuer = issuer();
    let trust = json!({
        "team": "moria", "issuer": issuer, "audience": "https://estiba.example.edu",
        "claims": { "project_path": "memo2/moria-bot", "ref_type": "tag" },
        "environments": ["test"],
    });
    let added = server.send("POST", "/api/v1/teams/moria/trusts", &server.admin, &trust);
    assert_eq!(added.status(), 201, "{}", added.text().unwrap());

    let good = claims(&issuer);
    let me: Value = server
        .get("/api/v1/me", &signed(&good, "one"))
        .json()
        .unwrap();
    assert_eq!(me["name"], "pipeline memo2/moria-bot", "{me}");
    assert_eq!(me["teams"][0]["role"], "pipeline");

    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        signed(&claims, "one")
    };
    let mut forged = signed(&good, "one");
    forged.replace_range(forged.len() - 4.., "AAAA");
    let refused = [
        (
            with("project_path", json!("memo2/rohan-bot")),
            "lets memo2/rohan-bot at v1.2.0 ship",
        ),
        (
            with("ref_type", json!("branch")),
            "lets memo2/moria-bot at v1.2.0 ship",
        ),
        (
            with("aud", json!("https://other.example.edu")),
            "is for \"https://other.example.edu\"",
        ),
        (with("aud", Value::Null), "does not say for whom"),
        (
            with("iss", json!("https://elsewhere.example.edu")),
            "no pipelines of https://elsewhere.example.edu",
        ),
        (with("exp", json!(1_000_000_000)), "run the job again"),
        (signed(&good, "another-key"), "names a key"),
        (forged, "is not what"),
    ];
    for (token, why) in refused {
        // The command says it in one line, and does not show the token.
        let project = server.project("moria", &token);
        let told = when_guesses_are_taken(|| project.run(&["status"]));
        assert_eq!(told.code, 1, "{}", told.out);
        assert!(told.err.contains(why), "{why}: {}", told.err);
        assert_eq!(told.err.lines().count(), 1, "{}", told.err);
        assert!(!told.err.contains(&token), "{}", told.err);
    }
    // Only in the environments of the rule.
    let files = json!({ "files": {
        "estiba.yaml": "project: tp2\nteam: moria\nworkloads: [api/score.yaml]\ntargets:\n  here: { kind: local }\nenvironments:\n  test: { on: here }\n  prod: { on: here }\n",
        "api/score.yaml": "apiVersion: score.dev/v1b1\nmetadata: { name: api }\ncontainers:\n  main: { image: . }\n",
    }});
    let token = signed(&good, "one");
    let project = "/api/v1/teams/moria/projects/tp2";
    assert_eq!(server.send("PUT", project, &token, &files).status(), 200);
    let deploy = |environment: &str| {
        let path = format!("{project}/environments/{environment}/deployments");
        let wanted = json!({ "kind": "deploy", "version": "1.0.0" });
        server
            .send("POST", &path, &token, &wanted)
            .status()
            .as_u16()
    };
    assert_eq!(deploy("prod"), 403);
    assert_eq!(
        deploy("test"),
        409,
        "there is no such release, and that is all"
    );
}

/// A pipeline makes a release, brings it to a preview and ends that: all else is not
/// its own.
pub fn a_pipeline_has_previews() {
    let server = Server::start();
    server.team("moria");
    let issuer = issuer();
    let trust = json!({
        "team": "moria", "issuer": issuer, "audience": "https://estiba.example.edu",
        "claims": { "project_path": "memo2/moria-bot" }, "environments": ["previews"],
    });
    let added = server.send("POST", "/api/v1/teams/moria/trusts", &server.admin, &trust);
    assert_eq!(added.status(), 201, "{}", added.text().unwrap());
    let token = signed(&claims(&issuer), "one");
    let project = server.project("moria", &token);
    let file = project.dir().join("estiba.yaml");
    let text = std::fs::read_to_string(&file).unwrap();
    let previews = "previews: { like: test, config: { TOKEN: none } }\n";
    std::fs::write(&file, text + previews).unwrap();

    let release = project.run(&["release", "--version", "1.0.0"]).ok();
    assert_eq!(release.out, "1.0.0\n");
    let to = |environment: &str| {
        ["deploy", "--version", "1.0.0", "--env"]
            .into_iter()
            .chain([environment])
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let run = |args: &[String]| {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        project.run(&args)
    };
    let refused = run(&to("test"));
    assert_eq!(refused.code, 1, "{}", refused.out);
    assert!(
        refused.err.contains("may not change test"),
        "{}",
        refused.err
    );
    run(&to("preview-12")).ok();
    assert_eq!(project.instances("preview-12").len(), 2);
    let report = project.run(&["ci", "report", "--env", "preview-12"]).ok();
    assert!(report.out.contains("estiba-report.xml"), "{}", report.out);
    let dotenv = std::fs::read_to_string(project.dir().join("estiba-report.env")).unwrap();
    assert!(dotenv.contains("ENVIRONMENT_ADDRESS=http://"), "{dotenv}");
    project.run(&["down", "--yes", "--env", "preview-12"]).ok();
    let all = project.run(&["status", "--json"]).ok().json();
    assert_eq!(all.as_array().unwrap().len(), 2, "{all}");
}

/// A job of GitHub asks for its token where it is told to.
pub fn a_job_of_github_gets_its_token_itself() {
    let server = Server::start();
    server.team("moria");
    let issuer = issuer();
    let trust = json!({
        "team": "moria", "issuer": issuer, "audience": "https://estiba.example.edu",
        "claims": { "project_path": "memo2/moria-bot" },
    });
    server.send("POST", "/api/v1/teams/moria/trusts", &server.admin, &trust);
    let project = server.project("moria", "");
    let status = |address: &str| {
        let mut command = project.command(&["status"]);
        command
            .env("ACTIONS_ID_TOKEN_REQUEST_URL", address)
            .env("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "asks");
        crate::support::Done::of(&command.output().unwrap())
    };
    // Nothing is described yet: the token was taken, and that is what is asked here.
    let asked = status(&format!("{issuer}/identity?api-version=2"));
    assert!(asked.err.contains("moria/tests"), "{}", asked.err);
    let silent = status("http://127.0.0.1:1/identity?api-version=2");
    assert_eq!(silent.code, 1);
    assert!(silent.err.contains("id-token: write"), "{}", silent.err);
    assert!(!silent.err.contains("127.0.0.1:1"), "{}", silent.err);
}
