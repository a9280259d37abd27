//! What there is, from the API server.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{
    Digest, EnvironmentId, Exposure, Name, Observed, ObservedInstance, ObservedRollout,
    WholeWorkload,
};
use estiba_target::{TargetError, Url};
use futures::future::try_join_all;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ObjectMeta};

use super::KubernetesTarget;
use super::cluster::{Cluster, Kind, MANAGER, persist, selecting};
use super::pods::Instance;
use super::records::{ProvidedKind, Records, RolledOut};
use crate::manifests::{Labels, Place, annotation, label, routes};

/// The kinds of objects that a workload can have beside its `Deployment`.
pub(super) const OWNED: &[Kind<'static>] = &[
    ("v1", "ServiceAccount"),
    ("v1", "Secret"),
    ("v1", "Service"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("networking.k8s.io/v1", "Ingress"),
    ("policy/v1", "PodDisruptionBudget"),
    ("policy/v1beta1", "PodDisruptionBudget"),
    ("traefik.io/v1alpha1", "Middleware"),
    ("route.openshift.io/v1", "Route"),
];

impl KubernetesTarget {
    pub(super) async fn observe_environment(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Observed, TargetError> {
        let place = self.manifests(environment).await?.place();
        let cluster = self.cluster().await?;
        let labels = place.labels();
        let records = cluster.records(&place).await?;
        let pods = cluster.instances(&place, &labels).await?;
        let deployments: Api<Deployment> =
            Api::namespaced(cluster.client.clone(), &place.namespace);
        let selected = selecting(&labels);
        let deployments = persist("Deployments", || deployments.list(&selected))
            .await?
            .items;
        let owned = cluster.owned(&place.namespace, &labels).await?;
        let rollouts = rollouts(&place, &records, &deployments, &owned);
        let resources = cluster.resources(&place, &records).await?;
        Ok(Observed {
            resources,
            instances: instances(&pods),
            rollouts,
            migrations: records.migrations,
            traffic: BTreeMap::new(),
            images: images(&pods),
        })
    }

    pub(super) async fn urls_of(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Vec<Url>, TargetError> {
        let place = self.manifests(environment).await?.place();
        let records = self.cluster().await?.records(&place).await?;
        let mut urls = BTreeSet::new();
        for (workload, rollout) in &records.rollouts {
            let own = self.config.settings.address(environment, workload);
            for route in routes(own.as_ref(), &rollout.wanted.exposure) {
                let own = own
                    .as_ref()
                    .filter(|own| route.host.as_ref().is_none_or(|h| *h == own.host));
                let (host, prefix) = match (own, &route.host) {
                    (Some(own), _) => (own.host.as_str(), own.prefix.as_str()),
                    (None, Some(host)) if !host.ends_with(".svc") => (host.as_str(), ""),
                    _ => continue,
                };
                let path = route.path.trim_end_matches('/');
                urls.insert(Url {
                    workload: workload.clone(),
                    url: format!("{}://{host}{prefix}{path}", self.config.settings.scheme()),
                });
            }
        }
        Ok(urls.into_iter().collect())
    }
}

impl Cluster {
    /// The pods that these labels select.
    pub(super) async fn instances(
        &self,
        place: &Place,
        labels: &Labels,
    ) -> Result<Vec<Pod>, TargetError> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &place.namespace);
        let selected = selecting(labels);
        Ok(persist("Pods", || pods.list(&selected)).await?.items)
    }

    /// What Estiba owns of the objects of all workloads, by kind and name.
    async fn owned(
        &self,
        namespace: &str,
        labels: &Labels,
    ) -> Result<BTreeMap<String, String>, TargetError> {
        let lists = OWNED.iter().map(|kind| async move {
            let found = self.list(*kind, namespace, labels).await?;
            Ok::<_, TargetError>(found.into_iter().map(move |object| {
                let name = object.metadata.name.clone().unwrap_or_default();
                (format!("{}/{name}", kind.1), owned_fields(&object.metadata))
            }))
        });
        Ok(try_join_all(lists).await?.into_iter().flatten().collect())
    }

    /// The resources that were provided and are still there.
    async fn resources(
        &self,
        place: &Place,
        records: &Records,
    ) -> Result<BTreeMap<estiba_model::ResourceId, estiba_model::ObservedResource>, TargetError>
    {
        let labels = place.labels();
        let names = |found: Vec<kube::api::PartialObjectMeta<kube::api::DynamicObject>>| {
            let names = found.into_iter().filter_map(|object| object.metadata.name);
            names.collect::<BTreeSet<_>>()
        };
        let claims = names(
            self.list(("v1", "PersistentVolumeClaim"), &place.namespace, &labels)
                .await?,
        );
        let servers = names(
            self.list(("apps/v1", "StatefulSet"), &place.namespace, &labels)
                .await?,
        );
        let is_there = |provided: &&super::records::Provided| {
            let name = place.resource(&provided.id);
            match provided.kind {
                ProvidedKind::Volume => claims.contains(&name),
                ProvidedKind::Postgres => servers.contains(&name),
                _ => true,
            }
        };
        let there = records.resources.iter().filter(is_there);
        Ok(there
            .map(|provided| (provided.id.clone(), provided.into()))
            .collect())
    }
}

fn rollouts(
    place: &Place,
    records: &Records,
    deployments: &[Deployment],
    owned: &BTreeMap<String, String>,
) -> BTreeMap<Name, ObservedRollout> {
    let by_name: BTreeMap<&str, &Deployment> = deployments
        .iter()
        .filter_map(|deployment| Some((deployment.metadata.name.as_deref()?, deployment)))
        .collect();
    let mut rollouts: BTreeMap<Name, ObservedRollout> = records
        .rollouts
        .iter()
        .map(|(workload, rolled_out)| {
            let deployment = by_name.get(place.workload(workload).as_str());
            let rollout = ObservedRollout {
                wanted: rolled_out.wanted.clone(),
                settled: deployment.is_some_and(|d| is_settled(d, rolled_out, owned)),
            };
            (workload.clone(), rollout)
        })
        .collect();
    // One whose record was lost is as good as one that was cut short.
    for deployment in deployments {
        if let Some((workload, rollout)) = unrecorded(deployment) {
            rollouts.entry(workload).or_insert(rollout);
        }
    }
    rollouts
}

fn unrecorded(deployment: &Deployment) -> Option<(Name, ObservedRollout)> {
    let workload = deployment.metadata.labels.as_ref()?.get(label::WORKLOAD)?;
    let fingerprint = deployment
        .metadata
        .annotations
        .as_ref()?
        .get(annotation::FINGERPRINT)?;
    let replicas = deployment.spec.as_ref()?.replicas?;
    let wanted = WholeWorkload {
        fingerprint: fingerprint.parse().ok()?,
        replicas: u32::try_from(replicas).ok()?,
        exposure: Exposure::default(),
    };
    let settled = false;
    Some((workload.parse().ok()?, ObservedRollout { wanted, settled }))
}

/// Whether the controller has come to what was applied, and nobody has changed
/// what was.
fn is_settled(
    deployment: &Deployment,
    rolled_out: &RolledOut,
    owned: &BTreeMap<String, String>,
) -> bool {
    let name = deployment.metadata.name.as_deref().unwrap_or_default();
    let key = format!("Deployment/{name}");
    let mut objects = rolled_out.objects.iter();
    !rolled_out.objects.is_empty()
        && is_complete(deployment, rolled_out.wanted.replicas)
        && objects.all(|(object, fields)| {
            if *object == key {
                *fields == owned_fields(&deployment.metadata)
            } else {
                owned.get(object) == Some(fields)
            }
        })
}

/// Whether exactly the wanted instances run, all of the newest revision, and
/// ready.
pub(super) fn is_complete(deployment: &Deployment, replicas: u32) -> bool {
    let replicas = i32::try_from(replicas).unwrap_or(i32::MAX);
    let (Some(spec), Some(status)) = (&deployment.spec, &deployment.status) else {
        return false;
    };
    let is = |count: Option<i32>| count.unwrap_or_default() == replicas;
    status.observed_generation >= deployment.metadata.generation
        && spec.replicas == Some(replicas)
        && spec.paused != Some(true)
        && is(status.updated_replicas)
        && is(status.ready_replicas)
        && is(status.replicas)
}

/// A hash of the fields that Estiba owns of an object. It changes when someone
/// else changes the value of one of them
/// (<https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management>).
pub(super) fn owned_fields(metadata: &ObjectMeta) -> String {
    let entries = metadata.managed_fields.as_deref().unwrap_or_default();
    let ours = entries.iter().find(|entry| {
        entry.manager.as_deref() == Some(MANAGER) && entry.operation.as_deref() == Some("Apply")
    });
    let fields = ours.and_then(|entry| serde_json::to_vec(entry.fields_v1.as_ref()?).ok());
    Digest::of(&fields.unwrap_or_default()).short().to_owned()
}

fn instances(pods: &[Pod]) -> Vec<ObservedInstance> {
    pods.iter()
        .map(Instance)
        .filter(|one| one.label(label::COMPONENT) == Some("instance") && !one.is_leaving())
        .filter_map(Instance::observed)
        .collect()
}

/// The images of instances that are ready: the registry has them, since nodes
/// pulled them from there.
fn images(pods: &[Pod]) -> BTreeSet<Digest> {
    pods.iter()
        .filter(|pod| Instance(pod).is_ready())
        .filter_map(|pod| pod.spec.as_ref())
        .flat_map(|spec| &spec.containers)
        .filter_map(|container| container.image.as_ref()?.rsplit_once('@')?.1.parse().ok())
        .collect()
}
