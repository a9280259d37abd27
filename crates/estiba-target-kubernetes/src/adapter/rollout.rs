//! Making a workload run as it should, and waiting until it does.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use estiba_model::{Message, Strategy, WholeWorkload, message};
use estiba_target::{Progress, Redactor, RolloutSpec, TargetError};
use futures::future::try_join_all;
use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::KubernetesTarget;
use super::cluster::{Cluster, persist, selecting};
use super::observe::{OWNED, is_complete, owned_fields};
use super::pods::Instance;
use super::reasons::{self, Reason};
use super::records::{Entry, RolledOut};
use super::settling::Settling;
use crate::manifests::{Labels, Manifest, Manifests, Place, annotation, label};

/// How often a rollout is looked at.
const INTERVAL: Duration = Duration::from_millis(300);
/// Time for the nodes to learn that an instance gets no more traffic.
const EVERYONE_KNOWS: Duration = Duration::from_secs(2);
/// A reason that may pass has so long to.
const PASSING: Duration = Duration::from_secs(10);

impl KubernetesTarget {
    pub(super) async fn roll_out_workload(
        &self,
        spec: &RolloutSpec,
        timeout: Duration,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let redactor = Redactor::new(&spec.of.secrets);
        self.roll_out(spec, timeout, progress)
            .await
            .map_err(|error| redactor.error(&error))
    }

    async fn roll_out(
        &self,
        spec: &RolloutSpec,
        timeout: Duration,
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let of = &spec.of;
        let cluster = self.cluster().await?;
        let manifests = Manifests {
            users: self.users(&of.workload, &of.containers).await?,
            ..self.manifests(&of.environment).await?
        };
        let objects = manifests.workload(spec).map_err(TargetError::new)?;
        self.prepare(&manifests).await?;
        self.notice_exposure(spec, progress);
        let mut rolled_out = RolledOut {
            wanted: WholeWorkload {
                fingerprint: of.fingerprint.clone(),
                replicas: spec.replicas,
                exposure: of.exposure.clone(),
            },
            objects: BTreeMap::new(),
        };
        let begun = Entry::RolledOut(&of.workload, &rolled_out);
        cluster.record(&manifests, &begun).await?;
        let rollout = Rollout {
            cluster,
            place: manifests.place(),
            spec,
            objects: &objects,
            progress,
            leads_away: !manifests.server.has_sleep()
                && spec.strategy == Strategy::Rolling
                && !of.exposure.ports.is_empty(),
        };
        rolled_out.objects = rollout.carry_out(timeout).await?;
        rollout.remove_what_was().await?;
        let done = Entry::RolledOut(&of.workload, &rolled_out);
        cluster.record(&manifests, &done).await?;
        cluster
            .await_certificates(&rollout.place, &objects, progress)
            .await
    }

    fn notice_exposure(&self, spec: &RolloutSpec, progress: &dyn Progress) {
        let of = &spec.of;
        let settings = &self.config.settings;
        let has_address = settings.address(&of.environment, &of.workload).is_some();
        if !of.exposure.routes.is_empty() && !has_address {
            let workload = &of.workload;
            progress.notice(&message!(
                "{workload}: the target has no `ingress`, so that its own host is reached inside the cluster alone",
                "{workload}: la plataforma no tiene `ingress`, así que su propio host solo se alcanza dentro del clúster"
            ));
        }
    }
}

/// What is waited for.
#[derive(Clone, Copy)]
enum Until {
    /// The new instances are ready, whatever else runs.
    AllReady,
    /// They are, and no other one is left.
    Alone,
}

/// A rollout that is under way.
struct Rollout<'a> {
    cluster: &'a Cluster,
    place: Place,
    spec: &'a RolloutSpec,
    /// What is applied; the `Deployment` is the last.
    objects: &'a [Manifest],
    progress: &'a dyn Progress,
    /// Whether old instances get no more traffic as soon as all new ones are
    /// ready: where they can't wait by themselves before they end.
    leads_away: bool,
}

