//! What `init` writes for a folder.

use std::fs;
use std::path::Path;

use crate::support::{findings, project, shown, write};
use estiba_model::Lang;
use estiba_project::{InitPlan, init, write_new};

const PROGRAM: &str = "fn main() { let _ = std::env::var(\"DATABASE_URL\"); }\n";

const WRITTEN: &[(&str, &str)] = &[
    (
        ".git/config",
        "[core]\n\tbare = false\n[remote \"origin\"]\n\turl = git@gitlab.com:memo2/moria/tp2.git\n",
    ),
    ("api/Cargo.toml", "[package]\nname = \"api\"\n"),
    ("api/src/main.rs", PROGRAM),
    (
        "talker/Cargo.toml",
        "[package]\nname = \"talker\"\n[dependencies]\nteloxide = \"1\"\n",
    ),
    ("talker/src/main.rs", "fn main() {}\n"),
    ("web/Dockerfile", "FROM nginx\nEXPOSE 8000/tcp\n"),
    ("words/Cargo.toml", "[package]\nname = \"words\"\n"),
    ("words/src/lib.rs", "\n"),
    ("target/Dockerfile", "FROM scratch\n"),
];

/// The planned files and notes as text, paths from the folder.
fn told(plan: &InitPlan, directory: &Path) -> String {
    let files = plan.files.iter().map(|(path, text)| {
        format!(
            "--- {}\n{text}",
            path.strip_prefix(directory).unwrap().display()
        )
    });
    let notes = plan
        .notes
        .iter()
        .map(|note| format!("{}\n{}\n", note.en, note.es));
    let text: String = files.chain(notes).collect();
    text.replace(&directory.display().to_string(), ".")
}

fn write_plan(plan: &InitPlan) -> std::io::Result<()> {
    plan.files
        .iter()
        .try_for_each(|(path, text)| write_new(path, text))
}

/// The project is named after the folder, so the folder has a fixed name.
fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, std::path::PathBuf) {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("TP 2");
    fs::create_dir(&directory).unwrap();
    write(&directory, files);
    (parent, directory)
}

#[test]
fn folders_with_programs_become_workloads_without_findings() {
    for (lang, name) in [(Lang::En, "programs_en"), (Lang::Es, "programs_es")] {
        let (_parent, directory) = folder(WRITTEN);
        let plan = init(&directory, lang).unwrap();
        insta::assert_snapshot!(name, told(&plan, &directory));
        write_plan(&plan).unwrap();
        let found = findings(&directory);
        assert!(found.is_empty(), "{}", shown(&found, &directory));
    }
}

#[test]
fn one_program_with_one_service_is_called_by_its_bot() {
    let (_parent, directory) = folder(&WRITTEN[..5]);
    let plan = init(&directory, Lang::En).unwrap();
    write_plan(&plan).unwrap();
    let bot = fs::read_to_string(directory.join("talker/score.yaml")).unwrap();
    assert!(bot.contains("workload: api"), "{bot}");
    let found = findings(&directory);
    assert!(found.is_empty(), "{}", shown(&found, &directory));
}

#[test]
fn folders_of_any_name_are_listed_so_that_they_are_found() {
    let (_parent, directory) = folder(&[
        ("2024/Dockerfile", "FROM scratch\n"),
        ("true/Dockerfile", "FROM scratch\n"),
        ("a: b #c/Dockerfile", "FROM scratch\n"),
        ("Año \"3\"/Dockerfile", "FROM scratch\n"),
    ]);
    write_plan(&init(&directory, Lang::Es).unwrap()).unwrap();
    let found = findings(&directory);
    assert!(found.is_empty(), "{}", shown(&found, &directory));
}

#[test]
fn score_files_that_exist_are_kept() {
    let directory = project(&[]);
    fs::remove_file(directory.path().join("estiba.yaml")).unwrap();
    let plan = init(directory.path(), Lang::En).unwrap();
    let names: Vec<_> = plan
        .files
        .iter()
        .map(|(path, _)| path.file_name().unwrap())
        .collect();
    assert_eq!(names, ["estiba.yaml"]);
    write_plan(&plan).unwrap();
    let found = findings(directory.path());
    assert!(found.is_empty(), "{}", shown(&found, directory.path()));
}

#[test]
fn a_project_is_never_written_over() {
    let directory = project(&[]);
    let refused = init(directory.path(), Lang::En).unwrap_err();
    insta::assert_snapshot!(shown(&refused, directory.path()));
}

#[test]
fn a_file_that_appeared_meanwhile_is_kept() {
    let (_parent, directory) = folder(WRITTEN);
    let plan = init(&directory, Lang::En).unwrap();
    write(&directory, &[("estiba.yaml", "mine\n")]);
    assert!(write_plan(&plan).is_err());
    assert_eq!(
        fs::read_to_string(directory.join("estiba.yaml")).unwrap(),
        "mine\n"
    );
}

#[test]
fn a_folder_with_nothing_to_ship_says_so() {
    let (_parent, directory) = folder(&[("README.md", "hello\n")]);
    let refused = init(&directory, Lang::En).unwrap_err();
    insta::assert_snapshot!(shown(&refused, &directory));
}
