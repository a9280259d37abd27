//! One layer's archive, applied to a directory
//! (<https://github.com/opencontainers/image-spec/blob/main/layer.md>).
//!
//! Entries are written by paths that the kernel has resolved with the
//! directory as its root, so that no link leads out of it.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, FileTimes, Permissions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use estiba_model::message;
use rustix::fs::{Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use tar::{Entry, EntryType};

use crate::ImageError;
use crate::attributes::Attributes;
use crate::error::{At, is_damage};
use crate::layers::damaged;
use crate::store::remove_any;

/// The most entries that a layer may have. One with more is refused.
const MAX_ENTRIES: usize = 4_000_000;

/// What a layer is applied to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Onto {
    /// An empty directory. What comes of it must not depend on what is below
    /// the layer, so that every image that has the layer can share it.
    Nothing,
    /// All layers below, merged.
    Below,
}

/// How it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    /// The layer can't stand alone: it has to be merged with what is below.
    NeedsBelow,
}

/// Unpacks `archive` into `root`. Ownership is kept only by the superuser;
/// devices, pipes and extended attributes are left out.
pub(crate) fn apply(
    archive: impl Read,
    root: &Path,
    onto: Onto,
    layer: &str,
) -> Result<Outcome, ImageError> {
    fs::set_permissions(root, Permissions::from_mode(0o755)).at(root)?;
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut unpacking = Unpacking {
        root,
        root_fd: rustix::fs::open(root, flags, Mode::empty())
            .at(root)?
            .into(),
        onto,
        layer,
        superuser: rustix::process::geteuid().is_root(),
        last_parent: None,
        written: HashSet::new(),
        directories: BTreeMap::new(),
    };
    match unpacking.run(archive) {
        Ok(()) => Ok(Outcome::Done),
        Err(Stop::NeedsBelow) => Ok(Outcome::NeedsBelow),
        Err(Stop::Failed(error)) => Err(error),
    }
}

enum Stop {
    NeedsBelow,
    Failed(ImageError),
}

impl From<ImageError> for Stop {
    fn from(error: ImageError) -> Self {
        Self::Failed(error)
    }
}

struct Unpacking<'a> {
    root: &'a Path,
    root_fd: File,
    onto: Onto,
    layer: &'a str,
    superuser: bool,
    /// The directory of the last entry, as the archive and the disk name it.
    last_parent: Option<(PathBuf, PathBuf)>,
    /// What this layer made: its own whiteouts don't apply to it.
    written: HashSet<PathBuf>,
    /// Set at the end: a read-only directory could not be filled, and filling
    /// one changes its time.
    directories: BTreeMap<PathBuf, Attributes>,
}

