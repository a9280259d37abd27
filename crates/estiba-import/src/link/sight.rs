//! Secrets in plain sight within the words of a command.

use std::ops::Range;
use std::sync::LazyLock;

use estiba_project::looks_secret;
use regex::Regex;

use super::values::names_a_secret;

/// A secret within a word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub word: usize,
    pub at: Range<usize>,
    /// What to call it.
    pub name: String,
}

/// What a pattern finds: the first group is the name, where there are two, and the
/// last the secret.
struct Pattern {
    regex: Option<Regex>,
    /// The name where the pattern has none.
    name: &'static str,
}

static PATTERNS: LazyLock<[Pattern; 4]> = LazyLock::new(|| {
    [
        (r"://[^\s/:@]*:([^\s/@]+)@", "URL_PASSWORD"),
        (
            r#"(?i)(?:authorization|x-api-key|x-auth-token)\s*:\s*(?:bearer\s+|basic\s+|token\s+)?([^\s"']+)"#,
            "AUTHORIZATION",
        ),
        // `--token=x`, `--token x`, `TOKEN=x`, `?token=x`
        (
            r#"(?:^|[\s"'?&;])-{0,2}([A-Za-z][A-Za-z0-9_-]*)=["']?([^\s"';|&]+)"#,
            "",
        ),
        (
            r#"(?:^|[\s"'])--?([A-Za-z][A-Za-z0-9_-]*)\s+["']?([^\s"';|&-][^\s"';|&]*)"#,
            "",
        ),
    ]
    .map(|(pattern, name)| Pattern {
        regex: Regex::new(pattern).ok(),
        name,
    })
});

/// The secrets in the words of a command, in their order and apart; `known` are
/// values that are secrets elsewhere, by name.
pub(super) fn secrets(words: &[String], known: &[(String, String)]) -> Vec<Seen> {
    let mut seen: Vec<Seen> = Vec::new();
    let program = words.first().map_or("", String::as_str);
    let program = program.rsplit('/').next().unwrap_or_default();
    for (word, text) in words.iter().enumerate() {
        let previous = word.checked_sub(1).map(|before| words[before].as_str());
        let mut found = within(text, known);
        found.extend(whole(program, previous, text));
        for (at, name) in found {
            let overlaps = |other: &Seen| {
                other.word == word && other.at.start < at.end && at.start < other.at.end
            };
            if !at.is_empty() && !seen.iter().any(overlaps) {
                seen.push(Seen { word, at, name });
            }
        }
    }
    seen.sort_by_key(|seen| (seen.word, seen.at.start));
    seen
}

type Found = Vec<(Range<usize>, String)>;

fn within(text: &str, known: &[(String, String)]) -> Found {
    let mut found = Found::new();
    for (name, value) in known {
        let places = text.match_indices(value.as_str());
        found.extend(places.map(|(at, value)| (at..at + value.len(), name.clone())));
    }
    for pattern in PATTERNS.iter() {
        let matches = pattern
            .regex
            .iter()
            .flat_map(|regex| regex.captures_iter(text));
        for captures in matches {
            let last = captures.len() - 1;
            let Some(value) = captures.get(last) else {
                continue;
            };
            let name = match captures.get(1).filter(|_| last > 1) {
                Some(name) if is_flag_of_secret(name.as_str()) => name.as_str(),
                Some(_) => continue,
                None => pattern.name,
            };
            if is_value(value.as_str()) {
                found.push((value.range(), name.to_owned()));
            }
        }
    }
    // Tokens that are known by their shape.
    let ends = |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '=' | ';' | ',');
    for piece in text.split(ends).filter(|piece| looks_secret("", piece)) {
        let at = piece.as_ptr() as usize - text.as_ptr() as usize;
        found.push((at..at + piece.len(), "SECRET".to_owned()));
    }
    found
}

