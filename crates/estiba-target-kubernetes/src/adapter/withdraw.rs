//! Ending a workload with whatever was made for it.

use std::time::Duration;

use estiba_model::{EnvironmentId, Name, message};
use estiba_target::TargetError;
use kube::api::DeleteParams;
use tokio::time::{Instant, sleep};

use super::KubernetesTarget;
use super::cluster::{Cluster, INTERVAL, Kind};
use super::observe::OWNED;
use super::pods::Instance;
use super::records::Entry;
use crate::manifests::{Labels, Place};

/// The grace that is over and above what instances are given: nodes take a while
/// to clean up.
const NODE_LIMIT: Duration = Duration::from_secs(90);
const DEPLOYMENT: Kind<'static> = ("apps/v1", "Deployment");

impl KubernetesTarget {
    pub(super) async fn withdraw_workload(
        &self,
        environment: &EnvironmentId,
        workload: &Name,
        grace: Duration,
    ) -> Result<(), TargetError> {
        let manifests = self.manifests(environment).await?;
        let (cluster, place) = (self.cluster().await?, manifests.place());
        let labels = place.workload_labels(workload);
        let kinds = std::iter::once(&DEPLOYMENT)
            .chain(OWNED)
            .chain(&[("batch/v1", "Job")]);
        for kind in kinds {
            for found in cluster.list(*kind, &place.namespace, &labels).await? {
                let name = found.metadata.name.unwrap_or_default();
                let params = DeleteParams::background();
                cluster
                    .delete(*kind, Some(&place.namespace), &name, &params)
                    .await?;
            }
        }
        cluster
            .await_pods(&place, &labels, grace, |pod| pod.has_ended())
            .await?;
        if cluster
            .records(&place)
            .await?
            .rollouts
            .contains_key(workload)
        {
            cluster
                .record(&manifests, &Entry::NotRolledOut(workload))
                .await?;
        }
        Ok(())
    }
}

impl Cluster {
    /// Waits until no pod with these labels is left.
    pub(super) async fn await_no_pods(
        &self,
        place: &Place,
        labels: &Labels,
        grace: Duration,
    ) -> Result<(), TargetError> {
        self.await_pods(place, labels, grace, |_| false).await
    }

    /// Waits until `is_done` with all pods that have these labels.
    async fn await_pods(
        &self,
        place: &Place,
        labels: &Labels,
        grace: Duration,
        is_done: impl Fn(Instance<'_>) -> bool,
    ) -> Result<(), TargetError> {
        let deadline = Instant::now() + grace + NODE_LIMIT;
        loop {
            let left = self.instances(place, labels).await?;
            let Some(pod) = left.iter().find(|pod| !is_done(Instance(pod))) else {
                return Ok(());
            };
            if Instant::now() > deadline {
                let name = pod.metadata.name.as_deref().unwrap_or_default();
                let namespace = &place.namespace;
                return Err(TargetError::new(message!(
                    "{name} does not end: see `kubectl -n {namespace} describe pod {name}`; its node may be down",
                    "{name} no termina: vea `kubectl -n {namespace} describe pod {name}`; su nodo puede estar caído"
                )));
            }
            sleep(INTERVAL).await;
        }
    }
}
