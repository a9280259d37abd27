//! Any text as a file of another tool: importing it never panics, and what is
//! written reads back as Score.

#![no_main]

use std::path::{Path, PathBuf};

use estiba_import::{MemoryFiles, Options, import};
use estiba_model::Lang;
use libfuzzer_sys::fuzz_target;

const NAMES: [&str; 5] = ["compose.yaml", "infra/prod.yaml", "Procfile", "app.json", "test.config.json"];

fuzz_target!(|input: (u8, &str)| {
    let (which, text) = input;
    let (Ok(project), Ok(team)) = ("tp2".parse(), "moria".parse()) else {
        return;
    };
    let name = NAMES[usize::from(which) % NAMES.len()];
    let mut files = MemoryFiles::default();
    files.0.insert(name.into(), text.to_owned());
    let options = Options { directory: PathBuf::new(), project, team, lang: Lang::Es };
    let imported = import(&files, &[name.into()], &options);
    for (path, text) in &imported.files {
        if path != Path::new("estiba.yaml") {
            let (documents, findings) = estiba_score::yaml::Document::all(path, text);
            assert!(documents.len() == 1 && findings.is_empty(), "{findings:?}\n{text}");
        }
    }
});
