//! What each shipper sends, in the order in which it sends it, as its sources and its
//! recorded traffic have it.

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use estiba_log_store::Scope;
use serde_json::json;

use super::{Answer, Endpoint, gzip};
use crate::world::{find, indexed, texts};

async fn say(
    endpoint: &Endpoint,
    head: &str,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Answer {
    let (method, path) = head.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = endpoint.send(request.body(body.into()).unwrap()).await;
    assert!(
        answer.status.is_success(),
        "{head}: {} {}",
        answer.status,
        answer.text
    );
    assert_eq!(
        answer.headers["x-elastic-product"], "Elasticsearch",
        "{head}"
    );
    answer
}

/// <https://github.com/elastic/beats/blob/v8.13.0/libbeat/esleg/eslegclient/connection.go>
/// and `libbeat/idxmgmt`, `libbeat/outputs/elasticsearch/client.go`.
#[tokio::test]
async fn filebeat_7_8_and_9() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::new(folder.path()).await;
    let key = format!("ApiKey {}", STANDARD.encode("id:moria"));
    for (version, number) in [("7.17.22", "7"), ("8.13.4", "8"), ("9.1.0", "9")] {
        let agent = format!("Elastic-filebeat/{version} (linux; amd64)");
        let headers = [
            ("authorization", key.as_str()),
            ("user-agent", agent.as_str()),
            ("accept", "application/json"),
        ];
        let root = say(&endpoint, "GET /", &headers, "").await.json();
        assert!(
            root["version"]["number"]
                .as_str()
                .unwrap()
                .starts_with("8.")
        );
        let license = say(&endpoint, "GET /_license?human=false", &headers, "")
            .await
            .json();
        assert_eq!(license["license"]["status"], "active");
        say(&endpoint, "GET /_xpack", &headers, "").await;
        say(&endpoint, "GET /_ilm/policy/filebeat", &headers, "").await;
        say(
            &endpoint,
            "PUT /_ilm/policy/filebeat",
            &headers,
            "{\"policy\":{}}",
        )
        .await;
        say(
            &endpoint,
            "HEAD /_index_template/filebeat-8.13.4",
            &headers,
            "",
        )
        .await;
        say(
            &endpoint,
            "PUT /_index_template/filebeat-8.13.4",
            &headers,
            "{}",
        )
        .await;
        say(&endpoint, "HEAD /_template/filebeat-7.17.22", &headers, "").await;
        say(&endpoint, "GET /_data_stream/filebeat-8.13.4", &headers, "").await;
        say(&endpoint, "PUT /_data_stream/filebeat-8.13.4", &headers, "").await;
        say(
            &endpoint,
            "GET /_ingest/pipeline/filebeat-8.13.4-system",
            &headers,
            "",
        )
        .await;
        let document = json!({
            "@timestamp": "2026-05-01T10:00:00.000Z", "agent": {"name": "n", "version": version},
            "host": {"name": "node-1"}, "log": {"offset": 0, "file": {"path": "/a.log"}},
            "message": format!("from filebeat {number}"), "fields": {"workload": "bot"},
        });
        let body =
            format!("{{\"create\":{{\"_index\":\"filebeat-{version}\"}}}}\n{document}\n").repeat(2);
        let packed = [
            headers.as_slice(),
            &[
                ("content-encoding", "gzip"),
                ("content-type", "application/json; charset=UTF-8"),
            ],
        ]
        .concat();
        let answer = say(
            &endpoint,
            "POST /_bulk?filter_path=errors%2Citems.%2A.error%2Citems.%2A.status",
            &packed,
            gzip(&body),
        )
        .await;
        assert_eq!(
            answer.text,
            r#"{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}"#
        );
    }
    indexed(&endpoint.store).await;
    let found = find(
        &endpoint.store,
        &Scope::team("moria"),
        "workload:bot instance:node-1 filebeat",
    )
    .await;
    assert_eq!(found.hits.len(), 6);
}

