//! A bound release together with the targets that run it.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

use estiba_model::{
    Desired, DesiredWorkload, Digest, EnvironmentId, Fingerprint, InstanceName, Message, Name,
    Release, ReleasedWorkload, ResourceId, SMTP, SecretString, TargetConfig, message,
};
use estiba_store::Store;
use estiba_target::{
    ImageSpec, InstanceSpec, Reach, ResourceSpec, RolloutSpec, Target, TargetError, Task, TaskSpec,
    WorkloadSpec,
};

use crate::bind::{Bound, BoundResource};
use crate::desired::{desired, resource_fingerprint, resource_settings};
use crate::error::EngineError;
use crate::inputs::Inputs;
use crate::mail::{self, credential_id, with_sink};
use crate::values::{Known, Specifier, expand_params};

/// Makes adapters from what the project file says. The binary has one; nothing
/// else names a kind of target.
pub trait TargetProvider: Send + Sync {
    /// The adapter for a target of the project; `registry` is where the project's
    /// images are pushed.
    ///
    /// # Errors
    /// When there is no such kind, or it can't work here.
    fn target(
        &self,
        name: &Name,
        config: &TargetConfig,
        registry: Option<&str>,
    ) -> Result<Arc<dyn Target>, Message>;
}

/// The adapters that an environment uses, by target.
pub type Targets = BTreeMap<Name, Arc<dyn Target>>;

/// The adapters for `configs`. Of several that are the same runtime only the one
/// that is `used` is taken: what one sees, the others would see too.
///
/// # Errors
/// Every target that can't work here, and those used ones that are one runtime.
pub fn targets_of(
    provider: &dyn TargetProvider,
    configs: &BTreeMap<Name, TargetConfig>,
    used: &BTreeSet<&Name>,
    registry: Option<&str>,
) -> Result<Targets, EngineError> {
    let mut targets = Targets::new();
    let mut places: BTreeMap<String, Name> = BTreeMap::new();
    let mut problems = Vec::new();
    let (first, rest): (Vec<_>, Vec<_>) = configs.iter().partition(|(n, _)| used.contains(n));
    for (name, config) in first.into_iter().chain(rest) {
        let target = match provider.target(name, config, registry) {
            Ok(target) => target,
            Err(problem) => {
                problems.push(problem);
                continue;
            }
        };
        match places.entry(target.place()) {
            Entry::Vacant(place) => {
                place.insert(name.clone());
                targets.insert(name.clone(), target);
            }
            Entry::Occupied(other) if used.contains(name) => {
                problems.push(same_runtime(other.get(), name));
            }
            Entry::Occupied(_) => {}
        }
    }
    if problems.is_empty() {
        Ok(targets)
    } else {
        Err(EngineError::Refused(problems))
    }
}

fn same_runtime(one: &Name, other: &Name) -> Message {
    message!(
        "targets {one} and {other} are the same runtime: each would end what the other starts; place all workloads on one of them",
        "las plataformas {one} y {other} son la misma: cada una terminaría lo que inicia la otra; ubique todos los componentes en una de ellas"
    )
}

/// A bound release, what should run of it, and the targets that run it.
pub struct Runtime<'e> {
    store: &'e Store,
    /// The adapters.
    pub targets: Targets,
    /// The release in its environment.
    pub bound: Bound,
    /// What should run.
    pub desired: Desired,
    /// Where databases are kept that are being emptied.
    pub aside: Option<PathBuf>,
}

impl<'e> Runtime<'e> {
    /// Binds `release` to the environment of `inputs` and works out what should
    /// run there.
    ///
    /// # Errors
    /// Values and targets that are missing, all at once.
    pub async fn new(
        store: &'e Store,
        provider: &dyn TargetProvider,
        inputs: Inputs,
        release: Release,
    ) -> Result<Self, EngineError> {
        let used = inputs.placement.values().collect();
        let registry = inputs.registry.as_deref();
        let targets = targets_of(provider, &inputs.targets, &used, registry)?;
        let release = with_sink(release, &inputs);
        let bound = Bound::new(inputs, release).map_err(EngineError::Refused)?;
        let known = host_names(&bound, &targets, store).await;
        let desired = desired(&bound, &known, &targets, &|bytes| store.keyed_hash(bytes));
        Ok(Self {
            store,
            targets,
            bound,
            desired,
            aside: None,
        })
    }

