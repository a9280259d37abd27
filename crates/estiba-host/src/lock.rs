//! Who runs an instance: a lock that ends with its process.
//!
//! An open file description lock, because it can be asked about without being
//! taken. Its holder writes into the file which process it is.
//! <https://man7.org/linux/man-pages/man2/F_OFD_GETLK.2const.html>

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};
use nix::libc::{self, flock};

use crate::process::ProcessId;

/// A lock that is held until this is dropped or the process ends.
#[derive(Debug)]
pub struct Held(#[expect(dead_code, reason = "held for its lock")] File);

/// Takes the lock of `path`, unless another process has it.
///
/// # Errors
/// When the file can't be opened or locked.
pub fn hold(path: &Path) -> io::Result<Option<Held>> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)?;
    match fcntl(file.as_raw_fd(), FcntlArg::F_OFD_SETLK(&whole_file())) {
        Ok(_) => {}
        Err(Errno::EAGAIN | Errno::EACCES) => return Ok(None),
        Err(errno) => return Err(errno.into()),
    }
    let pid = i32::try_from(std::process::id()).map_err(io::Error::other)?;
    let own = ProcessId::of(pid).ok_or(io::ErrorKind::NotFound)?;
    file.set_len(0)?;
    file.write_all(&serde_json::to_vec(&own)?)?;
    Ok(Some(Held(file)))
}

/// Whether some process holds the lock of `path`.
///
/// # Errors
/// When the file can't be opened or locked.
pub fn is_held(path: &Path) -> io::Result<bool> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    let mut lock = whole_file();
    fcntl(file.as_raw_fd(), FcntlArg::F_OFD_GETLK(&mut lock))?;
    Ok(i32::from(lock.l_type) != libc::F_UNLCK)
}

/// The process that holds the lock of `path`; an error while it is taking it.
///
/// # Errors
/// When the file can't be opened or locked.
pub fn holder(path: &Path) -> io::Result<Option<ProcessId>> {
    if !is_held(path)? {
        return Ok(None);
    }
    Ok(Some(serde_json::from_slice(&fs::read(path)?)?))
}

fn whole_file() -> flock {
    // The constants are small; their types differ among C libraries.
    flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    }
}
