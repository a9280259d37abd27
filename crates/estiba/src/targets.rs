//! The adapters: the only place that names kinds of targets.

use std::path::PathBuf;
use std::sync::Arc;

use estiba_engine::TargetProvider;
use estiba_image::ImageStore;
use estiba_model::{Message, Name, Project, TargetConfig, message};
use estiba_target::Target;
use estiba_target_kubernetes::{KubernetesConfig, KubernetesTarget, Settings, manifests};
use estiba_target_local::{LocalConfig, LocalTarget};

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
    fn local(&self, config: &TargetConfig) -> Result<LocalTarget, Message> {
        let helper = std::env::current_exe().map_err(|error| {
            message!(
                "the program can't find itself, which it needs to run containers: {error}",
                "el programa no se encuentra a sí mismo, y lo necesita para ejecutar contenedores: {error}"
            )
        })?;
        let port = config.settings.get("port").and_then(|port| port.as_u64());
        Ok(LocalTarget::new(LocalConfig {
            root: self.local_root.clone(),
            images: self.images.clone(),
            helper,
            edge_port: port.and_then(|port| u16::try_from(port).ok()),
        }))
    }

    fn kubernetes(
        &self,
        name: &Name,
        config: &TargetConfig,
        registry: Option<&str>,
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
            postgres_root: self.local_root.join("postgres"),
        }))
    }

    /// The targets of a project that are not this machine, or why there is none.
    #[must_use]
    pub fn elsewhere(&self, project: &Project) -> Vec<Elsewhere> {
        let targets = project.targets.iter();
        targets
            .filter(|(_, config)| config.kind != "local")
            .map(|(name, config)| {
                let target = self.target(name, config, project.registry.as_deref());
                (name.clone(), target)
            })
            .collect()
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
        self.local(&TargetConfig {
            kind: "local".to_owned(),
            settings: serde_json::Map::new(),
        })
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
            "local" => Ok(Arc::new(self.local(config)?)),
            "kubernetes" => Ok(Arc::new(self.kubernetes(name, config, registry)?)),
            kind => Err(message!(
                "target {name} is of kind {kind}, which this Estiba does not have; it has: local, kubernetes",
                "la plataforma {name} es de tipo {kind}, que este Estiba no tiene; tiene: local, kubernetes"
            )),
        }
    }
}
