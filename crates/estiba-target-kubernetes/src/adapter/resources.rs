//! What a cluster provides to workloads.

use std::time::Duration;

use estiba_model::{EnvironmentId, Message, Name, ResourceId, SecretString, message};
use estiba_postgres::PostgresError;
use estiba_target::{Outputs, Progress, Reach, ResourceSpec, TargetError};
use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::KubernetesTarget;
use super::cluster::{Cluster, INTERVAL, persist, selecting};
use super::pods::Instance;
use super::records::{Entry, Provided, ProvidedKind};
use super::{operated, reasons};
use crate::manifests::{DATABASE_PORT, DatabaseNames, DatabaseServer, Place};

/// How long a database server may take to be ready: its image is pulled and its
/// volume made meanwhile.
const SERVER_LIMIT: Duration = Duration::from_secs(300);
/// A reason that may pass has so long to.
const PASSING: Duration = Duration::from_secs(20);

impl ProvidedKind {
    fn of(resource: &ResourceSpec) -> Result<Self, TargetError> {
        match resource.kind.as_str() {
            "volume" => Ok(Self::Volume),
            "dns" => Ok(Self::Dns),
            "route" => Ok(Self::Route),
            "service-port" => Ok(Self::ServicePort),
            "postgres" => Self::of_postgres(resource),
            kind => {
                let id = &resource.id;
                Err(TargetError::new(message!(
                    "{id}: the kubernetes target does not provide resources of type {kind}; it provides postgres, volume, dns, route and service-port",
                    "{id}: la plataforma kubernetes no provee recursos de tipo {kind}; provee postgres, volume, dns, route y service-port"
                )))
            }
        }
    }

    fn of_postgres(resource: &ResourceSpec) -> Result<Self, TargetError> {
        let has = |setting| resource.settings.contains_key(setting);
        match (has("url"), has(operated::SECRET)) {
            (false, false) => Ok(Self::Postgres),
            (true, false) => Ok(Self::ForeignPostgres),
            (false, true) => Ok(Self::OperatedPostgres),
            (true, true) => {
                let id = &resource.id;
                Err(TargetError::new(message!(
                    "{id}: `url` and `secret` name two databases; leave one of them out",
                    "{id}: `url` y `secret` nombran dos bases de datos; quite uno de los dos"
                )))
            }
        }
    }
}

impl KubernetesTarget {
    pub(super) async fn provision_resource(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let kind = ProvidedKind::of(resource)?;
        let manifests = self.manifests(environment).await?;
        self.prepare(&manifests).await?;
        let cluster = self.cluster().await?;
        let owner = manifests.place().labels();
        let mut provided = Provided {
            id: resource.id.clone(),
            kind,
            fingerprint: Provided::unfinished(),
        };
        if kind.has_objects() {
            // Whatever ends this half-way, `down` finds what was made.
            let begun = Entry::Provided(&provided);
            cluster.record(&manifests, &begun).await?;
        }
        match kind {
            ProvidedKind::Volume => {
                cluster.apply(&manifests.volume(resource), &owner).await?;
            }
            ProvidedKind::Postgres => {
                for object in manifests.postgres(resource) {
                    cluster.apply(&object, &owner).await?;
                }
                cluster
                    .await_server(&manifests.place(), &resource.id)
                    .await?;
            }
            ProvidedKind::ForeignPostgres => self
                .postgres
                .provision(environment, resource, progress)
                .await
                .map_err(refused)?,
            ProvidedKind::OperatedPostgres => {
                cluster.operated(&manifests.place(), resource).await?;
            }
            ProvidedKind::ServicePort if resource.reach == Reach::Outside => {
                self.public_address(environment, resource)?;
            }
            ProvidedKind::Dns | ProvidedKind::Route | ProvidedKind::ServicePort => {}
        }
        provided.fingerprint = resource.fingerprint.clone();
        cluster
            .record(&manifests, &Entry::Provided(&provided))
            .await
    }

