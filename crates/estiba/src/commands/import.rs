//! `estiba import`.

use std::io::Read;
use std::path::{Path, PathBuf};

use estiba_import::{Files, FoundSecret, Imported, Kind, Options};
use estiba_model::{Diagnostic, Name, Severity, has_errors, message};

use crate::context::Context;
use crate::failure::Failure;

/// A longer file is none that people write.
const MOST_BYTES: u64 = 1 << 20;

/// More files than any project has of this kind.
const MOST_FILES: usize = 5_000;

/// How deep folders are looked into.
const MOST_DEPTH: usize = 8;

/// Folders that hold no files of the team's own.
const SKIPPED: [&str; 4] = ["target", "node_modules", "vendor", "templates"];

/// What to import, and how.
pub struct Wanted {
    /// Files and folders.
    pub paths: Vec<PathBuf>,
    /// The new project's folder.
    pub output: Option<PathBuf>,
    /// Tell only.
    pub dry_run: bool,
    /// Write over what is there.
    pub force: bool,
}

/// Writes a project from files of other tools, and keeps the secrets in them.
pub async fn import(context: &Context, wanted: &Wanted) -> Result<(), Failure> {
    let directory = wanted.output.clone().unwrap_or_else(|| home(&wanted.paths));
    let options = Options {
        project: name(&estiba_project::project_name(&directory))?,
        team: name(&estiba_project::team_name(&directory))?,
        directory,
        lang: context.output.lang,
    };
    let imported = estiba_import::import(&Disk, &wanted.paths, &options);
    if !context.output.json {
        print_report(context, &imported.report);
    }
    if imported.files.is_empty() {
        context.output.json(&document(&imported, &[], &[]));
        return Err(Failure::Quiet(1));
    }
    if wanted.dry_run {
        return dry_run(context, &imported);
    }
    write(context, &imported, wanted.force)?;
    let left = keep(context, &options.directory, &imported.secrets).await?;
    context.output.json(&document(
        &imported,
        &names(imported.secrets.iter().filter(|s| !left.contains(s))),
        &names(left.iter().copied()),
    ));
    conclude(context, &imported, &left)
}

/// The folder of what is imported first.
fn home(paths: &[PathBuf]) -> PathBuf {
    let first = paths.first().map_or(Path::new("."), PathBuf::as_path);
    let folder = if first.is_dir() {
        Some(first)
    } else {
        first.parent()
    };
    let folder = folder.filter(|folder| *folder != Path::new(""));
    folder.unwrap_or(Path::new(".")).to_owned()
}

fn name(text: &str) -> Result<Name, Failure> {
    text.parse()
        .map_err(|error: estiba_model::NameError| Failure::because(error.message().clone()))
}

/// The findings without the lines that they are about, which may have secrets.
fn print_report(context: &Context, report: &[Diagnostic]) {
    let lang = context.output.lang;
    for finding in report {
        let kind = match finding.severity {
            Severity::Error => message!("error", "error"),
            Severity::Warning => message!("note", "nota"),
        };
        let (kind, text) = (kind.text(lang), finding.message.text(lang));
        match &finding.place {
            Some(place) => eprintln!("{}:{}: {kind}: {text}", place.file.display(), place.line),
            None => eprintln!("{kind}: {text}"),
        }
        if let Some(hint) = &finding.hint {
            eprintln!("    → {}", hint.text(lang));
        }
    }
}

fn names<'s>(secrets: impl Iterator<Item = &'s FoundSecret>) -> Vec<serde_json::Value> {
    secrets
        .map(|secret| serde_json::json!({ "environment": secret.environment, "name": secret.name }))
        .collect()
}

fn document(
    imported: &Imported,
    kept: &[serde_json::Value],
    left: &[serde_json::Value],
) -> serde_json::Value {
    let files: Vec<&PathBuf> = imported.files.iter().map(|(path, _)| path).collect();
    serde_json::json!({
        "files": files,
        "secrets_kept": kept,
        "secrets_left": left,
        "findings": imported.report,
    })
}

fn dry_run(context: &Context, imported: &Imported) -> Result<(), Failure> {
    for (path, text) in &imported.files {
        let path = path.display();
        context.output.text(&format!("# {path}\n{text}"));
    }
    context
        .output
        .json(&document(imported, &[], &names(imported.secrets.iter())));
    context.output.line(&message!(
        "nothing was written; without --dry-run these {files} files would be, and {secrets} secrets kept",
        "no se escribió nada; sin --dry-run se escribirían estos {files} archivos y se guardarían {secrets} secretos",
        files = imported.files.len(),
        secrets = imported.secrets.len()
    ));
    Ok(())
}

