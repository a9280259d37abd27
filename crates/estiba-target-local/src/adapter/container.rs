//! From what the engine says of a container to what the runtime starts.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use estiba_host::account::Account;
use estiba_image::{ImageConfig, ImageStore};
use estiba_model::{Exposure, HttpScheme, InstanceName, Name, Probe, Ready, message};
use estiba_target::{ContainerSpec, ScratchSpec, VolumeSpec};
use nix::sys::signal::Signal;

use crate::layout::{EnvironmentDir, InstanceDir};
use crate::runtime::{self, BindMount, ContainerId, Env, Limits, User};
use crate::supervisor::{Check, ContainerPlan, FilePlan, PortLabel};
use estiba_host::HostError;

/// Processes and threads of a container at the most, where that can be enforced.
const MOST_PROCESSES: u32 = 4096;
/// Containers of other users write there too. On the machine itself, the folder is in one
/// that is Estiba's alone.
const SCRATCH_MODE: u32 = 0o777;
/// A host name has at most so many characters.
const LONGEST_HOSTNAME: usize = 63;

/// What the containers of an instance have in common.
pub(super) struct Planner<'a> {
    pub(super) images: &'a ImageStore,
    pub(super) environment: &'a EnvironmentDir,
    pub(super) directory: &'a InstanceDir,
    /// Where files with secrets are put.
    pub(super) files: &'a Path,
    pub(super) instance: &'a InstanceName,
    pub(super) exposure: &'a Exposure,
    pub(super) ports: &'a BTreeMap<String, PortLabel>,
    /// Variables that Estiba sets in every container.
    pub(super) variables: Vec<(String, String)>,
}