    /// Only the targets, for ending what runs: nothing has to have a value.
    #[must_use]
    pub fn bare(store: &'e Store, targets: Targets, inputs: Inputs, release: Release) -> Self {
        let desired = Desired {
            environment: inputs.environment.clone(),
            version: inputs.version.clone(),
            resources: Vec::new(),
            workloads: Vec::new(),
            acceptance: Vec::new(),
        };
        Self {
            store,
            targets,
            bound: Bound::unresolved(inputs, release),
            desired,
            aside: None,
        }
    }

    /// Where.
    #[must_use]
    pub fn environment(&self) -> &EnvironmentId {
        &self.bound.inputs.environment
    }

    /// The adapter of a target.
    ///
    /// # Errors
    /// When the environment does not use it.
    pub fn target(&self, name: &Name) -> Result<&Arc<dyn Target>, TargetError> {
        self.targets.get(name).ok_or_else(|| {
            TargetError::new(message!(
                "there is no target {name} in this deployment",
                "no hay una plataforma {name} en este despliegue"
            ))
        })
    }

    /// What should run of a workload.
    ///
    /// # Errors
    /// When the release does not have it.
    pub fn workload(
        &self,
        name: &Name,
    ) -> Result<(&DesiredWorkload, &ReleasedWorkload), TargetError> {
        let desired = self.desired.workloads.iter().find(|w| w.name == *name);
        let desired = desired.ok_or_else(|| self.no_workload(name))?;
        Ok((desired, self.released(name)?))
    }

    /// What the release has of a workload.
    ///
    /// # Errors
    /// When it does not have it.
    pub fn released(&self, name: &Name) -> Result<&ReleasedWorkload, TargetError> {
        let released = self.bound.release.workloads.get(name);
        released.ok_or_else(|| self.no_workload(name))
    }

    fn no_workload(&self, name: &Name) -> TargetError {
        let version = &self.bound.release.version;
        TargetError::new(message!(
            "{version} has no workload {name}",
            "{version} no tiene el componente {name}"
        ))
    }

    /// A resource, ready to be provisioned.
    ///
    /// # Errors
    /// When the environment has no such resource, or one that it refers to is
    /// not there yet.
    pub async fn resource(&self, id: &ResourceId) -> Result<ResourceSpec, EngineError> {
        let Some(resource) = self.bound.resource(id) else {
            return Err(EngineError::refused(message!(
                "there is no resource {id} in this release",
                "no hay un recurso {id} en esta versión"
            )));
        };
        let known = self.known_to(&resource.workload, Some(id)).await?;
        let mut spec = resource_spec(&self.bound, resource, &known, self.store).await?;
        spec.reach = self.bound.reach(resource);
        Ok(spec)
    }

    /// An image of a workload, ready to be brought to its target.
    ///
    /// # Errors
    /// When the release does not have the workload.
    pub fn image(&self, workload: &Name, digest: &Digest) -> Result<ImageSpec, TargetError> {
        let released = self.released(workload)?;
        let release = &self.bound.release;
        Ok(ImageSpec {
            digest: digest.clone(),
            project: release.project.clone(),
            workload: workload.clone(),
            tag: released.is_built(digest).then(|| release.version.clone()),
        })
    }

    /// A workload, ready to be rolled out as a whole.
    ///
    /// # Errors
    /// When something that it needs has no value.
    pub async fn rollout(&self, workload: &Name) -> Result<RolloutSpec, EngineError> {
        let (wanted, _) = self.workload(workload)?;
        Ok(RolloutSpec {
            of: self.specified(workload).await?,
            replicas: wanted.replicas,
            strategy: wanted.strategy,
        })
    }

    /// An instance, ready to start.
    ///
    /// # Errors
    /// When something that it needs has no value.
    pub async fn instance(
        &self,
        workload: &Name,
        instance: &InstanceName,
    ) -> Result<InstanceSpec, EngineError> {
        Ok(InstanceSpec {
            instance: instance.clone(),
            of: self.specified(workload).await?,
        })
    }

