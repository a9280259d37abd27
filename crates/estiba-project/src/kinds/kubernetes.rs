//! Kubernetes clusters.

use estiba_model::message;
use estiba_target::Capability;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use super::{Kind, MAIL_SETTINGS, Mistake, provided};

pub(super) const NAMESPACE: &str = "namespace";

/// The namespace where none is said.
pub(super) const USUAL_PATTERNS: &[(&str, &str)] = &[(NAMESPACE, "{team}-{environment}")];

pub(super) const KUBERNETES: Kind = Kind {
    name: "kubernetes",
    schema: settings,
    resources: &[
        provided("dns", &[]),
        provided("environment", &[]),
        provided(
            "postgres",
            &["image", "size", "url", "secret", "host", "database"],
        ),
        provided("route", &[]),
        provided("service-port", &[]),
        provided("smtp", MAIL_SETTINGS),
        provided("volume", &["size"]),
    ],
    capabilities: &[
        Capability::Volumes,
        Capability::Sidecars,
        Capability::Udp,
        Capability::Postgres,
        Capability::Limits,
        Capability::Files,
        Capability::SeveralPorts,
        Capability::Tasks,
        Capability::LivenessProbes,
        Capability::CommandProbes,
        Capability::PrivateNetwork,
        Capability::SharedHosts,
    ],
    // Sidecars of its own kind
    // (<https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/>).
    newer: &[(Capability::AwaitingHealthy, "Kubernetes 1.29")],
    // Names or the namespace carry the environment, whatever the pattern.
    place: |project, environment| format!("kubernetes/{project}/{environment}"),
    runtime: |settings| {
        let of = |key| {
            settings
                .get(key)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let (file, context, namespace) = (of("kubeconfig"), of("context"), of("namespace"));
        format!("kubernetes:{file}/{context}/{namespace}")
    },
    // Clusters may share the ingress of a course.
    network: "kubernetes",
    address: |settings| settings.get("ingress").and_then(Value::as_str),
    gives_addresses: |settings| settings.contains_key("ingress"),
    needs_registry: true,
    mistake,
    app: None,
};

fn settings(_: &mut SchemaGenerator) -> Schema {
    let text = |description: &str| serde_json::json!({ "description": description, "type": "string", "minLength": 1 });
    let amount = serde_json::json!({ "type": "string", "pattern": AMOUNT_PATTERN });
    json_schema!({
        "type": "object",
        "properties": {
            "kubeconfig": text("The file with the cluster's address and credentials; by default KUBECONFIG, ~/.kube/config or the pod's own."),
            "context": text("The context of the kubeconfig; by default its current one."),
            "namespace": text("The namespace of an environment, with {team}, {project} and {environment}; by default {team}-{environment}. Names carry what it lacks."),
            "ingress": text("Where people reach a workload: a host and perhaps a path, with {team}, {project}, {environment} and {workload}."),
            "ingress-class": text("The ingress controller: nginx (the default), traefik, openshift-route, or another ingress class."),
            "tls": text("The ClusterIssuer of cert-manager that signs the certificates."),
            "pull-secret": text("A secret in the namespace for pulling images; by default one made from the credentials of docker login."),
            "storage-class": text("The storage class of volumes; by default the cluster's."),
            "quota": {
                "description": "What an environment may use, as spec.hard of a ResourceQuota: pods, limits.memory, requests.storage, ...",
                "type": "object",
                "additionalProperties": amount,
            },
            "limits": {
                "description": "Limits of containers that have none of their own.",
                "type": "object",
                "properties": { "cpu": amount, "memory": amount },
                "additionalProperties": false,
            },
        },
        "additionalProperties": false,
    })
}

/// An amount as Kubernetes writes it
/// (<https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/>).
const AMOUNT_PATTERN: &str = "^[0-9]+(\\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$";

fn mistake(settings: &Map<String, Value>) -> Option<Mistake> {
    let pattern = settings.get("ingress")?.as_str()?;
    if !pattern.contains("{environment}") {
        return Some(Mistake {
            key: "ingress",
            what: message!(
                "\"{pattern}\" is the same address for every environment",
                "«{pattern}» es la misma dirección para todos los ambientes"
            ),
            hint: message!("put {{environment}} into it", "agregue {{environment}}"),
        });
    }
    let class = settings.get("ingress-class").and_then(Value::as_str);
    let class = class.unwrap_or("nginx");
    let has_path = pattern.trim_end_matches('/').contains('/');
    let rewrites = matches!(class, "nginx" | "traefik" | "openshift-route");
    (has_path && !rewrites).then(|| Mistake {
        key: "ingress",
        what: message!(
            "Estiba can't take the path of \"{pattern}\" away with the ingress class \"{class}\"",
            "Estiba no puede quitar la ruta de «{pattern}» con la clase de ingress «{class}»"
        ),
        hint: message!(
            "use a pattern of hosts alone, or nginx, traefik or openshift-route",
            "use un patrón solo de hosts, o nginx, traefik u openshift-route"
        ),
    })
}
