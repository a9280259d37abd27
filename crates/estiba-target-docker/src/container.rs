//! From what the engine of Estiba says of a container to what is made.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType, PortBinding,
    RestartPolicy, RestartPolicyNameEnum,
};
use bollard::query_parameters::CreateContainerOptions;
use estiba_host::account::{Account, User};
use estiba_host::{HostError, routes};
use estiba_image::ImageStore;
use estiba_model::{EnvironmentId, Exposure, InstanceName, Name, Version, message};
use estiba_target::{ContainerSpec, ImageSpec, VolumeSpec};

use crate::engine::{Engine, is_name_taken};
use crate::files::Files;
use crate::labels::{self, Labels, Role};
use crate::network::Object;
use crate::{images, network, porter, scratch};

/// Processes and threads of a container at the most.
const MOST_PROCESSES: i64 = 4096;
/// A host name has at most so many characters.
const LONGEST_HOSTNAME: usize = 63;
/// What the engine keeps of a container's output.
const LOG_FILES: (&str, &str) = ("10m", "3");
/// Memory of `/tmp`, which is the one place to write to.
const TMP: &str = "rw,nosuid,nodev,mode=1777,size=256m";

/// How a container is on the network.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// With an address of its own, and these ports of the machine leading to
    /// its own ones.
    Own {
        ports: BTreeMap<u16, u16>,
        /// Names that it finds others by, and where they are.
        hosts: Vec<(String, IpAddr)>,
    },
    /// At the address of another container.
    Beside(String),
    /// On none.
    Nowhere,
}

/// A container to make.
pub(crate) struct Making<'a> {
    pub(crate) environment: &'a EnvironmentId,
    pub(crate) workload: &'a Name,
    pub(crate) instance: &'a InstanceName,
    pub(crate) version: &'a Version,
    pub(crate) exposure: &'a Exposure,
    pub(crate) spec: &'a ContainerSpec,
    pub(crate) labels: Labels,
    pub(crate) restart: RestartPolicyNameEnum,
    pub(crate) place: Place,
    pub(crate) files: Files<'a>,
}

