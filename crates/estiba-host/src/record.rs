//! Small JSON files that are written whole or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::HostError;

/// Writes `value` to `path` so that a reader sees the old or the new content.
///
/// Not synchronised to disk: what these files tell ends with the machine.
///
/// # Errors
/// When the file system refuses, or the file is damaged.
pub fn write(path: &Path, value: &impl Serialize) -> Result<(), HostError> {
    let text = serde_json::to_vec(value).map_err(|error| HostError::Damaged {
        path: path.to_owned(),
        detail: error.to_string(),
    })?;
    let mut temporary = path.as_os_str().to_owned();
    // Others of this process may write the same file now.
    static WRITES: AtomicU64 = AtomicU64::new(0);
    let write = WRITES.fetch_add(1, Ordering::Relaxed);
    temporary.push(format!(".{}-{write}~", std::process::id()));
    let temporary = PathBuf::from(temporary);
    fs::write(&temporary, text).map_err(HostError::at(&temporary))?;
    fs::rename(&temporary, path).map_err(HostError::at(path))
}

/// What is in `path`; nothing where there is no such file.
///
/// # Errors
/// When the file system refuses, or the file is damaged.
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, HostError> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(HostError::at(path)(error)),
    };
    let value = serde_json::from_slice(&text).map_err(|error| HostError::Damaged {
        path: path.to_owned(),
        detail: error.to_string(),
    })?;
    Ok(Some(value))
}

/// Removes a file or a directory with all in it; one that is gone is no error.
///
/// # Errors
/// When the file system refuses, or the file is damaged.
pub fn remove(path: &Path) -> Result<(), HostError> {
    let removed = match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(HostError::at(path)(error)),
        _ => Ok(()),
    }
}

/// The names of what is in a directory, sorted; none where it is not there.
///
/// # Errors
/// When the file system refuses, or the file is damaged.
pub fn names(directory: &Path) -> Result<Vec<String>, HostError> {
    let entries = match fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(HostError::at(directory)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(HostError::at(directory))?;
        names.extend(entry.file_name().into_string().ok());
    }
    names.sort_unstable();
    Ok(names)
}
