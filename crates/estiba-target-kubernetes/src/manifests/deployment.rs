//! What runs: the `Deployment` and what stands beside it.

use std::collections::BTreeMap;

use estiba_model::{Message, Strategy};
use estiba_target::{RolloutSpec, WorkloadSpec};
use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment,
};
use k8s_openapi::api::core::v1::{PodTemplateSpec, ServiceAccount};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::containers::PodContext;
use super::place::{annotation, label};
use super::{Manifest, Manifests, pod};

/// The value of [`label::COMPONENT`] of pods that serve.
pub(super) const INSTANCE: &str = "instance";
/// Revisions that `kubectl rollout undo` can go back to.
const KEPT_REVISIONS: i32 = 3;
/// Kubernetes says after this long that a rollout does not get on.
const PROGRESS_DEADLINE_SECONDS: i32 = 600;
/// How long new pods are ready beside the old ones, where the old ones can't wait
/// by themselves: time to lead the traffic away from them.
const OVERLAP_SECONDS: i32 = 3;
/// The same while Estiba itself leads the traffic away, and says when it has. If
/// it can't say so any more, the controller goes on after this time.
const HELD_SECONDS: i32 = 300;

/// The same deployment, in which old pods stay until this is taken back.
pub(super) fn held(deployment: &Manifest) -> Manifest {
    let mut value = deployment.value().clone();
    value["spec"]["minReadySeconds"] = HELD_SECONDS.into();
    Manifest::custom(value)
}

pub(super) fn deployment(manifests: &Manifests, spec: &RolloutSpec) -> Result<Manifest, Message> {
    let (place, of) = (manifests.place(), &spec.of);
    let name = place.workload(&of.workload);
    let secret = place.values(&of.workload, &of.fingerprint);
    let serves = !of.exposure.ports.is_empty();
    let context = PodContext {
        manifests,
        workload: &of.workload,
        version: &of.version,
        secret: &secret,
        exposure: &of.exposure,
        instance: None,
        serves,
    };
    let selector = place.selector(&of.workload, INSTANCE);
    let mut labels = place.described(selector.clone(), of.workload.as_str(), Some(&of.version));
    labels.insert(
        label::FINGERPRINT.to_owned(),
        of.fingerprint.short().to_owned(),
    );
    if serves {
        labels.insert(label::SERVING.to_owned(), "true".to_owned());
    }
    let marks = BTreeMap::from([
        (annotation::VERSION.to_owned(), of.version.to_string()),
        (
            annotation::FINGERPRINT.to_owned(),
            of.fingerprint.to_string(),
        ),
    ]);
    let mut of_pods = marks.clone();
    let shipper = of.containers.iter().find(|one| one.ships_logs);
    of_pods.extend(shipper.map(|one| (annotation::SHIPPER.to_owned(), one.name.to_string())));
    let mut metadata = place.metadata(name.clone(), &of.workload, &of.version);
    metadata.annotations = Some(marks);
    let overlaps = serves && !manifests.server.has_sleep() && spec.strategy == Strategy::Rolling;
    Ok(Manifest::of(&Deployment {
        metadata,
        spec: Some(DeploymentSpec {
            replicas: Some(i32::try_from(spec.replicas).unwrap_or(i32::MAX)),
            selector: LabelSelector {
                match_labels: Some(selector),
                ..LabelSelector::default()
            },
            strategy: Some(strategy(spec.strategy, overlaps)),
            min_ready_seconds: overlaps.then_some(OVERLAP_SECONDS),
            progress_deadline_seconds: Some(PROGRESS_DEADLINE_SECONDS),
            revision_history_limit: Some(KEPT_REVISIONS),
            template: PodTemplateSpec {
                metadata: Some(ObjectMeta {
                    labels: Some(labels),
                    annotations: Some(of_pods),
                    ..ObjectMeta::default()
                }),
                spec: Some(pod::pod(&context, &of.containers, Some(name))?),
            },
            ..DeploymentSpec::default()
        }),
        ..Deployment::default()
    }))
}

fn strategy(strategy: Strategy, overlaps: bool) -> DeploymentStrategy {
    let rolling = || RollingUpdateDeployment {
        max_unavailable: Some(IntOrString::Int(0)),
        max_surge: Some(if overlaps {
            IntOrString::String("100%".to_owned())
        } else {
            IntOrString::Int(1)
        }),
    };
    match strategy {
        Strategy::Rolling => DeploymentStrategy {
            type_: Some("RollingUpdate".to_owned()),
            rolling_update: Some(rolling()),
        },
        Strategy::Replace => DeploymentStrategy {
            type_: Some("Recreate".to_owned()),
            rolling_update: None,
        },
    }
}

/// An account without any right, and without a token in the pods.
pub(super) fn service_account(manifests: &Manifests, spec: &WorkloadSpec) -> Manifest {
    let place = manifests.place();
    let name = place.workload(&spec.workload);
    Manifest::of(&ServiceAccount {
        metadata: place.metadata(name, &spec.workload, &spec.version),
        automount_service_account_token: Some(false),
        ..ServiceAccount::default()
    })
}

/// Nodes are emptied one instance at a time. With one instance, a budget would
/// keep its node from ever being emptied.
pub(super) fn disruption_budget(manifests: &Manifests, spec: &RolloutSpec) -> Option<Manifest> {
    if spec.replicas < 2 {
        return None;
    }
    let (place, of) = (manifests.place(), &spec.of);
    let name = place.workload(&of.workload);
    let budget = Manifest::of(&PodDisruptionBudget {
        metadata: place.metadata(name, &of.workload, &of.version),
        spec: Some(PodDisruptionBudgetSpec {
            max_unavailable: Some(IntOrString::Int(1)),
            selector: Some(LabelSelector {
                match_labels: Some(place.selector(&of.workload, INSTANCE)),
                ..LabelSelector::default()
            }),
            ..PodDisruptionBudgetSpec::default()
        }),
        ..PodDisruptionBudget::default()
    });
    Some(if manifests.server.has_policy_v1() {
        budget
    } else {
        budget.in_version("policy/v1beta1")
    })
}
