//! The rights that Estiba needs on a cluster, and no more.

use k8s_openapi::api::rbac::v1::{ClusterRole, PolicyRule, Role};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

use super::Manifest;
use crate::{IngressKind, Settings};

const NAME: &str = "estiba";
const ALL: &[&str] = &["get", "list", "create", "patch", "delete"];

/// A right in a namespace: group, resources, verbs.
pub(crate) type Right = (
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

/// What is needed in the namespace of an environment, whatever the settings.
const IN_NAMESPACE: &[Right] = &[
    ("apps", &["deployments", "statefulsets"], ALL),
    ("apps", &["replicasets"], &["get", "list"]),
    ("batch", &["jobs"], ALL),
    (
        "",
        &[
            "services",
            "secrets",
            "configmaps",
            "serviceaccounts",
            "persistentvolumeclaims",
        ],
        ALL,
    ),
    ("", &["pods"], &["get", "list", "patch"]),
    ("", &["pods/log"], &["get"]),
    ("", &["pods/exec"], &["get", "create"]),
    ("", &["events"], &["list"]),
    ("networking.k8s.io", &["networkpolicies", "ingresses"], ALL),
    ("policy", &["poddisruptionbudgets"], ALL),
];

/// What `settings` need in the namespace of an environment.
pub(crate) fn rights(settings: &Settings) -> Vec<Right> {
    let mut rights = IN_NAMESPACE.to_vec();
    match settings.ingress_kind() {
        IngressKind::Traefik => rights.push(("traefik.io", &["middlewares"], ALL)),
        IngressKind::OpenShiftRoute => {
            // Choosing a host is a right of its own.
            rights.push(("route.openshift.io", &["routes", "routes/custom-host"], ALL));
        }
        _ => {}
    }
    if settings.tls.is_some() {
        rights.push(("cert-manager.io", &["certificates"], &["get"]));
    }
    if !settings.quota.is_empty() || settings.limits.is_some() {
        rights.push(("", &["resourcequotas", "limitranges"], ALL));
    }
    rights
}

/// The roles that `settings` need: a `ClusterRole` where Estiba makes namespaces,
/// otherwise a `Role` for each namespace, whose name is left to fill in where it
/// differs from team to team.
#[must_use]
pub fn rbac(settings: &Settings) -> Vec<Manifest> {
    let mut rules: Vec<PolicyRule> = rights(settings).iter().map(rule).collect();
    if settings.shares_namespace() {
        let metadata = ObjectMeta {
            name: Some(NAME.to_owned()),
            namespace: settings.only_namespace().map(str::to_owned),
            ..ObjectMeta::default()
        };
        return vec![Manifest::of(&Role {
            metadata,
            rules: Some(rules),
        })];
    }
    rules.insert(
        0,
        rule(&("", &["namespaces"], &["get", "create", "patch", "delete"])),
    );
    vec![Manifest::of(&ClusterRole {
        metadata: ObjectMeta {
            name: Some(NAME.to_owned()),
            ..ObjectMeta::default()
        },
        rules: Some(rules),
        ..ClusterRole::default()
    })]
}

fn rule((group, resources, verbs): &Right) -> PolicyRule {
    let texts = |texts: &[&str]| {
        texts
            .iter()
            .map(|&text| text.to_owned())
            .collect::<Vec<_>>()
    };
    PolicyRule {
        api_groups: Some(vec![(*group).to_owned()]),
        resources: Some(texts(resources)),
        verbs: texts(verbs),
        ..PolicyRule::default()
    }
}
