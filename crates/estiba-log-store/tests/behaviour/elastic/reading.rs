//! What clients and Grafana's data source read. Quickwit's public scenarios of
//! Elasticsearch's interface gave the ideas.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::Endpoint;
use crate::world::indexed;

async fn filled(folder: &std::path::Path) -> Endpoint {
    let endpoint = Endpoint::new(folder).await;
    let mut body = String::new();
    for number in 0..20 {
        let document = json!({
            "@timestamp": format!("2026-05-01T12:00:{number:02}Z"), "message": format!("GET /{number} served"),
            "level": if number % 4 == 0 { "error" } else { "info" }, "status": 200 + number, "took": number as f64 / 2.0,
            "http": {"method": if number % 2 == 0 { "GET" } else { "POST" }}, "workload": "api",
        });
        body.push_str(&format!("{{\"create\":{{}}}}\n{document}\n"));
    }
    let answer = endpoint.call("POST", "/_bulk", body).await;
    assert_eq!(answer.json()["errors"], false);
    endpoint
        .call_as(
            "rohan",
            "POST",
            "/_bulk",
            "{\"create\":{}}\n{\"message\":\"theirs\",\"gold\":1}\n",
        )
        .await;
    indexed(&endpoint.store).await;
    endpoint
}

impl Endpoint {
    async fn search(&self, body: Value) -> Value {
        let answer = self.call("POST", "/logs/_search", body.to_string()).await;
        assert_eq!(answer.status, StatusCode::OK, "{body}: {}", answer.text);
        answer.json()
    }
}

