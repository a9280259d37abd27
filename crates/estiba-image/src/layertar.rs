//! A layer's archive that depends on nothing but what is in it: entries are
//! sorted, belong to root, have fixed modes and the time 0.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tar::{EntryType, Header};

use crate::blob::Blob;
use crate::error::{At, is_full};
use crate::store::MAX_BLOB_BYTES;
use crate::{ImageError, ImageStore};

/// The files of a layer, by their path in the image without the leading slash.
#[derive(Debug, Default)]
pub(crate) struct LayerTar {
    entries: BTreeMap<String, Node>,
}

#[derive(Debug)]
enum Node {
    Directory { mode: u32 },
    Copy { from: PathBuf, mode: u32 },
    Text(String),
    Program(Vec<u8>),
    Link(PathBuf),
}

impl LayerTar {
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub(crate) fn directory(&mut self, target: &str, mode: u32) -> Result<(), ImageError> {
        self.insert(target, Node::Directory { mode })
    }

    pub(crate) fn text(&mut self, target: &str, text: &str) -> Result<(), ImageError> {
        self.insert(target, Node::Text(text.to_owned()))
    }

    /// A file that can be run.
    pub(crate) fn program(&mut self, target: &str, content: &[u8]) -> Result<(), ImageError> {
        self.insert(target, Node::Program(content.to_owned()))
    }

    /// A file with the content of `from`, links followed.
    pub(crate) fn file(&mut self, target: &str, from: &Path) -> Result<(), ImageError> {
        let executable = fs::metadata(from).at(from)?.permissions().mode() & 0o111 != 0;
        let mode = if executable { 0o755 } else { 0o644 };
        self.insert(
            target,
            Node::Copy {
                from: from.to_owned(),
                mode,
            },
        )
    }

    /// A file or a whole directory. Links inside the directory stay links.
    pub(crate) fn tree(&mut self, target: &str, from: &Path) -> Result<(), ImageError> {
        if !fs::metadata(from).at(from)?.is_dir() {
            return self.file(target, from);
        }
        self.directory(target, 0o755)?;
        for entry in fs::read_dir(from).at(from)? {
            let entry = entry.at(from)?;
            let path = entry.path();
            let Ok(name) = entry.file_name().into_string() else {
                return Err(ImageError::BadPath { path });
            };
            let target = format!("{target}/{name}");
            let kind = entry.file_type().at(&path)?;
            if kind.is_symlink() {
                let link = fs::read_link(&path).at(&path)?;
                self.insert(&target, Node::Link(link))?;
            } else if kind.is_dir() || kind.is_file() {
                self.tree(&target, &path)?;
            }
        }
        Ok(())
    }

    fn insert(&mut self, target: &str, node: Node) -> Result<(), ImageError> {
        let path = normal(target)?;
        for (end, _) in path.match_indices('/') {
            let parent = Node::Directory { mode: 0o755 };
            self.entries.entry(path[..end].to_owned()).or_insert(parent);
        }
        let both_directories = matches!(
            (self.entries.get(&path), &node),
            (Some(Node::Directory { .. }), Node::Directory { .. })
        );
        if self.entries.contains_key(&path) && !both_directories {
            return Err(ImageError::DuplicateTarget {
                target: format!("/{path}"),
            });
        }
        self.entries.insert(path, node);
        Ok(())
    }

    /// Writes the archive as a blob.
    pub(crate) fn write(&self, store: &ImageStore) -> Result<Blob, ImageError> {
        let blob = store.new_blob(MAX_BLOB_BYTES)?;
        let mut tar = tar::Builder::new(blob);
        let to = store.root();
        for (path, node) in &self.entries {
            match node {
                Node::Directory { mode } => {
                    let mut header = header(EntryType::Directory, *mode, 0);
                    tar.append_data(&mut header, format!("{path}/"), io::empty())
                        .at(to)?;
                }
                Node::Text(text) => {
                    let mut header = header(EntryType::Regular, 0o644, text.len() as u64);
                    tar.append_data(&mut header, path, text.as_bytes()).at(to)?;
                }
                Node::Program(content) => {
                    let mut header = header(EntryType::Regular, 0o755, content.len() as u64);
                    tar.append_data(&mut header, path, content.as_slice())
                        .at(to)?;
                }
                Node::Link(link) => {
                    let mut header = header(EntryType::Symlink, 0o777, 0);
                    tar.append_link(&mut header, path, link).at(to)?;
                }
                Node::Copy { from, mode } => {
                    let file = File::open(from).at(from)?;
                    let size_bytes = file.metadata().at(from)?.len();
                    let mut header = header(EntryType::Regular, *mode, size_bytes);
                    let mut content = file.take(size_bytes);
                    let copied = tar.append_data(&mut header, path, &mut content);
                    copied.map_err(|source| {
                        let path = if is_full(&source) { to } else { from.as_path() };
                        ImageError::Io {
                            path: path.to_owned(),
                            source,
                        }
                    })?;
                    if content.limit() > 0 {
                        // It shrank under our hands: the archive is not whole.
                        return Err(io::Error::from(io::ErrorKind::UnexpectedEof)).at(from);
                    }
                }
            }
        }
        Ok(tar.into_inner().at(to)?.finish())
    }
}

fn header(kind: EntryType, mode: u32, size_bytes: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size_bytes);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header
}

/// A target as an archive has it: relative, without `.` and empty parts.
fn normal(target: &str) -> Result<String, ImageError> {
    let parts: Vec<_> = target
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    if parts.is_empty() || parts.contains(&"..") || target.contains('\0') {
        return Err(ImageError::BadPath {
            path: target.into(),
        });
    }
    Ok(parts.join("/"))
}