/// A word that is a secret by the one before it, or by its program.
fn whole(program: &str, previous: Option<&str>, text: &str) -> Option<(Range<usize>, String)> {
    if !is_value(text) {
        return None;
    }
    let sql = program.starts_with("mysql") || program.starts_with("mariadb");
    if let Some(password) = text.strip_prefix("-p").filter(|_| sql) {
        return (!password.is_empty()).then(|| (2..text.len(), "PASSWORD".to_owned()));
    }
    let previous = previous?;
    let redis = program.starts_with("redis") || program.starts_with("valkey");
    if redis && previous == "-a" {
        return Some((0..text.len(), "PASSWORD".to_owned()));
    }
    let flag = previous.strip_prefix('-')?.trim_start_matches('-');
    let is_flag = !text.starts_with('-') && !flag.contains('=') && is_flag_of_secret(flag);
    is_flag.then(|| (0..text.len(), flag.to_owned()))
}

fn is_flag_of_secret(flag: &str) -> bool {
    let name = flag.replace('-', "_").to_lowercase();
    // What says where a secret is, or something about it.
    let about = [
        "file", "path", "url", "ttl", "name", "header", "type", "env",
    ];
    let about = about.iter().any(|end| name.ends_with(&format!("_{end}")));
    let known = matches!(name.as_str(), "requirepass" | "masterauth");
    !about && (known || names_a_secret(&name))
}

/// Whether a text can be a secret, and does not stand for one.
fn is_value(text: &str) -> bool {
    let stands = text.starts_with(['$', '/', '(', '<']) || text.contains("${");
    let plain = matches!(text, "true" | "false" | "none" | "null");
    let count = text.len() < 6 && text.bytes().all(|b| b.is_ascii_digit());
    !(text.is_empty() || stands || plain || count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &[&str]) -> Vec<(String, String)> {
        let words: Vec<String> = line.iter().map(|word| (*word).to_owned()).collect();
        let known = [("DB".to_owned(), "known-one".to_owned())];
        let seen = secrets(&words, &known).into_iter();
        seen.map(|seen| (seen.name, words[seen.word][seen.at].to_owned()))
            .collect()
    }

    #[test]
    fn secrets_are_seen_in_all_their_forms() {
        for (line, name, value) in [
            (vec!["app", "--token=abc1"], "token", "abc1"),
            (vec!["app", "--api-key", "abc1"], "api-key", "abc1"),
            (vec!["psql", "postgres://u:pw1@db/x"], "URL_PASSWORD", "pw1"),
            (vec!["app", "is known-one here"], "DB", "known-one"),
            (
                vec!["redis-server", "--requirepass", "pw1"],
                "requirepass",
                "pw1",
            ),
            (vec!["redis-cli", "-a", "pw1", "ping"], "PASSWORD", "pw1"),
            (vec!["mysqladmin", "ping", "-ppw1"], "PASSWORD", "pw1"),
            (
                vec!["sh", "-c", "DB_PASSWORD=pw1 run"],
                "DB_PASSWORD",
                "pw1",
            ),
            (vec!["sh", "-c", "run --password pw1 -v"], "password", "pw1"),
            (
                vec!["curl", "-H", "Authorization: Bearer abc1"],
                "AUTHORIZATION",
                "abc1",
            ),
        ] {
            assert_eq!(
                found(&line),
                [(name.to_owned(), value.to_owned())],
                "{line:?}"
            );
        }
    }

    #[test]
    fn what_stands_for_a_secret_is_none() {
        for line in [
            vec![
                "app",
                "--token=$TOKEN",
                "--token-file=/run/token",
                "--verbose",
            ],
            vec!["app", "--password", "-v", "--max-token", "100"],
            vec!["sh", "-c", "echo \"$PASSWORD\" | run --password-stdin"],
            vec!["psql", "-p", "5432", "postgres://db/x"],
        ] {
            assert_eq!(found(&line), [], "{line:?}");
        }
    }
}
