//! What `targets` of `estiba.yaml` says about a cluster.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use estiba_model::{EnvironmentId, MAIL_SINK, Message, Name, message};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::manifests::shortened;

/// Where an environment is, unless `namespace` says otherwise.
const NAMESPACE: &str = "{team}-{environment}";
/// A namespace is a label of the DNS.
const LONGEST_NAMESPACE: usize = 63;
const TEAM: &str = "{team}";
const PROJECT: &str = "{project}";
const ENVIRONMENT: &str = "{environment}";
/// What makes addresses differ from workload to workload.
const WORKLOAD: &str = "{workload}";

/// How a cluster is reached and how it is used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Settings {
    /// The file with the cluster's address and credentials; `KUBECONFIG`,
    /// `~/.kube/config` or the pod's own service account where there is none.
    pub kubeconfig: Option<PathBuf>,
    /// The context of that file; its current one where there is none.
    pub context: Option<String>,
    namespace: Option<String>,
    ingress: Option<String>,
    ingress_class: Option<String>,
    /// The cert-manager `ClusterIssuer` that signs certificates of the ingress.
    pub tls: Option<String>,
    /// A secret that exists in the namespace, for pulling images.
    pub pull_secret: Option<String>,
    /// The storage class of volumes; the cluster's default where there is none.
    pub storage_class: Option<String>,
    /// `spec.hard` of a `ResourceQuota`.
    pub quota: BTreeMap<String, String>,
    /// What a container gets that does not say what it may use.
    pub limits: Option<ContainerLimits>,
}

/// Limits of containers that have none of their own.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ContainerLimits {
    /// As Kubernetes writes it: `500m`.
    pub cpu: Option<String>,
    /// As Kubernetes writes it: `256Mi`.
    pub memory: Option<String>,
}

/// How the controller that answers at the edge of the cluster wants its objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IngressKind {
    /// ingress-nginx: rewrites by a regular expression.
    Nginx,
    /// Traefik: rewrites by a `Middleware`.
    Traefik,
    /// The router of OpenShift, which has objects of its own.
    OpenShiftRoute,
    /// Any other class: by host alone, since rewrites are not standardised.
    Other(String),
}

/// Where people reach a workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    /// The host.
    pub host: String,
    /// A path prefix, which the workload does not see; empty for none.
    pub prefix: String,
}

impl Settings {
    /// What tells one cluster, and the part of it that is used, from another.
    #[must_use]
    pub fn place(&self) -> String {
        let file = self.kubeconfig.as_deref().unwrap_or(Path::new(""));
        let context = self.context.as_deref().unwrap_or_default();
        let namespace = self.namespace.as_deref().unwrap_or(NAMESPACE);
        format!("kubernetes:{}:{context}:{namespace}", file.display())
    }

    /// Reads the settings of a target.
    ///
    /// # Errors
    /// When a key is unknown or of a wrong type, or a pattern would send two
    /// environments to one place.
    pub fn parse(settings: &Map<String, Value>) -> Result<Self, Message> {
        let parsed: Self = serde_json::from_value(Value::Object(settings.clone()))
            .map_err(|error| Message::verbatim(error.to_string()))?;
        parsed.check()?;
        Ok(parsed)
    }

    fn check(&self) -> Result<(), Message> {
        let Some(pattern) = &self.ingress else {
            return Ok(());
        };
        if !pattern.contains(ENVIRONMENT) {
            return Err(message!(
                "ingress \"{pattern}\" is the same for every environment: put {ENVIRONMENT} into it",
                "ingress «{pattern}» es igual para todos los ambientes: agregue {ENVIRONMENT}"
            ));
        }
        let (host, path) = pattern.split_once('/').unwrap_or((pattern, ""));
        let has_prefix = !path.is_empty();
        match self.ingress_kind() {
            IngressKind::OpenShiftRoute if self.tls.is_some() => Err(message!(
                "tls is for cert-manager and an Ingress; with the ingress class openshift-route the router of OpenShift brings the certificate: remove tls",
                "tls es para cert-manager y un Ingress; con la clase openshift-route el router de OpenShift trae el certificado: quite tls"
            )),
            IngressKind::OpenShiftRoute
                if !self.shares_namespace() && !host.contains(ENVIRONMENT) =>
            {
                Err(message!(
                    "ingress \"{pattern}\" has one host for all environments, and OpenShift gives a host to one namespace: put {ENVIRONMENT} before the first /",
                    "ingress «{pattern}» tiene un solo host para todos los ambientes, y OpenShift da cada host a un solo namespace: ponga {ENVIRONMENT} antes de la primera /"
                ))
            }
            IngressKind::Other(class) if has_prefix => Err(message!(
                "ingress \"{pattern}\" has a path, which Estiba can't take away with the ingress class \"{class}\": use nginx, traefik or openshift-route, or a pattern of hosts alone",
                "ingress «{pattern}» tiene una ruta, que Estiba no puede quitar con la clase de ingress «{class}»: use nginx, traefik u openshift-route, o un patrón solo de hosts"
            )),
            _ => Ok(()),
        }
    }

