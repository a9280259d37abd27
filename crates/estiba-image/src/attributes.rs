//! Rights, owners and times of unpacked files.

use std::fs::{self, File, FileTimes, Permissions};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tar::Header;

use crate::ImageError;
use crate::error::At;

/// Everything but set-user-id and set-group-id, which a container without new
/// privileges has no use for.
const KEPT_MODE: u32 = 0o1777;

/// The user and group that own nothing.
const NOBODY: u32 = 65534;

/// Rights, owner and time of a file or directory.
pub(crate) struct Attributes {
    pub(crate) mode: u32,
    /// Only the superuser can give files away.
    pub(crate) owner: Option<(u32, u32)>,
    pub(crate) modified: SystemTime,
}

impl Attributes {
    /// Those that an archive gives to an entry.
    pub(crate) fn in_archive(header: &Header, superuser: bool) -> io::Result<Self> {
        let mut mode = header.mode()? & KEPT_MODE;
        if !superuser {
            // The store's owner must be able to read and to remove it.
            mode |= if header.entry_type().is_dir() {
                0o700
            } else {
                0o400
            };
        }
        // A number that no file system has, from a broken archive, is nobody's.
        let id = |number: u64| u32::try_from(number).unwrap_or(NOBODY);
        let owner = (id(header.uid()?), id(header.gid()?));
        let modified = Duration::from_secs(header.mtime()?.min(u32::MAX.into()));
        Ok(Self {
            mode,
            owner: superuser.then_some(owner),
            modified: SystemTime::UNIX_EPOCH + modified,
        })
    }

    /// Those of a directory that is on the disk.
    pub(crate) fn of(path: &Path) -> Result<Self, ImageError> {
        let found = fs::metadata(path).at(path)?;
        let superuser = rustix::process::geteuid().is_root();
        Ok(Self {
            mode: found.mode() & KEPT_MODE,
            owner: superuser.then_some((found.uid(), found.gid())),
            modified: found.modified().at(path)?,
        })
    }

    /// Gives them to a directory.
    pub(crate) fn set(&self, path: &Path) -> Result<(), ImageError> {
        let dir = File::open(path).at(path)?;
        if let Some((uid, gid)) = self.owner {
            std::os::unix::fs::fchown(&dir, Some(uid), Some(gid)).at(path)?;
        }
        dir.set_permissions(Permissions::from_mode(self.mode))
            .at(path)?;
        dir.set_times(FileTimes::new().set_modified(self.modified))
            .at(path)
    }
}