fn statuses(answer: &Value) -> Vec<u64> {
    let hits = answer["hits"]["hits"].as_array().unwrap();
    hits.iter()
        .map(|hit| hit["_source"]["status"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn queries_find_and_count() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = filled(folder.path()).await;
    for (query, lines) in [
        (json!({"match_all": {}}), 20),
        (json!({"query_string": {"query": "level:error"}}), 5),
        (
            json!({"query_string": {"query": "level:error status:>=208"}}),
            3,
        ),
        (
            json!({"query_string": {"query": "level:error status:204", "default_operator": "or"}}),
            5,
        ),
        (
            json!({"bool": {"must": [{"term": {"level": "ERROR"}}], "filter": [{"range": {"status": {"gt": 200, "lte": 212}}}]}}),
            3,
        ),
        (
            json!({"bool": {"must_not": [{"term": {"http.method": "GET"}}]}}),
            10,
        ),
        (
            json!({"bool": {"should": [{"term": {"status": 201}}, {"term": {"status": "202"}}]}}),
            2,
        ),
        (json!({"match": {"message": "7 8"}}), 2),
        (json!({"match_phrase": {"message": "GET 7"}}), 1),
        (json!({"terms": {"status": [203, 204, 999]}}), 2),
        (json!({"exists": {"field": "took"}}), 20),
        (json!({"exists": {"field": "gold"}}), 0),
        (json!({"prefix": {"http.method": "po"}}), 10),
        (json!({"wildcard": {"workload": {"value": "a?i"}}}), 20),
        (
            json!({"range": {"@timestamp": {"gte": "2026-05-01T12:00:05Z", "lt": "2026-05-01T12:00:08Z"}}}),
            3,
        ),
        (
            json!({"range": {"@timestamp": {"gte": 1_777_636_805_000_u64, "lte": 1_777_636_807_000_u64, "format": "epoch_millis"}}}),
            3,
        ),
        (
            json!({"range": {"@timestamp": {"lt": "now"}}}),
            if jiff::Timestamp::now() > "2026-05-02T00:00:00Z".parse().unwrap() {
                20
            } else {
                0
            },
        ),
    ] {
        let answer = endpoint.search(json!({"query": query, "size": 100})).await;
        assert_eq!(
            answer["hits"]["total"],
            json!({"value": lines, "relation": "eq"}),
            "{query}"
        );
        assert_eq!(
            answer["hits"]["hits"].as_array().unwrap().len(),
            lines,
            "{query}"
        );
        let counted = endpoint
            .call("POST", "/_count", json!({"query": query}).to_string())
            .await
            .json();
        assert_eq!(counted["count"], lines, "{query}");
    }
    let answer = endpoint
        .call(
            "GET",
            "/any-*/_search?q=level:error%20AND%20status:208&size=5",
            "",
        )
        .await
        .json();
    assert_eq!(statuses(&answer), [208]);
    assert_eq!(answer["hits"]["hits"][0]["_index"], "logs");
}

#[tokio::test]
async fn pages_follow_one_another() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = filled(folder.path()).await;
    for (direction, expected) in [
        ("asc", (200..220).collect::<Vec<_>>()),
        ("desc", (200..220).rev().collect()),
    ] {
        let (mut found, mut after) = (Vec::new(), None);
        for _ in 0..4 {
            let mut body = json!({"size": 6, "sort": [{"@timestamp": {"order": direction, "unmapped_type": "boolean"}}, {"_doc": {"order": "desc"}}]});
            if let Some(after) = &after {
                body["search_after"] = Value::clone(after);
            }
            let answer = endpoint.search(body).await;
            found.extend(statuses(&answer));
            after = answer["hits"]["hits"]
                .as_array()
                .unwrap()
                .last()
                .map(|hit| hit["sort"].clone());
        }
        assert_eq!(found, expected);
    }
    let answer = endpoint
        .search(json!({"from": 5, "size": 2, "sort": ["@timestamp"], "track_total_hits": false}))
        .await;
    assert_eq!(statuses(&answer), [205, 206]);
    assert!(answer["hits"].get("total").is_none());
    let milliseconds =
        json!({"size": 1, "sort": {"@timestamp": "desc"}, "search_after": [1_777_636_810_000_u64]});
    assert_eq!(statuses(&endpoint.search(milliseconds).await), [209]);
}

#[tokio::test]
async fn documents_are_answered_in_part() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = filled(folder.path()).await;
    let one = |more: Value| {
        let mut body = json!({"query": {"term": {"status": 203}}});
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    let hit = |answer: Value| answer["hits"]["hits"][0].clone();
    let found = hit(endpoint
        .search(one(json!({"_source": ["status", "w*"]})))
        .await);
    assert_eq!(found["_source"], json!({"workload": "api", "status": 203}));
    let found = hit(endpoint
        .search(one(json!({"_source": {"excludes": ["*"]}})))
        .await);
    assert_eq!(found["_source"], json!({}));
    let found = hit(endpoint
        .search(one(
            json!({"_source": false, "fields": ["http.method", {"field": "@timestamp"}, "sta*"]}),
        ))
        .await);
    assert!(found.get("_source").is_none());
    assert_eq!(
        found["fields"],
        json!({"status": [203], "http.method": ["POST"], "@timestamp": ["2026-05-01T12:00:03.000000Z"]})
    );
    let answer = endpoint
        .call("GET", "/_search?size=1&filter_path=hits.total.value", "")
        .await
        .json();
    assert_eq!(answer, json!({"hits": {"total": {"value": 20}}}));
}

#[tokio::test]
async fn aggregations_are_answered() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = filled(folder.path()).await;
    let answer = endpoint.search(json!({"size": 0, "aggs": {
        "time": {
            "date_histogram": {"field": "@timestamp", "fixed_interval": "10s"},
            "aggs": {"levels": {"terms": {"field": "level.keyword"}, "aggs": {"took": {"max": {"field": "took"}}}}},
        },
        "average": {"avg": {"field": "status"}},
        "workloads": {"terms": {"field": "workload"}, "aggs": {"last": {"max": {"field": "@timestamp"}}}},
        "since": {"min": {"field": "@timestamp"}},
        "teams": {"terms": {"field": "team"}},
        "methods": {"terms": {"field": "http.method", "size": "1", "order": {"_key": "desc"}}},
        "percent": {"percentiles": {"field": "took", "percents": ["50"]}},
    }})).await;
    let all = &answer["aggregations"];
    let first = &all["time"]["buckets"][0];
    assert_eq!(
        (&first["key"], &first["doc_count"]),
        (&json!(1_777_636_800_000_u64), &json!(10))
    );
    let levels: Vec<_> = first["levels"]["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bucket| {
            (
                bucket["key"].as_str().unwrap(),
                bucket["doc_count"].as_u64().unwrap(),
                bucket["took"]["value"].as_f64().unwrap(),
            )
        })
        .collect();
    assert_eq!(levels, [("info", 7, 4.5), ("error", 3, 4.0)]);
    assert_eq!(all["average"]["value"], 209.5);
    assert_eq!(
        all["since"],
        json!({"value": 1_777_636_800_000_u64, "value_as_string": "2026-05-01T12:00:00.000Z"})
    );
    let last = &all["workloads"]["buckets"][0]["last"];
    assert_eq!(last["value"], 1_777_636_819_000_u64, "{last}");
    assert_eq!(
        all["teams"]["buckets"],
        json!([{"key": "moria", "doc_count": 20}])
    );
    assert_eq!(all["methods"]["buckets"][0]["key"], "POST");
    assert_eq!(all["methods"]["sum_other_doc_count"], 10);
    assert!(
        all["percent"]["values"]["50.0"].is_number(),
        "{}",
        all["percent"]
    );
    let nothing = endpoint.search(json!({"size": 0, "query": {"term": {"level": "fatal"}}, "aggs": {"a": {"terms": {"field": "level"}}}})).await;
    assert_eq!(nothing["aggregations"]["a"]["buckets"], json!([]));
}

