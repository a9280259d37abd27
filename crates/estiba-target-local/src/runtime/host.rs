//! What this machine lets this user do.

use std::path::Path;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;

use estiba_host::account::User;
use estiba_model::{Message, message};
use serde::{Deserialize, Serialize};

use super::ROLE_PROBE;
use super::cgroups::Support;
use super::control::{Control, Report};
use super::error::{Failure, LaunchError};
use super::helper::enter_own_namespaces;
use super::identity::{self, Identity};
use super::launch::Helper;
use super::rootfs::{Kind, Tree};

/// Time for a machine to answer.
const PROBE_LIMIT: Duration = Duration::from_secs(10);

/// What a helper tried; `None` where it worked, else what the kernel said.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Probe {
    support: Support,
    namespaces: Option<String>,
    overlay: Option<String>,
    inner_user: Option<String>,
}

/// What containers of this user can have on this machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HostReport {
    /// As `uname -r` has it.
    pub kernel: String,
    /// Whether the user is not root, so that containers need a user namespace.
    pub rootless: bool,
    /// Whether containers can run at all.
    pub containers: bool,
    /// Whether images are used in place, not copied for each container.
    pub overlay: bool,
    /// Whether a process can be someone other than root in its own eyes.
    pub users: bool,
    /// Whether memory can be limited.
    pub memory_limit: bool,
    /// Whether processes can be limited.
    pub pids_limit: bool,
    /// Whether processor time can be limited.
    pub cpu_limit: bool,
    /// What does not work, and what to do about it.
    pub remarks: Vec<Message>,
}

/// Tries what containers need, in a helper so that nothing changes for the
/// calling process.
///
/// # Errors
/// The helper could not be started or did not answer.
pub fn host_report(helper: &Path) -> Result<HostReport, LaunchError> {
    const NAME: &str = "probe";
    let kernel = nix::sys::utsname::uname().map_or_else(
        |_| "unknown".to_owned(),
        |name| name.release().to_string_lossy().into_owned(),
    );
    let request = std::env::temp_dir();
    let stdio = [Stdio::null(), Stdio::null(), Stdio::null()];
    let reports = Helper::start(helper, ROLE_PROBE, &request, stdio)
        .map_err(|source| LaunchError::Helper {
            id: NAME.to_owned(),
            helper: helper.to_owned(),
            source,
        })?
        .finish(NAME, Some(PROBE_LIMIT))
        .map_err(|(error, _)| error)?;
    let probe = reports.into_iter().find_map(|report| match report {
        Report::Probed(probe) => Some(probe),
        _ => None,
    });
    let silent = || LaunchError::Silent {
        id: NAME.to_owned(),
        status: "no answer".to_owned(),
    };
    Ok(report(kernel, &probe.ok_or_else(silent)?))
}

fn report(kernel: String, probe: &Probe) -> HostReport {
    let rootless = identity::is_rootless();
    let Support {
        memory, pids, cpu, ..
    } = probe.support;
    let mut remarks = Vec::new();
    if let Some(reason) = &probe.namespaces {
        remarks.push(if rootless {
            message!(
                "no containers: this user may not create user namespaces ({reason}). Ask an administrator for `sysctl -w user.max_user_namespaces=15000 kernel.apparmor_restrict_unprivileged_userns=0`, or run Estiba as root",
                "sin contenedores: este usuario no puede crear espacios de usuarios ({reason}). Un administrador puede permitirlo con `sysctl -w user.max_user_namespaces=15000 kernel.apparmor_restrict_unprivileged_userns=0`; si no, ejecutar Estiba como root"
            )
        } else {
            message!(
                "no containers: even root may not create namespaces here ({reason}). If this is a container itself, run it privileged",
                "sin contenedores: ni root puede crear espacios de nombres aquí ({reason}). Si esto es a su vez un contenedor, hay que ejecutarlo privilegiado"
            )
        });
    } else {
        if let Some(reason) = &probe.overlay {
            remarks.push(message!(
                "images are copied for each container, because overlay mounts fail ({reason}). Linux 5.11 or later allows them to everyone",
                "las imágenes se copian para cada contenedor, porque fallan los montajes overlay ({reason}). Linux 5.11 o posterior los permite a cualquier usuario"
            ));
        }
        if let Some(reason) = &probe.inner_user {
            remarks.push(message!(
                "processes see themselves as root, with no privilege ({reason})",
                "los procesos se ven a sí mismos como root, sin privilegios ({reason})"
            ));
        }
    }
    if !(memory && pids && cpu) {
        remarks.push(message!(
            "some limits are not enforced (memory: {memory}, processes: {pids}, cpu: {cpu}). Run Estiba as root, or from a systemd user session with cgroup v2 and `Delegate=yes`",
            "algunos límites no se aplican (memoria: {memory}, procesos: {pids}, cpu: {cpu}). Ejecutar Estiba como root, o desde una sesión de usuario de systemd con cgroup v2 y `Delegate=yes`"
        ));
    }
    HostReport {
        kernel,
        rootless,
        containers: probe.namespaces.is_none(),
        overlay: probe.overlay.is_none(),
        users: probe.inner_user.is_none(),
        memory_limit: memory,
        pids_limit: pids,
        cpu_limit: cpu,
        remarks,
    }
}

/// The helper's side. The request is a directory to try mounts in.
pub(super) fn probe(control: &Rc<Control>) -> Result<Report, Failure> {
    let directory: std::path::PathBuf = control.request()?;
    let rootless = identity::is_rootless();
    let support = Support::detect();
    let entered = enter_own_namespaces(rootless, support.parent.is_some());
    let mut probe = Probe {
        namespaces: entered.err().map(|failure| failure.to_string()),
        overlay: None,
        inner_user: None,
        support,
    };
    if probe.namespaces.is_none() {
        probe.overlay = try_overlay(&directory, rootless);
        if rootless {
            let inner = Identity::Inner(User::default()).assume();
            probe.inner_user = inner.err().map(|error| error.to_string());
        }
    }
    Ok(Report::Probed(probe))
}

fn try_overlay(directory: &Path, rootless: bool) -> Option<String> {
    let bundle = directory.join(format!("estiba-probe-{}", std::process::id()));
    let layer = bundle.join("layer");
    let tried = std::fs::create_dir_all(&layer)
        .map_err(|error| Failure::file(&layer, &error))
        .and_then(|()| {
            Tree {
                bundle: &bundle,
                layers: &[layer],
                mount_points: &[("/proc".into(), Kind::Directory)],
                read_only: true,
                rootless,
            }
            .mount()
        });
    // The mount is gone with this process's namespace; outside it, these are
    // empty directories.
    let _ = nix::mount::umount2(&bundle.join("rootfs"), nix::mount::MntFlags::MNT_DETACH);
    let _ = std::fs::remove_dir_all(&bundle);
    match tried {
        Ok(warnings) => warnings.first().map(|warning| warning.en.clone()),
        Err(failure) => Some(failure.to_string()),
    }
}
