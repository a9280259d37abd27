//! What people are told about each kind of mistake, in both languages.
//! `tests/fixtures/bad/NAME.yaml` gives `tests/snapshots/bad_input__NAME.snap`.

#![expect(clippy::unwrap_used, reason = "a test that fails here shows why")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use estiba_model::{Diagnostic, has_errors};
use estiba_score::yaml::MOST_FINDINGS;

fn fixtures(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(folder);
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn render(text: &str, diagnostics: &[Diagnostic]) -> String {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut out = String::new();
    for finding in diagnostics {
        let place = finding.place.as_ref().unwrap();
        let (line, column) = (place.line, place.column);
        let part = &text[place.offset_bytes..place.offset_bytes + place.length_bytes];
        let (severity, code) = (finding.severity, &finding.code);
        writeln!(out, "{line}:{column} {severity:?} {code} at {part:?}").unwrap();
        writeln!(out, "  en: {}", finding.message.en).unwrap();
        writeln!(out, "  es: {}", finding.message.es).unwrap();
        if let Some(hint) = &finding.hint {
            writeln!(out, "  en: → {}", hint.en).unwrap();
            writeln!(out, "  es: → {}", hint.es).unwrap();
        }
    }
    out
}

#[test]
fn every_mistake_is_explained_where_it_is() {
    for file in fixtures("bad") {
        let text = std::fs::read_to_string(&file).unwrap();
        let parsed = estiba_score::parse(Path::new("score.yaml"), &text);
        let name = file.file_stem().unwrap().to_str().unwrap();
        insta::assert_snapshot!(name, render(&text, &parsed.diagnostics));
        assert_eq!(
            parsed.workload.is_none(),
            has_errors(&parsed.diagnostics),
            "{name}"
        );
    }
}

#[test]
fn columns_and_offsets_point_to_the_same_character() {
    for file in fixtures("bad") {
        let text = std::fs::read_to_string(&file).unwrap();
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        for finding in estiba_score::parse(&file, text).diagnostics {
            let place = finding.place.unwrap();
            let before = &text[..place.offset_bytes];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
            assert_eq!(
                (place.line, place.column),
                (line, column),
                "{}: {}",
                file.display(),
                finding.code
            );
        }
    }
}

#[test]
fn findings_are_bounded() {
    let unknown: String = (0..5000).map(|n| format!("key-{n}: ${{x}}\n")).collect();
    let parsed = estiba_score::parse(Path::new("score.yaml"), &unknown);
    assert!(parsed.diagnostics.len() <= MOST_FINDINGS);
    assert!(has_errors(&parsed.diagnostics));
}

#[test]
fn what_is_no_text_or_no_file_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let codes = |path: &Path| {
        let parsed = estiba_score::read(path);
        assert!(parsed.workload.is_none());
        parsed
            .diagnostics
            .into_iter()
            .map(|finding| finding.code)
            .collect::<Vec<_>>()
    };
    assert_eq!(codes(&folder.path().join("none.yaml")), ["unreadable-file"]);
    assert_eq!(codes(folder.path()), ["unreadable-file"]);

    let file = folder.path().join("score.yaml");
    std::fs::write(&file, b"apiVersion: a\nmetadata: \xff\n").unwrap();
    assert_eq!(codes(&file), ["not-utf8"]);
    let place = estiba_score::read(&file).diagnostics[0]
        .place
        .clone()
        .unwrap();
    assert_eq!((place.line, place.column, place.offset_bytes), (2, 11, 24));

    std::fs::write(&file, "#".repeat((1 << 20) + 1)).unwrap();
    assert_eq!(codes(&file), ["file-too-long"]);
    std::fs::write(&file, "# comment\n".repeat(100)).unwrap();
    assert_eq!(codes(&file), ["empty-file"]);
}