impl Planner<'_> {
    /// All containers, in the order in which they start: what reads logs is there before
    /// the others, and after them.
    pub(super) fn plan(&self, specs: &[ContainerSpec]) -> Result<Vec<ContainerPlan>, HostError> {
        let mut plans = specs
            .iter()
            .map(|spec| self.container(spec))
            .collect::<Result<Vec<_>, _>>()?;
        plans.sort_by_key(|plan| !plan.ships_logs);
        // Where nothing says when the instance is ready, its port does.
        let is_probed = plans.iter().any(|plan| !plan.readiness.is_empty());
        let port = main_port(self.ports).map(|(_, port)| port.allocated);
        if let Some(port) = port.filter(|_| !is_probed)
            && let Some(last) = plans
                .iter_mut()
                .rev()
                .find(|plan| !plan.completes && !plan.ships_logs)
        {
            last.readiness.push(Check::Tcp(port));
        }
        Ok(plans)
    }

    fn container(&self, spec: &ContainerSpec) -> Result<ContainerPlan, HostError> {
        let image = self.images.manifest(&spec.image)?.config;
        let layers = self.images.layers(&spec.image)?;
        let account = self.account(spec)?;
        let unique = self.directory.unique();
        let files_dir = self.files.join(spec.name.as_str());
        let files: Vec<_> = spec
            .files
            .iter()
            .enumerate()
            .map(|(index, file)| FilePlan {
                source: files_dir.join(index.to_string()),
                content: file.content.0.clone(),
                mode: file.mode.unwrap_or(0o644),
            })
            .collect();
        let mut mounts: Vec<_> = spec
            .files
            .iter()
            .zip(&files)
            .map(|(file, plan)| BindMount {
                source: plan.source.clone(),
                target: file.path.clone().into(),
                read_only: true,
            })
            .collect();
        for volume in &spec.volumes {
            mounts.push(self.volume(volume, account.user)?);
        }
        for scratch in &spec.scratch {
            mounts.push(self.scratch(scratch, account.user)?);
        }
        let hostname: String = self
            .instance
            .as_str()
            .chars()
            .take(LONGEST_HOSTNAME)
            .collect();
        Ok(ContainerPlan {
            name: spec.name.clone(),
            spec: runtime::ContainerSpec {
                id: ContainerId {
                    id: format!("{}-{}-{unique}", self.instance, spec.name),
                    state_root: self.directory.0.join("state"),
                    bundle: self.directory.0.join("bundles").join(spec.name.as_str()),
                },
                layers,
                args: command(spec, &image)?,
                env: self.env(spec, &image, &account),
                cwd: workdir(&image),
                user: account.user,
                hostname: hostname.trim_end_matches('-').to_owned(),
                read_only_root: true,
                mounts,
                tmpfs: Vec::new(),
                limits: limits(spec),
            },
            files,
            readiness: self.checks(&spec.name, spec.readiness.as_ref())?,
            liveness: self.checks(&spec.name, spec.liveness.as_ref())?,
            before: spec.before.clone(),
            stop_signal: stop_signal(image.stop_signal.as_deref()),
            completes: spec.before.values().any(|ready| *ready == Ready::Complete),
            ships_logs: spec.ships_logs,
        })
    }

    fn account(&self, spec: &ContainerSpec) -> Result<Account, HostError> {
        let image = self.images.manifest(spec.user_image())?.config;
        let layers = self.images.layers(spec.user_image())?;
        Ok(Account::of(&image.user, &layers))
    }

    /// A folder of the instance, which goes with it.
    fn scratch(&self, scratch: &ScratchSpec, user: User) -> Result<BindMount, HostError> {
        let source = self.directory.scratch().join(&scratch.name);
        give_to(&source, user)?;
        let open = fs::Permissions::from_mode(SCRATCH_MODE);
        fs::set_permissions(&source, open).map_err(HostError::at(&source))?;
        Ok(BindMount {
            source,
            target: scratch.target.clone().into(),
            read_only: scratch.read_only,
        })
    }

    /// Later ones win: the image's, the Score file's, Estiba's own.
    fn env(&self, spec: &ContainerSpec, image: &ImageConfig, account: &Account) -> Env {
        let home = account
            .home
            .iter()
            .map(|home| ("HOME".to_owned(), home.clone()));
        let of_image = image
            .env
            .iter()
            .filter_map(|pair| pair.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let of_score = spec
            .variables
            .iter()
            .map(|(name, value)| (name.clone(), value.expose().to_owned()));
        let ports = self.ports.iter().map(|(name, port)| {
            let name = name.to_ascii_uppercase().replace('-', "_");
            (format!("PORT_{name}"), port.allocated.to_string())
        });
        let main = main_port(self.ports);
        let main = main.map(|(_, port)| ("PORT".to_owned(), port.allocated.to_string()));
        let own = self.variables.iter().cloned();
        Env(home
            .chain(of_image)
            .chain(of_score)
            .chain(ports)
            .chain(main)
            .chain(own)
            .collect())
    }

    fn volume(&self, volume: &VolumeSpec, user: User) -> Result<BindMount, HostError> {
        let root = PathBuf::from(&volume.source);
        // Only a volume of this environment; a source can come from a variable.
        if root.parent() != Some(&self.environment.volumes()) || !root.is_dir() {
            let (source, target) = (&volume.source, &volume.target);
            return Err(HostError::Told(message!(
                "{target}: \"{source}\" is no volume of this environment; use ${{resources.NAME}} of a resource of type volume",
                "{target}: «{source}» no es un volumen de este ambiente; use ${{resources.NOMBRE}} de un recurso de tipo volume"
            )));
        }
        let mut source = root.clone();
        for part in volume
            .path
            .iter()
            .flat_map(|path| Path::new(path).components())
        {
            match part {
                Component::Normal(name) => source.push(name),
                Component::CurDir | Component::RootDir => {}
                _ => {
                    let path = volume.path.clone().unwrap_or_default();
                    return Err(HostError::Told(message!(
                        "the path \"{path}\" leads out of its volume",
                        "la ruta «{path}» sale de su volumen"
                    )));
                }
            }
            give_to(&source, user)?;
        }
        give_to(&root, user)?;
        Ok(BindMount {
            source,
            target: volume.target.clone().into(),
            read_only: volume.read_only,
        })
    }

    fn checks(&self, container: &Name, probe: Option<&Probe>) -> Result<Vec<Check>, HostError> {
        let Some(probe) = probe else {
            return Ok(Vec::new());
        };
        let mut checks = Vec::new();
        if let Some(http) = &probe.http {
            if http.scheme == HttpScheme::Https {
                return Err(HostError::Told(message!(
                    "{container}: the local target has no HTTPS probes; use HTTP, or `exec`",
                    "{container}: la plataforma local no tiene sondas HTTPS; use HTTP o `exec`"
                )));
            }
            checks.push(Check::Http {
                host: http.host.clone().unwrap_or_else(|| "127.0.0.1".to_owned()),
                port: self.listening(http.port, http.host.is_some()),
                path: http.path.clone(),
                headers: http.headers.clone(),
            });
        }
        checks.extend(probe.exec.clone().map(Check::Exec));
        Ok(checks)
    }

    /// Where a port of the Score file is in reality.
    fn listening(&self, port: u16, elsewhere: bool) -> u16 {
        if elsewhere {
            return port;
        }
        let by_target = self.ports.values().find(|label| label.target_port == port);
        let by_service = || {
            let exposed = self.exposure.ports.iter();
            let mut named = exposed.filter(|(_, exposed)| exposed.port == port);
            named.find_map(|(name, _)| self.ports.get(name))
        };
        by_target
            .or_else(by_service)
            .map_or(port, |label| label.allocated)
    }
}

