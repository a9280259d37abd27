//! The supervisor's side: starts helpers and hears what they tell.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use estiba_model::Message;
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use serde::Serialize;

use super::cgroups;
use super::control::{Report, hand_over};
use super::error::{ExecError, Failure, LaunchError};
use super::spec::{ContainerSpec, ExecSpec};
use super::{ROLE_EXEC, ROLE_RUN};

/// Time for a container to start; the helper is killed after it. Only a machine
/// without overlay mounts, where the image is copied, comes anywhere near.
const LAUNCH_LIMIT: Duration = Duration::from_secs(60);
/// Time for a helper to get a command started and, when it takes too long, to
/// kill it.
const EXEC_GRACE: Duration = Duration::from_secs(10);
/// Bytes of reports that are read; more is none of a helper's making.
const MAX_REPORTS_BYTES: u64 = 1 << 20;

/// A container whose program was started.
#[derive(Debug)]
pub struct RunningContainer {
    /// Its first process, in pids of the host, and a child of the caller if that
    /// is a child subreaper: wait for it.
    pub pid: i32,
    /// What was left out, for people.
    pub warnings: Vec<Message>,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecOutcome {
    /// With this exit code.
    Exited(i32),
    /// Killed by the signal of this number.
    Killed(i32),
}

/// Starts a container, and returns when its program runs. `helper` is the
/// program itself, or any other that calls [`run_role`](super::run_role).
///
/// # Errors
/// The container does not run; nothing of it does. [`delete`](super::delete)
/// removes what is left of it on disk.
pub fn launch(
    helper: &Path,
    spec: &ContainerSpec,
    stdout: OwnedFd,
    stderr: OwnedFd,
) -> Result<RunningContainer, LaunchError> {
    let id = &spec.id.id;
    let stdio = [Stdio::null(), stdout.into(), stderr.into()];
    std::thread::spawn(cgroups::anticipate_join);
    let told = Helper::start(helper, ROLE_RUN, spec, stdio)
        .map_err(|source| helper_error(id, helper, source))?
        .finish(id, Some(LAUNCH_LIMIT));
    let told = told.inspect_err(|(_, reports)| end_created(reports));
    let reports = told.map_err(|(error, _)| error)?;
    let mut pid = None;
    let mut warnings = Vec::new();
    for report in reports {
        match report {
            Report::Created { pid: created } => pid = Some(created),
            Report::Warning(warning) => warnings.push(warning),
            _ => {}
        }
    }
    match pid {
        Some(pid) => Ok(RunningContainer { pid, warnings }),
        None => Err(LaunchError::Silent {
            id: id.clone(),
            status: "no pid".to_owned(),
        }),
    }
}

/// Runs a command in a running container, with the same rights as the
/// container's program, and waits for it.
///
/// # Errors
/// The command could not be run, or was killed at its [`ExecSpec::limit`].
pub fn exec(helper: &Path, spec: &ExecSpec, stdio: [Stdio; 3]) -> Result<ExecOutcome, ExecError> {
    let id = &spec.id.id;
    let reports = Helper::start(helper, ROLE_EXEC, spec, stdio)
        .map_err(|source| helper_error(id, helper, source))?
        .finish(id, spec.limit.map(|limit| limit + EXEC_GRACE))
        .map_err(|(error, _)| error)?;
    let outcome = reports.into_iter().find_map(|report| match report {
        Report::Exited(code) => Some(Ok(ExecOutcome::Exited(code))),
        Report::Killed(signal) => Some(Ok(ExecOutcome::Killed(signal))),
        Report::OutOfTime => Some(Err(LaunchError::TimedOut {
            id: id.clone(),
            limit: spec.limit.unwrap_or_default(),
        })),
        _ => None,
    });
    outcome.unwrap_or_else(|| {
        let status = "no exit code".to_owned();
        Err(LaunchError::Silent {
            id: id.clone(),
            status,
        })
    })
}

fn helper_error(id: &str, helper: &Path, source: io::Error) -> LaunchError {
    LaunchError::Helper {
        id: id.to_owned(),
        helper: helper.to_owned(),
        source,
    }
}

/// The first process of a container that failed after all. It is a child of
/// this process now, if of anyone's here.
fn end_created(reports: &[Report]) {
    for report in reports {
        if let Report::Created { pid } = report {
            let pid = Pid::from_raw(*pid);
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::SIGKILL);
            let _ = waitpid(pid, Some(WaitPidFlag::empty()));
        }
    }
}