#[tokio::test]
async fn grafana_reads() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = filled(folder.path()).await;
    let mapping = endpoint.call("GET", "/logs/_mapping", "").await.json();
    assert_eq!(
        mapping["logs"]["mappings"]["properties"]["@timestamp"]["type"],
        "date"
    );
    assert_eq!(
        mapping["logs"]["mappings"]["properties"]["http"]["properties"]["method"]["type"],
        "keyword"
    );
    let body = concat!(
        r#"{"ignore_unavailable":true,"index":"logs","search_type":"query_then_fetch"}"#,
        "\n",
        r#"{"aggs":{"2":{"aggs":{"1":{"avg":{"field":"took"}}},"date_histogram":{"extended_bounds":{"max":1777636819000,"min":1777636800000},"field":"@timestamp","fixed_interval":"5s","format":"epoch_millis","min_doc_count":0}}},"query":{"bool":{"filter":[{"range":{"@timestamp":{"format":"epoch_millis","gte":1777636800000,"lte":1777636819000}}},{"query_string":{"analyze_wildcard":true,"query":"level:info"}}]}},"size":0}"#,
        "\n",
        r#"{"ignore_unavailable":true,"index":"logs","search_type":"query_then_fetch"}"#,
        "\n",
        r#"{"docvalue_fields":["@timestamp"],"fields":[{"field":"*","format":"strict_date_optional_time"}],"highlight":{"fields":{"*":{}}},"query":{"bool":{"filter":{"query_string":{"query":"level:error"}}}},"script_fields":{},"size":2,"sort":{"@timestamp":{"order":"desc","unmapped_type":"boolean"}}}"#,
        "\n",
        r#"{"index":"logs"}"#,
        "\n",
        r#"{"query":{"regexp":{"a":"b"}}}"#,
        "\n",
    );
    let answer = endpoint
        .call("POST", "/_msearch?max_concurrent_shard_requests=5", body)
        .await
        .json();
    let [series, lines, wrong] = answer["responses"].as_array().unwrap().as_slice() else {
        panic!("{answer}")
    };
    let counts: Vec<_> = series["aggregations"]["2"]["buckets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bucket| bucket["doc_count"].as_u64().unwrap())
        .collect();
    assert_eq!(counts, [3, 4, 4, 4]);
    assert_eq!(series["status"], 200);
    assert_eq!(statuses(lines), [216, 212]);
    assert_eq!(wrong["status"], 400);
    let everywhere = endpoint.call("GET", "/_mapping?pretty", "").await.json();
    assert_eq!(everywhere, mapping);
    let types = endpoint
        .call("GET", "/x/_mapping?filter_path=*.*.*.status.type", "")
        .await
        .json();
    assert_eq!(
        types,
        json!({"x": {"mappings": {"properties": {"status": {"type": "long"}}}}})
    );
    let caps = endpoint
        .call("GET", "/_field_caps?fields=*", "")
        .await
        .json();
    assert_eq!(caps["fields"]["status"]["long"]["aggregatable"], true);
    assert_eq!(caps["fields"]["message"]["text"]["aggregatable"], false);
    assert!(caps["fields"].get("gold").is_none());
}

