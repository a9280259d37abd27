//! As much of a shell's language as is needed to see variables and programs.

use std::sync::LazyLock;

use regex::Regex;

/// A variable that a command reads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Use<'t> {
    pub name: &'t str,
    /// As it is written, `$` and braces too.
    pub written: &'t str,
}

/// The variables that a text reads. Those in single quotes are none, nor those that
/// the text itself has an answer for (`${A:-b}`).
pub(super) fn uses(text: &str) -> Vec<Use<'_>> {
    let bytes = text.as_bytes();
    let mut found = Vec::new();
    let (mut at, mut in_single, mut in_double) = (0, false, false);
    while at < bytes.len() {
        match bytes[at] {
            b'\\' if !in_single => at += 1,
            b'\'' if !in_double => in_single = !in_single,
            b'"' if !in_single => in_double = !in_double,
            b'$' if !in_single => {
                // `$$` is the shell's own number; to GitLab it is a dollar.
                if bytes.get(at + 1) == Some(&b'$') {
                    at += 1;
                } else if let Some(used) = use_at(&text[at..]) {
                    at += used.written.len() - 1;
                    found.push(used);
                }
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// The variable at the start of a text that begins with `$`.
fn use_at(text: &str) -> Option<Use<'_>> {
    let rest = &text[1..];
    let (braced, inner) = match rest.strip_prefix('{') {
        Some(inner) => (true, inner),
        None => (false, rest),
    };
    let inner = inner.strip_prefix('#').filter(|_| braced).unwrap_or(inner);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let end = inner.find(|c| !is_word(c)).unwrap_or(inner.len());
    let name = &inner[..end];
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return None;
    }
    let after = &inner[end..];
    let has_answer = ["-", "+", "=", "?", ":-", ":+", ":=", ":?"];
    if braced && has_answer.iter().any(|sign| after.starts_with(sign)) {
        return None;
    }
    let start = text.len() - inner.len();
    let written = match braced && after.starts_with('}') {
        true => &text[..start + end + 1],
        false => &text[..start + end],
    };
    Some(Use { name, written })
}

/// Every name that a text gives a value to.
pub(super) fn assigned(text: &str) -> impl Iterator<Item = &str> {
    let found = ASSIGNMENT.captures_iter(text);
    found.flat_map(|found| {
        let names = found.iter().skip(1).flatten().map(|name| name.as_str());
        let names = names.flat_map(str::split_ascii_whitespace);
        names
            .map(|name| name.split_once('=').map_or(name, |(name, _)| name))
            .collect::<Vec<_>>()
    })
}

/// In their order: `A=`, `${A:=b}`, what declares several, what reads into several (some
/// options have a value, which is no name), `printf -v`, and loops.
#[expect(clippy::expect_used, reason = "a constant, which tests compile")]
static ASSIGNMENT: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r#"(?m)(?:^|[\s;&|("'])([A-Za-z_]\w*)\+?=|\$\{([A-Za-z_]\w*):?=|\b(?:export|local|declare|typeset|readonly|getopts\s+\S+)\s+(?:-\w+\s+)*((?:[A-Za-z_]\w*(?:=\S*)?[ \t]*)+)|\b(?:read|mapfile|readarray)\s+(?:-\w+\s+(?:(?:"[^"]*"|'[^']*'|[^\s\w"'-]\S*|\d\S*)\s+)?)*((?:[A-Za-z_]\w*[ \t]*)+)|\bprintf\s+-v\s+([A-Za-z_]\w*)|\b(?:for|select)\s+([A-Za-z_]\w*)\s+in\b"#,
    )
    .expect("a pattern")
});

/// Whether a text runs another in the same shell, which may set anything.
pub(super) fn sources(text: &str) -> bool {
    programs(text).any(|words| matches!(words[0], "." | "source" | "eval"))
}

/// The words of each command of a text, from its program on.
pub(super) fn programs(text: &str) -> impl Iterator<Item = Vec<&str>> {
    text.lines()
        .flat_map(|line| line.split([';', '|', '&', '(', ')', '`']))
        .filter_map(|command| {
            let before = [
                "sudo", "exec", "time", "then", "do", "else", "if", "!", "command",
            ];
            let words = command.split_ascii_whitespace();
            let is_value = |word: &str| {
                let name = word.split_once('=').map(|(name, _)| name);
                name.is_some_and(|name| name.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()))
            };
            let words: Vec<&str> = words
                .skip_while(|word| before.contains(word) || is_value(word))
                .collect();
            (!words.is_empty()).then_some(words)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_seen_where_the_shell_sees_them() {
        let cases: [(&str, &[&str]); 9] = [
            ("echo $A \"$B/${C}x\"", &["A", "B", "C"]),
            ("awk '{print $NAME}'", &[]),
            ("echo \"it's $A\"", &["A"]),
            ("echo \\$A $$ $1 $? $# $@ ${#A}", &["A"]),
            ("echo ${A:-b} ${B-} ${C:?no} ${D:+x}", &[]),
            ("echo ${A#v} ${B%%.*} ${C/x/y}", &["A", "B", "C"]),
            ("curl -H \"PRIVATE-TOKEN: $TOKEN\"", &["TOKEN"]),
            ("echo $[[ inputs.x ]] $(date)", &[]),
            ("cost: 5$", &[]),
        ];
        for (text, expected) in cases {
            let names: Vec<_> = uses(text).iter().map(|used| used.name).collect();
            assert_eq!(names, expected, "{text}");
        }
        assert_eq!(uses("a ${B} c")[0].written, "${B}");
    }

    #[test]
    fn names_get_values_in_many_ways() {
        let text = "A=1; export B=2 && export C\nfor d in x; do read -r E F; done; local G=1\necho \"H=$A\" > x.env";
        let names: std::collections::BTreeSet<_> = assigned(text).collect();
        for name in ["A", "B", "C", "d", "E", "F", "G", "H"] {
            assert!(names.contains(name), "{name} of {names:?}");
        }
        for (text, expected) in [
            ("printf -v OUT '%s' 1", &["OUT"][..]),
            ("mapfile -t ARR < x", &["ARR"]),
            ("readarray -n 3 ARR", &["ARR"]),
            ("read A B", &["A", "B"]),
            ("read -rp \"Who? \" A", &["A"]),
            ("IFS=, read -d : -r A B <<< x", &["IFS", "A", "B"]),
            (": ${DEF:=x} \"${OTHER=y}\"", &["DEF", "OTHER"]),
            ("declare -a A B=1 C", &["A", "B", "C"]),
        ] {
            let names: Vec<_> = assigned(text).collect();
            assert_eq!(names, expected, "{text}");
        }
    }

    #[test]
    fn programs_are_found_behind_values_and_words() {
        let text = "A=1 ./run.sh x && sudo bin/go\nif ! infra/up; then echo ./no; fi";
        let first: Vec<_> = programs(text).map(|words| words[0]).collect();
        assert_eq!(first, ["./run.sh", "bin/go", "infra/up", "echo", "fi"]);
    }
}