/// Writes all files, or none where one is there and may not be written over.
fn write(context: &Context, imported: &Imported, force: bool) -> Result<(), Failure> {
    let there = imported.files.iter().filter(|(path, _)| path.exists());
    let there: Vec<String> = there.map(|(path, _)| path.display().to_string()).collect();
    if !there.is_empty() && !force {
        let list = there.join(", ");
        return Err(Failure::because(message!(
            "{list} exists already, and nothing was written; name another folder with -o, or say --force",
            "{list} ya existe, y no se escribió nada; indique otra carpeta con -o, o diga --force"
        )));
    }
    for (path, text) in &imported.files {
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(|error| Failure::file(folder, &error))?;
        }
        let written = if force {
            std::fs::write(path, text)
        } else {
            estiba_project::write_new(path, text)
        };
        written.map_err(|error| Failure::file(path, &error))?;
        let path = path.display();
        context
            .output
            .line(&message!("wrote {path}", "se escribió {path}"));
    }
    Ok(())
}

/// Keeps the secrets; gives those that a broken project leaves nowhere to keep.
async fn keep<'s>(
    context: &Context,
    directory: &Path,
    secrets: &'s [FoundSecret],
) -> Result<Vec<&'s FoundSecret>, Failure> {
    let loaded = estiba_project::load(directory);
    context.output.diagnostics(&loaded.diagnostics);
    let Some(project) = loaded.project else {
        return Ok(secrets.iter().collect());
    };
    if secrets.is_empty() {
        return Ok(Vec::new());
    }
    let engine = context.engine().await?;
    for secret in secrets {
        let (environment, name) = (&secret.environment, &secret.name);
        engine
            .set_secret(&project, environment, name, secret.value.clone())
            .await?;
        context.output.line(&message!(
            "kept the secret {name} of {environment}",
            "se guardó el secreto {name} de {environment}"
        ));
    }
    Ok(Vec::new())
}

fn conclude(context: &Context, imported: &Imported, left: &[&FoundSecret]) -> Result<(), Failure> {
    for secret in left {
        let (environment, name) = (&secret.environment, &secret.name);
        context.output.line(&message!(
            "the secret {name} is still where it was: once `estiba check` finds no error, `estiba secret set {name} --env {environment}`",
            "el secreto {name} sigue donde estaba: cuando `estiba check` no encuentre errores, `estiba secret set {name} --env {environment}`"
        ));
    }
    if has_errors(&imported.report) || !left.is_empty() {
        return Err(Failure::Quiet(1));
    }
    context.output.line(&message!(
        "next: read what was not carried over, `estiba check`, then `estiba up`",
        "ahora: lea lo que no se trasladó, `estiba check` y después `estiba up`"
    ));
    Ok(())
}

/// The files of this machine.
struct Disk;

impl Files for Disk {
    fn text(&self, path: &Path) -> Option<String> {
        let file = std::fs::File::open(path).ok()?;
        if !file.metadata().ok()?.is_file() {
            return None;
        }
        let mut bytes = Vec::new();
        file.take(MOST_BYTES + 1).read_to_end(&mut bytes).ok()?;
        let short = bytes.len() as u64 <= MOST_BYTES;
        short.then(|| String::from_utf8(bytes).ok())?
    }

    fn kind(&self, path: &Path) -> Kind {
        // The folder of a bare file name is an empty path.
        let path = if path == Path::new("") {
            Path::new(".")
        } else {
            path
        };
        match std::fs::metadata(path) {
            Ok(found) if found.is_dir() => Kind::Folder,
            Ok(_) => Kind::File,
            Err(_) => Kind::Missing,
        }
    }

    fn below(&self, folder: &Path) -> Vec<PathBuf> {
        let mut found = Vec::new();
        gather(folder, MOST_DEPTH, &mut found);
        found.sort();
        found
    }
}

fn gather(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    let start = if folder == Path::new("") {
        Path::new(".")
    } else {
        folder
    };
    for entry in std::fs::read_dir(start).into_iter().flatten().flatten() {
        if found.len() >= MOST_FILES {
            return;
        }
        let name = entry.file_name();
        let path = folder.join(&name);
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        let name = name.to_string_lossy();
        if kind.is_file() {
            found.push(path);
        } else if kind.is_dir()
            && depth > 0
            && !name.starts_with('.')
            && !SKIPPED.contains(&name.as_ref())
        {
            gather(&path, depth - 1, found);
        }
    }
}