impl Making<'_> {
    /// The engine's name for it.
    pub(crate) fn name(&self) -> String {
        let environment = network::name(self.environment);
        format!("{environment}_{}_{}", self.instance, self.spec.name)
    }

    /// Makes it, with its files, and its volumes its user's own. It does not run.
    pub(crate) async fn make(
        self,
        engine: &Engine,
        store: &ImageStore,
    ) -> Result<String, HostError> {
        let image = ImageSpec {
            digest: self.spec.image.clone(),
            project: self.environment.project_id(),
            workload: self.workload.clone(),
            tag: None,
        };
        let image = images::ensure(engine, store, &image).await?;
        let user = account(store, self.spec)?.user;
        let mut mounts = Vec::new();
        for volume in &self.spec.volumes {
            let mountpoint = self.own_volume(engine, volume).await?;
            porter::give_volume(engine, self.environment, &image, volume, user).await?;
            mounts.push(mount(volume, &mountpoint)?);
        }
        for scratch in &self.spec.scratch {
            mounts.push(
                scratch::ensure(engine, (self.environment, self.instance), &image, scratch).await?,
            );
        }
        let files = self.files.keep(&self.spec.name, &self.spec.files, user)?;
        let options = CreateContainerOptions {
            name: Some(self.name()),
            ..CreateContainerOptions::default()
        };
        let body = self.body(image, user, mounts, files);
        let made = engine.api().await?.create_container(Some(options), body);
        match made.await {
            Ok(made) => Ok(made.id),
            Err(error) if is_name_taken(&error) => {
                Err(network::foreign(Object::Container, &self.name()))
            }
            Err(error) => Err(engine.failed(error)),
        }
    }

    fn body(
        &self,
        image: String,
        user: User,
        mounts: Vec<Mount>,
        files: Vec<String>,
    ) -> ContainerCreateBody {
        let some = |list: &Vec<String>| (!list.is_empty()).then(|| list.clone());
        let mut host = HostConfig {
            memory: self.spec.limits.memory_bytes.and_then(signed),
            // As much as without swap: it counts both together.
            memory_swap: self.spec.limits.memory_bytes.and_then(signed),
            nano_cpus: self
                .spec
                .limits
                .cpu_millis
                .and_then(|millis| signed(millis.saturating_mul(1_000_000))),
            pids_limit: Some(MOST_PROCESSES),
            cap_drop: Some(vec!["ALL".to_owned()]),
            security_opt: Some(vec!["no-new-privileges".to_owned()]),
            readonly_rootfs: Some(true),
            binds: Some(files),
            restart_policy: Some(RestartPolicy {
                name: Some(self.restart),
                maximum_retry_count: None,
            }),
            log_config: Some(bounded_log()),
            ..HostConfig::default()
        };
        if mounts
            .iter()
            .all(|one| one.target.as_deref() != Some("/tmp"))
        {
            host.tmpfs = Some(HashMap::from([("/tmp".to_owned(), TMP.to_owned())]));
        }
        host.mounts = Some(mounts);
        let mut body = ContainerCreateBody {
            image: Some(image),
            user: Some(format!("{}:{}", user.uid, user.gid)),
            env: Some(self.variables()),
            entrypoint: some(&self.spec.command),
            cmd: some(&self.spec.args),
            labels: Some(self.labels.clone()),
            ..ContainerCreateBody::default()
        };
        match &self.place {
            Place::Own { ports, hosts } => {
                let hostname: String = self
                    .instance
                    .as_str()
                    .chars()
                    .take(LONGEST_HOSTNAME)
                    .collect();
                body.hostname = Some(hostname.trim_end_matches('-').to_owned());
                body.exposed_ports = Some(ports.keys().map(|port| format!("{port}/tcp")).collect());
                host.port_bindings = Some(ports.iter().map(binding).collect());
                host.network_mode = Some(network::name(self.environment));
                let entry = |(name, address): &(String, IpAddr)| format!("{name}:{address}");
                host.extra_hosts = Some(hosts.iter().map(entry).collect());
            }
            Place::Beside(other) => host.network_mode = Some(format!("container:{other}")),
            Place::Nowhere => host.network_mode = Some("none".to_owned()),
        }
        body.host_config = Some(host);
        body
    }

    /// Later ones win: Score's, then Estiba's own. The image's are the engine's.
    fn variables(&self) -> Vec<String> {
        let mut all = BTreeMap::new();
        let port = |name: &String| self.exposure.ports[name].target_port.to_string();
        if let Some(main) = routes::main_port(self.exposure) {
            all.insert("PORT".to_owned(), port(main));
        }
        for name in routes::tcp_ports(self.exposure) {
            let variable = name.to_ascii_uppercase().replace('-', "_");
            all.insert(format!("PORT_{variable}"), port(name));
        }
        for (name, value) in &self.spec.variables {
            all.insert(name.clone(), value.expose().to_owned());
        }
        let own = [
            ("ESTIBA_ENVIRONMENT", self.environment.environment.as_str()),
            ("ESTIBA_WORKLOAD", self.workload.as_str()),
            ("ESTIBA_INSTANCE", self.instance.as_str()),
            ("ESTIBA_VERSION", self.version.as_str()),
        ];
        all.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        all.iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect()
    }

    /// Where the engine keeps a volume, which must be this environment's own: a
    /// source can come from a variable.
    async fn own_volume(&self, engine: &Engine, volume: &VolumeSpec) -> Result<String, HostError> {
        let (source, target) = (&volume.source, &volume.target);
        let found = engine.api().await?.inspect_volume(source).await;
        let found = found.map(Some).or_else(|error| engine.unless_gone(error))?;
        let own = labels::of(self.environment, Role::Resource);
        let found = found.filter(|found| labels::has_all(&found.labels, &own));
        let found = found.ok_or_else(|| {
            HostError::Told(message!(
                "{target}: \"{source}\" is no volume of this environment; use ${{resources.NAME}} of a resource of type volume",
                "{target}: «{source}» no es un volumen de este ambiente; use ${{resources.NOMBRE}} de un recurso de tipo volume"
            ))
        })?;
        Ok(found.mountpoint)
    }
}

/// Bounded files of the engine's own, which `estiba logs` reads.
pub(crate) fn bounded_log() -> HostConfigLogConfig {
    let (size, files) = LOG_FILES;
    let config = [("max-size", size), ("max-file", files)];
    let config = config.map(|(key, value)| (key.to_owned(), value.to_owned()));
    HostConfigLogConfig {
        typ: Some("json-file".to_owned()),
        config: Some(config.into()),
    }
}

fn binding((own, of_machine): (&u16, &u16)) -> (String, Option<Vec<PortBinding>>) {
    let binding = PortBinding {
        host_ip: Some("127.0.0.1".to_owned()),
        host_port: Some(of_machine.to_string()),
    };
    (format!("{own}/tcp"), Some(vec![binding]))
}

fn mount(volume: &VolumeSpec, mountpoint: &str) -> Result<Mount, HostError> {
    let (typ, source) = match porter::folder(volume)? {
        None => (MountType::VOLUME, volume.source.clone()),
        // Engines older than 26 mount whole volumes only.
        Some(folder) => (MountType::BIND, format!("{mountpoint}/{folder}")),
    };
    Ok(Mount {
        typ: Some(typ),
        source: Some(source),
        target: Some(volume.target.clone()),
        read_only: Some(volume.read_only),
        ..Mount::default()
    })
}

/// Who a container's processes are: never root.
fn account(store: &ImageStore, spec: &ContainerSpec) -> Result<Account, HostError> {
    let user = store.manifest(spec.user_image())?.config.user;
    let is_number = |c: char| c.is_ascii_digit() || c == ':';
    // Only names have to be looked up in the image.
    let layers = if user.chars().all(is_number) {
        Vec::new()
    } else {
        store.layers(spec.user_image())?
    };
    Ok(Account::of(&user, &layers))
}

fn signed(number: u64) -> Option<i64> {
    i64::try_from(number).ok()
}
