//! The last steps of a container's process before it becomes the program.

use std::collections::HashMap;
use std::convert::Infallible;
use std::ffi::{CString, NulError};
use std::path::PathBuf;
use std::rc::Rc;

use estiba_model::message;
use libcontainer::capabilities::drop_privileges;
use libcontainer::oci_spec::runtime::{Capabilities, LinuxCapabilities, Spec};
use libcontainer::syscall::syscall::create_syscall;
use libcontainer::workload::{
    Executor, ExecutorError, ExecutorSetEnvsError, ExecutorValidationError,
};
use nix::errno::Errno;
use nix::sys::prctl;
use nix::sys::signal::{SigHandler, SigSet, Signal};
use nix::unistd::{AccessFlags, access, execve};

use super::control::{Control, Report};
use super::error::Failure;
use super::identity::Identity;
use super::seccomp::Filters;
use super::spec::Env;

/// What `PATH` is for an image that sets none, as in Docker.
pub(super) const DEFAULT_PATH: &str =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// What `HOME` is for an image that sets none.
pub(super) const DEFAULT_HOME: &str = "/";

/// The program of a container. It lives in memory alone, and is why no
/// environment is ever in libcontainer's configuration on disk.
#[derive(Clone)]
pub(super) struct Workload {
    pub(super) args: Vec<String>,
    pub(super) env: Env,
    pub(super) identity: Identity,
    pub(super) filters: Filters,
    pub(super) control: Rc<Control>,
    /// Whether the process is to be killed when the helper is.
    pub(super) dies_with_helper: bool,
}

impl Workload {
    fn program(&self) -> Result<PathBuf, Failure> {
        let Some(name) = self.args.first().filter(|name| !name.is_empty()) else {
            return Err(Failure::Invalid("no program to run".to_owned()));
        };
        if name.contains('/') {
            let path = PathBuf::from(name);
            return match access(&path, AccessFlags::X_OK) {
                Ok(()) => Ok(path),
                Err(Errno::ENOENT | Errno::ENOTDIR) => Err(self.not_found()),
                Err(errno) => Err(self.not_runnable(errno)),
            };
        }
        let path = self.env.get("PATH").unwrap_or(DEFAULT_PATH);
        path.split(':')
            .map(|directory| PathBuf::from(directory).join(name))
            .find(|file| file.is_file() && access(file, AccessFlags::X_OK).is_ok())
            .ok_or_else(|| self.not_found())
    }

    fn not_found(&self) -> Failure {
        Failure::ProgramNotFound {
            program: self.args.first().cloned().unwrap_or_default(),
        }
    }

    fn not_runnable(&self, errno: Errno) -> Failure {
        Failure::ProgramNotRunnable {
            program: self.args.first().cloned().unwrap_or_default(),
            reason: errno.desc().to_owned(),
        }
    }

    fn environment(&self) -> Result<Vec<CString>, NulError> {
        let Env(variables) = &self.env;
        let missing = [("PATH", DEFAULT_PATH), ("HOME", DEFAULT_HOME)]
            .into_iter()
            .filter(|(name, _)| self.env.get(name).is_none());
        let last: HashMap<&str, &str> = missing
            .chain(variables.iter().map(|(k, v)| (k.as_str(), v.as_str())))
            .collect();
        last.into_iter()
            .map(|(name, value)| CString::new(format!("{name}={value}")))
            .collect()
    }

    /// Replaces the process, or fails.
    fn become_program(&self) -> Result<Infallible, Failure> {
        let invalid = |_| Failure::Invalid("a NUL in arguments or environment".to_owned());
        let program = self.program()?.into_os_string().into_encoded_bytes();
        let program = CString::new(program).map_err(invalid)?;
        let args = self.args.iter().map(|arg| CString::new(arg.as_str()));
        let args = args.collect::<Result<Vec<_>, _>>().map_err(invalid)?;
        let env = self.environment().map_err(invalid)?;
        let not_runnable = |errno| self.not_runnable(errno);
        self.assume_identity();
        drop_all_capabilities()?;
        reset_signals().map_err(not_runnable)?;
        if self.dies_with_helper {
            // After the identity: the kernel forgets it when that changes.
            prctl::set_pdeathsig(Signal::SIGKILL).map_err(not_runnable)?;
        }
        self.filters.install()?;
        execve(&program, &args, &env).map_err(not_runnable)
    }

    fn assume_identity(&self) {
        if let Err(error) = self.identity.assume() {
            self.control.tell(&Report::Warning(message!(
                "the process sees itself as root, with no privilege: this machine allows no second user namespace ({error})",
                "el proceso se ve a sí mismo como root, sin privilegios: esta máquina no permite un segundo espacio de usuarios ({error})"
            )));
        }
    }
}

/// An inner user namespace starts with every capability.
fn drop_all_capabilities() -> Result<(), Failure> {
    let mut none = LinuxCapabilities::default();
    let empty = || Some(Capabilities::new());
    none.set_bounding(empty())
        .set_effective(empty())
        .set_permitted(empty())
        .set_inheritable(empty())
        .set_ambient(empty());
    drop_privileges(&none, create_syscall().as_ref()).map_err(|e| Failure::runtime(&e))
}

/// Undoes what the runtime of the helper's language and the supervisor did to
/// signals, which a program inherits.
fn reset_signals() -> Result<(), Errno> {
    // SAFETY: the default action runs no code of this process.
    unsafe { nix::sys::signal::signal(Signal::SIGPIPE, SigHandler::SigDfl) }?;
    SigSet::empty().thread_set_mask()
}

impl Executor for Workload {
    fn exec(&self, _: &Spec) -> Result<(), ExecutorError> {
        let Err(failure) = self.become_program();
        let text = failure.to_string();
        self.control.tell(&Report::Failed(failure));
        Err(ExecutorError::Other(text))
    }

    fn validate(&self, _: &Spec) -> Result<(), ExecutorValidationError> {
        self.program().map(drop).map_err(|failure| {
            let text = failure.to_string();
            self.control.tell(&Report::Failed(failure));
            ExecutorValidationError::ArgValidationError(text)
        })
    }

    /// The environment is given to `execve` and never set on this process.
    fn setup_envs(&self, _: HashMap<String, String>) -> Result<(), ExecutorSetEnvsError> {
        Ok(())
    }
}
