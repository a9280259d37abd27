//! Content on its way into the store.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;

use estiba_model::Digest;
use sha2::{Digest as _, Sha256};
use tempfile::NamedTempFile;

use crate::ImageError;
use crate::error::At;

/// A file that is hashed while it is written and takes its name from its hash.
pub(crate) struct BlobWriter {
    file: NamedTempFile,
    hash: Sha256,
    size_bytes: u64,
    limit_bytes: u64,
}

/// A blob that is complete and verified, not yet in the store.
pub(crate) struct Blob {
    file: NamedTempFile,
    pub(crate) digest: Digest,
    pub(crate) size_bytes: u64,
}

impl BlobWriter {
    /// A blob of at most `limit_bytes`, in `tmp` until it is kept.
    pub(crate) fn new(tmp: &Path, limit_bytes: u64) -> Result<Self, ImageError> {
        Ok(Self {
            file: tempfile::Builder::new()
                .prefix("blob-")
                .tempfile_in(tmp)
                .at(tmp)?,
            hash: Sha256::new(),
            size_bytes: 0,
            limit_bytes,
        })
    }

    /// Everything that `content` has.
    pub(crate) fn fill(mut self, content: &mut impl Read) -> Result<Blob, ImageError> {
        let path = self.file.path().to_owned();
        io::copy(content, &mut self).at(path)?;
        Ok(self.finish())
    }

    /// Ends the blob: its digest is known now.
    pub(crate) fn finish(self) -> Blob {
        Blob {
            digest: digest_of(self.hash),
            size_bytes: self.size_bytes,
            file: self.file,
        }
    }
}

impl Write for BlobWriter {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        if self.size_bytes + buffer.len() as u64 > self.limit_bytes {
            return Err(io::Error::new(
                io::ErrorKind::FileTooLarge,
                format!("more than {} bytes", self.limit_bytes),
            ));
        }
        let written = self.file.write(buffer)?;
        self.hash.update(&buffer[..written]);
        self.size_bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Blob {
    /// The content, where it is for now.
    pub(crate) fn open(&self) -> Result<File, ImageError> {
        File::open(self.file.path()).at(self.file.path())
    }

    /// Refuses the content if it is not what was promised.
    pub(crate) fn expect(self, expected: &Digest, origin: &str) -> Result<Self, ImageError> {
        if self.digest == *expected {
            return Ok(self);
        }
        Err(ImageError::WrongDigest {
            origin: origin.to_owned(),
            expected: expected.clone(),
            actual: self.digest,
        })
    }

    /// Moves the blob to `path`, durably: after a crash it is there whole or
    /// not at all.
    pub(crate) fn persist(self, path: &Path) -> Result<(), ImageError> {
        persist(self.file, path)
    }
}

/// Writes `content` to `path` so that readers and crashes see it whole or not
/// at all.
pub(crate) fn write_whole(tmp: &Path, path: &Path, content: &[u8]) -> Result<(), ImageError> {
    let mut file = tempfile::Builder::new()
        .prefix("file-")
        .tempfile_in(tmp)
        .at(tmp)?;
    file.write_all(content).at(path)?;
    persist(file, path)
}

fn persist(file: NamedTempFile, path: &Path) -> Result<(), ImageError> {
    use std::os::unix::fs::PermissionsExt;
    file.as_file()
        .set_permissions(fs::Permissions::from_mode(0o644))
        .at(path)?;
    file.as_file().sync_all().at(path)?;
    file.persist(path).map_err(|e| e.error).at(path)?;
    if let Some(parent) = path.parent() {
        File::open(parent)
            .and_then(|dir| dir.sync_all())
            .at(parent)?;
    }
    Ok(())
}

/// The digest of everything a hasher has seen.
pub(crate) fn digest_of(hash: Sha256) -> Digest {
    format!("sha256:{}", hex::encode(hash.finalize()))
        .parse()
        .expect("a SHA-256 in hexadecimal is a digest")
}

/// Hashes what is read through it.
pub(crate) struct HashingReader<R> {
    inner: R,
    hash: Sha256,
    left_bytes: u64,
}

impl<R: Read> HashingReader<R> {
    /// Fails with [`io::ErrorKind::FileTooLarge`] after `limit_bytes`.
    pub(crate) fn new(inner: R, limit_bytes: u64) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            left_bytes: limit_bytes,
        }
    }

    /// Reads to the end and gives the digest of everything.
    pub(crate) fn finish(mut self) -> io::Result<Digest> {
        io::copy(&mut self, &mut io::sink())?;
        Ok(digest_of(self.hash))
    }
}

impl<R: Read> Read for HashingReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.left_bytes = self
            .left_bytes
            .checked_sub(count as u64)
            .ok_or(io::ErrorKind::FileTooLarge)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}
