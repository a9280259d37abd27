//! The files that a Cargo package is built from.

use std::fs;
use std::path::{Path, PathBuf};

use ignore::{DirEntry, WalkBuilder};

use super::{Files, walk_error};
use crate::ImageError;
use crate::error::At;

/// Files that change a build from above the workspace
/// (<https://doc.rust-lang.org/cargo/reference/config.html>).
const FROM_ABOVE: [&str; 4] = [
    "rust-toolchain",
    "rust-toolchain.toml",
    ".cargo/config",
    ".cargo/config.toml",
];

/// The tables of a manifest that name other packages.
const DEPENDENCIES: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];

/// The workspace of the package in `dir`, the local packages out of it that it
/// needs, their configuration, and the files that are packed with it.
pub(super) fn files(dir: &Path, include: &[PathBuf]) -> Result<Files, ImageError> {
    let root = workspace_root(dir)?;
    let mut files = Files::new();
    let mut trees = vec![root.clone()];
    let mut next = 0;
    while let Some(tree) = trees.get(next).cloned() {
        let found = sources(&tree)?;
        for manifest in found.iter().filter(|path| path.ends_with("Cargo.toml")) {
            for dependency in local_dependencies(manifest)? {
                if !trees.iter().any(|tree| dependency.starts_with(tree)) {
                    trees.push(dependency);
                }
            }
        }
        add(&mut files, &format!("tree{next}"), &tree, found);
        next += 1;
    }
    // Often ignored by Git, and still what Cargo goes by.
    let lock = root.join("Cargo.lock");
    if lock.is_file() {
        files.insert("Cargo.lock".to_owned(), lock);
    }
    for (height, above) in root.ancestors().enumerate() {
        for name in FROM_ABOVE {
            let path = above.join(name);
            if path.is_file() {
                files.insert(format!("above{height}/{name}"), path);
            }
        }
    }
    files.append(&mut included(dir, include)?);
    Ok(files)
}

/// Files and folders in `dir` that are packed beside a program.
pub(super) fn included(dir: &Path, include: &[PathBuf]) -> Result<Files, ImageError> {
    let mut files = Files::new();
    for path in include {
        let found = everything(&dir.join(path))?;
        add(&mut files, "include", dir, found);
    }
    Ok(files)
}

fn add(files: &mut Files, label: &str, base: &Path, found: Vec<PathBuf>) {
    for path in found {
        let name = path.strip_prefix(base).unwrap_or(&path).to_string_lossy();
        files.insert(format!("{label}/{name}"), path);
    }
}

/// What Git would keep: build results and notes of editors are left out.
fn sources(tree: &Path) -> Result<Vec<PathBuf>, ImageError> {
    let mut walk = WalkBuilder::new(tree);
    // Only the tree's own rules: one from above could hide all of it.
    walk.standard_filters(false)
        .git_ignore(true)
        .require_git(false);
    walk.filter_entry(|entry| !is_result(entry));
    collect(tree, &walk)
}

fn everything(path: &Path) -> Result<Vec<PathBuf>, ImageError> {
    collect(path, WalkBuilder::new(path).standard_filters(false))
}

fn collect(path: &Path, walk: &WalkBuilder) -> Result<Vec<PathBuf>, ImageError> {
    let mut files = Vec::new();
    for entry in walk.build() {
        let entry = entry.map_err(|e| walk_error(path, e))?;
        if entry.file_type().is_some_and(|kind| !kind.is_dir()) {
            files.push(entry.into_path());
        }
    }
    Ok(files)
}

/// Git's own directory, and those that Cargo marks as its cache.
fn is_result(entry: &DirEntry) -> bool {
    let is_cache = || entry.path().join("CACHEDIR.TAG").is_file();
    entry.file_name() == ".git" || (entry.file_name() == "target" && is_cache())
}

/// Where Cargo finds the workspace of a package
/// (<https://doc.rust-lang.org/cargo/reference/workspaces.html>).
fn workspace_root(dir: &Path) -> Result<PathBuf, ImageError> {
    for above in dir.ancestors() {
        let path = above.join("Cargo.toml");
        if !path.is_file() {
            continue;
        }
        let manifest = parse(&path)?;
        let Some(workspace) = manifest.get("workspace") else {
            continue;
        };
        let excluded = workspace
            .get("exclude")
            .and_then(|list| list.as_array())
            .is_some_and(|list| {
                list.iter()
                    .filter_map(|item| item.as_str())
                    .any(|item| dir.starts_with(above.join(item)))
            });
        return Ok(if excluded {
            dir.to_owned()
        } else {
            above.to_owned()
        });
    }
    Ok(dir.to_owned())
}

/// The directories that a manifest's `path` dependencies name.
fn local_dependencies(path: &Path) -> Result<Vec<PathBuf>, ImageError> {
    let manifest = parse(path)?;
    let dir = path.parent().unwrap_or(Path::new("."));
    let per_target = manifest.get("target").and_then(|t| t.as_table());
    let tables = std::iter::once(&manifest)
        .chain(manifest.get("workspace"))
        .chain(per_target.into_iter().flat_map(|targets| targets.values()));
    let mut dependencies = Vec::new();
    for table in tables {
        for kind in DEPENDENCIES {
            dependencies.extend(table.get(kind).and_then(|d| d.as_table()));
        }
    }
    let patches = manifest.get("patch").and_then(|patch| patch.as_table());
    dependencies.extend(
        patches
            .into_iter()
            .flat_map(|p| p.values())
            .filter_map(|p| p.as_table()),
    );
    Ok(dependencies
        .iter()
        .flat_map(|table| table.values())
        .filter_map(|dependency| dependency.get("path")?.as_str())
        // One that is not there is for Cargo to complain about.
        .filter_map(|path| fs::canonicalize(dir.join(path)).ok())
        .collect())
}

/// A manifest, as far as it can be read: what is wrong with it, Cargo says best.
fn parse(path: &Path) -> Result<toml::Value, ImageError> {
    let text = fs::read_to_string(path).at(path)?;
    let table = toml::from_str::<toml::Table>(&text).unwrap_or_default();
    Ok(toml::Value::Table(table))
}