impl Rollout<'_> {
    fn deployments(&self) -> Api<Deployment> {
        Api::namespaced(self.cluster.client.clone(), &self.place.namespace)
    }

    fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.cluster.client.clone(), &self.place.namespace)
    }

    fn labels(&self) -> Labels {
        self.place.selector(&self.spec.of.workload, "instance")
    }

    /// Applies everything and waits until it is so; tells what Estiba owns of each
    /// object.
    async fn carry_out(&self, timeout: Duration) -> Result<BTreeMap<String, String>, TargetError> {
        let deadline = Instant::now() + timeout;
        let Some((deployment, others)) = self.objects.split_last() else {
            return Ok(BTreeMap::new());
        };
        let others = try_join_all(others.iter().map(|object| self.apply(object))).await?;
        let mut owned: BTreeMap<_, _> = others.into_iter().collect();
        self.cluster
            .await_routes(&self.place, self.objects, self.progress)
            .await?;
        let mut settling = Settling::new(is_probed(deployment));
        if self.leads_away && self.replaces_others().await? {
            self.apply(&deployment.held()).await?;
            self.watch(Until::AllReady, &mut settling, deadline, timeout)
                .await?;
            self.lead_traffic().await?;
            sleep(EVERYONE_KNOWS).await;
        }
        owned.extend([self.apply(deployment).await?]);
        self.watch(Until::Alone, &mut settling, deadline, timeout)
            .await?;
        Ok(owned)
    }

    async fn apply(&self, object: &Manifest) -> Result<(String, String), TargetError> {
        let applied = self.cluster.apply(object, &self.place.labels()).await?;
        let key = format!("{}/{}", object.kind(), object.name());
        Ok((key, owned_fields(&applied.metadata)))
    }

    /// Whether instances run that are to be replaced. Those that come back get
    /// their traffic back.
    async fn replaces_others(&self) -> Result<bool, TargetError> {
        let pods = self.instances().await?;
        let mut replaces = false;
        for instance in pods.iter().map(Instance).filter(|one| !one.is_leaving()) {
            if !self.is_new(instance) {
                replaces = true;
            } else if instance.label(label::SERVING) == Some("false") {
                self.set_serving(instance.name(), true).await?;
            }
        }
        Ok(replaces)
    }

    async fn instances(&self) -> Result<Vec<Pod>, TargetError> {
        let (pods, selected) = (self.pods(), selecting(&self.labels()));
        Ok(persist("Pods", || pods.list(&selected)).await?.items)
    }

    /// Looks again and again, which survives whatever happens to the API server.
    async fn watch(
        &self,
        until: Until,
        settling: &mut Settling,
        deadline: Instant,
        timeout: Duration,
    ) -> Result<(), TargetError> {
        let name = self.place.workload(&self.spec.of.workload);
        let what = format!("Deployment {name}");
        let deployments = self.deployments();
        let mut passing: Option<(Message, Instant)> = None;
        loop {
            let deployment = persist(&what, || deployments.get(&name)).await?;
            let instances = self.instances().await?;
            let is_there = match until {
                Until::AllReady => self.all_ready(&instances),
                Until::Alone => {
                    is_complete(&deployment, self.spec.replicas) && self.is_alone(&instances)
                }
            };
            if is_there && settling.is_over(&instances) {
                return Ok(());
            }
            if let Some((pod, reason)) = self.reason(&deployment, &instances) {
                let since = match passing.take() {
                    Some((message, since)) if message == reason.message => since,
                    _ => Instant::now(),
                };
                if !reason.may_pass || since.elapsed() > PASSING {
                    return Err(self.failure(pod, reason, None).await);
                }
                passing = Some((reason.message, since));
            } else {
                passing = None;
            }
            if Instant::now() > deadline {
                return Err(self.too_late(&instances, timeout).await);
            }
            sleep(INTERVAL).await;
        }
    }

    fn is_new(&self, instance: Instance<'_>) -> bool {
        instance.annotation(annotation::FINGERPRINT) == Some(self.spec.of.fingerprint.as_str())
    }

    /// Whether no old instance runs, not even one that is still ending.
    fn is_alone(&self, instances: &[Pod]) -> bool {
        let mut instances = instances.iter().map(Instance);
        instances.all(|one| self.is_new(one) || one.has_ended())
    }

    fn reason<'p>(
        &self,
        deployment: &Deployment,
        pods: &'p [Pod],
    ) -> Option<(Option<&'p Pod>, Reason)> {
        let new = pods
            .iter()
            .filter(|pod| self.is_new(Instance(pod)) && !Instance(pod).is_leaving());
        let of_instance = new
            .filter_map(|pod| Some((Some(pod), reasons::of_instance(Instance(pod))?)))
            .next();
        of_instance.or_else(|| Some((None, reasons::of_deployment(deployment)?)))
    }

    fn all_ready(&self, pods: &[Pod]) -> bool {
        let ready = pods
            .iter()
            .map(Instance)
            .filter(|one| self.is_new(*one) && one.is_ready() && !one.is_leaving())
            .count();
        ready >= usize::try_from(self.spec.replicas).unwrap_or(usize::MAX)
    }

    /// Old instances get no more traffic.
    async fn lead_traffic(&self) -> Result<(), TargetError> {
        for instance in self.instances().await?.iter().map(Instance) {
            if !self.is_new(instance) && !instance.is_leaving() {
                self.set_serving(instance.name(), false).await?;
            }
        }
        Ok(())
    }

    async fn set_serving(&self, pod: &str, serves: bool) -> Result<(), TargetError> {
        let value = if serves { "true" } else { "false" };
        let patch = Patch::Merge(json!({ "metadata": { "labels": { label::SERVING: value } } }));
        let pods = self.pods();
        let what = format!("Pod {pod}");
        persist(&what, || async {
            match pods.patch(pod, &PatchParams::default(), &patch).await {
                // It has just ended.
                Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
                patched => patched.map(|_| ()),
            }
        })
        .await
    }

    async fn too_late(&self, pods: &[Pod], timeout: Duration) -> TargetError {
        let mut new = pods
            .iter()
            .filter(|pod| self.is_new(Instance(pod)) && !Instance(pod).is_leaving());
        let Some(pod) = new.find(|pod| !Instance(pod).is_ready()) else {
            let (workload, seconds) = (&self.spec.of.workload, timeout.as_secs());
            return TargetError::new(message!(
                "{workload} was not up within {seconds} s: old instances of it do not end",
                "{workload} no estuvo en marcha en {seconds} s: sus instancias viejas no terminan"
            ));
        };
        let unhealthy = self.cluster.last_event(pod, "Unhealthy").await;
        let reason = reasons::when_late(Instance(pod), unhealthy.as_deref());
        self.failure(Some(pod), reason, Some(timeout)).await
    }

    async fn failure(
        &self,
        pod: Option<&Pod>,
        reason: Reason,
        late: Option<Duration>,
    ) -> TargetError {
        let log = match (pod, &reason.log) {
            (Some(pod), Some(container)) => self.cluster.explaining_lines(pod, container).await,
            _ => Vec::new(),
        };
        let reason = match pod {
            Some(pod) => self.cluster.explained(pod, reason).await,
            None => reason,
        };
        let reason = reason.informed(&log).message;
        let who = pod.map_or(self.spec.of.workload.as_str(), |pod| Instance(pod).name());
        let said = match late.map(|late| late.as_secs()) {
            Some(seconds) => message!(
                "{who} was not ready within {seconds} s",
                "{who} no estuvo lista en {seconds} s"
            ),
            None => message!("{who} does not come up", "{who} no se pone en marcha"),
        };
        TargetError::new(Message {
            en: format!("{}: {}", said.en, reason.en),
            es: format!("{}: {}", said.es, reason.es),
        })
        .with_log(log)
    }

    /// Removes what the workload had and has no more: objects of a kind that it
    /// does not need, and values that no revision uses.
    async fn remove_what_was(&self) -> Result<(), TargetError> {
        let workload = &self.spec.of.workload;
        let mut kept: BTreeSet<(String, String)> = self
            .objects
            .iter()
            .map(|object| (object.kind().to_owned(), object.name().to_owned()))
            .collect();
        let labels = self.place.workload_labels(workload);
        for secret in self.values_in_use().await? {
            kept.insert(("Secret".to_owned(), secret));
        }
        for kind in OWNED {
            for found in self
                .cluster
                .list(*kind, &self.place.namespace, &labels)
                .await?
            {
                let name = found.metadata.name.clone().unwrap_or_default();
                let is_kept = kept.contains(&(kind.1.to_owned(), name.clone()));
                if is_kept || is_of_migration(&name) {
                    continue;
                }
                let params = DeleteParams::background();
                self.cluster
                    .delete(*kind, Some(&self.place.namespace), &name, &params)
                    .await?;
            }
        }
        Ok(())
    }

    async fn values_in_use(&self) -> Result<Vec<String>, TargetError> {
        let sets: Api<ReplicaSet> =
            Api::namespaced(self.cluster.client.clone(), &self.place.namespace);
        let selected = selecting(&self.labels());
        let sets = persist("ReplicaSets", || sets.list(&selected)).await?;
        let in_use = sets.items.iter().filter_map(|set| {
            let fingerprint = set
                .metadata
                .annotations
                .as_ref()?
                .get(annotation::FINGERPRINT)?;
            let fingerprint = fingerprint.parse().ok()?;
            Some(self.place.values(&self.spec.of.workload, &fingerprint))
        });
        Ok(in_use.collect())
    }
}

/// Values of migrations go with their job.
fn is_of_migration(name: &str) -> bool {
    name.contains("-migrate-")
}

/// Whether Kubernetes asks all containers that stay how they are.
fn is_probed(deployment: &Manifest) -> bool {
    let containers = deployment.value()["spec"]["template"]["spec"]["containers"].as_array();
    let mut containers = containers.into_iter().flatten();
    containers.all(|container| !container["readinessProbe"].is_null())
}