#[tokio::test]
async fn what_is_not_supported_is_named_in_elasticsearchs_way() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = filled(folder.path()).await;
    for (body, named) in [
        (json!({"query": {"regexp": {"a": "b"}}}), "regexp"),
        (
            json!({"query": {"query_string": {"query": "level:(error"}}}),
            "character 7",
        ),
        (json!({"collapse": {"field": "a"}}), "collapse"),
        (json!({"sort": ["status"]}), "status"),
        (json!({"size": 20_000}), "search_after"),
        (json!({"aggs": {"a": {"top_hits": {}}}}), "top_hits"),
        (
            json!({"aggs": {"a": {"sum": {"field": "@timestamp"}}}}),
            "@timestamp",
        ),
        (
            json!({"aggs": {"a": {"date_histogram": {"field": "@timestamp", "fixed_interval": "soon"}}}}),
            "soon",
        ),
        (
            json!({"aggs": {"a": {"date_histogram": {"field": "@timestamp", "fixed_interval": "1ms", "extended_bounds": {"min": 0, "max": 1_777_636_819_000_u64}}}}}),
            "",
        ),
    ] {
        let answer = endpoint.call("POST", "/_search", body.to_string()).await;
        assert_eq!(
            answer.status,
            StatusCode::BAD_REQUEST,
            "{body}: {}",
            answer.text
        );
        let error = answer.json();
        assert!(
            error["error"]["reason"].as_str().unwrap().contains(named),
            "{body}: {error}"
        );
        assert_eq!(
            error["error"]["root_cause"][0]["type"],
            error["error"]["type"]
        );
    }
    assert_eq!(
        endpoint.call("POST", "/_search", "{").await.status,
        StatusCode::BAD_REQUEST
    );
    let scroll = endpoint.call("POST", "/_search?scroll=1m", "{}").await;
    assert_eq!(scroll.status, StatusCode::BAD_REQUEST);
    assert!(scroll.text.contains("search_after"), "{}", scroll.text);
    let asked = endpoint.call("GET", "/_search?size=many", "").await;
    assert_eq!(asked.status, StatusCode::BAD_REQUEST);
    assert_eq!(asked.json()["status"], 400, "{}", asked.text);
    assert_eq!(
        endpoint.call("DELETE", "/logs", "").await.status,
        StatusCode::BAD_REQUEST
    );
    for path in ["/_snapshot", "/_mappings"] {
        let answer = endpoint.call("GET", path, "").await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
    }
    let refreshed = endpoint.call("POST", "/_refresh", "").await;
    assert_eq!(refreshed.status, StatusCode::OK);
}

#[tokio::test]
async fn tables_have_only_what_the_token_sees() {
    let folder = tempfile::tempdir().unwrap();
    let endpoint = filled(folder.path()).await;
    let rows = endpoint
        .call("GET", "/_cat/indices?format=json", "")
        .await
        .json();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(
        (&rows[0]["index"], &rows[0]["docs.count"]),
        (&json!("logs-moria-tp2-prod"), &json!("20"))
    );
    let text = endpoint.call("GET", "/_cat/indices?v", "").await.text;
    assert!(
        text.starts_with("health status index") && !text.contains("rohan"),
        "{text}"
    );
    assert!(
        endpoint
            .call("GET", "/_cat/health", "")
            .await
            .text
            .contains("green")
    );
    let resolved = endpoint
        .call("GET", "/_resolve/index/logs*", "")
        .await
        .json();
    assert_eq!(resolved["indices"][0]["name"], "logs");
}
