//! Which parts of an answer are wanted.
//!
//! What a filter or a pattern costs is paid at every name of an answer, so there are only
//! so many of them, and each is compared in one go.

use axum::http::StatusCode;
use estiba_model::{Message, message};
use serde_json::{Map, Value, json};

use super::answer::Failure;

/// The longest `filter_path`, in bytes.
const LONGEST_FILTER: usize = 4096;
/// The most paths of a `filter_path`.
const MOST_PATHS: usize = 64;
/// The most names of a path.
const MOST_NAMES: usize = 32;
/// The most names of fields, each perhaps with `*`, of a list in a request.
const MOST_PATTERNS: usize = 256;
/// The longest of them, in bytes.
const LONGEST_PATTERN: usize = 512;

/// What `filter_path` leaves of an answer: paths with `*` for any name and `**` for any
/// names. All is left where there is none.
/// <https://www.elastic.co/guide/en/elasticsearch/reference/8.19/common-options.html#common-options-response-filtering>
#[derive(Debug, Default)]
pub(super) struct Filter(Option<String>);

/// A path, or what is left of it below a name.
type Path<'a> = &'a [&'a str];

impl Filter {
    /// Reads a filter, or refuses one that would cost too much.
    pub(super) fn read(text: Option<String>) -> Result<Self, Failure> {
        let text = text.filter(|paths| !paths.is_empty());
        if let Some(text) = &text {
            let too_many = text.split(',').count() > MOST_PATHS
                || text
                    .split(',')
                    .any(|path| path.split('.').count() > MOST_NAMES);
            if too_many || text.len() > LONGEST_FILTER {
                return Err(refused(&message!(
                    "filter_path: at most {MOST_PATHS} paths of {MOST_NAMES} names each are taken, and {LONGEST_FILTER} bytes",
                    "filter_path: se aceptan a lo sumo {MOST_PATHS} caminos de {MOST_NAMES} nombres cada uno, y {LONGEST_FILTER} bytes"
                )));
            }
        }
        Ok(Self(text))
    }

    /// The filter as it was written, where there is one.
    pub(super) fn text(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// Leaves of an answer what was named.
    pub(super) fn leave(&self, answer: Value) -> Value {
        let Some(text) = self.text() else {
            return answer;
        };
        let paths: Vec<_> = text.split(',').map(names).collect();
        let paths: Vec<_> = paths.iter().map(Vec::as_slice).collect();
        keep(answer, &paths).unwrap_or_else(|| json!({}))
    }
}

/// The names of a path. A second `**` after another says nothing more.
fn names(path: &str) -> Vec<&str> {
    let mut names: Vec<_> = path.trim().split('.').collect();
    names.dedup_by(|name, before| *name == "**" && *before == "**");
    names
}

fn keep(value: Value, paths: &[Path<'_>]) -> Option<Value> {
    if paths.iter().any(|path| path.is_empty()) {
        return Some(value);
    }
    match value {
        _ if paths.is_empty() => None,
        Value::Object(map) => {
            let kept: Map<_, _> = map
                .into_iter()
                .filter_map(|(name, value)| {
                    let kept = keep(value, &below(paths, &name))?;
                    Some((name, kept))
                })
                .collect();
            (!kept.is_empty()).then(|| kept.into())
        }
        Value::Array(list) => {
            let kept: Vec<_> = list
                .into_iter()
                .filter_map(|value| keep(value, paths))
                .collect();
            (!kept.is_empty()).then(|| kept.into())
        }
        _ => None,
    }
}

/// What is left of paths below a name, each once: `**` comes to the same in many ways.
fn below<'a>(paths: &[Path<'a>], name: &str) -> Vec<Path<'a>> {
    let mut left = Vec::new();
    for path in paths {
        match path.split_first() {
            Some((&"**", rest)) => {
                left.push(*path);
                left.extend(Some(rest).filter(|rest| rest.is_empty()));
                left.extend(after(rest, name));
            }
            _ => left.extend(after(path, name)),
        }
    }
    left.sort_unstable();
    left.dedup();
    left
}

/// What is left of a path after its first name, if this one is like it.
fn after<'a>(path: Path<'a>, name: &str) -> Option<Path<'a>> {
    let (first, rest) = path.split_first()?;
    like(first, name).then_some(rest)
}

/// Names of fields that a request lists, each perhaps with `*`.
#[derive(Debug, Default)]
pub(super) struct Patterns(Vec<String>);

