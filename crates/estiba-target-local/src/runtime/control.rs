//! The socket between supervisor and helper.
//!
//! The supervisor writes one JSON document and closes its writing side; the
//! helper answers with one JSON [`Report`] a line. The container's own process
//! holds the helper's end until its `execve` succeeds, so the end of the stream
//! means: everything that could fail has been told.

use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use estiba_model::Message;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::error::Failure;
use super::host::Probe;

/// Where a helper finds its end of the socket.
pub(super) const CONTROL_FD: RawFd = 3;

/// Longest request, in bytes; the helper refuses more. The kernel allows no
/// process arguments and environment near this size.
const MAX_REQUEST_BYTES: u64 = 8 << 20;

/// What a helper, or the container's process before its `execve`, tells.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Report {
    /// The container exists, and its first process has this pid on the host.
    Created { pid: i32 },
    /// The container was let run.
    Started,
    /// Something was left out, and the container runs all the same.
    Warning(Message),
    /// What libcontainer's log says of a failure that follows.
    Detail(String),
    /// It did not work.
    Failed(Failure),
    /// The command run in a container ended with this exit code.
    Exited(i32),
    /// The command run in a container was killed by the signal of this number.
    Killed(i32),
    /// The helper killed the command, because it took too long.
    OutOfTime,
    /// What the machine allows.
    Probed(Probe),
}

/// A helper's end of the socket.
pub(super) struct Control(UnixStream);

impl Control {
    /// Takes over descriptor 3. To be called once, first thing in a helper.
    pub(super) fn inherited() -> io::Result<Self> {
        // Also proves that the descriptor is open.
        fcntl(CONTROL_FD, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
        // SAFETY: the descriptor is open, and a helper is started with it for
        // this use alone; nothing else in the process owns it.
        let owned = unsafe { OwnedFd::from_raw_fd(CONTROL_FD) };
        Ok(Self(UnixStream::from(owned)))
    }

    pub(super) fn request<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        let mut text = Vec::new();
        (&self.0)
            .take(MAX_REQUEST_BYTES)
            .read_to_end(&mut text)
            .map_err(|error| Failure::Invalid(error.to_string()))?;
        serde_json::from_slice(&text).map_err(|error| {
            // The error's own text may quote a secret; its place may not.
            let (line, column) = (error.line(), error.column());
            Failure::Invalid(format!("request not understood at {line}:{column}"))
        })
    }

    pub(super) fn tell(&self, report: &Report) {
        tell(&self.0, report);
    }

    /// Waits until the process of `pidfd` ends, the supervisor is gone or `limit`
    /// is over; tells whether it was the first.
    pub(super) fn wait_for(&self, pidfd: BorrowedFd, limit: Option<Duration>) -> io::Result<bool> {
        // The supervisor's end is half closed all along; gone is a hang-up,
        // which is told unasked.
        let mut events = [
            PollFd::new(pidfd, PollFlags::POLLIN),
            PollFd::new(self.0.as_fd(), PollFlags::empty()),
        ];
        let limit = limit.map_or(Ok(PollTimeout::NONE), PollTimeout::try_from);
        poll(&mut events, limit.unwrap_or(PollTimeout::MAX))?;
        Ok(events[0].any().unwrap_or_default())
    }

    /// Has libcontainer's errors told too.
    pub(super) fn tell_errors(&self) -> io::Result<()> {
        super::trace::errors_to(self.0.try_clone()?);
        Ok(())
    }
}

/// A supervisor that is gone has no use for reports: failing to tell one is no
/// failure of the container.
pub(super) fn tell(mut stream: &UnixStream, report: &Report) {
    if let Ok(mut line) = serde_json::to_vec(report) {
        line.push(b'\n');
        let _ = stream.write_all(&line);
    }
}

/// Makes `fd` the [`CONTROL_FD`] of a process about to be started. Only
/// async-signal-safe calls, as fit between `fork` and `exec`.
pub(super) fn hand_over(fd: RawFd) -> io::Result<()> {
    if fd == CONTROL_FD {
        fcntl(fd, FcntlArg::F_SETFD(FdFlag::empty()))?;
    } else {
        nix::unistd::dup2(fd, CONTROL_FD)?;
    }
    Ok(())
}
