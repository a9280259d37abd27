use std::io::Write;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use estiba_log_store::elastic::Settings;
use estiba_log_store::{Options, Scope};
use serde_json::{Value, json};

use super::{Endpoint, gzip};
use crate::world::{find, indexed, quick, texts};

pub(super) const PAIR: &str = "{\"create\":{\"_index\":\"x\"}}\n{\"message\":\"hello\"}\n";

async fn messages(endpoint: &Endpoint) -> Vec<String> {
    indexed(&endpoint.store).await;
    let found = find(&endpoint.store, &Scope::everything(), "*").await;
    texts(&found).into_iter().map(str::to_owned).collect()
}

#[tokio::test]
async fn bodies_come_by_all_ways_and_packed_in_all_ways() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::new(folder.path()).await;
    let zlib = {
        let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        packed.write_all(PAIR.as_bytes()).unwrap();
        packed.finish().unwrap()
    };
    let zstd = ruzstd::encoding::compress_to_vec(
        PAIR.as_bytes(),
        ruzstd::encoding::CompressionLevel::Fastest,
    );
    let mut sent = 0;
    for path in ["/_bulk", "/any-name/_bulk", "/any-name/_doc/_bulk"] {
        for method in ["POST", "PUT"] {
            for (encoding, body) in [
                ("identity", PAIR.as_bytes().to_vec()),
                ("gzip", gzip(PAIR)),
                ("deflate", zlib.clone()),
                ("zstd", zstd.clone()),
            ] {
                let request = Request::builder()
                    .method(method)
                    .uri(path)
                    .header("authorization", "ApiKey moria")
                    .header("content-encoding", encoding)
                    .body(Body::from(body))
                    .unwrap();
                let answer = endpoint.send(request).await;
                assert_eq!(
                    answer.status,
                    StatusCode::OK,
                    "{method} {path} {encoding}: {}",
                    answer.text
                );
                assert_eq!(answer.headers["x-elastic-product"], "Elasticsearch");
                assert_eq!(answer.json()["items"], json!([{"create": {"status": 201}}]));
                sent += 1;
            }
        }
    }
    assert_eq!(messages(&endpoint).await.len(), sent);
}

#[tokio::test]
async fn items_that_cant_be_read_are_told_one_by_one_and_others_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::new(folder.path()).await;
    let body = "{\"index\":{}}\n{\"message\":\"one\"}\n\n{\"create\":{}}\n{oops\n{\"delete\":{\"_id\":\"1\"}}\n{\"create\":{}}\n{\"message\":\"two\"}\n";
    let answer = endpoint.call("POST", "/_bulk", body).await;
    assert_eq!(answer.status, StatusCode::OK);
    let answer = answer.json();
    assert_eq!(answer["errors"], true);
    let items = answer["items"].as_array().unwrap();
    let statuses: Vec<_> = items
        .iter()
        .map(|item| {
            item.as_object()
                .unwrap()
                .iter()
                .next()
                .map(|(action, item)| (action.clone(), item["status"].as_u64().unwrap()))
                .unwrap()
        })
        .collect();
    assert_eq!(
        statuses,
        [
            ("index".into(), 201),
            ("create".into(), 400),
            ("delete".into(), 400),
            ("create".into(), 201)
        ]
    );
    assert_eq!(messages(&endpoint).await, ["two", "one"]);
    let answer = endpoint.call("POST", "/_bulk", "no action\n{}\n").await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        answer.json()["error"]["reason"]
            .as_str()
            .unwrap()
            .contains("line [1]")
    );
}

#[tokio::test]
async fn the_token_says_whose_lines_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::new(folder.path()).await;
    let body = "{\"create\":{}}\n{\"message\":\"mine\",\"team\":\"rohan\",\"environment\":\"test\"}\n{\"create\":{}}\n{\"message\":\"too\"}\n";
    endpoint.call("POST", "/rohan/_bulk", body).await;
    indexed(&endpoint.store).await;
    let found = find(&endpoint.store, &Scope::team("moria"), "*").await;
    let of: Vec<_> = found
        .hits
        .iter()
        .map(|hit| {
            (
                hit.record.text.as_str(),
                hit.record.origin.environment.as_deref().unwrap(),
            )
        })
        .collect();
    assert_eq!(of, [("too", "prod"), ("mine", "test")]);
    assert_eq!(
        find(&endpoint.store, &Scope::team("rohan"), "*")
            .await
            .hits
            .len(),
        0
    );
}

