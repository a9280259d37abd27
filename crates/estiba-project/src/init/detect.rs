//! What a folder has that can ship.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::Path;

use estiba_model::ProjectWorkload;
use walkdir::WalkDir;

use super::names::name_of;
use crate::check::sources::BUILD_FILES;
use crate::references;

pub(super) const TELEGRAM_TOKEN: &str = "TELEGRAM_TOKEN";

const SCORE_FILE: &str = "score.yaml";

/// Where nothing says another port.
const USUAL_PORT: u16 = 8080;

/// Enough to see what a program reads from its environment.
const MOST_FILES: usize = 300;
const MOST_BYTES: u64 = 256 << 10;

/// Folders that hold no source of the team's own.
const SKIPPED: [&str; 5] = ["target", "node_modules", "vendor", "dist", "build"];

/// Words in manifests of programs that talk to Telegram.
const BOT_LIBRARIES: [&str; 7] = [
    "teloxide",
    "frankenstein",
    "telegram",
    "telebot",
    "telegraf",
    "grammy",
    "aiogram",
];

/// A folder that ships as a workload.
pub(super) struct Component {
    pub name: String,
    /// From the project's folder; empty for that itself.
    pub folder: String,
    pub found: Found,
}

/// What says that a folder ships.
pub(super) enum Found {
    /// It has a Score file, which could be read or not.
    Score(Option<Box<ProjectWorkload>>),
    /// It can be built.
    Source(Source),
}

/// What the source says about the program.
pub(super) struct Source {
    /// Where it listens; `None` for a bot.
    pub port: Option<u16>,
    /// It reads `DATABASE_URL`.
    pub database: bool,
}

impl Component {
    pub fn score_path(&self) -> String {
        if self.folder.is_empty() {
            SCORE_FILE.to_owned()
        } else {
            format!("{}/{SCORE_FILE}", self.folder)
        }
    }

    /// The values that it reads from its environment.
    pub fn values(&self) -> BTreeSet<String> {
        let names: &[&str] = match &self.found {
            Found::Score(Some(workload)) => {
                let references = references::of(workload);
                return references
                    .iter()
                    .filter_map(|r| r.value_key())
                    .map(str::to_owned)
                    .collect();
            }
            Found::Score(None) => &[],
            Found::Source(Source { port: None, .. }) => &["LOG_LEVEL", TELEGRAM_TOKEN],
            Found::Source(_) => &["LOG_LEVEL"],
        };
        names.iter().map(|name| (*name).to_owned()).collect()
    }
}

/// The workloads of `directory` and its direct subfolders, by folder. A folder
/// that is built is not looked into: what is in it belongs to it.
pub(super) fn components(directory: &Path) -> Vec<Component> {
    let whole = component(directory, "");
    let mut components: Vec<Component> = match whole {
        Some(whole) => vec![whole],
        None => subfolders(directory)
            .iter()
            .filter_map(|folder| component(&directory.join(folder), folder))
            .collect(),
    };
    let mut names = BTreeSet::new();
    for component in &mut components {
        if !names.insert(component.name.clone()) && matches!(component.found, Found::Source(_)) {
            component.name.push_str("-2");
        }
    }
    components
}

fn subfolders(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let folders = entries.filter(|entry| entry.path().is_dir());
    let names = folders.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names
        .filter(|name| !name.starts_with('.') && !SKIPPED.contains(&name.as_str()))
        .collect();
    names.sort();
    names
}

fn component(path: &Path, folder: &str) -> Option<Component> {
    let full = path.canonicalize().ok()?;
    let folder_name = full
        .file_name()
        .and_then(|name| name_of(&name.to_string_lossy()));
    let file = path.join(SCORE_FILE);
    let (name, found) = if file.is_file() {
        let workload = estiba_score::read(&file).workload;
        let workload = workload.map(|workload| {
            Box::new(ProjectWorkload {
                workload,
                file,
                directory: path.to_owned(),
            })
        });
        (
            workload.as_ref().map(|w| w.workload.name.to_string()),
            Found::Score(workload),
        )
    } else {
        (
            folder_name.clone(),
            Found::Source(source(path, folder_name.as_deref()?)?),
        )
    };
    Some(Component {
        name: name.or(folder_name)?,
        folder: folder.to_owned(),
        found,
    })
}

/// What the folder's source says; `None` where there is no program to build.
fn source(path: &Path, name: &str) -> Option<Source> {
    let dockerfile = BUILD_FILES[..2]
        .iter()
        .find_map(|name| read(&path.join(name)));
    let program = path.join("Cargo.toml").is_file()
        && ["src/main.rs", "src/bin"]
            .iter()
            .any(|main| path.join(main).exists());
    if dockerfile.is_none() && !program {
        return None;
    }
    let text = source_text(path);
    let exposed = dockerfile.as_deref().and_then(exposed_port);
    let bot = name.contains("bot") || depends_on_telegram(path);
    let port = match exposed {
        Some(port) => Some(port),
        None if bot => None,
        None => Some(USUAL_PORT),
    };
    Some(Source {
        port,
        database: text.contains("DATABASE_URL"),
    })
}

/// The first port of a Dockerfile's `EXPOSE`
/// (<https://docs.docker.com/reference/dockerfile/#expose>).
fn exposed_port(dockerfile: &str) -> Option<u16> {
    let mut words = dockerfile
        .lines()
        .map(str::split_whitespace)
        .filter_map(|mut words| {
            let first = words.next()?;
            first.eq_ignore_ascii_case("EXPOSE").then(|| words.next())?
        });
    words.find_map(|port| {
        port.split('/')
            .next()?
            .parse()
            .ok()
            .filter(|port| *port > 0)
    })
}

fn depends_on_telegram(path: &Path) -> bool {
    let manifests = [
        "Cargo.toml",
        "Gemfile",
        "package.json",
        "requirements.txt",
        "go.mod",
    ];
    let texts = manifests.iter().filter_map(|name| read(&path.join(name)));
    texts
        .into_iter()
        .any(|text| BOT_LIBRARIES.iter().any(|library| text.contains(library)))
}

/// The text of the folder's files, as far as it is needed for a guess.
fn source_text(path: &Path) -> String {
    let own = |entry: &walkdir::DirEntry| {
        let name = entry.file_name().to_string_lossy();
        entry.depth() == 0 || !(name.starts_with('.') || SKIPPED.contains(&name.as_ref()))
    };
    let files = WalkDir::new(path)
        .max_depth(6)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(own);
    let files = files.flatten().filter(|entry| entry.file_type().is_file());
    files
        .take(MOST_FILES)
        .filter_map(|entry| read(entry.path()))
        .collect()
}

fn read(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .ok()?
        .take(MOST_BYTES)
        .read_to_end(&mut bytes)
        .ok()?;
    String::from_utf8(bytes).ok()
}
