//! What libcontainer is told of a container, in the words of the OCI runtime
//! specification. <https://github.com/opencontainers/runtime-spec/blob/v1.2.0/config.md>

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::error::Failure;
use super::rootfs::{Kind, ROOTFS};
use super::spec::{BindMount, ContainerSpec, Limits, TmpfsMount};
use super::workload::{DEFAULT_HOME, DEFAULT_PATH};

/// Annotation, `true` or `false`: whether the container has a cgroup.
pub(super) const HAS_CGROUP: &str = "estiba.dev/cgroup";
/// Room in `/tmp` when the request has none of its own.
const TMP_BYTES: u64 = 256 << 20;

/// As in Docker: <https://github.com/moby/moby/blob/v28.0.0/oci/defaults.go>
const MASKED: [&str; 11] = [
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
];
const READ_ONLY: [&str; 5] = [
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];

/// What the machine makes of a request.
pub(super) struct Circumstances {
    pub(super) rootless: bool,
    /// Whether the user is to be given in an inner user namespace.
    pub(super) inner_user: bool,
    /// The container's cgroup, if it has one.
    pub(super) cgroup: Option<PathBuf>,
    /// Whether the hierarchy is cgroup v2.
    pub(super) cgroup_v2: bool,
    /// Limits that can be enforced.
    pub(super) limits: Limits,
}

/// One mount, with what it needs to exist in the image.
pub(super) struct Mount {
    target: PathBuf,
    kind: Kind,
    description: Value,
}

impl Mount {
    pub(super) fn point(&self) -> (PathBuf, Kind) {
        (self.target.clone(), self.kind)
    }

    fn new(target: &str, kind: &str, options: &[&str]) -> Self {
        Self {
            target: target.into(),
            kind: Kind::Directory,
            description: json!({
                "destination": target, "type": kind, "source": kind, "options": options,
            }),
        }
    }

    fn tmpfs(tmpfs: &TmpfsMount) -> Self {
        let size = format!("size={}", tmpfs.size_bytes);
        let target = tmpfs.target.to_string_lossy();
        Self::new(&target, "tmpfs", &["nosuid", "nodev", "mode=1777", &size])
    }

    fn bind(bind: &BindMount) -> Result<Self, Failure> {
        let source =
            std::fs::metadata(&bind.source).map_err(|e| Failure::file(&bind.source, &e))?;
        let mut options = vec!["rbind", "nosuid", "nodev"];
        if bind.read_only {
            options.push("rro");
        }
        Ok(Self {
            target: bind.target.clone(),
            kind: if source.is_dir() {
                Kind::Directory
            } else {
                Kind::File
            },
            description: json!({
                "destination": bind.target, "type": "bind", "source": bind.source, "options": options,
            }),
        })
    }
}

/// All mounts, in the order to make them in.
pub(super) fn mounts(spec: &ContainerSpec, now: &Circumstances) -> Result<Vec<Mount>, Failure> {
    let mut mounts = vec![
        Mount::new("/proc", "proc", &["nosuid", "noexec", "nodev"]),
        Mount::new(
            "/dev",
            "tmpfs",
            &["nosuid", "strictatime", "mode=755", "size=65536k"],
        ),
        Mount::new(
            "/dev/pts",
            "devpts",
            &[
                "nosuid",
                "noexec",
                "newinstance",
                "ptmxmode=0666",
                "mode=0620",
            ],
        ),
        Mount::new("/dev/mqueue", "mqueue", &["nosuid", "noexec", "nodev"]),
        Mount::new(
            "/dev/shm",
            "tmpfs",
            &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
        ),
        sys(now),
    ];
    if now.cgroup_v2 && now.cgroup.is_some() && !now.rootless {
        let options = ["nosuid", "noexec", "nodev", "relatime", "ro"];
        mounts.push(Mount::new("/sys/fs/cgroup", "cgroup", &options));
    }
    let mut own = Vec::new();
    if !spec
        .tmpfs
        .iter()
        .any(|tmpfs| tmpfs.target == Path::new("/tmp"))
    {
        own.push(Mount::tmpfs(&TmpfsMount {
            target: "/tmp".into(),
            size_bytes: TMP_BYTES,
        }));
    }
    own.extend(spec.tmpfs.iter().map(Mount::tmpfs));
    for file in ["/etc/resolv.conf", "/etc/hosts"] {
        let taken = spec
            .mounts
            .iter()
            .any(|mount| mount.target == Path::new(file));
        if Path::new(file).exists() && !taken {
            own.push(Mount::bind(&BindMount {
                source: file.into(),
                target: file.into(),
                read_only: true,
            })?);
        }
    }
    for bind in &spec.mounts {
        own.push(Mount::bind(bind)?);
    }
    // What is mounted within another mount has to come after it.
    own.sort_by_key(|mount| mount.target.components().count());
    mounts.extend(own);
    Ok(mounts)
}

