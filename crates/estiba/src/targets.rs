//! The adapters: the only place that names kinds of targets.

use std::path::PathBuf;
use std::sync::Arc;

use estiba_engine::TargetProvider;
use estiba_image::ImageStore;
use estiba_model::{Message, Name, TargetConfig, message};
use estiba_target::Target;
use estiba_target_local::{LocalConfig, LocalTarget};

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
        _registry: Option<&str>,
    ) -> Result<Arc<dyn Target>, Message> {
        match config.kind.as_str() {
            "local" => Ok(Arc::new(self.local(config)?)),
            kind => Err(message!(
                "target {name} is of kind {kind}, which this Estiba does not have; it has: local",
                "la plataforma {name} es de tipo {kind}, que este Estiba no tiene; tiene: local"
            )),
        }
    }
}
