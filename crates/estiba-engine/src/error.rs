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
    /// What was asked for is not there.
    #[error("{0}")]
    Missing(Message),
    /// The state can't be read or written.
    #[error(transparent)]
    Store(Box<StoreError>),
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
    #[error(transparent)]
    Failed(Box<FailedDeployment>),
}

/// A deployment that failed.
#[derive(Debug, thiserror::Error)]
#[error("deployment {deployment} failed: {error}")]
pub struct FailedDeployment {
    /// Which.
    pub deployment: DeploymentId,
    /// Why.
    pub error: Message,
    /// The last lines that explain it.
    pub log: Vec<String>,
    /// What runs now.
    pub left: Left,
}

/// What runs after a deployment failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Left {
    /// What ran before.
    Restored(Version),
    /// Nothing: nothing had worked before.
    Nothing,
    /// What another Estiba had deployed, untouched: this one does not know it.
    AsFound,
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
            Self::Missing(what) => vec![what.clone()],
            Self::Store(error) => vec![error.message()],
            Self::Build { workload, source } => {
                let cause = source.message();
                vec![cause.map(|text| format!("{workload}: {text}"))]
            }
            Self::Target(error) => vec![error.message().clone()],
            Self::Failed(failed) => vec![failed.error.clone(), failed.what_runs()],
        }
    }

    /// The last lines that explain it; often none.
    #[must_use]
    pub fn log(&self) -> &[String] {
        match self {
            Self::Target(error) => error.log(),
            Self::Failed(failed) => &failed.log,
            _ => &[],
        }
    }
}

impl FailedDeployment {
    fn what_runs(&self) -> Message {
        let deployment = self.deployment;
        match &self.left {
            Left::Restored(version) => message!(
                "deployment {deployment} failed; {version} runs as before",
                "el despliegue {deployment} falló; {version} sigue en marcha como antes"
            ),
            Left::Nothing => message!(
                "deployment {deployment} failed; nothing ran here before, and nothing runs now",
                "el despliegue {deployment} falló; antes no había nada en marcha y ahora tampoco"
            ),
            Left::AsFound => message!(
                "deployment {deployment} failed; what was deployed here by an Estiba with another state is left as it is",
                "el despliegue {deployment} falló; lo que desplegó aquí una Estiba con otro estado queda como está"
            ),
            Left::Broken(restoring) => {
                let Message { en, es } = restoring;
                message!(
                    "deployment {deployment} failed, and what ran before could not be restored whole ({en}); see `estiba status`",
                    "el despliegue {deployment} falló y no se pudo restaurar por completo lo anterior ({es}); vea `estiba status`"
                )
            }
        }
    }
}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        Self::Store(Box::new(error))
    }
}
