//! The helper's side: what the program does in a hidden role.

use std::fs;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use libcgroups::common::{CgroupSetup, get_cgroup_setup};
use libcontainer::container::builder::ContainerBuilder;
use libcontainer::syscall::syscall::SyscallType;
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::Pid;
use rustix::process::{PidfdFlags, pidfd_open};

use super::bundle::{self, Circumstances};
use super::cgroups::{self, Support};
use super::control::{Control, Report};
use super::error::Failure;
use super::identity::{self, Identity};
use super::lifecycle::{configuration, has_cgroup, running_pid};
use super::rootfs::{Tree, needed_points};
use super::seccomp::Filters;
use super::spec::{ContainerSpec, Env, ExecSpec};
use super::workload::Workload;
use super::{ROLE_EXEC, ROLE_PROBE, ROLE_RUN, host};

/// Plays the hidden role `name`, if it is one. To be called first thing in
/// `main`, before any thread is started, with the program's first argument.
#[must_use]
pub fn run_role(name: &str) -> Option<ExitCode> {
    let role: fn(&Rc<Control>) -> Result<Report, Failure> = match name {
        ROLE_RUN => run,
        ROLE_EXEC => exec,
        ROLE_PROBE => host::probe,
        _ => return None,
    };
    let inherited = Control::inherited().and_then(|control| {
        control.tell_errors()?;
        Ok(control)
    });
    let Ok(control) = inherited else {
        // Somebody tried a role by hand. There is nobody to tell more to.
        return Some(ExitCode::from(2));
    };
    let control = Rc::new(control);
    Some(match role(&control) {
        Ok(report) => {
            control.tell(&report);
            ExitCode::SUCCESS
        }
        Err(failure) => {
            control.tell(&Report::Failed(failure));
            ExitCode::FAILURE
        }
    })
}

/// Starts a container and leaves it running.
fn run(control: &Rc<Control>) -> Result<Report, Failure> {
    let spec: ContainerSpec = control.request()?;
    let filters = Filters::compile()?;
    let rootless = identity::is_rootless();
    let support = Support::detect();
    let (limits, warning) = support.applicable(spec.limits);
    if let Some(warning) = warning {
        control.tell(&Report::Warning(warning));
    }
    let now = Circumstances {
        rootless,
        inner_user: rootless && spec.user.uid != 0,
        cgroup: support.parent.map(|parent| parent.join(&spec.id.id)),
        cgroup_v2: matches!(get_cgroup_setup(), Ok(CgroupSetup::Unified)),
        limits,
    };
    enter_own_namespaces(rootless, now.cgroup.is_some())?;
    let mounts = bundle::mounts(&spec, &now)?;
    let points: Vec<_> = mounts.iter().map(bundle::Mount::point).collect();
    let tree = Tree {
        bundle: &spec.id.bundle,
        layers: &spec.layers,
        mount_points: &needed_points(&points, &spec.cwd),
        read_only: spec.read_only_root,
        rootless,
    };
    for warning in tree.mount()? {
        control.tell(&Report::Warning(warning));
    }
    let config = spec.id.bundle.join("config.json");
    let text = bundle::config(&spec, &now, &mounts).to_string();
    fs::write(&config, text).map_err(|error| Failure::file(&config, &error))?;

    let workload = Workload {
        args: spec.args,
        env: spec.env,
        identity: if now.inner_user {
            Identity::Inner(spec.user)
        } else {
            Identity::AsIs
        },
        filters,
        control: Rc::clone(control),
        dies_with_helper: false,
    };
    let mut container = ContainerBuilder::new(spec.id.id, SyscallType::default())
        .with_executor(workload)
        .with_root_path(spec.id.state_root)
        .and_then(ContainerBuilder::validate_id)
        .and_then(|builder| builder.as_init(spec.id.bundle).with_systemd(false).build())
        .map_err(|error| Failure::runtime(&error))?;
    let pid = container
        .pid()
        .ok_or_else(|| Failure::Runtime("no pid".to_owned()))?;
    control.tell(&Report::Created { pid: pid.as_raw() });
    container
        .start()
        .map_err(|error| Failure::runtime(&error))?;
    Ok(Report::Started)
}

