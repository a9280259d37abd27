//! A hash of everything that goes into a build, fast enough to be asked for
//! before every one.
//!
//! A file is read again only if its size, inode, or time of modification or
//! change is not what it was, so that the usual edits and even a restored
//! modification time are seen.

mod dockerignore;
mod index;
mod package;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use estiba_model::Digest;
use ignore::WalkBuilder;

use crate::error::At;
use crate::{ImageError, ImageStore};

use dockerignore::DockerIgnore;
use index::FileIndex;

/// What a build reads.
#[derive(Debug, Clone)]
pub(crate) enum Inputs {
    /// A directory, as a Dockerfile sees it.
    Context { dir: PathBuf, dockerfile: PathBuf },
    /// A Cargo package, with the workspace and the local packages it needs.
    Package { dir: PathBuf, include: Vec<PathBuf> },
    /// A program that is already built, and what is packed with it.
    Program {
        dir: PathBuf,
        program: PathBuf,
        include: Vec<PathBuf>,
    },
}

/// Files by a name that does not depend on where the project lies.
type Files = BTreeMap<String, PathBuf>;

/// A hash of the sources in `dir`, as [`build()`](crate::build()) would read
/// them: all that `.dockerignore` lets through if there is a Dockerfile; else
/// all that `.gitignore` does of the Cargo workspace that `dir` is in, its
/// local dependencies and its configuration. It is the same on every machine.
///
/// # Errors
/// If a file can't be read, or `dir` has nothing that can be built.
pub fn source_fingerprint(store: &ImageStore, dir: &Path) -> Result<Digest, ImageError> {
    let _in_use = store.in_use()?;
    let dir = dir.canonicalize().at(dir)?;
    let dockerfile = ["Dockerfile", "Containerfile"].map(|name| dir.join(name));
    let inputs = match dockerfile.into_iter().find(|path| path.is_file()) {
        Some(dockerfile) => Inputs::Context { dir, dockerfile },
        None if dir.join("Cargo.toml").is_file() => Inputs::Package {
            dir,
            include: Vec::new(),
        },
        None => return Err(ImageError::NothingToBuild { dir }),
    };
    fingerprint(store, &inputs)
}

pub(crate) fn fingerprint(store: &ImageStore, inputs: &Inputs) -> Result<Digest, ImageError> {
    let (dir, files) = match inputs {
        Inputs::Context { dir, dockerfile } => (dir, context_files(dir, dockerfile)?),
        Inputs::Package { dir, include } => (dir, package::files(dir, include)?),
        Inputs::Program {
            dir,
            program,
            include,
        } => {
            let mut files = package::included(dir, include)?;
            files.insert("program".to_owned(), program.clone());
            (dir, files)
        }
    };
    let mut index = FileIndex::load(store, dir);
    let mut summary = String::new();
    for (name, path) in &files {
        let (mode, content) = index.content(path)?;
        // The name is quoted: it may hold any character.
        summary.push_str(&format!("{name:?} {mode:o} {content}\n"));
    }
    index.save(store)?;
    Ok(Digest::of(summary.as_bytes()))
}

fn context_files(dir: &Path, dockerfile: &Path) -> Result<Files, ImageError> {
    let ignored = DockerIgnore::load(dir, dockerfile)?;
    let mut files = Files::new();
    files.insert("Dockerfile".to_owned(), dockerfile.to_owned());
    let root = dir.to_owned();
    let prune = ignored.clone();
    let walk = WalkBuilder::new(dir)
        .standard_filters(false)
        .filter_entry(move |entry| {
            entry
                .path()
                .strip_prefix(&root)
                .is_ok_and(|path| !prune.prunes(path))
        })
        .build();
    for entry in walk {
        let path = entry.map_err(|e| walk_error(dir, e))?.into_path();
        let Ok(relative) = path.strip_prefix(dir) else {
            continue;
        };
        if !ignored.ignores(relative) {
            files.insert(format!("context/{}", relative.to_string_lossy()), path);
        }
    }
    Ok(files)
}

fn walk_error(dir: &Path, error: ignore::Error) -> ImageError {
    let reason = error.to_string();
    let source = error
        .into_io_error()
        .unwrap_or_else(|| std::io::Error::other(reason));
    ImageError::Io {
        path: dir.to_owned(),
        source,
    }
}
