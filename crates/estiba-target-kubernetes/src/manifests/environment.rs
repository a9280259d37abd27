//! What is there before anything runs.

use std::collections::BTreeMap;

use estiba_model::SecretString;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{
    LimitRange, LimitRangeItem, LimitRangeSpec, Namespace, ResourceQuota, ResourceQuotaSpec, Secret,
};
use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta};

use serde_json::json;

use super::place::{ESTIBA, label, one};
use super::{Manifest, Manifests};

pub(super) fn objects(manifests: &Manifests) -> Vec<Manifest> {
    let mut objects = vec![namespace(manifests), apart(manifests)];
    objects.extend(quota(manifests));
    objects.extend(limits(manifests));
    objects
}

fn namespace(manifests: &Manifests) -> Manifest {
    let environment = &manifests.environment;
    let mut labels = one(label::MANAGED_BY, ESTIBA);
    labels.insert(label::TEAM.to_owned(), environment.team.to_string());
    // <https://kubernetes.io/docs/concepts/security/pod-security-admission/>
    let enforce = "pod-security.kubernetes.io/enforce".to_owned();
    labels.insert(enforce, "restricted".to_owned());
    Manifest::of(&Namespace {
        metadata: ObjectMeta {
            name: Some(manifests.place().namespace),
            labels: Some(labels),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    })
}

fn metadata(manifests: &Manifests, what: &str) -> ObjectMeta {
    let place = manifests.place();
    ObjectMeta {
        name: Some(place.shared(what)),
        labels: Some(place.labels()),
        namespace: Some(place.namespace),
        ..ObjectMeta::default()
    }
}

/// Instances of the same environment reach one another, also where projects share
/// the namespace; those of any other environment do not.
fn apart(manifests: &Manifests) -> Manifest {
    let same = LabelSelector {
        match_labels: Some(
            manifests
                .place()
                .labels()
                .into_iter()
                .filter(|(key, _)| matches!(key.as_str(), label::TEAM | label::ENVIRONMENT))
                .collect(),
        ),
        ..LabelSelector::default()
    };
    let from = NetworkPolicyPeer {
        pod_selector: Some(same),
        ..NetworkPolicyPeer::default()
    };
    Manifest::of(&NetworkPolicy {
        metadata: metadata(manifests, "same-environment"),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector {
                match_labels: Some(manifests.place().labels()),
                ..LabelSelector::default()
            }),
            policy_types: Some(vec!["Ingress".to_owned()]),
            ingress: Some(vec![NetworkPolicyIngressRule {
                from: Some(vec![from]),
                ..NetworkPolicyIngressRule::default()
            }]),
            ..NetworkPolicySpec::default()
        }),
    })
}

fn quota(manifests: &Manifests) -> Option<Manifest> {
    let quota = &manifests.settings.quota;
    let hard: BTreeMap<_, _> = quota
        .iter()
        .map(|(name, amount)| (name.clone(), Quantity(amount.clone())))
        .collect();
    (!hard.is_empty()).then(|| {
        Manifest::of(&ResourceQuota {
            metadata: metadata(manifests, "quota"),
            spec: Some(ResourceQuotaSpec {
                hard: Some(hard),
                ..ResourceQuotaSpec::default()
            }),
            ..ResourceQuota::default()
        })
    })
}

fn limits(manifests: &Manifests) -> Option<Manifest> {
    let limits = manifests.settings.limits.as_ref()?;
    let amounts: BTreeMap<_, _> = [("cpu", &limits.cpu), ("memory", &limits.memory)]
        .into_iter()
        .filter_map(|(name, amount)| Some((name.to_owned(), Quantity(amount.clone()?))))
        .collect();
    Some(Manifest::of(&LimitRange {
        metadata: metadata(manifests, "limits"),
        spec: Some(LimitRangeSpec {
            limits: vec![LimitRangeItem {
                type_: "Container".to_owned(),
                default: Some(amounts),
                ..LimitRangeItem::default()
            }],
        }),
    }))
}

/// The secret with the login of the registry, for pulling images.
pub(super) fn registry_login(
    manifests: &Manifests,
    user: &str,
    password: &SecretString,
) -> Manifest {
    let host = manifests.registry.split('/').next().unwrap_or_default();
    let host = match host {
        // The name that Docker itself has for it.
        "docker.io" => "https://index.docker.io/v1/",
        other => other,
    };
    let config = json!({
        "auths": { host: { "username": user, "password": password.expose() } }
    });
    let data = one_secret(".dockerconfigjson", config.to_string());
    Manifest::of(&Secret {
        metadata: metadata(manifests, LOGIN),
        data: Some(data),
        type_: Some("kubernetes.io/dockerconfigjson".to_owned()),
        ..Secret::default()
    })
}

/// What the secret with the login is called.
pub(super) const LOGIN: &str = "registry";

fn one_secret(key: &str, value: String) -> BTreeMap<String, ByteString> {
    BTreeMap::from([(key.to_owned(), ByteString(value.into_bytes()))])
}
