//! The engine: a store, an image store, and a way to make targets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use estiba_image::ImageStore;
use estiba_model::{
    Cause, EnvironmentId, Message, Name, Project, Release, SecretString, TargetConfig, Version,
    is_variable_name, message,
};
use estiba_store::Store;
use estiba_target::Target;

use crate::error::EngineError;
use crate::inputs::{Inputs, Overrides};
use crate::runtime::{Runtime, TargetProvider, Targets, targets_of};

/// Does everything that Estiba does. A clone is cheap and is the same engine; every
/// operation may run in several processes at once.
#[derive(Clone)]
pub struct Engine {
    /// Durable state.
    pub(crate) store: Store,
    /// Images.
    pub(crate) images: ImageStore,
    provider: Arc<dyn TargetProvider>,
    program: PathBuf,
    /// Where databases are kept that are being emptied.
    pub(crate) kept_aside: Option<PathBuf>,
}

impl Engine {
    /// An engine over this state and these adapters. `program` is the one that has it:
    /// it is packed where it has a part to play beside workloads.
    #[must_use]
    pub fn new(
        store: Store,
        images: ImageStore,
        provider: Arc<dyn TargetProvider>,
        program: PathBuf,
    ) -> Self {
        Self {
            store,
            images,
            provider,
            program,
            kept_aside: None,
        }
    }

    /// The same, which can empty databases: what was in them is in this folder until all
    /// is well.
    #[must_use]
    pub fn keeping_aside_in(self, folder: PathBuf) -> Self {
        Self {
            kept_aside: Some(folder),
            ..self
        }
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    /// The durable state.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The images.
    #[must_use]
    pub fn images(&self) -> &ImageStore {
        &self.images
    }

    /// The copies of workloads that an environment has: those that were asked
    /// for, and those of the project file.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn replicas(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<BTreeMap<Name, u32>, EngineError> {
        let id = self.environment(project, environment)?;
        let mut replicas = project.environments[environment].replicas.clone();
        replicas.extend(self.store.settings(&id).await?.replicas);
        Ok(replicas)
    }

    /// The environment's id, or a refusal that names those there are.
    ///
    /// # Errors
    /// When the project has no such environment.
    pub fn environment(
        &self,
        project: &Project,
        name: &Name,
    ) -> Result<EnvironmentId, EngineError> {
        environment_id(project, name)
    }

    pub(crate) async fn overrides(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Overrides, EngineError> {
        let settings = self.store.settings(environment).await?;
        Ok(Overrides {
            config: settings.config,
            secrets: self.store.secrets(environment).await?,
            replicas: settings.replicas,
            restarts: settings.restarts,
        })
    }

    pub(crate) async fn inputs(
        &self,
        project: &Project,
        environment: &Name,
        version: Version,
    ) -> Result<Inputs, EngineError> {
        let id = self.environment(project, environment)?;
        let overrides = self.overrides(&id).await?;
        let inputs = Inputs::gather(project, environment, version, overrides);
        let mut inputs = inputs.ok_or_else(|| EngineError::Refused(Vec::new()))?;
        // What moved to another target has to leave the one where it was.
        if let Some(deployment) = self.store.last_succeeded(&id).await? {
            let last = self.inputs_of(&deployment).await?;
            check_kinds(&last, &inputs)?;
            match deployment.cause {
                Cause::Down => inputs.know_left_of(&last),
                _ => {
                    inputs.know_targets_of(&last);
                    inputs.emptied_ms = last.emptied_ms;
                }
            }
        }
        for interrupted in self.store.unfinished(&id).await? {
            inputs.know_targets_of(&self.inputs_of(&interrupted).await?);
        }
        Ok(inputs)
    }

    pub(crate) async fn existing_release(
        &self,
        project: &estiba_model::ProjectId,
        version: &Version,
    ) -> Result<Release, EngineError> {
        match self.store.release(project, version).await? {
            Some(release) => Ok(release),
            None => Err(EngineError::refused(message!(
                "there is no release {version} of {project}; `estiba releases` lists them",
                "no hay una versión {version} de {project}; `estiba releases` las lista"
            ))),
        }
    }

    pub(crate) async fn runtime(&self, inputs: Inputs) -> Result<Runtime<'_>, EngineError> {
        let project = inputs.environment.project_id();
        let release = self.existing_release(&project, &inputs.version).await?;
        self.runtime_of(inputs, release).await
    }