/// A helper that was started.
pub(super) struct Helper {
    process: Child,
    control: UnixStream,
}

impl Helper {
    pub(super) fn start(
        program: &Path,
        role: &str,
        request: &impl Serialize,
        [stdin, stdout, stderr]: [Stdio; 3],
    ) -> io::Result<Self> {
        let (ours, theirs) = UnixStream::pair()?;
        let theirs_fd = theirs.as_raw_fd();
        let mut command = Command::new(program);
        command
            .arg(role)
            .env_clear()
            .current_dir("/")
            .stdin(stdin)
            .stdout(stdout)
            .stderr(stderr);
        // SAFETY: the closure makes only async-signal-safe calls and allocates
        // nothing; the descriptor is open until the process is started.
        unsafe { command.pre_exec(move || hand_over(theirs_fd)) };
        let mut process = command.spawn()?;
        drop(theirs);
        let mut helper = &ours;
        let sent = serde_json::to_vec(request)
            .map_err(io::Error::from)
            .and_then(|text| helper.write_all(&text))
            .and_then(|()| ours.shutdown(Shutdown::Write));
        if let Err(error) = sent {
            let _ = process.kill();
            let _ = process.wait();
            return Err(error);
        }
        Ok(Self {
            process,
            control: ours,
        })
    }

    /// Waits for the helper, and tells what it told. A failure among it comes
    /// back as the error, with everything else told.
    pub(super) fn finish(
        mut self,
        id: &str,
        limit: Option<Duration>,
    ) -> Result<Vec<Report>, (LaunchError, Vec<Report>)> {
        let (mut reports, in_time) = self.listen(limit);
        if !in_time {
            let _ = self.process.kill();
        }
        let status = self.process.wait();
        if !in_time {
            let (id, limit) = (id.to_owned(), limit.unwrap_or_default());
            return Err((LaunchError::TimedOut { id, limit }, reports));
        }
        if let Some(failure) = first_failure(&mut reports) {
            let id = id.to_owned();
            return Err((LaunchError::Failed { id, failure }, reports));
        }
        if status.as_ref().is_ok_and(|status| status.success()) {
            return Ok(reports);
        }
        let status = status.map_or_else(|error| error.to_string(), |status| status.to_string());
        let id = id.to_owned();
        Err((LaunchError::Silent { id, status }, reports))
    }

    fn listen(&self, limit: Option<Duration>) -> (Vec<Report>, bool) {
        let deadline = limit.map(|limit| Instant::now() + limit);
        let mut reports = Vec::new();
        let mut lines = BufReader::new((&self.control).take(MAX_REPORTS_BYTES));
        loop {
            let left = deadline.map(|end| end.saturating_duration_since(Instant::now()));
            if left == Some(Duration::ZERO) || self.control.set_read_timeout(left).is_err() {
                return (reports, false);
            }
            let mut line = String::new();
            match lines.read_line(&mut line) {
                Ok(0) => return (reports, true),
                Ok(_) => reports.extend(serde_json::from_str(&line).ok()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return (reports, false),
            }
        }
    }
}

/// The first failure is the cause of those that follow.
fn first_failure(reports: &mut Vec<Report>) -> Option<Failure> {
    let place = reports
        .iter()
        .position(|report| matches!(report, Report::Failed(_)))?;
    let Report::Failed(mut failure) = reports.remove(place) else {
        return None;
    };
    if let Failure::Runtime(reason) = &mut failure {
        // What is logged after the first repeats it from further away.
        let detail = reports.iter().find_map(|report| match report {
            Report::Detail(detail) => Some(detail),
            _ => None,
        });
        if let Some(detail) = detail {
            *reason += &format!("; {detail}");
        }
    }
    Some(failure)
}