    pub(super) async fn resource_outputs(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
    ) -> Result<Outputs, TargetError> {
        let kind = ProvidedKind::of(resource)?;
        if kind == ProvidedKind::ServicePort && resource.reach == Reach::Outside {
            // Known without the cluster, which may not answer right now.
            return self.public_address(environment, resource);
        }
        let manifests = self.manifests(environment).await?;
        Ok(match kind {
            ProvidedKind::Volume => outputs([("source", manifests.place().resource(&resource.id))]),
            ProvidedKind::Dns => outputs([("host", manifests.host(&resource.workload))]),
            ProvidedKind::Route => Outputs::new(),
            ProvidedKind::ServicePort => {
                let (workload, number) = provider_of(resource)?;
                outputs([
                    ("hostname", manifests.place().workload(&workload)),
                    ("port", number.to_string()),
                ])
            }
            ProvidedKind::ForeignPostgres => self
                .postgres
                .outputs(environment, resource)
                .map_err(refused)?,
            ProvidedKind::OperatedPostgres => {
                let cluster = self.cluster().await?;
                cluster.operated(&manifests.place(), resource).await?
            }
            ProvidedKind::Postgres => {
                let DatabaseNames { host, name } = DatabaseNames::of(&manifests, &resource.id);
                outputs([
                    ("host", host),
                    ("port", DATABASE_PORT.to_string()),
                    ("name", name.clone()),
                    ("database", name.clone()),
                    ("username", name),
                    ("password", resource.credential.expose().to_owned()),
                ])
            }
        })
    }

    fn public_address(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
    ) -> Result<Outputs, TargetError> {
        let settings = &self.config.settings;
        let (workload, _) = provider_of(resource)?;
        let address = settings.address(environment, &workload).ok_or_else(|| {
            TargetError::new(message!(
                "{workload} is used from another target, but its own has no `ingress`: set it, so that there is an address",
                "{workload} se usa desde otra plataforma, pero la suya no tiene `ingress`: defínalo, para que haya una dirección"
            ))
        })?;
        if !address.prefix.is_empty() {
            let prefix = &address.prefix;
            return Err(TargetError::new(message!(
                "{workload} is used from another target, which knows a host and a port, but not the path {prefix} of `ingress`: use a pattern of hosts",
                "{workload} se usa desde otra plataforma, que conoce un host y un puerto, pero no la ruta {prefix} de `ingress`: use un patrón de hosts"
            )));
        }
        let port = if settings.scheme() == "https" {
            "443"
        } else {
            "80"
        };
        Ok(outputs([
            ("hostname", address.host),
            ("port", port.to_owned()),
        ]))
    }

    pub(super) async fn destroy_resource(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceId,
    ) -> Result<(), TargetError> {
        let manifests = self.manifests(environment).await?;
        let (cluster, place) = (self.cluster().await?, manifests.place());
        let records = cluster.records(&place).await?;
        let Some(provided) = records.resources.iter().find(|one| one.id == *resource) else {
            return Ok(());
        };
        let name = place.resource(resource);
        match provided.kind {
            ProvidedKind::Volume => {
                cluster
                    .remove(&place, "v1", "PersistentVolumeClaim", &name)
                    .await?;
            }
            ProvidedKind::Postgres => cluster.remove_server(&place, &name).await?,
            _ => {}
        }
        cluster
            .record(&manifests, &Entry::NotProvided(resource))
            .await
    }
}

/// The workload whose port it is, and the number that clients use.
fn provider_of(resource: &ResourceSpec) -> Result<(Name, u64), TargetError> {
    let workload = resource.params.get("workload").and_then(Value::as_str);
    let workload = workload.and_then(|workload| workload.parse().ok());
    let number = resource.params.get("number").and_then(Value::as_u64);
    workload.zip(number).ok_or_else(|| {
        let id = &resource.id;
        TargetError::new(message!(
            "{id}: a service-port needs the params workload and port",
            "{id}: un service-port necesita los parámetros workload y port"
        ))
    })
}

impl Cluster {
    /// The database servers of an environment that Estiba runs.
    pub(super) async fn servers(&self, place: &Place) -> Result<Vec<DatabaseServer>, TargetError> {
        let sets: Api<StatefulSet> = Api::namespaced(self.client.clone(), &place.namespace);
        let ours = selecting(&DatabaseServer::labels(place));
        let found = persist("StatefulSets", || sets.list(&ours)).await?;
        Ok(found.iter().filter_map(DatabaseServer::of).collect())
    }

