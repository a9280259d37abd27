//! The smoke test: what was deployed answers with its version, from outside.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use estiba_model::{Message, Name, Smoke, message};
use estiba_target::Target;
use reqwest::{Client, Url, redirect};
use tokio::time::{Instant, sleep};

use crate::error::EngineError;
use crate::runtime::Runtime;

/// How long a new version may take to answer where people reach it: an ingress or a
/// router takes up new instances after they are ready.
const LIMIT: Duration = Duration::from_secs(30);

/// Between two questions.
const EVERY: Duration = Duration::from_millis(250);

/// How long one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_secs(10);

/// More than a workload sends anybody on.
const MOST_REDIRECTS: usize = 5;

/// Answers in a row, each over a connection of its own: while a router still knows an
/// old instance, the next answer may be that one's.
const IN_A_ROW: u32 = 3;

/// More than any answer that tells a version.
const MOST_BYTES: usize = 1 << 20;

/// Asks `workload` until it answers with the version of the release.
///
/// # Errors
/// When it has no address, or does not come to that; with the last answer.
pub async fn test(
    runtime: &Runtime<'_>,
    target: &dyn Target,
    workload: &Name,
) -> Result<(), EngineError> {
    let smoke = runtime.released(workload)?.workload.smoke();
    let Some(smoke) = smoke else { return Ok(()) };
    let version = &runtime.bound.inputs.version;
    let urls = target.urls(runtime.environment()).await?;
    let own = urls.iter().find(|url| url.workload == *workload);
    let Some(url) = own.and_then(|url| at(&url.url, &smoke.path)) else {
        return Err(EngineError::refused(message!(
            "{workload} has no address from outside, so nobody can ask it for its version: give it a resource of `type: route`, or remove the annotation estiba.dev/smoke",
            "{workload} no tiene una dirección desde afuera, así que nadie puede preguntarle su versión: dele un recurso de `type: route`, o quite la anotación estiba.dev/smoke"
        )));
    };
    let client = client(&url).map_err(|error| EngineError::refused(no_answer(&url, &error)))?;
    let deadline = Instant::now() + LIMIT;
    let mut right = 0;
    loop {
        let wrong = match answer(&client, &url).await {
            Ok(body) => match smoke.version_in(&body) {
                Some(told) if Smoke::is(&told, version) => None,
                Some(told) => Some(message!(
                    "{url} answers version {told}, and {version} was deployed",
                    "{url} responde la versión {told}, y se desplegó {version}"
                )),
                None => Some(message!(
                    "{url} answers, but tells no version: it has to be a line of text, or JSON with a `version`; a JSON pointer says where, as in `/health#/build/version`",
                    "{url} responde, pero no dice ninguna versión: tiene que ser una línea de texto, o JSON con un `version`; un puntero JSON dice dónde, como en `/health#/build/version`"
                )),
            },
            Err(wrong) => Some(wrong),
        };
        match wrong {
            None => right += 1,
            Some(wrong) if Instant::now() > deadline => return Err(EngineError::refused(wrong)),
            Some(_) => right = 0,
        }
        if right == IN_A_ROW {
            return Ok(());
        }
        if right == 0 {
            sleep(EVERY).await;
        }
    }
}

/// Follows what a workload answers to itself alone: what another host says is no version
/// of it, and may be nothing that the team should see.
fn within_host(attempt: redirect::Attempt<'_>) -> redirect::Action {
    let to = attempt.url();
    let is_within = attempt.previous().first().is_some_and(|asked| {
        let is_secured = (asked.scheme(), to.scheme()) == ("http", "https");
        asked.host_str() == to.host_str() && (is_secured || asked.origin() == to.origin())
    });
    if is_within && attempt.previous().len() <= MOST_REDIRECTS {
        attempt.follow()
    } else {
        attempt.stop()
    }
}

/// `path` below the address of a workload, which may have a path itself.
fn at(base: &str, path: &str) -> Option<Url> {
    format!("{}{path}", base.trim_end_matches('/')).parse().ok()
}

/// A new connection for each question. Names below `localhost` are this machine
/// (<https://www.rfc-editor.org/rfc/rfc6761#section-6.3>), which not every resolver knows.
fn client(url: &Url) -> Result<Client, reqwest::Error> {
    // Some other part may have chosen one already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut client = Client::builder()
        .timeout(ANSWER_LIMIT)
        .pool_max_idle_per_host(0)
        .redirect(redirect::Policy::custom(within_host));
    if let Some(host) = url.host_str().filter(|host| host.ends_with(".localhost")) {
        let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        client = client.resolve(host, loopback);
    }
    client.build()
}

async fn answer(client: &Client, url: &Url) -> Result<String, Message> {
    let asked = client.get(url.clone()).send().await;
    let mut answer = asked.map_err(|error| no_answer(url, &error))?;
    let status = answer.status();
    if !status.is_success() {
        return Err(message!(
            "{url} answers with status {status}",
            "{url} responde con el estado {status}"
        ));
    }
    let mut body = Vec::new();
    while let Some(piece) = answer
        .chunk()
        .await
        .map_err(|error| no_answer(url, &error))?
    {
        body.extend_from_slice(&piece);
        if body.len() > MOST_BYTES {
            return Err(message!(
                "{url} answers with more than 1 MiB, which is no version",
                "{url} responde con más de 1 MiB, que no es una versión"
            ));
        }
    }
    Ok(String::from_utf8_lossy(&body).into_owned())
}

fn no_answer(url: &Url, error: &reqwest::Error) -> Message {
    // The innermost cause is the one that says what happened.
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    message!(
        "{url} does not answer: {cause}",
        "{url} no responde: {cause}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;

    /// A server that sends everybody on from `/` to `to`, and answers elsewhere.
    fn sending_on(to: &str) -> Url {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let to = to.to_owned();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let mut asked = [0; 1024];
                let length = stream.read(&mut asked).unwrap_or_default();
                let answer = match asked[..length].starts_with(b"GET / ") {
                    true => format!("302 Found\r\nlocation: {to}\r\ncontent-length: 0"),
                    false => "200 OK\r\ncontent-length: 3".to_owned(),
                };
                let body = if answer.starts_with("200") { "1.0" } else { "" };
                let _ = write!(stream, "HTTP/1.1 {answer}\r\n\r\n{body}");
            }
        });
        format!("http://127.0.0.1:{port}/").parse().unwrap()
    }

    #[tokio::test]
    async fn a_workload_sends_on_to_itself_alone() {
        let url = sending_on("/version");
        let asked = answer(&client(&url).unwrap(), &url).await;
        assert_eq!(asked.unwrap(), "1.0");
        let elsewhere = sending_on("/");
        let url = sending_on(&format!("{elsewhere}version"));
        let asked = answer(&client(&url).unwrap(), &url).await;
        assert!(asked.unwrap_err().en.contains("302"));
    }

    #[test]
    fn a_path_is_asked_below_the_address() {
        for (base, path, url) in [
            (
                "http://api.localhost:8080",
                "/version",
                "http://api.localhost:8080/version",
            ),
            (
                "https://h/moria-test/",
                "/version?x=1",
                "https://h/moria-test/version?x=1",
            ),
        ] {
            assert_eq!(at(base, path).unwrap().as_str(), url);
        }
    }
}
