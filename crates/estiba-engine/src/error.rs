//! How an operation of the engine fails.

use estiba_image::ImageError;
use estiba_model::{DeploymentId, Message, Name, Version, message};
use estiba_store::StoreError;
use estiba_target::TargetError;

/// The engine did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// What was asked can't be done here and now; nothing was changed.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Refused(Vec<Message>),
    /// The state can't be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An image can't be built or read.
    #[error("{workload}: {source}")]
    Build {
        /// The workload it is for.
        workload: Name,
        /// Why.
        source: Box<ImageError>,
    },
    /// A target can't be asked.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// A deployment failed.
    #[error("deployment {deployment} failed: {error}")]
    Failed {
        /// Which.
        deployment: DeploymentId,
        /// Why.
        error: Message,
        /// The last lines that explain it.
        log: Vec<String>,
        /// What runs now.
        left: Left,
    },
}

/// What runs after a deployment failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// What ran before.
    Restored(Version),
    /// Nothing: nothing had worked before.
    Nothing,
    /// What ran before could not be restored whole.
    Broken(Message),
}

impl EngineError {
    /// A refusal with one reason.
    #[must_use]
    pub fn refused(reason: Message) -> Self {
        Self::Refused(vec![reason])
    }

    /// What went wrong, one message a reason.
    #[must_use]
    pub fn messages(&self) -> Vec<Message> {
        match self {
            Self::Refused(reasons) => reasons.clone(),
            Self::Store(error) => vec![error.message()],
            Self::Build { workload, source } => {
                let cause = source.message();
                vec![cause.map(|text| format!("{workload}: {text}"))]
            }
            Self::Target(error) => vec![error.message().clone()],
            Self::Failed {
                deployment,
                error,
                left,
                ..
            } => vec![
                error.clone(),
                match left {
                    Left::Restored(version) => message!(
                        "deployment {deployment} failed; {version} runs as before",
                        "el despliegue {deployment} falló; {version} sigue en marcha como antes"
                    ),
                    Left::Nothing => message!(
                        "deployment {deployment} failed; nothing ran here before, and nothing runs now",
                        "el despliegue {deployment} falló; antes no había nada en marcha y ahora tampoco"
                    ),
                    Left::Broken(_) => message!(
                        "deployment {deployment} failed, and what ran before could not be restored whole; see `estiba status`",
                        "el despliegue {deployment} falló y no se pudo restaurar por completo lo anterior; vea `estiba status`"
                    ),
                },
            ],
        }
    }

    /// The last lines that explain it; often none.
    #[must_use]
    pub fn log(&self) -> &[String] {
        match self {
            Self::Target(error) => error.log(),
            Self::Failed { log, .. } => log,
            _ => &[],
        }
    }
}
