//! Directories of layers, merged into one without copying their files.

use std::fs;
use std::io;
use std::path::Path;

use crate::ImageError;
use crate::attributes::Attributes;
use crate::error::At;
use crate::store::remove_any;

/// Puts the files of `lower` over those of `target` without copying them.
pub(crate) fn link_tree(lower: &Path, target: &Path) -> Result<(), ImageError> {
    for entry in fs::read_dir(lower).at(lower)? {
        let entry = entry.at(lower)?;
        let (from, to) = (entry.path(), target.join(entry.file_name()));
        let found = entry.metadata().at(&from)?;
        let there_is_dir = fs::symlink_metadata(&to).is_ok_and(|there| there.is_dir());
        if !found.is_dir() {
            remove_any(&to)?;
            link_or_copy(&from, &to, &found)?;
            continue;
        }
        if !there_is_dir {
            remove_any(&to)?;
            fs::create_dir(&to).at(&to)?;
        }
        link_tree(&from, &to)?;
        Attributes::of(&from)?.set(&to)?;
    }
    Ok(())
}

fn link_or_copy(from: &Path, to: &Path, found: &fs::Metadata) -> Result<(), ImageError> {
    match fs::hard_link(from, to) {
        // A file has only so many links.
        Err(e) if e.kind() == io::ErrorKind::TooManyLinks && found.is_file() => {
            fs::copy(from, to).map(|_| ()).at(to)
        }
        linked => linked.at(to),
    }
}
