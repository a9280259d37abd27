//! Nobody takes more than a share of what all have.

use std::io;
use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use estiba_log_store::Options;
use estiba_log_store::elastic::Settings;
use futures::StreamExt;
use futures::stream::{self, FuturesUnordered};
use serde_json::json;
use tokio::sync::oneshot;

use super::Endpoint;
use super::bulk::PAIR;
use crate::world::{indexed, quick};

#[tokio::test]
async fn filters_and_patterns_that_cost_too_much_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::new(folder.path()).await;
    let stars = vec!["**"; 10_000].join(".");
    let many = vec!["a*"; 10_000].join(",");
    let refused = [
        ("GET", format!("/?filter_path={stars}"), String::new()),
        (
            "GET",
            format!("/_search?filter_path={stars}"),
            String::new(),
        ),
        ("GET", format!("/_count?filter_path={many}"), String::new()),
        (
            "POST",
            format!("/_bulk?filter_path={stars}"),
            "{\"create\":{}}\n{\"message\":\"not taken\"}\n".into(),
        ),
        ("GET", format!("/_field_caps?fields={many}"), String::new()),
        (
            "POST",
            "/_search".into(),
            json!({"_source": vec!["a*"; 10_000]}).to_string(),
        ),
        (
            "POST",
            "/_search".into(),
            json!({"_source": {"excludes": ["*a".repeat(10_000)]}}).to_string(),
        ),
        (
            "POST",
            "/_search".into(),
            json!({"fields": vec!["a*"; 10_000]}).to_string(),
        ),
    ];
    for (method, path, body) in refused {
        let answer = endpoint.call(method, &path, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.text);
        let error = &answer.json()["error"];
        assert_eq!(error["type"], "illegal_argument_exception", "{error}");
        assert!(error["reason"].as_str().unwrap().contains("at most"));
    }
    indexed(&endpoint.store).await;
    let counted = endpoint.call("GET", "/_count", "").await.json();
    assert_eq!(counted["count"], 0);
}

/// A body that begins with `start` and then stands still, and what is told once `start`
/// was read.
fn endless(start: String) -> (Body, oneshot::Receiver<()>) {
    let (read, was_read) = oneshot::channel();
    let rest = async move {
        let _ = read.send(());
        std::future::pending().await
    };
    let pieces = stream::iter([Ok::<_, io::Error>(start)]).chain(stream::once(rest));
    (Body::from_stream(pieces), was_read)
}

#[tokio::test]
async fn who_sends_slowly_holds_up_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let one = Settings {
        bodies_at_once: 1,
        ..Settings::default()
    };
    let endpoint = Endpoint::with(folder.path(), quick(), one).await;
    let mut slow = FuturesUnordered::new();
    for path in ["/_bulk", "/x/_bulk", "/x/_doc", "/_bulk"] {
        let (body, was_read) = endless(PAIR.repeat(100));
        slow.push(endpoint.call("POST", path, body));
        tokio::select! {
            answer = slow.next() => panic!("{}", answer.unwrap().text),
            read = was_read => read.unwrap(),
        }
    }
    for (path, status) in [("/_bulk", 200), ("/x/_doc", 201)] {
        let body = if status == 200 { PAIR } else { "{}" };
        tokio::select! {
            answer = slow.next() => panic!("{}", answer.unwrap().text),
            answer = endpoint.call("POST", path, body) => assert_eq!(answer.status, status, "{}", answer.text),
        }
    }
}

#[tokio::test]
async fn bodies_on_their_way_are_bounded_together() {
    let folder = tempfile::tempdir().unwrap();
    let small = Settings {
        bodies_bytes: 1000,
        ..Settings::default()
    };
    let endpoint = Endpoint::with(folder.path(), quick(), small).await;
    let (body, was_read) = endless("x".repeat(1000 - PAIR.len()));
    let mut slow = Box::pin(endpoint.call("POST", "/_bulk", body));
    tokio::select! {
        answer = &mut slow => panic!("{}", answer.text),
        read = was_read => read.unwrap(),
    }
    let more = endpoint.call("POST", "/_bulk", PAIR.repeat(2)).await;
    assert_eq!(more.status, StatusCode::TOO_MANY_REQUESTS, "{}", more.text);
    assert!(more.headers.contains_key("retry-after"));
    // What fits is taken meanwhile, each time anew, and all is once there is room.
    for _ in 0..3 {
        let fits = endpoint.call("POST", "/_bulk", PAIR).await;
        assert_eq!(fits.status, StatusCode::OK, "{}", fits.text);
    }
    drop(slow);
    let again = endpoint.call("POST", "/_bulk", PAIR.repeat(2)).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.text);
}

#[tokio::test]
async fn a_body_has_so_much_time_as_a_whole() {
    let folder = tempfile::tempdir().unwrap();
    let hurried = Settings {
        body_time: Duration::ZERO,
        ..Settings::default()
    };
    let endpoint = Endpoint::with(folder.path(), quick(), hurried).await;
    for path in ["/_bulk", "/x/_doc", "/_search", "/_msearch"] {
        let (body, _) = endless("{}".to_owned());
        let answer = endpoint.call("POST", path, body).await;
        assert_eq!(answer.status, StatusCode::REQUEST_TIMEOUT, "{path}");
        let answer = answer.json();
        assert_eq!(answer["status"], 408, "{path}");
        assert_eq!(answer["error"]["type"], "timeout_exception", "{path}");
    }
    let at_once = endpoint.call("POST", "/_bulk", PAIR).await;
    assert_eq!(at_once.status, StatusCode::OK, "{}", at_once.text);
}

#[tokio::test]
async fn one_environment_too_many_is_refused_alone() {
    let folder = tempfile::tempdir().unwrap();
    let one = Options {
        most_environments_of_team: 1,
        ..quick()
    };
    let endpoint = Endpoint::with(folder.path(), one, Settings::default()).await;
    let other = "{\"create\":{}}\n{\"environment\":\"other\"}\n";
    let body = format!("{PAIR}{other}{PAIR}");
    let answer = endpoint.call("POST", "/_bulk", body).await.json();
    let items = [0, 1, 2].map(|item| &answer["items"][item]["create"]);
    let statuses = items.map(|item| &item["status"]);
    assert_eq!(statuses, [&json!(201), &json!(400), &json!(201)]);
    let reason = items[1]["error"]["reason"].as_str().unwrap();
    assert!(reason.contains("moria/tp2/other"), "{reason}");
    let theirs = endpoint.call_as("rohan", "POST", "/_bulk", PAIR).await;
    assert_eq!(theirs.json()["errors"], false, "{}", theirs.text);
}