    async fn specified(&self, workload: &Name) -> Result<WorkloadSpec, EngineError> {
        let (wanted, released) = self.workload(workload)?;
        let known = self.known_to(workload, None).await?;
        Specifier {
            bound: &self.bound,
            name: workload,
            released,
            known: &known,
        }
        .workload(wanted.fingerprint.clone(), wanted.exposure.clone())
        .map_err(EngineError::refused)
    }

    /// A workload's migration or acceptance tests, ready to run.
    ///
    /// # Errors
    /// When something that it needs has no value, or there is none.
    pub async fn task(
        &self,
        task: Task,
        workload: &Name,
        fingerprint: &Fingerprint,
    ) -> Result<TaskSpec, EngineError> {
        let released = self.released(workload)?;
        let known = self.known_to(workload, None).await?;
        Specifier {
            bound: &self.bound,
            name: workload,
            released,
            known: &known,
        }
        .task(task, fingerprint.clone())
        .map_err(EngineError::refused)?
        .ok_or_else(|| {
            EngineError::refused(message!(
                "{workload} has no container for this step in this release",
                "{workload} no tiene un contenedor para este paso en esta versión"
            ))
        })
    }

    /// The outputs of the resources that a workload uses; where `before` is
    /// given, of those that come before that one.
    async fn known_to(
        &self,
        workload: &Name,
        before: Option<&ResourceId>,
    ) -> Result<Known, EngineError> {
        let mut known = Known::default();
        for resource in self.bound.resources_of(workload) {
            if before == Some(&resource.id) {
                break;
            }
            let mut spec = resource_spec(&self.bound, resource, &known, self.store).await?;
            if self.bound.is_elsewhere(workload, resource) {
                spec.reach = Reach::Outside;
            }
            let target = self.target(&resource.target)?;
            let outputs = target.outputs(self.environment(), &spec).await?;
            known.insert(resource.id.clone(), outputs);
        }
        if before.is_none() {
            self.add_mail(workload, &mut known).await?;
        }
        Ok(known)
    }

    async fn add_mail(&self, workload: &Name, known: &mut Known) -> Result<(), EngineError> {
        let released = self.released(workload)?;
        let all = released.workload.resources.iter();
        for (name, resource) in all.filter(|(_, resource)| resource.kind == SMTP) {
            let environment = self.environment();
            let password = match self.bound.inputs.has_mail_server() {
                true => SecretString::default(),
                false => self.store.credential(environment, &credential_id()).await?,
            };
            let outputs = mail::outputs(&self.bound, known, &password);
            let outputs = outputs.map_err(EngineError::refused)?;
            known.insert(resource.identity(workload, name), outputs);
        }
        Ok(())
    }
}

/// Host names are wanted for the plan already; those that a target only knows
/// later are left out.
async fn host_names(bound: &Bound, targets: &Targets, store: &Store) -> Known {
    let mut known = Known::default();
    for resource in bound.resources.iter().filter(|r| r.resource.kind == "dns") {
        if let Some(target) = targets.get(&resource.target)
            && let Ok(spec) = resource_spec(bound, resource, &known, store).await
            && let Ok(outputs) = target.outputs(&bound.inputs.environment, &spec).await
        {
            known.insert(resource.id.clone(), outputs);
        }
    }
    known
}

async fn resource_spec(
    bound: &Bound,
    resource: &BoundResource,
    known: &Known,
    store: &Store,
) -> Result<ResourceSpec, EngineError> {
    let kind = resource.resource.kind.as_str();
    let workload = &bound.release.workloads[&resource.workload].workload;
    let params = expand_params(bound, workload, kind, &resource.resource.params, known)
        .map_err(EngineError::refused)?;
    let credential = if has_login(kind) {
        store
            .credential(&bound.inputs.environment, &resource.id)
            .await?
    } else {
        SecretString::default()
    };
    Ok(ResourceSpec {
        id: resource.id.clone(),
        kind: kind.to_owned(),
        class: resource.resource.class.clone(),
        workload: resource.workload.clone(),
        params,
        settings: resource_settings(bound, kind),
        credential,
        reach: Reach::Inside,
        fingerprint: resource_fingerprint(bound, resource, &|bytes| store.keyed_hash(bytes)),
    })
}

fn has_login(kind: &str) -> bool {
    !matches!(kind, "dns" | "route" | "service-port" | "volume")
}
