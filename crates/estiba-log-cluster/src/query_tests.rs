use super::*;
use estiba_log_store::Environment;

fn asked(text: &str) -> Value {
    let query = Query::parse(text).unwrap();
    let translator = Translator {
        product: Product::OpenSearch,
    };
    translator.node(&query.node, false).unwrap()
}

#[test]
fn every_kind_of_query_is_translated() {
    let table: Vec<(&str, Value)> = [
        "refused",
        "\"Connection refused\"",
        "refus*",
        "foo-b*",
        "*",
        "level:error",
        "level:>=warn",
        "level:loud",
        "workload:Bot",
        "path:/api/*",
        "user:Peña",
        "status:500",
        "status:>=500",
        "status:{400 TO 499]",
        "user:[a TO m}",
        "x:[1 TO b]",
        "trace_id:*",
        "instance:(a OR b)",
        "a b -c",
        "NOT (a OR level:info)",
        "NOT foo-b*",
        "@timestamp:\"2026-05-01T12:00:00.000500Z\"",
        "@timestamp:[2026-05-01 TO 2026-05-02}",
        "NOT @timestamp:>2026-05-01T00:00:00Z",
        r#"file:"c:\\a*b?""#,
    ]
    .into_iter()
    .map(|text| (text, asked(text)))
    .collect();
    insta::assert_json_snapshot!(table);
}

#[test]
fn another_estiba_has_numbers_and_moments_of_its_own() {
    let translator = Translator {
        product: Product::Estiba,
    };
    let node = |text: &str| {
        let query = Query::parse(text).unwrap();
        translator.node(&query.node, false).unwrap()
    };
    assert_eq!(
        node("status:>=500"),
        json!({"range": {"status": {"gte": 500}}})
    );
    assert_eq!(
        node("status:500"),
        json!({"term": {"status": {"value": "500", "case_insensitive": true}}})
    );
    assert_eq!(
        node("@timestamp:\"2026-05-01T12:00:00.000500Z\""),
        json!({"range": {"@timestamp": {
            "gte": "2026-05-01T12:00:00.000500Z", "lt": "2026-05-01T12:00:00.000501Z"}}})
    );
}

#[test]
fn what_a_cluster_can_not_tell_is_said() {
    for text in ["\"???\"", "@timestamp:2026*", "message:[a TO b]"] {
        let query = Query::parse(text).unwrap();
        let selection = Selection {
            query,
            ..Selection::default()
        };
        let asked = filter(&Scope::everything(), &selection, Product::Elasticsearch);
        assert!(asked.is_err(), "{text}: {asked:?}");
    }
}

#[test]
fn the_scope_is_always_in_the_filter() {
    let prod = Environment::new("moria", "tp2", "prod");
    for (scope, expected) in [
        (Scope::everything(), json!({"match_all": {}})),
        (Scope::nothing(), json!({"match_none": {}})),
        (
            Scope::environment(prod),
            json!({"bool": {"filter": [
                {"term": {"team": {"value": "moria"}}},
                {"term": {"project": {"value": "tp2"}}},
                {"term": {"environment": {"value": "prod"}}},
            ]}}),
        ),
        (
            Scope::nothing().and_project("moria", ""),
            json!({"bool": {"filter": [
                {"term": {"team": {"value": "moria"}}},
                {"bool": {"must_not": [{"exists": {"field": "project"}}]}},
            ]}}),
        ),
    ] {
        for text in ["*", "team:rohan OR *", "a OR NOT team:moria"] {
            let selection = Selection {
                query: Query::parse(text).unwrap(),
                ..Selection::default()
            };
            let asked = filter(&scope, &selection, Product::Elasticsearch).unwrap();
            assert_eq!(asked["bool"]["filter"][0], expected, "{text}");
            assert_eq!(asked.as_object().unwrap().len(), 1);
            assert_eq!(asked["bool"].as_object().unwrap().len(), 1);
        }
    }
}

#[test]
fn ends_of_time_are_whole_milliseconds_of_the_cluster() {
    let selection = Selection {
        from: Some("2026-05-01T12:00:00.0005Z".parse().unwrap()),
        until: Some("2026-05-01T12:00:01.0005Z".parse().unwrap()),
        ..Selection::default()
    };
    let asked = filter(&Scope::everything(), &selection, Product::Elasticsearch).unwrap();
    assert_eq!(
        asked["bool"]["filter"][1],
        json!({"range": {"@timestamp": {
            "gte": "2026-05-01T12:00:00.000000Z", "lt": "2026-05-01T12:00:01.001000Z"}}})
    );
}
