use proptest::prelude::*;

use super::*;
use crate::table::{HttpRoute, OwnerRoutes};

fn routing(prefixes: &[String]) -> Routing {
    let http = prefixes.iter().map(|prefix| HttpRoute {
        host: "app.localhost".into(),
        path_prefix: prefix.clone(),
        strip_prefix: false,
        service: prefix.clone(),
    });
    let owner = OwnerRoutes {
        http: http.collect(),
        ..OwnerRoutes::default()
    };
    let table = RouteTable {
        generation: 1,
        owners: [("test".to_owned(), owner)].into(),
    };
    Routing::new(&table, |upstream| {
        Arc::new(UpstreamState::new(upstream.clone(), 1))
    })
}

fn chosen<'a>(routing: &'a Routing, host: &str, path: &str) -> Option<&'a str> {
    let rule = longest_match(routing.rules(host)?, path)?;
    Some(&rule.service.name)
}

#[test]
fn the_longest_prefix_at_a_segment_border_wins() {
    let prefixes = ["/", "/api", "/api/v1", "/web"].map(str::to_owned);
    let all = routing(&prefixes);
    let narrow = routing(&["/api".to_owned()]);
    let cases = [
        (&all, "/", Some("/")),
        (&all, "/other", Some("/")),
        (&all, "/api", Some("/api")),
        (&all, "/api/", Some("/api")),
        (&all, "/apis", Some("/")),
        (&all, "/api/v1", Some("/api/v1")),
        (&all, "/api/v10", Some("/api")),
        (&all, "/api/v1/users", Some("/api/v1")),
        (&all, "/web/api/v1", Some("/web")),
        (&narrow, "/", None),
        (&narrow, "/apis", None),
        (&narrow, "/API", None),
        (&narrow, "/api/x", Some("/api")),
    ];
    for (routing, path, expected) in cases {
        assert_eq!(chosen(routing, "app.localhost", path), expected, "{path}");
    }
}

#[test]
fn hosts_are_exact_and_case_does_not_matter() {
    let routing = routing(&["/".to_owned()]);
    assert_eq!(chosen(&routing, "APP.Localhost", "/"), Some("/"));
    assert_eq!(chosen(&routing, "localhost", "/"), None);
    assert_eq!(chosen(&routing, "x.app.localhost", "/"), None);
}

/// The rule said another way: compare whole segments.
fn segments(path: &str) -> Vec<&str> {
    path.split('/').filter(|s| !s.is_empty()).collect()
}

proptest! {
    #[test]
    fn no_longer_prefix_was_passed_over(
        prefixes in prop::collection::hash_set("(/[ab]{1,2}){1,3}", 1..8),
        path in "(/[ab]{1,2}){1,5}",
    ) {
        let prefixes: Vec<String> = prefixes.into_iter().collect();
        let expected = prefixes
            .iter()
            .filter(|prefix| segments(&path).starts_with(&segments(prefix)))
            .max_by_key(|prefix| segments(prefix).len());
        let routing = routing(&prefixes);
        prop_assert_eq!(
            chosen(&routing, "app.localhost", &path),
            expected.map(String::as_str)
        );
    }
}