impl Patterns {
    /// Reads the list `of` a request, or refuses one that would cost too much.
    pub(super) fn read(of: &str, patterns: Vec<String>) -> Result<Self, Failure> {
        let long = |pattern: &String| pattern.len() > LONGEST_PATTERN;
        if patterns.len() > MOST_PATTERNS || patterns.iter().any(long) {
            return Err(refused(&message!(
                "{of}: at most {MOST_PATTERNS} names of {LONGEST_PATTERN} bytes each are taken",
                "{of}: se aceptan a lo sumo {MOST_PATTERNS} nombres de {LONGEST_PATTERN} bytes cada uno"
            )));
        }
        Ok(Self(patterns))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a name is like one of them.
    pub(super) fn name(&self, name: &str) -> bool {
        self.0.iter().any(|pattern| like(pattern, name))
    }

    /// Those that are whole names.
    pub(super) fn whole(&self) -> impl Iterator<Item = &String> {
        self.0.iter().filter(|pattern| !pattern.contains('*'))
    }
}

fn refused(reason: &Message) -> Failure {
    Failure::new(
        StatusCode::BAD_REQUEST,
        "illegal_argument_exception",
        reason,
    )
}

/// Whether a name is like a pattern with `*`. What is between two `*` is looked for once:
/// the first place where it is leaves the most for what follows.
pub(super) fn like(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    let inner = name
        .strip_prefix(start)
        .and_then(|name| name.strip_suffix(end));
    let Some(mut left) = inner else {
        return false;
    };
    middle.split('*').all(|part| {
        let at = left.find(part);
        left = at.map_or("", |at| &left[at + part.len()..]);
        at.is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn filtered(answer: &Value, filter: &str) -> Value {
        let filter = Filter::read(Some(filter.to_owned())).unwrap();
        filter.leave(answer.clone())
    }

    #[test]
    fn filters_leave_what_they_name() {
        let answer = json!({
            "took": 1, "errors": true,
            "items": [
                {"create": {"status": 201}},
                {"index": {"status": 400, "error": {"type": "a", "reason": "b"}}},
            ],
        });
        let reasons = json!({"items": [{"index": {"error": {"reason": "b"}}}]});
        for (filter, left) in [
            ("took", json!({"took": 1})),
            (
                "errors,items.*.error.type",
                json!({"errors": true, "items": [{"index": {"error": {"type": "a"}}}]}),
            ),
            (
                "items.*.status",
                json!({"items": [{"create": {"status": 201}}, {"index": {"status": 400}}]}),
            ),
            ("**.reason", reasons.clone()),
            ("**.**.reason", reasons.clone()),
            ("**.error.**.reason", reasons.clone()),
            ("items.**.reason,**.reason", reasons),
            ("**", answer.clone()),
            ("**.*", answer.clone()),
            ("t*", json!({"took": 1})),
            ("absent", json!({})),
        ] {
            assert_eq!(filtered(&answer, filter), left, "{filter}");
        }
        assert_eq!(Filter::default().leave(answer.clone()), answer);
    }

    #[test]
    fn filters_are_bounded() {
        let within = vec![vec!["a"; MOST_NAMES].join("."); MOST_PATHS].join(",");
        assert!(within.len() <= LONGEST_FILTER);
        assert_eq!(filtered(&json!({"a": 1}), &within), json!({}));
        for filter in [
            vec!["**"; 20_000].join("."),
            vec!["a"; MOST_NAMES + 1].join("."),
            vec!["a"; MOST_PATHS + 1].join(","),
            "*a".repeat(LONGEST_FILTER),
        ] {
            let refused = Filter::read(Some(filter)).unwrap_err();
            assert_eq!(refused.status, StatusCode::BAD_REQUEST);
            assert_eq!(refused.cause()["type"], "illegal_argument_exception");
        }
    }

    #[test]
    fn a_path_is_followed_once_however_often_it_is_reached() {
        // Each `**` may stand for any of the names: without care that is a path for each
        // way to choose them.
        let mut answer = json!(1);
        for _ in 0..100 {
            answer = json!({"a": answer});
        }
        let filter = vec!["**.a"; MOST_NAMES / 2 - 1].join(".");
        assert_eq!(filtered(&answer, &filter), answer);
        assert_eq!(filtered(&answer, &format!("{filter}.b")), json!({}));
    }

    #[test]
    fn patterns_are_bounded() {
        assert!(Patterns::read("_source", vec!["a".repeat(LONGEST_PATTERN)]).is_ok());
        for patterns in [
            vec!["a".repeat(LONGEST_PATTERN + 1)],
            vec!["a".into(); MOST_PATTERNS + 1],
        ] {
            let refused = Patterns::read("_source", patterns).unwrap_err();
            assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        }
    }

    #[test]
    fn a_pattern_takes_no_longer_the_more_stars_it_has() {
        let name = "a".repeat(100_000);
        assert!(!like(&format!("{}b", "*a".repeat(250)), &name));
        assert!(like(&"*a".repeat(250), &name));
    }

    /// What `like` means, as slow as it may be.
    fn plainly_like(pattern: &[char], name: &[char]) -> bool {
        match pattern.split_first() {
            None => name.is_empty(),
            Some(('*', rest)) => (0..=name.len()).any(|at| plainly_like(rest, &name[at..])),
            Some((first, rest)) => name.first() == Some(first) && plainly_like(rest, &name[1..]),
        }
    }

    proptest! {
        #[test]
        fn like_is_what_it_says(pattern in "[ab*é]{0,7}", name in "[abé]{0,7}") {
            let [plain, of] = [&pattern, &name].map(|text| text.chars().collect::<Vec<_>>());
            prop_assert_eq!(like(&pattern, &name), plainly_like(&plain, &of));
        }
    }
}
