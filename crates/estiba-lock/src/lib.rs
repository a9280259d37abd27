//! One process at a time: a lock of the operating system on an open file.
//!
//! It ends with the process, however that ends. See
//! <https://man7.org/linux/man-pages/man2/flock.2.html>.

use std::fs::{File, TryLockError};
use std::io;

/// A lock that is held until this is dropped or the process ends.
#[derive(Debug)]
pub struct FileLock(File);

impl FileLock {
    /// Locks a file, unless somebody else has.
    ///
    /// # Errors
    /// The file can't be locked at all.
    pub fn take(file: File) -> io::Result<Option<Self>> {
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Waits, for as long as it takes, until nobody else has locked a file, and locks it.
    ///
    /// # Errors
    /// The file can't be locked at all.
    pub fn wait(file: File) -> io::Result<Self> {
        loop {
            match file.lock() {
                Ok(()) => return Ok(Self(file)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for FileLock {
    /// Closing alone is not enough: a child that another thread is just starting has a
    /// copy of every descriptor until it executes its program, and the lock with it.
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn children_that_are_being_started_keep_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = || File::create(folder.path().join("lock")).unwrap();
        let is_over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    Command::new("true").status().unwrap();
                }
            });
            let is_held = (0..20_000).any(|_| FileLock::take(file()).unwrap().is_none());
            is_over.store(true, Ordering::Relaxed);
            assert!(!is_held);
        });
    }

    #[test]
    fn whoever_waits_gets_it() {
        let folder = tempfile::tempdir().unwrap();
        let file = || File::create(folder.path().join("lock")).unwrap();
        let first = FileLock::take(file()).unwrap().unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| FileLock::wait(file()).unwrap());
            drop(first);
            let second = second.join().unwrap();
            assert!(FileLock::take(file()).unwrap().is_none());
            drop(second);
        });
    }
}