    pub(crate) async fn runtime_of(
        &self,
        inputs: Inputs,
        release: Release,
    ) -> Result<Runtime<'_>, EngineError> {
        Runtime::new(&self.store, self.provider.as_ref(), inputs, release).await
    }

    /// Only what is needed to end what runs.
    pub(crate) async fn bare_runtime(&self, inputs: Inputs) -> Result<Runtime<'_>, EngineError> {
        let project = inputs.environment.project_id();
        let release = self.existing_release(&project, &inputs.version).await?;
        let targets = self.targets_for(&inputs)?;
        Ok(Runtime::bare(&self.store, targets, inputs, release))
    }

    /// The targets that an environment uses now and, where it was deployed to,
    /// used then.
    pub(crate) async fn targets(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Targets, EngineError> {
        let id = self.environment(project, environment)?;
        let last = self.last_inputs(&id).await?;
        self.targets_beside(project, environment, last.as_ref())
    }

    /// The same where what it was deployed with is known.
    pub(crate) fn targets_beside(
        &self,
        project: &Project,
        environment: &Name,
        last: Option<&Inputs>,
    ) -> Result<Targets, EngineError> {
        let mut configs: BTreeMap<Name, TargetConfig> = last
            .map(|inputs| inputs.targets.clone())
            .unwrap_or_default();
        let declared = &project.environments[environment];
        for target in declared.placement.values() {
            if let Some(config) = project.targets.get(target) {
                configs.insert(target.clone(), config.clone());
            }
        }
        let registry = project.registry.as_deref();
        let used = declared.placement.values().collect();
        targets_of(self.provider.as_ref(), &configs, &used, registry)
    }

    pub(crate) fn adapter(
        &self,
        name: &Name,
        config: &TargetConfig,
        registry: Option<&str>,
    ) -> Result<Arc<dyn Target>, Message> {
        self.provider.target(name, config, registry)
    }

    /// The adapters for what an environment's choices name.
    pub(crate) fn targets_for(&self, inputs: &Inputs) -> Result<Targets, EngineError> {
        let used = inputs.placement.values().collect();
        let registry = inputs.registry.as_deref();
        targets_of(self.provider.as_ref(), &inputs.targets, &used, registry)
    }

    pub(crate) async fn secrets_of(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Vec<SecretString>, EngineError> {
        let named = self.store.secrets(environment).await?.into_values();
        let made = self.store.credentials(environment).await?.into_values();
        Ok(named.chain(made).collect())
    }

    /// A secret's new value. A Telegram token that another environment of the
    /// project has is refused: two pollers of one token conflict.
    ///
    /// # Errors
    /// When the name is none of an environment variable, or the token is taken.
    pub async fn set_secret(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
        value: SecretString,
    ) -> Result<(), EngineError> {
        let id = self.environment(project, environment)?;
        check_value_name(name)?;
        if let Some(taken) = self
            .environment_with_token(project, environment, name, &value)
            .await?
        {
            return Err(EngineError::refused(same_token(name, environment, &taken)));
        }
        Ok(self.store.set_secret(&id, name, &value).await?)
    }

    /// A value in clear, or none, on top of the project file's.
    ///
    /// # Errors
    /// When the name is none of an environment variable.
    pub async fn set_config(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
        value: Option<&str>,
    ) -> Result<(), EngineError> {
        let id = self.environment(project, environment)?;
        check_value_name(name)?;
        Ok(self.store.set_config(&id, name, value).await?)
    }

    /// The values in clear that an environment has, those of the store and those
    /// of the project file.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn config(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<BTreeMap<String, String>, EngineError> {
        let id = self.environment(project, environment)?;
        let mut config = project.environments[environment].config.clone();
        config.extend(self.store.settings(&id).await?.config);
        Ok(config)
    }

    /// Refuses an environment whose Telegram token another one has too.
    pub(crate) async fn check_tokens(
        &self,
        project: &Project,
        inputs: &Inputs,
    ) -> Result<(), EngineError> {
        let environment = &inputs.environment.environment;
        let mut problems = Vec::new();
        for (name, value) in &inputs.secrets {
            if let Some(taken) = self
                .environment_with_token(project, environment, name, value)
                .await?
            {
                problems.push(same_token(name, environment, &taken));
            }
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(EngineError::Refused(problems))
        }
    }

    async fn environment_with_token(
        &self,
        project: &Project,
        environment: &Name,
        name: &str,
        value: &SecretString,
    ) -> Result<Option<Name>, EngineError> {
        if !is_token_name(name) || value.expose().is_empty() {
            return Ok(None);
        }
        for other in project.environments.keys().filter(|e| *e != environment) {
            let id = EnvironmentId::new(&project.id, other);
            let secrets = self.store.secrets(&id).await?;
            let shared = secrets
                .iter()
                .any(|(name, secret)| is_token_name(name) && secret == value);
            if shared {
                return Ok(Some(other.clone()));
            }
        }
        Ok(None)
    }
}

