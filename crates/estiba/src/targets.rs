//! The adapters: the only place that names kinds of targets.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use estiba_engine::TargetProvider;
use estiba_image::ImageStore;
use estiba_model::{EnvironmentId, Message, Name, Project, TargetConfig, message};
use estiba_target::Target;
use estiba_target_docker::{DockerConfig, DockerTarget};
use estiba_target_heroku::{HerokuConfig, HerokuTarget, Settings as HerokuSettings, api_key};
use estiba_target_kubernetes::{KubernetesConfig, KubernetesTarget, Settings, manifests};
use estiba_target_local::{LocalConfig, LocalTarget};

/// Where a Docker Engine listens.
const DOCKER_SOCKET: &str = "/var/run/docker.sock";

/// A target that is not this machine, or why it can't be used.
pub type Elsewhere = (Name, Result<Arc<dyn Target>, Message>);

/// Makes adapters for this machine.
pub struct Adapters {
    /// Where the local target keeps what it runs.
    pub local_root: PathBuf,
    /// The images that it starts from.
    pub images: ImageStore,
}

impl Adapters {
    fn local(
        &self,
        config: &TargetConfig,
        address: Option<IpAddr>,
    ) -> Result<LocalTarget, Message> {
        Ok(LocalTarget::new(LocalConfig {
            root: self.local_root.clone(),
            images: self.images.clone(),
            helper: helper()?,
            edge_port: port(config),
            address,
        }))
    }

    fn engine(
        &self,
        name: &Name,
        config: &TargetConfig,
        usual: &str,
    ) -> Result<DockerTarget, Message> {
        let socket_setting = config.settings.get("socket").and_then(|v| v.as_str());
        Ok(DockerTarget::new(DockerConfig {
            socket: socket(name, socket_setting.unwrap_or(usual))?,
            root: self.local_root.clone(),
            images: self.images.clone(),
            helper: helper()?,
            edge_port: port(config),
            address: address(name, config)?,
        }))
    }

    fn heroku(
        &self,
        config: &TargetConfig,
        registry: Option<&str>,
    ) -> Result<HerokuTarget, Message> {
        let settings = HerokuSettings::parse(&config.settings)?;
        Ok(HerokuTarget::new(HerokuConfig {
            key: api_key(settings.api()),
            settings,
            images: self.images.clone(),
            registry: registry.map(str::to_owned),
            postgres_root: self.local_root.join("postgres"),
        }))
    }

    fn kubernetes(
        &self,
        name: &Name,
        config: &TargetConfig,
        registry: Option<&str>,
        environments: Vec<EnvironmentId>,
    ) -> Result<KubernetesTarget, Message> {
        let registry = registry.ok_or_else(|| {
            message!(
                "target {name} takes images from a registry: add `registry` to estiba.yaml",
                "la plataforma {name} toma las imágenes de un registro: agregue `registry` a estiba.yaml"
            )
        })?;
        Ok(KubernetesTarget::new(KubernetesConfig {
            settings: Settings::parse(&config.settings)?,
            registry: registry.to_owned(),
            images: self.images.clone(),
            environments,
            postgres_root: self.local_root.join("postgres"),
        }))
    }

    /// The targets of a project that are not this machine, or why there is none.
    #[must_use]
    pub fn elsewhere(&self, project: &Project) -> Vec<Elsewhere> {
        let targets = project.targets.iter();
        targets
            .filter(|(_, config)| config.kind != "local")
            .map(|(name, config)| (name.clone(), self.of_project(project, name, config)))
            .collect()
    }

    fn of_project(
        &self,
        project: &Project,
        name: &Name,
        config: &TargetConfig,
    ) -> Result<Arc<dyn Target>, Message> {
        let registry = project.registry.as_deref();
        if config.kind != "kubernetes" {
            return self.target(name, config, registry);
        }
        let environments = project.environments.iter();
        let placed = environments
            .filter(|(_, environment)| environment.placement.values().any(|on| on == name))
            .map(|(environment, _)| EnvironmentId::new(&project.id, environment));
        let target = self.kubernetes(name, config, registry, placed.collect())?;
        Ok(Arc::new(target))
    }

