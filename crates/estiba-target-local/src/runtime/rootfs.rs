//! The root filesystem of a container: its image's layers as one tree.
//!
//! An overlay of the layers and, on top, a small *skeleton* of this container
//! alone that holds what is mounted upon and the image does not have: an image
//! is never written to, and a read-only tree cannot get a directory later.
//! <https://docs.kernel.org/filesystems/overlayfs.html>

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};

use estiba_model::{Message, message};
use nix::mount::{MsFlags, mount};

use super::error::Failure;
use super::layers;

/// Where the tree is mounted, within the bundle.
pub(super) const ROOTFS: &str = "rootfs";
const SKELETON: &str = "skeleton";
/// Short names of the layers: an overlay's options must fit a memory page.
const LINKS: &str = "l";
const UPPER: &str = "upper";
const WORK: &str = "work";
/// The tree where there is no overlay.
const MERGED: &str = "merged";

/// A path that something is mounted upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
}

/// What to build a tree from.
pub(super) struct Tree<'a> {
    pub(super) bundle: &'a Path,
    /// Lowest first.
    pub(super) layers: &'a [PathBuf],
    pub(super) mount_points: &'a [(PathBuf, Kind)],
    pub(super) read_only: bool,
    pub(super) rootless: bool,
}

impl Tree<'_> {
    /// Mounts the tree in the calling process's mount namespace, which must be
    /// its own.
    pub(super) fn mount(&self) -> Result<Vec<Message>, Failure> {
        for directory in [ROOTFS, SKELETON, LINKS] {
            make_directory(&self.bundle.join(directory), 0o755)?;
        }
        self.fill_skeleton()?;
        match self.mount_overlay() {
            Ok(()) => Ok(Vec::new()),
            Err(error) => {
                self.mount_merged()?;
                Ok(vec![message!(
                    "the image was copied for this container, because this machine allows no overlay mount ({error}); starting takes longer and more disk",
                    "se copió la imagen para este contenedor, porque esta máquina no permite montajes overlay ({error}); arrancar lleva más tiempo y más disco"
                )])
            }
        }
    }

    fn fill_skeleton(&self) -> Result<(), Failure> {
        let skeleton = self.bundle.join(SKELETON);
        for (path, kind) in self.mount_points {
            let found = layers::find(self.layers, path).map_err(|e| Failure::file(path, &e))?;
            if found.exists {
                continue;
            }
            for (directory, like) in &found.parents {
                let copy = below(&skeleton, directory);
                make_directory(&copy, like.mode())?;
                if !self.rootless {
                    own_like(&copy, like).map_err(|e| Failure::file(&copy, &e))?;
                }
            }
            let target = below(&skeleton, &found.path);
            let directory = match kind {
                Kind::Directory => Some(target.as_path()),
                Kind::File => target.parent(),
            };
            if let Some(directory) = directory {
                let mut builder = DirBuilder::new();
                let made = builder.recursive(true).mode(0o755).create(directory);
                made.map_err(|e| Failure::file(directory, &e))?;
            }
            if *kind == Kind::File {
                fs::write(&target, "").map_err(|e| Failure::file(&target, &e))?;
            }
        }
        Ok(())
    }

    fn mount_overlay(&self) -> io::Result<()> {
        let links = self.bundle.join(LINKS);
        let skeleton = self.bundle.join(SKELETON);
        let mut lower = Vec::new();
        let topmost_first = std::iter::once(&skeleton).chain(self.layers.iter().rev());
        for (number, layer) in topmost_first.enumerate() {
            let link = links.join(number.to_string());
            match symlink(layer, &link) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    fs::remove_file(&link)?;
                    symlink(layer, &link)?;
                }
                made => made?,
            }
            lower.push(format!("{LINKS}/{number}"));
        }
        let mut options = format!("lowerdir={}", lower.join(":"));
        let mut flags = MsFlags::MS_NODEV | MsFlags::MS_NOSUID;
        if self.read_only {
            flags |= MsFlags::MS_RDONLY;
        } else {
            for directory in [UPPER, WORK] {
                make_directory(&self.bundle.join(directory), 0o755)
                    .map_err(|failure| io::Error::other(failure.to_string()))?;
            }
            options += &format!(",upperdir={UPPER},workdir={WORK}");
        }
        if self.rootless {
            options += ",userxattr";
        }
        // Options name paths relative to here.
        let before = std::env::current_dir()?;
        std::env::set_current_dir(self.bundle)?;
        let mounted = mount(
            Some("overlay"),
            ROOTFS,
            Some("overlay"),
            flags,
            Some(options.as_str()),
        );
        std::env::set_current_dir(before)?;
        Ok(mounted?)
    }

    fn mount_merged(&self) -> Result<(), Failure> {
        let merged = self.bundle.join(MERGED);
        if !merged.exists() {
            // Whole or not at all: a helper may be killed halfway.
            let partial = self.bundle.join("merging");
            if partial.exists() {
                fs::remove_dir_all(&partial).map_err(|e| Failure::file(&partial, &e))?;
            }
            make_directory(&partial, 0o755)?;
            let skeleton = self.bundle.join(SKELETON);
            for layer in self.layers.iter().chain([&skeleton]) {
                merge(layer, &partial, self.read_only).map_err(|e| Failure::file(layer, &e))?;
            }
            fs::rename(&partial, &merged).map_err(|e| Failure::file(&merged, &e))?;
        }
        let rootfs = self.bundle.join(ROOTFS);
        let flags = MsFlags::MS_BIND | MsFlags::MS_REC;
        mount(Some(&merged), &rootfs, None::<&str>, flags, None::<&str>)
            .map_err(|e| Failure::not_allowed("mounts", &e))
    }
}