/// Only who owns the network namespace may mount a new `/sys`; others get the
/// machine's own, read-only throughout.
fn sys(now: &Circumstances) -> Mount {
    let new = Mount::new("/sys", "sysfs", &["nosuid", "noexec", "nodev", "ro"]);
    if !now.rootless {
        return new;
    }
    Mount {
        description: json!({
            "destination": "/sys", "type": "bind", "source": "/sys",
            "options": ["rbind", "rro", "rnosuid", "rnoexec", "rnodev"],
        }),
        ..new
    }
}

/// The text of `config.json`. Holds no variable of the request's environment.
pub(super) fn config(spec: &ContainerSpec, now: &Circumstances, mounts: &[Mount]) -> Value {
    // libcontainer wants to be root in a user namespace; the inner one that
    // gives the user needs one capability to be made, see `identity`.
    let capabilities: &[&str] = if now.inner_user {
        &["CAP_SETFCAP"]
    } else {
        &[]
    };
    let user = if now.rootless {
        json!({ "uid": 0, "gid": 0, "umask": 0o022 })
    } else {
        let (uid, gid) = (spec.user.uid, spec.user.gid);
        json!({ "uid": uid, "gid": gid, "umask": 0o022, "additionalGids": [gid] })
    };
    let namespaces: Vec<_> = ["mount", "pid", "ipc", "uts", "cgroup"]
        .iter()
        .map(|kind| json!({ "type": kind }))
        .collect();
    let descriptions: Vec<_> = mounts.iter().map(|mount| &mount.description).collect();
    let mut linux = json!({
        "namespaces": namespaces,
        "cgroupsPath": now.cgroup.clone().unwrap_or_else(|| Path::new("/").join(&spec.id.id)),
        "maskedPaths": MASKED,
        "readonlyPaths": READ_ONLY,
    });
    if now.cgroup.is_some() {
        linux["resources"] = resources(now);
    }
    json!({
        "ociVersion": "1.0.2",
        "root": { "path": ROOTFS, "readonly": spec.read_only_root },
        "hostname": spec.hostname,
        "annotations": { HAS_CGROUP: now.cgroup.is_some().to_string() },
        "mounts": descriptions,
        "process": {
            "terminal": false,
            "user": user,
            "args": spec.args,
            // Constants. Without them libcontainer asks the image's own C
            // library who the user is.
            "env": [format!("PATH={DEFAULT_PATH}"), format!("HOME={DEFAULT_HOME}")],
            "cwd": spec.cwd,
            "noNewPrivileges": true,
            "capabilities": {
                "bounding": capabilities, "effective": capabilities, "permitted": capabilities,
                "inheritable": [], "ambient": [],
            },
        },
        "linux": linux,
    })
}

fn resources(now: &Circumstances) -> Value {
    const PERIOD_MICROS: u64 = 100_000;
    let mut resources = json!({});
    if !now.rootless {
        resources["devices"] = json!([{ "allow": false, "access": "rwm" }]);
    }
    if let Some(bytes) = now.limits.memory_bytes {
        resources["memory"] = json!({ "limit": bytes });
    }
    if let Some(most) = now.limits.pids {
        resources["pids"] = json!({ "limit": most });
    }
    if let Some(millis) = now.limits.cpu_millis {
        let quota = u64::from(millis) * PERIOD_MICROS / 1000;
        resources["cpu"] = json!({ "quota": quota, "period": PERIOD_MICROS });
    }
    resources
}
