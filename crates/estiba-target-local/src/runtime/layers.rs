//! Looks a path up in image layers as the container will see it, without
//! mounting them.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, Metadata};
use std::io;
use std::path::{Component, Path, PathBuf};

/// Links followed before giving up, as the kernel does (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// What a path leads to.
#[derive(Debug)]
pub(super) struct Found {
    /// Path in the container, with no symbolic link in it.
    pub(super) path: PathBuf,
    /// Directories on the way, root first, that exist in some layer: their path
    /// in the container and what the topmost layer says of them.
    pub(super) parents: Vec<(PathBuf, Metadata)>,
    /// Whether the whole path exists.
    pub(super) exists: bool,
}

/// Follows `path` through `layers`, lowest first.
///
/// # Errors
/// A layer cannot be read, or the path goes through a file or a loop of links.
pub(super) fn find(layers: &[PathBuf], path: &Path) -> io::Result<Found> {
    let mut left: VecDeque<OsString> = names(path).collect();
    let mut walk = Walk::new(layers)?;
    let mut links = 0;
    while let Some(name) = left.pop_front() {
        if name == ".." {
            walk.up();
            continue;
        }
        let Some((entry, metadata)) = walk.topmost(&name)? else {
            walk.missing(name);
            continue;
        };
        if metadata.is_symlink() {
            links += 1;
            if links > MAX_LINKS {
                return Err(io::Error::other("too many symbolic links"));
            }
            let target = fs::read_link(entry)?;
            if target.is_absolute() {
                walk = Walk::new(layers)?;
            }
            for name in names(&target).collect::<Vec<_>>().into_iter().rev() {
                left.push_front(name);
            }
        } else if metadata.is_dir() {
            walk.down(name, metadata)?;
        } else if left.is_empty() {
            let mut path = walk.path();
            path.push(name);
            return Ok(Found {
                path,
                parents: walk.parents(),
                exists: true,
            });
        } else {
            return Err(io::Error::other("goes through a file"));
        }
    }
    Ok(Found {
        path: walk.path(),
        exists: walk.missing.is_empty(),
        parents: walk.parents(),
    })
}

fn names(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}

/// A directory of the container, and the way to it.
struct Walk {
    /// For each directory from the root down: its name, what it is, and the
    /// directories of the layers that it is merged from, topmost first.
    steps: Vec<(OsString, Metadata, Vec<PathBuf>)>,
    /// Names below that exist nowhere.
    missing: Vec<OsString>,
}

impl Walk {
    fn new(layers: &[PathBuf]) -> io::Result<Self> {
        let roots: Vec<_> = layers.iter().rev().cloned().collect();
        let top = roots.first().ok_or_else(|| io::Error::other("no layer"))?;
        Ok(Self {
            steps: vec![(OsString::new(), fs::metadata(top)?, roots)],
            missing: Vec::new(),
        })
    }

    fn merged(&self, name: &OsString) -> Vec<PathBuf> {
        let here = self.steps.last().map_or(&[][..], |(_, _, from)| from);
        here.iter().map(|directory| directory.join(name)).collect()
    }

    fn topmost(&self, name: &OsString) -> io::Result<Option<(PathBuf, Metadata)>> {
        if !self.missing.is_empty() {
            return Ok(None);
        }
        for entry in self.merged(name) {
            if let Some(metadata) = metadata(&entry)? {
                return Ok(Some((entry, metadata)));
            }
        }
        Ok(None)
    }

    fn down(&mut self, name: OsString, topmost: Metadata) -> io::Result<()> {
        let mut from = Vec::new();
        for entry in self.merged(&name) {
            match metadata(&entry)? {
                Some(metadata) if metadata.is_dir() => from.push(entry),
                // A file hides the directories of the layers below it.
                Some(_) => break,
                None => {}
            }
        }
        self.steps.push((name, topmost, from));
        Ok(())
    }

    fn up(&mut self) {
        if self.missing.pop().is_none() && self.steps.len() > 1 {
            self.steps.pop();
        }
    }

    fn missing(&mut self, name: OsString) {
        self.missing.push(name);
    }

    fn path(&self) -> PathBuf {
        let existing = self.steps.iter().skip(1).map(|(name, _, _)| name);
        let mut path = PathBuf::from("/");
        path.extend(existing.chain(&self.missing));
        path
    }

    fn parents(self) -> Vec<(PathBuf, Metadata)> {
        let mut path = PathBuf::from("/");
        self.steps
            .into_iter()
            .map(|(name, metadata, _)| {
                if !name.is_empty() {
                    path.push(name);
                }
                (path.clone(), metadata)
            })
            .collect()
    }
}

fn metadata(path: &Path) -> io::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    fn layers(base: &Path) -> Vec<PathBuf> {
        let (low, high) = (base.join("low"), base.join("high"));
        fs::create_dir_all(low.join("run/lock")).unwrap();
        fs::create_dir_all(low.join("var")).unwrap();
        fs::create_dir_all(low.join("was-directory/inside")).unwrap();
        fs::create_dir_all(high.join("etc")).unwrap();
        symlink("../run", low.join("var/run")).unwrap();
        symlink("/run/lock", high.join("etc/lock")).unwrap();
        symlink("loop", high.join("loop")).unwrap();
        fs::write(high.join("was-directory"), "").unwrap();
        vec![low, high]
    }

    #[test]
    fn links_lead_where_the_container_sees_them() {
        let base = tempfile::tempdir().unwrap();
        let layers = layers(base.path());
        for (asked, path, exists) in [
            ("/", "/", true),
            ("/etc", "/etc", true),
            ("/var/run/app/x", "/run/app/x", false),
            ("/etc/lock", "/run/lock", true),
            ("/etc/lock/../../etc/new", "/etc/new", false),
            ("/../../etc", "/etc", true),
            ("/nothing/../etc", "/etc", true),
            ("/was-directory", "/was-directory", true),
        ] {
            let found = find(&layers, Path::new(asked)).unwrap();
            assert_eq!(
                (found.path.to_str(), found.exists),
                (Some(path), exists),
                "{asked}"
            );
        }
    }

    #[test]
    fn files_and_loops_in_the_way_are_errors() {
        let base = tempfile::tempdir().unwrap();
        let layers = layers(base.path());
        assert!(find(&layers, Path::new("/was-directory/inside")).is_err());
        assert!(find(&layers, Path::new("/loop/x")).is_err());
    }

    #[test]
    fn parents_are_those_that_exist() {
        let base = tempfile::tempdir().unwrap();
        let found = find(&layers(base.path()), Path::new("/var/run/app/x")).unwrap();
        let parents: Vec<_> = found
            .parents
            .iter()
            .map(|(path, _)| path.to_str())
            .collect();
        assert_eq!(parents, [Some("/"), Some("/run")]);
    }
}