/// Copies `from` over `to`. Files become hard links when nobody can write to
/// the copy, which must leave the layer as it is.
fn merge(from: &Path, to: &Path, read_only: bool) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        let metadata = entry.metadata()?;
        let below = fs::symlink_metadata(&target).ok();
        if below.is_some_and(|below| !(below.is_dir() && metadata.is_dir())) {
            fs::remove_file(&target).or_else(|_| fs::remove_dir_all(&target))?;
        }
        if metadata.is_dir() {
            if !target.exists() {
                fs::create_dir(&target)?;
            }
            merge(&source, &target, read_only)?;
            fs::set_permissions(&target, metadata.permissions())?;
            own_like(&target, &metadata).or_else(ignore_not_permitted)?;
        } else if metadata.is_symlink() {
            symlink(fs::read_link(&source)?, &target)?;
        } else if !(read_only && fs::hard_link(&source, &target).is_ok()) {
            fs::copy(&source, &target)?;
            own_like(&target, &metadata).or_else(ignore_not_permitted)?;
        }
    }
    Ok(())
}

/// Without root, every file is the user's own anyway.
fn ignore_not_permitted(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::PermissionDenied => Ok(()),
        _ => Err(error),
    }
}

fn own_like(path: &Path, like: &Metadata) -> io::Result<()> {
    chown(path, Some(like.uid()), Some(like.gid()))
}

/// Sets the mode in a second step, because the first heeds the umask.
fn make_directory(path: &Path, mode: u32) -> Result<(), Failure> {
    let made = DirBuilder::new().recursive(true).create(path);
    made.and_then(|()| fs::set_permissions(path, Permissions::from_mode(mode & 0o7777)))
        .map_err(|error| Failure::file(path, &error))
}

fn below(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// What must exist in the tree itself for `mounts`, and for a process to start
/// in `cwd`: not what is within a mount, where libcontainer makes it.
pub(super) fn needed_points(mounts: &[(PathBuf, Kind)], cwd: &Path) -> Vec<(PathBuf, Kind)> {
    let targets: BTreeSet<&Path> = mounts.iter().map(|(path, _)| path.as_path()).collect();
    let cwd = (cwd.to_owned(), Kind::Directory);
    mounts
        .iter()
        .chain([&cwd])
        .filter(|(path, _)| {
            !path
                .ancestors()
                .skip(1)
                .any(|above| targets.contains(above))
        })
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merging_puts_upper_layers_over_lower_ones() {
        for read_only in [true, false] {
            let base = tempfile::tempdir().unwrap();
            let [low, high, to] = ["low", "high", "to"].map(|name| base.path().join(name));
            for directory in [
                low.join("etc"),
                low.join("turns"),
                high.join("etc"),
                to.clone(),
            ] {
                fs::create_dir_all(directory).unwrap();
            }
            fs::write(low.join("etc/kept"), "low").unwrap();
            fs::write(low.join("etc/changed"), "low").unwrap();
            fs::write(low.join("turns/inside"), "low").unwrap();
            fs::write(high.join("etc/changed"), "high").unwrap();
            symlink("etc", high.join("turns")).unwrap();
            fs::set_permissions(high.join("etc"), Permissions::from_mode(0o711)).unwrap();
            for layer in [&low, &high] {
                merge(layer, &to, read_only).unwrap();
            }
            let text = |name| fs::read_to_string(to.join(name)).unwrap();
            assert_eq!(
                (text("turns/kept"), text("etc/changed")),
                ("low".into(), "high".into())
            );
            assert_eq!(fs::metadata(to.join("etc")).unwrap().mode() & 0o777, 0o711);
            // A copy that can be written to must not be the layer's own file.
            let shared = fs::metadata(to.join("etc/kept")).unwrap().nlink() > 1;
            assert_eq!(shared, read_only);
        }
    }

    #[test]
    fn points_within_mounts_are_not_needed() {
        let directory = |path: &str| (PathBuf::from(path), Kind::Directory);
        let mounts = ["/dev", "/dev/pts", "/data"].map(directory);
        let needed = needed_points(&mounts, Path::new("/data/work"));
        assert_eq!(needed, ["/dev", "/data"].map(directory));
        let needed = needed_points(&mounts[..1], Path::new("/"));
        assert_eq!(needed, ["/dev", "/"].map(directory));
    }
}