    /// The namespace of an environment.
    #[must_use]
    pub fn namespace(&self, environment: &EnvironmentId) -> String {
        let whole = filled(self.namespace_pattern(), environment, None);
        shortened(&whole, LONGEST_NAMESPACE)
    }

    /// What the namespace does not tell apart, names have to: what comes before the
    /// name of a thing, and what comes after it.
    #[must_use]
    pub fn name_parts<'e>(
        &self,
        environment: &'e EnvironmentId,
    ) -> (Vec<&'e Name>, Option<&'e Name>) {
        let pattern = self.namespace_pattern();
        let lacking = |key, part| (!pattern.contains(key)).then_some(part);
        let before = [
            lacking(TEAM, &environment.team),
            lacking(PROJECT, &environment.project),
        ];
        let after = lacking(ENVIRONMENT, &environment.environment);
        (before.into_iter().flatten().collect(), after)
    }

    /// Whether environments share a namespace, which is there before them.
    #[must_use]
    pub fn shares_namespace(&self) -> bool {
        !self.namespace_pattern().contains(ENVIRONMENT)
    }

    /// The namespace of all environments of all teams, where there is only one.
    #[must_use]
    pub fn only_namespace(&self) -> Option<&str> {
        let pattern = self.namespace_pattern();
        (!pattern.contains('{')).then_some(pattern)
    }

    fn namespace_pattern(&self) -> &str {
        self.namespace.as_deref().unwrap_or(NAMESPACE)
    }

    /// Where people reach a workload; none where no ingress is configured, or where it is
    /// what takes mail, which is nobody's outside.
    #[must_use]
    pub fn address(&self, environment: &EnvironmentId, workload: &Name) -> Option<Address> {
        if workload.as_str() == MAIL_SINK {
            return None;
        }
        let whole = filled(self.ingress.as_deref()?, environment, Some(workload));
        let (host, path) = whole.split_once('/').unwrap_or((&whole, ""));
        let path = path.trim_matches('/');
        Some(Address {
            host: host.to_owned(),
            prefix: match path {
                "" => String::new(),
                path => format!("/{path}"),
            },
        })
    }

    /// The class of what leads to workloads from outside.
    #[must_use]
    pub fn ingress_class(&self) -> &str {
        self.ingress_class.as_deref().unwrap_or("nginx")
    }

    /// The controller that answers at the edge of the cluster.
    #[must_use]
    pub fn ingress_kind(&self) -> IngressKind {
        match self.ingress_class() {
            "nginx" => IngressKind::Nginx,
            "traefik" => IngressKind::Traefik,
            "openshift-route" => IngressKind::OpenShiftRoute,
            other => IngressKind::Other(other.to_owned()),
        }
    }

    /// `http` or `https`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        let routed = self.ingress_kind() == IngressKind::OpenShiftRoute;
        if self.tls.is_some() || routed {
            "https"
        } else {
            "http"
        }
    }
}

fn filled(pattern: &str, environment: &EnvironmentId, workload: Option<&Name>) -> String {
    let text = pattern
        .replace(TEAM, environment.team.as_str())
        .replace(PROJECT, environment.project.as_str())
        .replace(ENVIRONMENT, environment.environment.as_str());
    match workload {
        Some(workload) => text.replace(WORKLOAD, workload.as_str()),
        None => text,
    }
}