#[tokio::test]
async fn tokens_that_may_not_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::new(folder.path()).await;
    for (token, status) in [("reader", 403), ("nobody", 401), ("flood", 429)] {
        let answer = endpoint.call_as(token, "POST", "/_bulk", PAIR).await;
        assert_eq!(answer.status.as_u16(), status, "{token}");
        assert_eq!(answer.json()["status"], status);
        assert_eq!(answer.headers["x-elastic-product"], "Elasticsearch");
    }
    let answer = endpoint
        .send(Request::post("/_bulk").body(Body::from(PAIR)).unwrap())
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert!(answer.headers.contains_key("www-authenticate"));
}

#[tokio::test]
async fn a_full_store_refuses_the_whole_request() {
    let folder = tempfile::tempdir().unwrap();
    let full = Options {
        reserve_bytes: u64::MAX,
        ..quick()
    };
    let endpoint = Endpoint::with(folder.path(), full, Settings::default()).await;
    let answer = endpoint.call("POST", "/_bulk", PAIR.repeat(3)).await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.headers.contains_key("retry-after"));
    assert!(answer.json().get("items").is_none());
    assert_eq!(
        endpoint.call("POST", "/_search", "").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn bodies_are_bounded_as_they_come_and_unpacked() {
    let folder = tempfile::tempdir().unwrap();
    let small = Settings {
        longest_body: 10_000,
        longest_unpacked: 50_000,
        ..Settings::default()
    };
    let endpoint = Endpoint::with(folder.path(), quick(), small).await;
    let long = PAIR.repeat(300);
    assert_eq!(
        endpoint.call("POST", "/_bulk", long).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    let bomb = gzip(&PAIR.repeat(3_000));
    assert!(bomb.len() < 10_000);
    let request = Request::post("/_bulk")
        .header("authorization", "Bearer moria")
        .header("content-encoding", "gzip")
        .body(Body::from(bomb))
        .unwrap();
    assert_eq!(
        endpoint.send(request).await.status,
        StatusCode::PAYLOAD_TOO_LARGE
    );
    for (encoding, status) in [
        ("gzip", 400),
        ("zstd", 400),
        ("deflate", 400),
        ("snappy", 415),
    ] {
        let request = Request::post("/_bulk")
            .header("authorization", "Bearer moria")
            .header("content-encoding", encoding)
            .body(Body::from("nothing of the kind"))
            .unwrap();
        assert_eq!(
            endpoint.send(request).await.status.as_u16(),
            status,
            "{encoding}"
        );
    }
}

#[tokio::test]
async fn a_large_body_is_taken_in_parts_and_answered_in_few_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::with(folder.path(), small_queue(), Settings::default()).await;
    let answer = endpoint.call("POST", "/_bulk", PAIR.repeat(15_000)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert!(answer.text.len() < 512 << 10, "{}", answer.text.len());
    assert_eq!(answer.json()["items"].as_array().unwrap().len(), 15_000);
    indexed(&endpoint.store).await;
    let counted = endpoint
        .store
        .count(&Scope::everything(), estiba_log_store::Selection::default())
        .await
        .unwrap();
    assert_eq!(counted, 15_000);
}

fn small_queue() -> Options {
    Options {
        queue_bytes: 1 << 20,
        patience: std::time::Duration::from_secs(60),
        ..quick()
    }
}

#[tokio::test]
async fn a_document_that_is_too_long_is_refused_alone() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::with(folder.path(), small_queue(), Settings::default()).await;
    let most = endpoint.store.fitting_bytes();
    for long in [most, 2 << 20, 16 << 20] {
        let body = format!(
            "{PAIR}{{\"create\":{{}}}}\n{{\"message\":\"{}\"}}\n{PAIR}",
            "m".repeat(long)
        );
        let request = Request::post("/_bulk")
            .header("authorization", "Bearer moria")
            .header("content-encoding", "gzip")
            .body(Body::from(gzip(&body)))
            .unwrap();
        let answer = endpoint.send(request).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        let answer = answer.json();
        assert_eq!(answer["errors"], true);
        let statuses = [0, 1, 2].map(|item| &answer["items"][item]["create"]["status"]);
        assert_eq!(statuses, [&json!(201), &json!(400), &json!(201)]);
        let error = &answer["items"][1]["create"]["error"];
        assert_eq!(error["type"], "content_too_long_exception");
        assert!(
            error["reason"]
                .as_str()
                .unwrap()
                .contains(&most.to_string())
        );
    }
    assert_eq!(messages(&endpoint).await, ["hello"; 6]);
}

#[tokio::test]
async fn documents_that_grow_as_they_are_stored_still_fit() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::with(folder.path(), small_queue(), Settings::default()).await;
    let most = endpoint.store.fitting_bytes();
    // Each of these numbers is written with 18 characters in the end.
    let numbers = vec!["1e15"; most / 5 - 100].join(",");
    let document = format!("{{\"create\":{{}}}}\n{{\"numbers\":[{numbers}]}}\n");
    let answer = endpoint
        .call("POST", "/_bulk", format!("{document}{PAIR}").repeat(3))
        .await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!(answer.json()["errors"], false, "{}", answer.text);
    assert_eq!(messages(&endpoint).await.len(), 6);
}

