//! Kubernetes clusters.

use estiba_model::message;
use estiba_target::Capability;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value};

use super::{Kind, MAIL_SETTINGS, Mistake, provided};

pub(super) const NAMESPACE: &str = "namespace";
const ENVIRONMENT: &str = "{environment}";

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
    mistakes,
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

fn mistakes(settings: &Map<String, Value>) -> Vec<Mistake> {
    let text = |key| settings.get(key).and_then(Value::as_str);
    let class = text("ingress-class").unwrap_or("nginx");
    let is_route = class == "openshift-route";
    let mut mistakes = Vec::new();
    if is_route && text("tls").is_some() {
        mistakes.push(Mistake {
            key: "tls",
            what: message!(
                "cert-manager signs for an Ingress, and with the ingress class openshift-route there is none",
                "cert-manager firma para un Ingress, y con la clase de ingress openshift-route no hay ninguno"
            ),
            hint: message!(
                "remove it: the router of OpenShift brings the certificate",
                "quítelo: el router de OpenShift trae el certificado"
            ),
        });
    }
    let Some(pattern) = text("ingress") else {
        return mistakes;
    };
    let mut wrong = |what, hint| {
        mistakes.push(Mistake {
            key: "ingress",
            what,
            hint,
        });
    };
    let (host, path) = pattern.split_once('/').unwrap_or((pattern, ""));
    let namespace = text(NAMESPACE).unwrap_or(USUAL_PATTERNS[0].1);
    if !pattern.contains(ENVIRONMENT) {
        wrong(
            message!(
                "\"{pattern}\" is the same address for every environment",
                "«{pattern}» es la misma dirección para todos los ambientes"
            ),
            message!("put {ENVIRONMENT} into it", "agregue {ENVIRONMENT}"),
        );
    } else if is_route && namespace.contains(ENVIRONMENT) && !host.contains(ENVIRONMENT) {
        wrong(
            message!(
                "\"{pattern}\" has one host for all environments, and OpenShift gives a host to one namespace",
                "«{pattern}» tiene un solo host para todos los ambientes, y OpenShift da cada host a un solo namespace"
            ),
            message!(
                "put {ENVIRONMENT} before the first /",
                "ponga {ENVIRONMENT} antes de la primera /"
            ),
        );
    }
    let rewrites = matches!(class, "nginx" | "traefik" | "openshift-route");
    if !path.trim_matches('/').is_empty() && !rewrites {
        wrong(
            message!(
                "Estiba can't take the path of \"{pattern}\" away with the ingress class \"{class}\"",
                "Estiba no puede quitar la ruta de «{pattern}» con la clase de ingress «{class}»"
            ),
            message!(
                "use a pattern of hosts alone, or nginx, traefik or openshift-route",
                "use un patrón solo de hosts, o nginx, traefik u openshift-route"
            ),
        );
    }
    mistakes
}
