//! Logging in with an OpenID Connect provider that is not ours.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use reqwest::blocking::Response;
use serde_json::{Value, json};

use super::Browser;
use crate::bench::Server;
use crate::support::node;

const CLIENT_SECRET: &str = "planted-client-secret-4711";

/// npm's oidc-provider.
struct Provider {
    process: Child,
    issuer: String,
}

impl Provider {
    fn start(back: &str) -> Option<Self> {
        let folder = node::folder("tests/server/pages", &["provider.cjs"])?;
        let mut process = Command::new("node")
            .args(["provider.cjs", back])
            .current_dir(&folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(process.stdout.take().unwrap())
            .read_line(&mut port)
            .unwrap();
        let issuer = format!("http://127.0.0.1:{}", port.trim());
        Some(Self { process, issuer })
    }

    /// Who is logged in there.
    fn has(&self, browser: &Browser, who: &Value) {
        let request = browser.ask("POST", &format!("{}/test/who", self.issuer));
        assert_eq!(request.json(who).send().unwrap().status(), 200);
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Follows redirects from page to page, as a browser does; also gives the last address.
fn walk(browser: &mut Browser, from: &str) -> (String, Response) {
    let mut at = from.to_owned();
    for _ in 0..12 {
        let answer = browser.ask("GET", &at).send().unwrap();
        let answer = browser.keep(answer);
        let Some(next) = answer.headers().get("location") else {
            return (at, answer);
        };
        let next = next.to_str().unwrap();
        at = match next.starts_with('/') {
            true => {
                let host: Vec<&str> = at.splitn(4, '/').collect();
                match at.starts_with("http") {
                    true => format!("{}//{}{next}", host[0], host[2]),
                    false => next.to_owned(),
                }
            }
            false => next.to_owned(),
        };
    }
    panic!("round and round: {at}");
}

fn fresh(server: &Server) -> Browser {
    Browser::of(server)
}

pub fn people_log_in_with_a_provider() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let url = format!("http://{address}");
    let Some(provider) = Provider::start(&format!("{url}/login/back")) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, format!("{CLIENT_SECRET}\n")).unwrap();
    let listen = address.to_string();
    let args = [
        "--listen",
        &listen,
        "--url",
        &url,
        "--oidc-issuer",
        &provider.issuer,
        "--oidc-client-id",
        "estiba",
        "--oidc-client-secret-file",
        secret.to_str().unwrap(),
    ];
    let server = Server::with(&args);
    server.team("moria");
    server.person("moria", "gimli@example.edu", "member");
    let mut browser = fresh(&server);
    let login = browser.page("/login?next=/figures");
    assert!(login.contains("/login/away?next=/figures"), "{login}");
    let verified =
        |sub: &str, email: &str| json!({ "sub": sub, "email": email, "email_verified": true });

    // A member, by an address that the provider has verified.
    provider.has(&browser, &verified("7", "Gimli@example.edu"));
    let (at, answer) = walk(&mut browser, "/login/away?next=/figures");
    assert_eq!(answer.status(), 200, "{at}: {}", answer.text().unwrap());
    assert!(at.ends_with("/figures"), "{at}");
    assert!(browser.page("/").contains("gimli@example.edu"));
    // From then on by who they are there, whatever their address.
    let mut again = fresh(&server);
    provider.has(&again, &verified("7", "new@example.edu"));
    walk(&mut again, "/login/away");
    assert!(again.page("/").contains("gimli@example.edu"));

    // Somebody else is told whom to ask; an address that is not verified is nobody's.
    let strangers = [
        (verified("8", "balin@example.edu"), "balin@example.edu"),
        (
            json!({ "sub": "9", "email": "gimli@example.edu", "email_verified": false }),
            "verified",
        ),
    ];
    for (who, words) in strangers {
        let mut stranger = fresh(&server);
        provider.has(&stranger, &who);
        let (_, answer) = walk(&mut stranger, "/login/away");
        assert_eq!(answer.status(), 403);
        let text = answer.text().unwrap();
        assert!(text.contains(words) && text.contains("teacher"), "{text}");
        assert_eq!(stranger.get("/").status(), 303);
    }

    // What comes back has to be what went away from this browser.
    provider.has(&browser, &verified("7", "gimli@example.edu"));
    let mut victim = fresh(&server);
    let forged = victim.get("/login/back?code=x&state=y");
    assert_eq!(forged.status(), 403);
    let away = victim.get("/login/away");
    let away = victim.keep(away);
    let to = away.headers()["location"].to_str().unwrap().to_owned();
    for part in [
        "code_challenge=",
        "code_challenge_method=S256",
        "nonce=",
        "state=",
    ] {
        assert!(to.contains(part), "{to}");
    }
    let state = to
        .split("state=")
        .nth(1)
        .unwrap()
        .split('&')
        .next()
        .unwrap();
    let attacker = fresh(&server);
    let of_other = attacker.get(&format!("/login/back?code=x&state={state}"));
    assert_eq!(of_other.status(), 403);
    let wrong = victim.get(&format!("/login/back?code=x&state={state}"));
    assert_eq!(wrong.status(), 403, "the provider gave no such code");
    let denied = victim.get(&format!("/login/back?error=access_denied&state={state}"));
    assert_eq!(denied.status(), 403);

    let log = std::fs::read_to_string(server.folder.path().join("log")).unwrap();
    assert!(!log.contains(CLIENT_SECRET), "{log}");
    assert!(
        server
            .get("/api/v1/audit", &server.admin)
            .text()
            .unwrap()
            .contains("session.begin")
    );

    // Without the provider, a token still opens the door.
    drop(provider);
    let mut late = fresh(&server);
    assert_eq!(
        late.submit("/login", &[("token", &server.admin)]).status(),
        303
    );
}

pub fn a_provider_without_a_secret_or_tls_is_refused() {
    let run = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_estiba"));
        let folder = tempfile::tempdir().unwrap();
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(args)
            .env("ESTIBA_STATE_DIR", folder.path())
            .env("LC_ALL", "C")
            .env_remove("ESTIBA_OIDC_CLIENT_SECRET");
        let output = command.output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let client = [
        "--oidc-client-id",
        "estiba",
        "--url",
        "https://estiba.example.edu",
    ];
    let lacks = run(&[&client[..], &["--oidc-issuer", "https://gitlab.com"]].concat());
    assert!(lacks.contains("ESTIBA_OIDC_CLIENT_SECRET"), "{lacks}");
    let clear = run(&["--url", "http://estiba.example.edu"]);
    assert!(clear.contains("https"), "{clear}");
    let path = run(&["--url", "https://example.edu/estiba"]);
    assert!(path.contains("has a path"), "{path}");
    let long = run(&["--session-idle", "soon"]);
    assert!(long.contains("soon"), "{long}");
}