/// Runs a command in a container and waits for it.
fn exec(control: &Rc<Control>) -> Result<Report, Failure> {
    let spec: ExecSpec = control.request()?;
    let filters = Filters::compile()?;
    let gone = || Failure::NotRunning {
        id: spec.id.id.clone(),
    };
    let pid = running_pid(&spec.id).ok_or_else(gone)?;
    let config = configuration(&spec.id).ok_or_else(gone)?;
    let process = config.process().as_ref().ok_or_else(gone)?;
    let env = environment_of(pid, spec.env.clone()).ok_or_else(gone)?;
    let rootless = identity::is_rootless();
    let identity = identity::join_outer(pid)
        .map_err(|e| Failure::not_allowed("a command in the container", &e))?;
    if !has_cgroup(&config) {
        enter_own_mounts()?;
        cgroups::hide()?;
    }
    let user = process.user();
    let capabilities = match identity {
        Identity::Join(_) => vec!["CAP_SETFCAP".to_owned()],
        _ => Vec::new(),
    };
    let workload = Workload {
        args: spec.args.clone(),
        env,
        identity,
        filters,
        control: Rc::clone(control),
        dies_with_helper: true,
    };
    let gids = if rootless {
        Vec::new()
    } else {
        vec![user.gid()]
    };
    let child = ContainerBuilder::new(spec.id.id.clone(), SyscallType::default())
        .with_executor(workload)
        .with_root_path(spec.id.state_root)
        .map_err(|error| Failure::runtime(&error))?
        .as_tenant()
        .with_container_args(spec.args)
        .with_cwd(Some(spec.cwd.unwrap_or_else(|| process.cwd().clone())))
        .with_user(Some(user.uid()))
        .with_group(Some(user.gid()))
        .with_additional_gids(gids)
        .with_capabilities(capabilities)
        .with_no_new_privs(true)
        .build()
        .map_err(|error| Failure::runtime(&error))?;
    wait(control, child, spec.limit)
}

/// Waits for a command, or kills it. This process is the one that has to collect
/// it: a container whose commands nobody collects never ends.
fn wait(control: &Control, child: Pid, limit: Option<Duration>) -> Result<Report, Failure> {
    let failed = |error: &dyn std::error::Error| Failure::runtime(error);
    let raw = rustix::process::Pid::from_raw(child.as_raw());
    let raw = raw.ok_or_else(|| Failure::Runtime("no pid".to_owned()))?;
    let pidfd = pidfd_open(raw, PidfdFlags::empty()).map_err(|error| failed(&error))?;
    let ended = control
        .wait_for(pidfd.as_fd(), limit)
        .map_err(|error| failed(&error))?;
    if !ended {
        // Not collected yet, so the pid is still that of the command.
        kill(child, Signal::SIGKILL).map_err(|error| failed(&error))?;
    }
    match waitpid(child, None) {
        Ok(_) if !ended => Ok(Report::OutOfTime),
        Ok(WaitStatus::Signaled(_, signal, _)) => Ok(Report::Killed(signal as i32)),
        Ok(WaitStatus::Exited(_, code)) => Ok(Report::Exited(code)),
        Ok(other) => Err(Failure::Runtime(format!("not ended: {other:?}"))),
        Err(errno) => Err(failed(&errno)),
    }
}

/// A mount namespace for this process and, without root, a user namespace to
/// have rights in it.
pub(super) fn enter_own_namespaces(rootless: bool, has_cgroup: bool) -> Result<(), Failure> {
    if rootless {
        identity::become_outer_root()?;
    }
    enter_own_mounts()?;
    if has_cgroup { Ok(()) } else { cgroups::hide() }
}

/// What is mounted from here on is seen by this process and its children alone.
fn enter_own_mounts() -> Result<(), Failure> {
    let own = |errno| Failure::not_allowed("a mount namespace", &errno);
    unshare(CloneFlags::CLONE_NEWNS).map_err(own)?;
    let slave = MsFlags::MS_REC | MsFlags::MS_SLAVE;
    mount(None::<&str>, "/", None::<&str>, slave, None::<&str>).map_err(own)
}

/// The environment that the container was started with, which is nowhere but in
/// its memory, and then `more`.
fn environment_of(pid: i32, more: Env) -> Option<Env> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).ok()?;
    let mut all: Vec<_> = bytes
        .split(|byte| *byte == 0)
        .filter_map(|variable| {
            let text = String::from_utf8_lossy(variable);
            let (name, value) = text.split_once('=')?;
            Some((name.to_owned(), value.to_owned()))
        })
        .collect();
    all.extend(more.0);
    Some(Env(all))
}