    /// The rights that Estiba needs on a target, in the target's own words: what
    /// to give to whoever grants them.
    ///
    /// # Errors
    /// When targets of its kind have no such thing.
    pub fn rights(name: &Name, config: &TargetConfig) -> Result<String, Message> {
        match config.kind.as_str() {
            "kubernetes" => {
                let settings = Settings::parse(&config.settings)?;
                Ok(manifests::to_yaml(&manifests::rbac(&settings)))
            }
            kind => Err(message!(
                "target {name} is of kind {kind}, which needs no rights from anybody",
                "la plataforma {name} es de tipo {kind}, que no necesita permisos de nadie"
            )),
        }
    }

    /// The target of this machine with its ordinary settings.
    ///
    /// # Errors
    /// When the program can't find itself.
    pub fn this_machine(&self) -> Result<LocalTarget, Message> {
        let ordinary = TargetConfig {
            kind: "local".to_owned(),
            settings: serde_json::Map::new(),
        };
        self.local(&ordinary, None)
    }
}

impl TargetProvider for Adapters {
    fn target(
        &self,
        name: &Name,
        config: &TargetConfig,
        registry: Option<&str>,
    ) -> Result<Arc<dyn Target>, Message> {
        match config.kind.as_str() {
            "docker" => Ok(Arc::new(self.engine(name, config, &docker_socket())?)),
            "heroku" => Ok(Arc::new(self.heroku(config, registry)?)),
            "local" => Ok(Arc::new(self.local(config, address(name, config)?)?)),
            "kubernetes" => {
                let target = self.kubernetes(name, config, registry, Vec::new())?;
                Ok(Arc::new(target))
            }
            "podman" => Ok(Arc::new(self.engine(name, config, &podman_socket())?)),
            kind => Err(message!(
                "target {name} is of kind {kind}, which this Estiba does not have; it has: docker, heroku, kubernetes, local, podman",
                "la plataforma {name} es de tipo {kind}, que este Estiba no tiene; tiene: docker, heroku, kubernetes, local, podman"
            )),
        }
    }
}

/// This program, to be started again for what runs in the background.
pub fn helper() -> Result<PathBuf, Message> {
    std::env::current_exe().map_err(|error| {
        message!(
            "the program can't find itself, which it needs to run containers: {error}",
            "el programa no se encuentra a sí mismo, y lo necesita para ejecutar contenedores: {error}"
        )
    })
}

/// The address at which other targets reach this machine, where one is given.
fn address(name: &Name, config: &TargetConfig) -> Result<Option<IpAddr>, Message> {
    let address = config.settings.get("address").and_then(|v| v.as_str());
    address.map(str::parse).transpose().map_err(|error| {
        message!(
            "target {name}: `address` has to be an IP address of this machine: {error}",
            "plataforma {name}: `address` tiene que ser una dirección IP de esta máquina: {error}"
        )
    })
}

fn port(config: &TargetConfig) -> Option<u16> {
    let port = config.settings.get("port").and_then(|port| port.as_u64());
    port.and_then(|port| u16::try_from(port).ok())
}

/// Where Docker listens: where its own tools look.
fn docker_socket() -> String {
    let named = std::env::var("DOCKER_HOST").ok();
    let named = named.filter(|host| !host.is_empty());
    named.unwrap_or_else(|| DOCKER_SOCKET.to_owned())
}

/// Where Podman listens, for this user.
fn podman_socket() -> String {
    let of_user = std::env::var("XDG_RUNTIME_DIR");
    let of_user = of_user.map(|directory| format!("{directory}/podman/podman.sock"));
    let there = of_user.ok().filter(|socket| Path::new(socket).exists());
    there.unwrap_or_else(|| "/run/podman/podman.sock".to_owned())
}

/// The path of an engine's socket. An engine of another machine can't be used:
/// the edge and the volumes are this machine's.
fn socket(name: &Name, text: &str) -> Result<String, Message> {
    let path = text.strip_prefix("unix://").unwrap_or(text);
    if Path::new(path).is_absolute() {
        return Ok(path.to_owned());
    }
    Err(message!(
        "target {name}: \"{text}\" (from `socket` or DOCKER_HOST) is no socket of this machine; only the path of one is taken, such as /var/run/docker.sock. For an engine of another machine, run Estiba there",
        "plataforma {name}: «{text}» (de `socket` o DOCKER_HOST) no es un socket de esta máquina; solo se acepta la ruta de uno, como /var/run/docker.sock. Para un motor de otra máquina, ejecute Estiba allí"
    ))
}
