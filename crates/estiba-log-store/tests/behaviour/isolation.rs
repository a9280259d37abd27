//! Nobody reads what the scope doesn't allow, whatever is asked.

use estiba_log_store::{Environment, HistogramOf, Scope, Search, Selection, Tailed, TermsOf};
use estiba_logs::Query;
use serde_json::json;

use crate::world::{append, find, line, search, store};

const ATTACKS: [&str; 10] = [
    "*",
    "*:*",
    "team:rohan",
    "team:* OR team:rohan",
    "NOT team:moria",
    "secret OR (team:rohan AND secret)",
    "environment:[* TO *]",
    "team:(moria OR rohan) secret",
    "project:\"../../rohan/tp2\"",
    "team:../rohan OR team:moria/../rohan",
];

#[tokio::test]
async fn no_query_shows_another_teams_lines() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    append(&store, vec![
        line(json!({"message": "ours secret", "color": "blue"})),
        line(json!({"message": "ours in test", "environment": "test"})),
        line(json!({"message": "theirs secret", "team": "rohan", "hidden_field": "gold"})),
        line(json!({"message": "nobody's secret", "team": "", "hidden_field": "gold"})),
        line(json!({"message": "a name like a path", "team": "../rohan", "hidden_field": "gold"})),
    ])
    .await;
    let prod = Scope::environment(Environment::new("moria", "tp2", "prod"));
    for (scope, most) in [
        (Scope::team("moria"), 2),
        (prod, 1),
        (Scope::nothing(), 0),
        (Scope::team("Moria"), 0),
    ] {
        for text in ATTACKS {
            let query = Query::parse(text).unwrap();
            let around = Search {
                lines_before: 9,
                lines_after: 9,
                ..search(text)
            };
            let found = store.search(&scope, around).await.unwrap();
            let around = found
                .hits
                .iter()
                .flat_map(|hit| hit.before.iter().chain(&hit.after));
            for record in found.hits.iter().map(|hit| &hit.record).chain(around) {
                assert_eq!(record.origin.team.as_deref(), Some("moria"), "{text}");
            }
            assert!(found.hits.len() <= most, "{text}");
            let selection = Selection {
                query,
                ..Selection::default()
            };
            assert!(
                store.count(&scope, selection.clone()).await.unwrap() <= most as u64,
                "{text}"
            );
            let of = HistogramOf {
                selection: selection.clone(),
                by: Some("team".into()),
                interval: None,
            };
            for bar in store.histogram(&scope, of).await.unwrap().buckets {
                assert!(
                    bar.lines <= most as u64 && bar.by.keys().all(|team| team == "moria"),
                    "{text}"
                );
            }
            for field in ["team", "hidden_field"] {
                let of = TermsOf {
                    selection: selection.clone(),
                    field: field.into(),
                    limit: 100,
                };
                let terms = store.terms(&scope, of).await.unwrap();
                assert!(
                    terms.terms.iter().all(|term| term.value == "moria"),
                    "{text}: {terms:?}"
                );
            }
        }
        assert!(
            !store
                .fields(&scope)
                .await
                .unwrap()
                .contains(&"hidden_field".to_owned())
        );
        assert!(
            store
                .environments(&scope)
                .iter()
                .all(|stored| stored.environment.team == "moria")
        );
    }
    assert_eq!(find(&store, &Scope::everything(), "*").await.hits.len(), 5);
}

#[tokio::test]
async fn a_tail_has_no_lines_of_others() {
    let folder = tempfile::tempdir().unwrap();
    let store = store(folder.path()).await;
    let mut tail = store
        .tail(
            &Scope::team("moria"),
            Query::parse("NOT team:moria OR secret").unwrap(),
        )
        .unwrap();
    append(
        &store,
        vec![
            line(json!({"message": "secret", "team": "rohan"})),
            line(json!({"message": "our secret"})),
        ],
    )
    .await;
    store.close().await;
    let mut texts = Vec::new();
    while let Some(Tailed::Line(record, _)) = tail.next().await {
        texts.push(record.text);
    }
    assert_eq!(texts, ["our secret"]);
}