impl Unpacking<'_> {
    fn run(&mut self, archive: impl Read) -> Result<(), Stop> {
        let mut archive = tar::Archive::new(archive);
        let layer = self.layer;
        let entries = archive.entries().map_err(|e| damaged(layer, &e))?;
        for (count, entry) in entries.enumerate() {
            if count >= MAX_ENTRIES {
                return Err(self
                    .malformed("too many entries", "demasiadas entradas")
                    .into());
            }
            self.entry(entry.map_err(|e| damaged(layer, &e))?)?;
        }
        for (path, attributes) in self.directories.iter().rev() {
            attributes.set(path)?;
        }
        Ok(())
    }

    fn entry(&mut self, mut entry: Entry<'_, impl Read>) -> Result<(), Stop> {
        let kind = entry.header().entry_type();
        let raw = entry.path_bytes().into_owned();
        if !is_kept(kind) {
            return Ok(());
        }
        let path = self.inside(&raw)?;
        let attributes = Attributes::in_archive(entry.header(), self.superuser)
            .map_err(|e| damaged(self.layer, &e))?;
        let Some(name) = path.file_name() else {
            self.directories.insert(self.root.to_owned(), attributes);
            return Ok(());
        };
        let parent = path.parent().unwrap_or(Path::new(""));
        if let Some(hidden) = name.as_bytes().strip_prefix(b".wh.") {
            let hidden = Path::new(std::ffi::OsStr::from_bytes(hidden));
            return self.whiteout(parent, hidden);
        }
        let place = self.directory(parent)?.join(name);
        if kind.is_dir() {
            return self.make_directory(place, attributes);
        }
        if kind.is_hard_link() {
            let link = entry.link_name_bytes().map(|name| name.into_owned());
            let source = self.link_source(&link.unwrap_or_default())?;
            if source != place {
                self.clear(&place)?;
                fs::hard_link(&source, &place).at(&place)?;
            }
        } else if kind.is_symlink() {
            let target = entry.link_name_bytes().unwrap_or_default().into_owned();
            self.clear(&place)?;
            std::os::unix::fs::symlink(std::ffi::OsStr::from_bytes(&target), &place).at(&place)?;
            if let Some((uid, gid)) = attributes.owner {
                std::os::unix::fs::lchown(&place, Some(uid), Some(gid)).at(&place)?;
            }
        } else {
            self.clear(&place)?;
            self.write_file(&mut entry, &place, &attributes)?;
        }
        self.mark_written(&place);
        Ok(())
    }

    fn write_file(
        &self,
        entry: &mut impl Read,
        place: &Path,
        attributes: &Attributes,
    ) -> Result<(), ImageError> {
        let mut file = File::create_new(place).at(place)?;
        io::copy(entry, &mut file).map_err(|source| {
            if is_damage(&source) {
                return damaged(self.layer, &source);
            }
            ImageError::Io {
                path: place.to_owned(),
                source,
            }
        })?;
        if let Some((uid, gid)) = attributes.owner {
            std::os::unix::fs::fchown(&file, Some(uid), Some(gid)).at(place)?;
        }
        file.set_permissions(Permissions::from_mode(attributes.mode))
            .at(place)?;
        file.set_times(FileTimes::new().set_modified(attributes.modified))
            .at(place)
    }

    fn make_directory(&mut self, place: PathBuf, attributes: Attributes) -> Result<(), Stop> {
        if !fs::symlink_metadata(&place).is_ok_and(|found| found.is_dir()) {
            self.clear(&place)?;
            fs::create_dir(&place).at(&place)?;
        }
        self.mark_written(&place);
        self.directories.insert(place, attributes);
        Ok(())
    }

    /// Makes room for an entry.
    fn clear(&mut self, place: &Path) -> Result<(), ImageError> {
        if fs::symlink_metadata(place).is_ok_and(|found| found.is_dir()) {
            self.last_parent = None;
            self.directories.retain(|path, _| !path.starts_with(place));
        }
        remove_any(place)
    }

    fn whiteout(&mut self, parent: &Path, hidden: &Path) -> Result<(), Stop> {
        if self.onto == Onto::Nothing {
            return Err(Stop::NeedsBelow);
        }
        let dir = self.directory(parent)?;
        self.last_parent = None;
        let hidden_bytes = hidden.as_os_str().as_bytes();
        if hidden_bytes == b".wh..opq" {
            return Ok(self.remove_lower(&dir)?);
        }
        // Other names of this form are notes that AUFS left for itself.
        if hidden_bytes.starts_with(b".wh.") {
            return Ok(());
        }
        if !matches!(hidden.components().next(), Some(Component::Normal(_))) {
            return Err(self.unsafe_entry(hidden_bytes).into());
        }
        let place = dir.join(hidden);
        if !self.made_here(&place) {
            remove_any(&place)?;
        } else if fs::symlink_metadata(&place).at(&place)?.is_dir() {
            self.remove_lower(&place)?;
        }
        Ok(())
    }

    /// Empties a directory of all but what this layer put there.
    fn remove_lower(&self, dir: &Path) -> Result<(), ImageError> {
        for entry in fs::read_dir(dir).at(dir)? {
            let entry = entry.at(dir)?;
            let path = entry.path();
            if !self.made_here(&path) {
                remove_any(&path)?;
            } else if entry.file_type().at(&path)?.is_dir() {
                self.remove_lower(&path)?;
            }
        }
        Ok(())
    }

    fn mark_written(&mut self, place: &Path) {
        for path in place.ancestors().take_while(|path| *path != self.root) {
            if !self.written.insert(path.to_owned()) {
                break;
            }
        }
    }

    fn made_here(&self, path: &Path) -> bool {
        self.written.contains(path)
    }

    /// The real path of a directory of the layer, made where it is missing.
    fn directory(&mut self, relative: &Path) -> Result<PathBuf, Stop> {
        if relative.as_os_str().is_empty() {
            return Ok(self.root.to_owned());
        }
        if let Some((last, real)) = &self.last_parent
            && last == relative
        {
            return Ok(real.clone());
        }
        let real = match resolve(&self.root_fd, relative, ResolveFlags::IN_ROOT) {
            Ok(real) => real,
            Err(Errno::NOENT) => self.make_parent(relative)?,
            Err(_) => return Err(self.obstructed(relative)),
        };
        self.last_parent = Some((relative.to_owned(), real.clone()));
        Ok(real)
    }

    /// Makes a directory that the archive does not mention, unless it may be
    /// one of the layers below.
    fn make_parent(&mut self, relative: &Path) -> Result<PathBuf, Stop> {
        if self.onto == Onto::Nothing {
            return Err(Stop::NeedsBelow);
        }
        let parent = relative.parent().unwrap_or(Path::new(""));
        let place = self
            .directory(parent)?
            .join(relative.file_name().unwrap_or_default());
        if fs::symlink_metadata(&place).is_ok() {
            return Err(self.obstructed(relative));
        }
        fs::create_dir(&place).at(&place)?;
        self.mark_written(&place);
        Ok(place)
    }

    /// The real path of the file that a hard link names.
    fn link_source(&mut self, raw: &[u8]) -> Result<PathBuf, Stop> {
        let path = self.inside(raw)?;
        let parent = path.parent().unwrap_or(Path::new(""));
        let found = resolve(&self.root_fd, parent, ResolveFlags::IN_ROOT)
            .ok()
            .map(|dir| dir.join(path.file_name().unwrap_or_default()))
            .filter(|place| fs::symlink_metadata(place).is_ok_and(|found| !found.is_dir()));
        found.ok_or_else(|| self.obstructed(&path))
    }

    /// Something that only the layers below can explain, or that is wrong.
    fn obstructed(&self, path: &Path) -> Stop {
        if self.onto == Onto::Nothing {
            return Stop::NeedsBelow;
        }
        let path = path.display();
        let reason = message!(
            "its entry {path} goes through a link or file that leads nowhere",
            "su entrada {path} pasa por un enlace o archivo que no lleva a ninguna parte"
        );
        ImageError::malformed(format!("layer {}", self.layer), reason).into()
    }

    /// The path of an entry below the root: no way up.
    fn inside(&self, raw: &[u8]) -> Result<PathBuf, ImageError> {
        let mut path = PathBuf::new();
        for component in Path::new(std::ffi::OsStr::from_bytes(raw)).components() {
            match component {
                Component::Normal(name) => path.push(name),
                Component::RootDir | Component::CurDir => {}
                Component::ParentDir | Component::Prefix(_) => return Err(self.unsafe_entry(raw)),
            }
        }
        Ok(path)
    }

    fn unsafe_entry(&self, raw: &[u8]) -> ImageError {
        ImageError::UnsafeEntry {
            layer: self.layer.to_owned(),
            entry: String::from_utf8_lossy(raw).into_owned(),
        }
    }

    fn malformed(&self, en: &str, es: &str) -> ImageError {
        ImageError::malformed(format!("layer {}", self.layer), message!("{en}", "{es}"))
    }
}

/// Devices and pipes are the runtime's business; the rest are notes of tar's.
fn is_kept(kind: EntryType) -> bool {
    kind.is_file()
        || kind.is_contiguous()
        || kind.is_gnu_sparse()
        || kind.is_dir()
        || kind.is_symlink()
        || kind.is_hard_link()
}

/// The path of a directory, free of links, with `root` as the file system's root.
fn resolve(root: &File, relative: &Path, how: ResolveFlags) -> Result<PathBuf, Errno> {
    let relative = if relative.as_os_str().is_empty() {
        Path::new(".")
    } else {
        relative
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let fd = rustix::fs::openat2(root, relative, flags, Mode::empty(), how)?;
    let link = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&fd));
    let real = rustix::fs::readlink(link, Vec::new())?;
    Ok(PathBuf::from(std::ffi::OsStr::from_bytes(real.as_bytes())))
}
