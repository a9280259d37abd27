//! Where an environment's objects are: made before the first, forgotten after the
//! last.

use std::time::Duration;

use estiba_model::{EnvironmentId, message};
use estiba_target::TargetError;
use futures::future::try_join_all;
use kube::api::{DeleteParams, DynamicObject, PartialObjectMeta};
use tokio::time::{Instant, sleep};

use super::KubernetesTarget;
use super::cluster::{Cluster, INTERVAL, Kind, persist};
use crate::manifests::{Labels, Manifest, Manifests, Place, label};

const NAMESPACE: Kind<'static> = ("v1", "Namespace");
const CONFIG_MAP: Kind<'static> = ("v1", "ConfigMap");
const SECRET: Kind<'static> = ("v1", "Secret");
const SERVICE_ACCOUNT: Kind<'static> = ("v1", "ServiceAccount");
/// How long a namespace may take to go with all that is in it.
const NAMESPACE_LIMIT: Duration = Duration::from_secs(120);

/// What is left of an environment after its workloads and resources are gone.
const LEFT: &[Kind<'static>] = &[
    ("batch/v1", "Job"),
    SECRET,
    CONFIG_MAP,
    ("networking.k8s.io/v1", "NetworkPolicy"),
    ("v1", "ResourceQuota"),
    ("v1", "LimitRange"),
    SERVICE_ACCOUNT,
];
/// What makes a namespace one that is still used.
const USED: &[Kind<'static>] = &[
    ("apps/v1", "Deployment"),
    ("apps/v1", "StatefulSet"),
    ("batch/v1", "Job"),
    ("v1", "Pod"),
    ("v1", "Service"),
    ("v1", "PersistentVolumeClaim"),
    ("networking.k8s.io/v1", "Ingress"),
    ("networking.k8s.io/v1", "NetworkPolicy"),
    SERVICE_ACCOUNT,
    SECRET,
    CONFIG_MAP,
];

impl KubernetesTarget {
    /// Makes what an environment needs before anything runs in it.
    pub(super) async fn prepare(&self, manifests: &Manifests) -> Result<(), TargetError> {
        let cluster = self.cluster().await?;
        let mut objects = manifests.environment().into_iter();
        if let Some(namespace) = objects.next() {
            cluster.ensure_namespace(&namespace).await?;
        }
        let owner = manifests.place().labels();
        let pull = self
            .login()
            .await
            .map(|(user, password)| manifests.registry_login(&user, &password));
        let all: Vec<_> = objects.chain(pull).collect();
        try_join_all(all.iter().map(|object| cluster.apply(object, &owner))).await?;
        Ok(())
    }

    pub(super) async fn forget_environment(
        &self,
        environment: &EnvironmentId,
    ) -> Result<(), TargetError> {
        let cluster = self.cluster().await?;
        let place = self.manifests(environment).await?.place();
        let labels = place.labels();
        for kind in LEFT {
            for found in cluster.list(*kind, &place.namespace, &labels).await? {
                let name = found.metadata.name.unwrap_or_default();
                let params = DeleteParams::background();
                cluster
                    .delete(*kind, Some(&place.namespace), &name, &params)
                    .await?;
            }
        }
        cluster.remove_unused_namespace(&place).await
    }
}

impl Cluster {
    /// Whoever may not ask for namespaces works in one that is there.
    async fn ensure_namespace(&self, namespace: &Manifest) -> Result<(), TargetError> {
        let name = namespace.name();
        let api = self.objects(NAMESPACE, None);
        let what = format!("Namespace {name}");
        let existing = persist(&what, || async {
            match api.get_metadata_opt(name).await {
                Err(kube::Error::Api(status)) if status.code == 403 => Ok(Asked::Refused),
                found => found.map(Asked::Told),
            }
        });
        match existing.await? {
            Asked::Refused => Ok(()),
            Asked::Told(Some(found)) if found.metadata.deletion_timestamp.is_some() => {
                Err(TargetError::new(message!(
                    "the namespace {name} is being deleted: wait until it is gone (`kubectl get namespace {name}`) and try again",
                    "el namespace {name} se está eliminando: espere a que desaparezca (`kubectl get namespace {name}`) y reintente"
                )))
            }
            Asked::Told(Some(_)) => Ok(()),
            Asked::Told(None) => match self.apply(namespace, &Labels::new()).await {
                Ok(_) => Ok(()),
                Err(error) => {
                    let why = error.message();
                    Err(TargetError::new(estiba_model::Message {
                        en: format!(
                            "there is no namespace {name}, and it can't be made: {}",
                            why.en
                        ),
                        es: format!(
                            "no existe el namespace {name} y no se lo puede crear: {}",
                            why.es
                        ),
                    }))
                }
            },
        }
    }

    /// Removes a namespace that Estiba made and that nobody uses any more.
    async fn remove_unused_namespace(&self, place: &Place) -> Result<(), TargetError> {
        let name = place.namespace.as_str();
        let api = self.objects(NAMESPACE, None);
        let Ok(Some(found)) = api.get_metadata_opt(name).await else {
            // Gone, or not ours to see.
            return Ok(());
        };
        let made_by = |key: &str| found.metadata.labels.as_ref()?.get(key).cloned();
        let is_ours = made_by(label::MANAGED_BY).as_deref() == Some("estiba");
        if !is_ours {
            return Ok(());
        }
        // A namespace that still has pods is left alone for a while before its
        // controller looks again.
        self.await_no_pods(place, &place.labels(), Duration::ZERO)
            .await?;
        // Right before the end: another project may have come meanwhile.
        if self.is_used(name).await? {
            return Ok(());
        }
        let params = DeleteParams::background();
        self.delete(NAMESPACE, None, name, &params).await?;
        let deadline = Instant::now() + NAMESPACE_LIMIT;
        let what = format!("Namespace {name}");
        while persist(&what, || api.get_metadata_opt(name))
            .await?
            .is_some()
        {
            if Instant::now() > deadline {
                return Err(TargetError::new(message!(
                    "the namespace {name} is still being deleted: see `kubectl get namespace {name} -o yaml` for what holds it",
                    "el namespace {name} todavía se está eliminando: vea con `kubectl get namespace {name} -o yaml` qué lo retiene"
                )));
            }
            sleep(INTERVAL).await;
        }
        Ok(())
    }

    async fn is_used(&self, namespace: &str) -> Result<bool, TargetError> {
        for kind in USED {
            let listed = self.list(*kind, namespace, &Labels::new()).await?;
            if listed.iter().any(|found| !comes_by_itself(*kind, found)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

enum Asked<T> {
    Refused,
    Told(Option<T>),
}

/// Every namespace has these, and pods that are ending are as good as gone.
fn comes_by_itself(kind: Kind<'_>, found: &PartialObjectMeta<DynamicObject>) -> bool {
    let name = found.metadata.name.as_deref().unwrap_or_default();
    match kind {
        CONFIG_MAP => matches!(name, "kube-root-ca.crt" | "openshift-service-ca.crt"),
        SECRET => {
            // cert-manager leaves the certificates of an Ingress behind
            // (<https://cert-manager.io/docs/usage/certificate/>).
            let is_certificate = found
                .metadata
                .labels
                .as_ref()
                .is_some_and(|labels| labels.contains_key("controller.cert-manager.io/fao"));
            is_certificate || name.contains("-token-") || name.contains("-dockercfg-")
        }
        SERVICE_ACCOUNT if matches!(name, "default" | "builder" | "deployer") => true,
        _ => found.metadata.deletion_timestamp.is_some(),
    }
}