#[tokio::test]
async fn single_documents_are_taken() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::new(folder.path()).await;
    for (method, path) in [
        ("POST", "/x/_doc"),
        ("PUT", "/x/_doc/7"),
        ("PUT", "/x/_create/8"),
        ("PUT", "/x/_doc/9/_create"),
    ] {
        let answer = endpoint.call(method, path, "{\"message\":\"one\"}").await;
        assert_eq!(
            answer.status,
            StatusCode::CREATED,
            "{path}: {}",
            answer.text
        );
        assert_eq!(answer.json()["_index"], "x");
    }
    assert_eq!(
        endpoint.call("POST", "/x/_doc", "[]").await.status,
        StatusCode::BAD_REQUEST
    );
    let again = endpoint.call("PUT", "/x/_create/8", "{}").await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.text);
    assert_eq!(messages(&endpoint).await.len(), 4);
}

#[tokio::test]
async fn lines_arrive_whatever_is_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::new(folder.path()).await;
    let mut body = Vec::new();
    let megabyte = "m".repeat(1 << 20);
    for document in [
        b"{\"message\":\"\\u0000 nul\"}".to_vec(),
        b"{\"message\":\"not \xff utf-8\"}".to_vec(),
        format!("{{\"message\":\"{megabyte}\"}}").into_bytes(),
        b"{}".to_vec(),
    ] {
        body.extend_from_slice(b"{\"create\":{}}\n");
        body.extend_from_slice(&document);
        body.push(b'\n');
    }
    let answer: Value = endpoint.call("POST", "/_bulk", body).await.json();
    assert_eq!(answer["errors"], false, "{answer}");
    let mut lengths: Vec<_> = messages(&endpoint).await.iter().map(String::len).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, [0, 5, 13, 1 << 20]);
}

#[tokio::test]
async fn a_document_with_an_id_is_there_once() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::new(folder.path()).await;
    let body = "{\"create\":{\"_id\":\"s-1\"}}\n{\"message\":\"once\"}\n{\"create\":{\"_id\":\"s-2\"}}\n{\"message\":\"twice\"}\n";
    let first = endpoint.call("POST", "/_bulk", body).await;
    assert_eq!(first.json()["errors"], false, "{}", first.text);
    let more = format!("{body}{PAIR}{PAIR}");
    let again = endpoint.call("POST", "/_bulk", more).await.json();
    let statuses: Vec<_> = again["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["create"]["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [409, 409, 201, 201], "{again}");
    assert_eq!(
        again["items"][0]["create"]["error"]["type"],
        "version_conflict_engine_exception"
    );
    // An `index` writes what it has, and another environment has ids of its own.
    let index = "{\"index\":{\"_id\":\"s-1\"}}\n{\"message\":\"indexed\"}\n{\"create\":{\"_id\":\"s-1\"}}\n{\"message\":\"elsewhere\",\"environment\":\"other\"}\n";
    let other = endpoint.call("POST", "/_bulk", index).await;
    assert_eq!(other.json()["errors"], false, "{}", other.text);
    let mut found = messages(&endpoint).await;
    found.sort();
    assert_eq!(
        found,
        ["elsewhere", "hello", "hello", "indexed", "once", "twice"]
    );
}
