//! The probe against real servers on loopback: good ones, and each of the ways in
//! which one is not.

#![allow(missing_docs, clippy::unwrap_used)]

mod answers;
mod certificates;
mod database;
mod server;

use std::time::Duration;

use estiba_model::SecretString;
use estiba_preflight::{Fault, Found, Service, Stage, probe};

/// More than any of these takes on a busy machine.
const AMPLE: Duration = Duration::from_secs(60);

fn service(url: &str) -> Service {
    Service {
        url: SecretString::new(url),
        expect: None,
        wsdl: None,
        login: None,
        ca: None,
    }
}

async fn found(service: &Service) -> Found {
    probe::one(service, AMPLE).await
}

#[tokio::test]
async fn a_name_that_nobody_has_is_told() {
    let found = found(&service("https://soap.no-such-name.invalid/")).await;
    // A machine without a name server can't tell.
    let is_of_the_name = found.failure().is_some_and(Fault::is_of_the_name);
    assert!(is_of_the_name, "{found:?}");
    assert_eq!(found.address(), "soap.no-such-name.invalid:443");
    assert!(found.passed.is_empty());
}

#[tokio::test]
async fn a_port_at_which_nothing_listens_is_told() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let found = found(&service(&format!("tcp://127.0.0.1:{port}"))).await;
    assert_eq!(found.failure(), Some(&Fault::Refused));
    assert_eq!(found.passed, [Stage::Dns]);
    assert_eq!(found.from, Some("127.0.0.1".parse().unwrap()));
}

#[tokio::test]
async fn a_server_that_hangs_is_given_up_in_time() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for (scheme, stage) in [("http", Stage::Http), ("https", Stage::Tls)] {
        let hanging = service(&format!("{scheme}://127.0.0.1:{port}/"));
        let found = probe::one(&hanging, Duration::from_millis(300)).await;
        let expected = Fault::Silent {
            stage,
            after_ms: 300,
        };
        assert_eq!(found.failure(), Some(&expected));
        assert!(found.took_ms < 5_000, "{found:?}");
    }
}

#[tokio::test]
async fn a_url_that_can_not_be_tried_is_told() {
    for url in [
        "",
        "billing",
        "ftp://h/x",
        "tcp://h",
        "https://",
        "postgres://[",
        "http://h:99999/",
    ] {
        let found = found(&service(url)).await;
        assert_eq!(found.failure(), Some(&Fault::BadUrl), "{url}");
    }
}