    async fn await_server(&self, place: &Place, id: &ResourceId) -> Result<(), TargetError> {
        let name = place.resource(id);
        let sets: Api<StatefulSet> = Api::namespaced(self.client.clone(), &place.namespace);
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &place.namespace);
        let what = format!("StatefulSet {name}");
        let pod_name = format!("{name}-0");
        let begun = Instant::now();
        let mut passing: Option<Instant> = None;
        loop {
            let set = persist(&what, || sets.get(&name)).await?;
            if is_ready(&set) {
                return Ok(());
            }
            let pod = persist("Pod", || pods.get_opt(&pod_name)).await?;
            let reason = pod
                .as_ref()
                .and_then(|pod| reasons::of_instance(Instance(pod)));
            let is_late = begun.elapsed() > SERVER_LIMIT;
            let reason = match reason {
                Some(reason) => Some(reason),
                None if is_late => pod
                    .as_ref()
                    .map(|pod| reasons::when_late(Instance(pod), None)),
                None => None,
            };
            if let Some(reason) = reason {
                let since = *passing.get_or_insert_with(Instant::now);
                if !reason.may_pass || is_late || since.elapsed() > PASSING {
                    let log = match (&pod, &reason.log) {
                        (Some(pod), Some(container)) => self.last_lines(pod, container).await,
                        _ => Vec::new(),
                    };
                    let why = match &pod {
                        Some(pod) => self.explained(pod, reason).await.message,
                        None => reason.message,
                    };
                    return Err(TargetError::new(Message {
                        en: format!(
                            "the database server {pod_name} does not come up: {}",
                            why.en
                        ),
                        es: format!(
                            "el servidor de base de datos {pod_name} no se pone en marcha: {}",
                            why.es
                        ),
                    })
                    .with_log(log));
                }
            } else if is_late {
                let namespace = &place.namespace;
                return Err(TargetError::new(message!(
                    "the database server {pod_name} was not made: see `kubectl -n {namespace} describe statefulset {name}`",
                    "el servidor de base de datos {pod_name} no se creó: vea `kubectl -n {namespace} describe statefulset {name}`"
                )));
            }
            sleep(INTERVAL).await;
        }
    }

    async fn remove(
        &self,
        place: &Place,
        version: &str,
        kind: &str,
        name: &str,
    ) -> Result<(), TargetError> {
        let params = DeleteParams::background();
        self.delete((version, kind), Some(&place.namespace), name, &params)
            .await
    }

    /// Removes a database server and its volume.
    async fn remove_server(&self, place: &Place, name: &str) -> Result<(), TargetError> {
        self.remove(place, "apps/v1", "StatefulSet", name).await?;
        self.remove(place, "v1", "Service", name).await?;
        self.remove(place, "v1", "Secret", name).await?;
        let mut labels = place.labels();
        labels.insert("app.kubernetes.io/name".to_owned(), name.to_owned());
        self.await_no_pods(place, &labels, Duration::from_secs(60))
            .await?;
        let claim = format!("data-{name}-0");
        self.remove(place, "v1", "PersistentVolumeClaim", &claim)
            .await?;
        let claims: Api<k8s_openapi::api::core::v1::PersistentVolumeClaim> =
            Api::namespaced(self.client.clone(), &place.namespace);
        let selected = selecting(&labels);
        // Until it is gone, a new server would get the old data.
        let deadline = Instant::now() + SERVER_LIMIT;
        while Instant::now() < deadline
            && !persist("PersistentVolumeClaims", || claims.list(&selected))
                .await?
                .items
                .is_empty()
        {
            sleep(INTERVAL).await;
        }
        Ok(())
    }
}

/// Whether the server runs as it was applied last.
fn is_ready(set: &StatefulSet) -> bool {
    set.status.as_ref().is_some_and(|status| {
        status.observed_generation >= set.metadata.generation
            && status.ready_replicas == Some(1)
            && status.updated_replicas == Some(1)
    })
}

pub(super) fn outputs<const N: usize>(outputs: [(&str, String); N]) -> Outputs {
    outputs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), SecretString::new(value)))
        .collect()
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
pub(super) fn refused(error: PostgresError) -> TargetError {
    TargetError::new(error.message())
}
