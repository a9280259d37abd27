//! Processes, held so that a pid that was used again is never mistaken.

use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::{Deserialize, Serialize};
use tokio::task::spawn_blocking;

/// Time for a killed process to be gone, in milliseconds. Only one that waits
/// for a broken disk needs longer.
const KILLED_MS: u16 = 5000;

/// A process that ran at some time: its pid, and when it started, in clock
/// ticks since the machine did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessId {
    /// Its number.
    pub pid: i32,
    /// When it started.
    pub started: u64,
}

impl ProcessId {
    /// The process that has this pid now.
    #[must_use]
    pub fn of(pid: i32) -> Option<Self> {
        // Field 22; the name before it may hold spaces and parentheses.
        // https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (_, after_name) = stat.rsplit_once(')')?;
        let started = after_name.split_whitespace().nth(19)?.parse().ok()?;
        Some(Self { pid, started })
    }

    /// Kills it if it still runs, and waits until it has ended, for `KILLED_MS`
    /// at the most.
    pub fn kill(self) {
        let Ok(process) = Process::open(self.pid) else {
            return;
        };
        // The process that is held now is the one that started then.
        if Self::of(self.pid) == Some(self) {
            let _ = process.signal(Signal::KILL);
            let _ = poll(
                &mut [PollFd::new(process.0.as_fd(), PollFlags::POLLIN)],
                KILLED_MS,
            );
        }
    }
}

/// A running process.
#[derive(Debug)]
pub struct Process(OwnedFd);

impl Process {
    /// The process that has this pid now.
    ///
    /// # Errors
    /// When there is none.
    pub fn open(pid: i32) -> io::Result<Self> {
        let pid = Pid::from_raw(pid).ok_or(io::ErrorKind::NotFound)?;
        Ok(Self(pidfd_open(pid, PidfdFlags::NONBLOCK)?))
    }

    /// Sends a signal; to one that has ended is no error.
    ///
    /// # Errors
    /// When it belongs to someone else.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        match pidfd_send_signal(&self.0, signal) {
            Err(rustix::io::Errno::SRCH) | Ok(()) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// Waits until it has ended, for `limit` at the most; whether it has.
    ///
    /// # Errors
    /// When the system can't wait for it.
    pub async fn ended_within(&self, limit: Duration) -> io::Result<bool> {
        let descriptor = self.0.try_clone()?;
        let limit = PollTimeout::try_from(limit).map_err(io::Error::other)?;
        let waited = spawn_blocking(move || {
            poll(
                &mut [PollFd::new(descriptor.as_fd(), PollFlags::POLLIN)],
                limit,
            )
        });
        let ended = waited.await.map_err(io::Error::other)??;
        Ok(ended > 0)
    }
}

impl AsFd for Process {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// Whether the first process of a container does anything at a signal. The
/// kernel drops those that it has no handler for, which would have ended it
/// outside of a container: waiting for it would be in vain.
#[must_use]
pub fn hears(pid: i32, signal: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status"));
    let status = status.unwrap_or_default();
    let masks = ["SigBlk:", "SigIgn:", "SigCgt:"];
    masks.iter().any(|name| {
        let mask = status.lines().find_map(|line| line.strip_prefix(name));
        let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        mask.is_some_and(|mask| mask & (1 << (signal - 1)) != 0)
    })
}
