//! Nobody takes more than a share of what all have.

use axum::http::StatusCode;
use serde_json::json;

use super::Endpoint;
use crate::world::indexed;

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
