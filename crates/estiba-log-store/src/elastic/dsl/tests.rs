use serde_json::json;

use super::*;

fn text(dsl: &Value) -> String {
    let now = "2026-05-06T12:00:00Z".parse().unwrap();
    match query(dsl, now) {
        Ok(query) => query.to_string(),
        Err(failure) => format!("400 {}", failure.body()["error"]["reason"]),
    }
}

#[test]
fn queries_become_estibas_own() {
    for (dsl, expected) in [
        (json!({"match_all": {}}), "*"),
        (json!({}), "*"),
        (json!({"match_none": {}}), "NOT *"),
        (json!({"term": {"level": "error"}}), "level:\"error\""),
        (
            json!({"term": {"status": {"value": 500, "boost": 2}}}),
            "status:\"500\"",
        ),
        (
            json!({"term": {"workload.keyword": "bot"}}),
            "workload:\"bot\"",
        ),
        (
            json!({"terms": {"level": ["error", "warn"]}}),
            "level:\"error\" OR level:\"warn\"",
        ),
        (json!({"terms": {"level": []}}), "NOT *"),
        (json!({"match": {"message": "a b"}}), "a OR b"),
        (
            json!({"match": {"message": {"query": "a b", "operator": "AND"}}}),
            "a AND b",
        ),
        (json!({"match": {"path": "/a b"}}), "path:\"/a b\""),
        (
            json!({"match_phrase": {"message": "connection refused"}}),
            "\"connection refused\"",
        ),
        (json!({"prefix": {"path": "/api"}}), "path:/api*"),
        (
            json!({"wildcard": {"path": {"value": "/a?i/*"}}}),
            "path:/a?i/*",
        ),
        (json!({"exists": {"field": "trace_id"}}), "trace_id:*"),
        (
            json!({"multi_match": {"query": "x", "fields": ["message", "path^2"]}}),
            "x OR path:\"x\"",
        ),
        (
            json!({"query_string": {"query": "level:error AND x", "analyze_wildcard": true}}),
            "level:error AND x",
        ),
        (json!({"query_string": {"query": "a b"}}), "a AND b"),
        (
            json!({"query_string": {"query": "a b", "default_operator": "OR"}}),
            "a OR b",
        ),
        (
            json!({"range": {"status": {"gte": 500, "lt": 600}}}),
            "status:[\"500\" TO \"600\"}",
        ),
        (
            json!({"range": {"@timestamp": {"gte": "now-1h", "lte": 1_780_000_000_000_u64, "format": "epoch_millis"}}}),
            "@timestamp:[\"2026-05-06T11:00:00.000000Z\" TO \"2026-05-28T20:26:40.000999Z\"]",
        ),
        (
            json!({"bool": {"must": {"term": {"a": 1}}, "filter": [{"term": {"b": true}}], "must_not": [{"exists": {"field": "c"}}]}}),
            "a:\"1\" AND b:\"true\" AND NOT c:*",
        ),
        (
            json!({"bool": {"should": [{"term": {"a": 1}}, {"term": {"a": 2}}]}}),
            "a:\"1\" OR a:\"2\"",
        ),
        (
            json!({"bool": {"must": [{"match_all": {}}], "should": [{"term": {"a": 1}}]}}),
            "*",
        ),
        (
            json!({"bool": {"filter": [{"match_all": {}}], "should": [{"term": {"a": 1}}], "minimum_should_match": "1"}}),
            "* AND a:\"1\"",
        ),
        (json!({"bool": {}}), "*"),
        (
            json!({"constant_score": {"filter": {"term": {"a": 1}}}}),
            "a:\"1\"",
        ),
    ] {
        assert_eq!(text(&dsl), expected, "{dsl}");
    }
}

#[test]
fn what_is_not_supported_is_named() {
    for (dsl, named) in [
        (json!({"regexp": {"a": "b"}}), "regexp"),
        (json!({"fuzzy": {"a": "b"}}), "fuzzy"),
        (json!({"bool": {"must_not_ever": []}}), "must_not_ever"),
        (json!({"range": {"@timestamp": {"gte": "soon"}}}), "soon"),
        (json!({"range": {"a": {"around": 1}}}), "around"),
        (
            json!({"range": {"@timestamp": {"gte": "now", "time_zone": "America/Argentina/Buenos_Aires"}}}),
            "time_zone",
        ),
        (
            json!({"query_string": {"query": "a", "fields": ["path"]}}),
            "path",
        ),
        (json!({"query_string": {"query": "level:"}}), "character 7"),
        (json!({"exists": {}}), "[field]"),
        (json!({"term": {"level": ["error", "warn"]}}), "[terms]"),
        (json!({"match": {"level": {"query": null}}}), "null"),
        (json!({"term": {"a": 1}, "match": {"b": 2}}), "match"),
        (json!([]), "object"),
    ] {
        let refused = text(&dsl);
        assert!(
            refused.starts_with("400") && refused.contains(named),
            "{dsl}: {refused}"
        );
    }
    let mut deep = json!({"match_all": {}});
    for _ in 0..100 {
        deep = json!({"bool": {"must": deep}});
    }
    assert!(text(&deep).starts_with("400"));
}
