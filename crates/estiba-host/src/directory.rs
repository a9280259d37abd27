//! Directories that are this user's alone.

use std::fs::{self, DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use estiba_model::Digest;

use crate::error::HostError;

/// Makes a directory that nobody else may look into, and those above it.
///
/// # Errors
/// When the file system refuses.
pub fn make_private(directory: &Path) -> Result<(), HostError> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(directory)
        .map_err(HostError::at(directory))
}

/// A directory in memory, of this user alone, for files with secrets.
///
/// # Errors
/// When it can't be made, or is someone else's.
pub fn runtime_dir() -> Result<PathBuf, HostError> {
    let uid = nix::unistd::geteuid();
    let session = std::env::var_os("XDG_RUNTIME_DIR")
        .map(PathBuf::from)
        .filter(|directory| directory.is_absolute() && directory.is_dir());
    let directory = match session {
        Some(session) => session.join("estiba"),
        None => PathBuf::from(format!("/dev/shm/estiba-{uid}")),
    };
    make_private(&directory)?;
    // In /dev/shm anyone may have made it before.
    let found = fs::symlink_metadata(&directory).map_err(HostError::at(&directory))?;
    if !found.is_dir() || found.uid() != uid.as_raw() {
        return Err(HostError::Damaged {
            detail: "it belongs to someone else".to_owned(),
            path: directory,
        });
    }
    fs::set_permissions(&directory, Permissions::from_mode(0o700))
        .map_err(HostError::at(&directory))?;
    Ok(directory)
}

/// Sixteen digits that stand for a text of any length and any characters.
#[must_use]
pub fn short_hash(text: &str) -> String {
    Digest::of(text.as_bytes()).hex()[..16].to_owned()
}