/// <https://github.com/fluent/fluent-bit/blob/v5.1.1/plugins/out_es/es.c>
#[tokio::test]
async fn fluent_bit() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::new(folder.path()).await;
    let basic = format!("Basic {}", STANDARD.encode("fluent:moria"));
    let headers = [
        ("authorization", basic.as_str()),
        ("user-agent", "Fluent-Bit"),
        ("content-type", "application/x-ndjson"),
    ];
    let body = "{\"create\":{\"_index\":\"fluent-bit\",\"_type\":\"_doc\"}}\n{\"@timestamp\":\"2026-05-01T10:00:00.123Z\",\"log\":\"from fluent bit\",\"stream\":\"stdout\"}\n";
    let answer = say(&endpoint, "POST /_bulk", &headers, body).await;
    // However many lines there are, the answer fits into its buffer.
    assert!(
        answer.text.contains("\"errors\":false,\"items\":[]"),
        "{}",
        answer.text
    );
    let mixed = format!("{body}{{\"delete\":{{\"_id\":\"1\"}}}}\n");
    let answer = say(&endpoint, "POST /_bulk", &headers, mixed).await.json();
    assert_eq!(answer["items"][0]["create"]["status"], 201, "{answer}");
    assert_eq!(answer["items"][1]["delete"]["status"], 400, "{answer}");
    indexed(&endpoint.store).await;
    assert_eq!(
        texts(&find(&endpoint.store, &Scope::team("moria"), "stream:stdout").await),
        ["from fluent bit"; 2]
    );
}

/// <https://github.com/vectordotdev/vector/blob/v0.50.0/src/sinks/elasticsearch/common.rs>
#[tokio::test]
async fn vector() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::new(folder.path()).await;
    let basic = format!("Basic {}", STANDARD.encode("vector:moria"));
    let headers = [
        ("authorization", basic.as_str()),
        ("user-agent", "Vector/0.50.0"),
        ("content-type", "application/x-ndjson"),
    ];
    say(&endpoint, "GET /", &headers, "").await;
    say(&endpoint, "GET /_cluster/health", &headers, "").await;
    let body = "{\"index\":{\"_index\":\"vector-2026.05.01\",\"_type\":\"_doc\"}}\n{\"host\":\"n\",\"message\":\"from vector\",\"source_type\":\"file\",\"timestamp\":\"2026-05-01T10:00:00Z\"}\n";
    let packed = [headers.as_slice(), &[("content-encoding", "gzip")]].concat();
    let answer = say(&endpoint, "POST /_bulk?timeout=60s", &packed, gzip(body)).await;
    assert!(!answer.text.contains("\"errors\":true"));
    indexed(&endpoint.store).await;
    assert_eq!(
        texts(&find(&endpoint.store, &Scope::team("moria"), "instance:n").await),
        ["from vector"]
    );
}

/// <https://github.com/logstash-plugins/logstash-output-elasticsearch/tree/v12.0.2/lib/logstash/outputs/elasticsearch>
#[tokio::test]
async fn logstash() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::new(folder.path()).await;
    let basic = format!("Basic {}", STANDARD.encode("logstash:moria"));
    let headers = [
        ("authorization", basic.as_str()),
        ("user-agent", "logstash-output-elasticsearch/12.0.2"),
        ("content-type", "application/json"),
    ];
    say(&endpoint, "HEAD /", &headers, "").await;
    say(&endpoint, "GET /", &headers, "").await;
    say(&endpoint, "GET /_license", &headers, "").await;
    // Where it sniffs, it goes on with the address that it has.
    let nodes = say(&endpoint, "GET /_nodes/http", &headers, "")
        .await
        .json();
    assert_eq!(nodes["nodes"], json!({}));
    say(
        &endpoint,
        "HEAD /_index_template/ecs-logstash",
        &headers,
        "",
    )
    .await;
    say(
        &endpoint,
        "PUT /_index_template/ecs-logstash",
        &headers,
        "{}",
    )
    .await;
    let body = "{\"index\":{\"_id\":null,\"_index\":\"ecs-logstash\",\"routing\":null}}\n{\"@timestamp\":\"2026-05-01T10:00:00Z\",\"event\":{\"original\":\"from logstash\"},\"host\":{\"hostname\":\"n\"}}\n";
    let answer = say(
        &endpoint,
        "POST /_bulk?filter_path=errors,items.*.error,items.*.status",
        &headers,
        body,
    )
    .await;
    assert_eq!(answer.json()["items"].as_array().unwrap().len(), 1);
    indexed(&endpoint.store).await;
    assert_eq!(
        texts(&find(&endpoint.store, &Scope::team("moria"), "instance:n").await),
        ["from logstash"]
    );
}
