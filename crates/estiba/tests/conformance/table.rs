//! The results as pages of the docs, in both languages.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use crate::behaviour::Need;
use crate::{behaviours, place, results};

/// The words of one language.
struct Page {
    file: &'static str,
    head: &'static str,
    behaviour: &'static str,
    lacks: &'static str,
    language: usize,
}

const PAGES: [Page; 2] = [
    Page {
        file: "docs/en/conformance.md",
        head: "# Conformance\n\n\
            Every behaviour below is tried through the `estiba` command on the real runtime, by\n\
            [one list](../../crates/estiba/tests/conformance/behaviours) for all targets: `just conformance`\n\
            tries what the machine has and writes this page. ✓: seen. A letter: the target\n\
            lacks something for it, and that it says so was seen. Empty: not tried.\n",
        behaviour: "behaviour",
        lacks: "lacks",
        language: 0,
    },
    Page {
        file: "docs/es/conformance.md",
        head: "# Conformidad\n\n\
            Cada comportamiento se prueba con el comando `estiba` en la plataforma real, con\n\
            [una sola lista](../../crates/estiba/tests/conformance/behaviours) para todas: `just conformance`\n\
            prueba lo que hay en la máquina y escribe esta página. ✓: se observó. Una letra: a la\n\
            plataforma le falta algo para eso, y se observó que lo dice. Vacío: no se probó.\n",
        behaviour: "comportamiento",
        lacks: "le falta",
        language: 1,
    },
];

/// Writes the pages; fails where a behaviour failed.
pub fn write() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let targets: Vec<_> = place::all().iter().map(|place| place.name()).collect();
    let known: Vec<_> = targets.iter().map(|target| results::of(target)).collect();
    let failed = |word: &serde_json::Value| *word == "failed";
    for (target, known) in targets.iter().zip(&known) {
        let known = known.as_object().unwrap();
        if let Some((behaviour, _)) = known.iter().find(|(_, word)| failed(word)) {
            eprintln!("{target}::{behaviour} failed; the docs are left as they are");
            return ExitCode::FAILURE;
        }
    }
    for page in &PAGES {
        fs::write(root.join(page.file), render(page, &targets, &known)).unwrap();
    }
    ExitCode::SUCCESS
}

fn render(page: &Page, targets: &[&str], known: &[serde_json::Value]) -> String {
    let mut text = page.head.to_owned();
    for (theme, behaviours) in behaviours::THEMES {
        let columns = targets.join(" | ");
        let lines = ":-:|".repeat(targets.len());
        let (title, head) = (theme[page.language], page.behaviour);
        let _ = write!(
            text,
            "\n## {title}\n\n| {head} | {columns} |\n|---|{lines}\n"
        );
        for behaviour in *behaviours {
            let says = [behaviour.en, behaviour.es][page.language];
            let _ = write!(text, "| {says} |");
            for known in known {
                let _ = write!(text, " {} |", cell(known[behaviour.name].as_str()));
            }
            text.push('\n');
        }
    }
    let mut notes = Need::ALL.iter().filter(|need| {
        let name = need.name();
        let all = known.iter().filter_map(|known| known.as_object());
        all.flat_map(|all| all.values()).any(|word| *word == name)
    });
    if let Some(first) = notes.next() {
        let (letter, lacks) = (page.behaviour, page.lacks);
        let _ = write!(text, "\n| {letter} | {lacks} |\n|---|---|\n");
        for need in std::iter::once(first).chain(notes) {
            let says = need.lacking()[page.language];
            let _ = writeln!(text, "| {} | {says} |", cell(Some(need.name())));
        }
    }
    text
}

fn cell(word: Option<&str>) -> String {
    match word {
        None => String::new(),
        Some("passed") => "✓".to_owned(),
        Some(need) => {
            let place = Need::ALL.iter().position(|one| one.name() == need);
            let letter = place.and_then(|place| "abcdefghijklmnopqrstuvwxyz".chars().nth(place));
            letter.map(String::from).unwrap_or_default()
        }
    }
}