/// The port that is told as `PORT`: the one named `http`, or the first.
pub(super) fn main_port(ports: &BTreeMap<String, PortLabel>) -> Option<(&String, &PortLabel)> {
    ports
        .get_key_value("http")
        .or_else(|| ports.first_key_value())
}

fn command(spec: &ContainerSpec, image: &ImageConfig) -> Result<Vec<String>, HostError> {
    let has_own = !spec.command.is_empty();
    let program = if has_own {
        &spec.command
    } else {
        &image.entrypoint
    };
    // The image's arguments are meant for its own entry point.
    let args = match spec.args.is_empty() {
        false => spec.args.as_slice(),
        true if has_own => &[],
        true => image.cmd.as_slice(),
    };
    let command: Vec<_> = program.iter().chain(args).cloned().collect();
    if command.is_empty() {
        let name = &spec.name;
        return Err(HostError::Told(message!(
            "{name}: the image says not what to run; set `command` in the Score file",
            "{name}: la imagen no dice qué ejecutar; defina `command` en el archivo Score"
        )));
    }
    Ok(command)
}

fn workdir(image: &ImageConfig) -> PathBuf {
    let workdir = if image.workdir.is_empty() {
        "/"
    } else {
        &image.workdir
    };
    Path::new("/").join(workdir)
}

fn limits(spec: &ContainerSpec) -> Limits {
    Limits {
        memory_bytes: spec.limits.memory_bytes,
        // A person without root is told of missing limits they asked for only.
        pids: nix::unistd::geteuid().is_root().then_some(MOST_PROCESSES),
        cpu_millis: spec
            .limits
            .cpu_millis
            .map(|millis| u32::try_from(millis).unwrap_or(u32::MAX)),
    }
}

fn stop_signal(of_image: Option<&str>) -> i32 {
    let named = of_image.and_then(|name| {
        let full = if name.starts_with("SIG") {
            name.to_owned()
        } else {
            format!("SIG{name}")
        };
        let by_name = full.parse::<Signal>().ok();
        by_name.or_else(|| Signal::try_from(name.parse::<i32>().ok()?).ok())
    });
    named.unwrap_or(Signal::SIGTERM) as i32
}

/// Makes a directory for the user of a container, unless somebody else's work
/// is in it. Without root there is one user only.
fn give_to(directory: &Path, user: User) -> Result<(), HostError> {
    let at = HostError::at(directory);
    let give = || -> std::io::Result<()> {
        fs::create_dir_all(directory)?;
        if nix::unistd::geteuid().is_root() && fs::symlink_metadata(directory)?.uid() == 0 {
            std::os::unix::fs::lchown(directory, Some(user.uid), Some(user.gid))?;
        }
        Ok(())
    };
    give().map_err(at)
}
