//! Whether a file begins as it did.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use serde::{Deserialize, Serialize};

/// The beginning of a file, at most so many bytes of it.
const LENGTH: u64 = 1024;

/// A checksum of the beginning. Device and inode of a file that is gone are given
/// to the next one, and a file that is truncated keeps them: neither begins as the
/// one before did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Print {
    length: u64,
    sum: u32,
}

impl Print {
    /// The print of a file as it is.
    pub(crate) fn of(file: &File) -> io::Result<Self> {
        Self::of_length(file, LENGTH)
    }

    fn of_length(file: &File, length: u64) -> io::Result<Self> {
        let mut beginning = [0; LENGTH as usize];
        let wanted = &mut beginning[..length as usize];
        let mut read = 0;
        while read < wanted.len() {
            match file.read_at(&mut wanted[read..], read as u64) {
                Ok(0) => break,
                Ok(more) => read += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Self {
            length: read as u64,
            sum: crc32fast::hash(&wanted[..read]),
        })
    }

    /// Whether nothing was there when it was made: then every file matches.
    pub(crate) fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// Whether `file` begins as the file did that this is the print of; it may
    /// have grown.
    pub(crate) fn matches(&self, file: &File) -> io::Result<bool> {
        Ok(Self::of_length(file, self.length)? == *self)
    }

    /// Whether more of the file would be in the print than when it was made.
    pub(crate) fn may_grow(&self, size: u64) -> bool {
        self.length < LENGTH && size > self.length
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_grows_is_the_same() {
        let file = tempfile::tempfile().unwrap();
        let empty = Print::of(&file).unwrap();
        file.write_all_at(b"one\n", 0).unwrap();
        let one = Print::of(&file).unwrap();
        assert!(one.may_grow(5) && !one.may_grow(4));
        file.write_all_at(&[b'x'; 2000], 4).unwrap();
        assert!(empty.matches(&file).unwrap() && one.matches(&file).unwrap());
        assert!(!Print::of(&file).unwrap().may_grow(5000));
        file.write_all_at(b"two\n", 0).unwrap();
        assert!(empty.matches(&file).unwrap() && !one.matches(&file).unwrap());
        file.set_len(2).unwrap();
        assert!(!one.matches(&file).unwrap());
    }
}