/// The id of a project's environment, or a refusal that names those there are.
///
/// # Errors
/// When the project has no such environment.
pub fn environment_id(project: &Project, name: &Name) -> Result<EnvironmentId, EngineError> {
    if project.environments.contains_key(name) {
        return Ok(EnvironmentId::new(&project.id, name));
    }
    let known: Vec<&str> = project.environments.keys().map(Name::as_str).collect();
    let known = known.join(", ");
    Err(EngineError::refused(message!(
        "there is no environment {name}; estiba.yaml has: {known}",
        "no hay un ambiente {name}; estiba.yaml tiene: {known}"
    )))
}

/// A target that became another runtime under its old name: what runs on the old
/// one could not be found any more.
fn check_kinds(last: &Inputs, now: &Inputs) -> Result<(), EngineError> {
    let before = last.used_targets().chain(&last.left);
    let changed = before.filter_map(|(name, was)| {
        let is = &now.targets.get(name)?.kind;
        let was = &was.kind;
        (is != was).then(|| {
            message!(
                "target {name} was of kind {was} in the last deployment and is now of kind {is}: give the new one another name, so that what runs on the old one can be ended",
                "la plataforma {name} era de tipo {was} en el último despliegue y ahora es de tipo {is}: dé otro nombre a la nueva, para poder terminar lo que corre en la anterior"
            )
        })
    });
    let problems: Vec<Message> = changed.collect();
    if problems.is_empty() {
        Ok(())
    } else {
        Err(EngineError::Refused(problems))
    }
}

fn is_token_name(name: &str) -> bool {
    name.contains("TELEGRAM") || name.contains("BOT_TOKEN")
}

fn same_token(name: &str, environment: &Name, taken: &Name) -> Message {
    message!(
        "{name} of {environment} is the Telegram token that {taken} uses: two bots that poll with one token take each other's messages; ask @BotFather for another bot",
        "{name} de {environment} es el token de Telegram que usa {taken}: dos bots que consultan con un mismo token se quitan los mensajes; pida otro bot a @BotFather"
    )
}

fn check_value_name(name: &str) -> Result<(), EngineError> {
    if is_variable_name(name) {
        return Ok(());
    }
    Err(EngineError::refused(message!(
        "\"{name}\" is not a valid name for a value: use letters, digits and '_', beginning with a letter",
        "«{name}» no es un nombre válido para un valor: use letras, dígitos y '_', comenzando con una letra"
    )))
}
