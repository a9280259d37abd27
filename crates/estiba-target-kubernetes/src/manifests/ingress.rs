//! How a workload is reached from outside.
//!
//! What is put before a workload's own paths by the target's address pattern is
//! taken away again: the workload sees the paths that it knows. How that is said
//! differs from controller to controller.

use estiba_model::{Exposure, Route};
use estiba_target::WorkloadSpec;
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, HTTPIngressRuleValue, Ingress, IngressBackend, IngressRule,
    IngressServiceBackend, IngressSpec, IngressTLS, ServiceBackendPort,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::{Value, json};

use super::containers::main_port;
use super::{Manifest, Manifests};
use crate::IngressKind;
use crate::settings::Address;

/// A way in.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Entrance {
    host: String,
    /// Taken away from the path, unless empty.
    prefix: String,
    /// What the workload sees, with a leading slash.
    path: String,
    port: String,
}

pub(super) fn objects(manifests: &Manifests, spec: &WorkloadSpec) -> Vec<Manifest> {
    let entrances = entrances(manifests, spec);
    if entrances.is_empty() {
        return Vec::new();
    }
    let maker = Maker { manifests, spec };
    if manifests.settings.ingress_kind() == IngressKind::OpenShiftRoute {
        let routes = entrances.iter().enumerate();
        return routes
            .map(|(i, entrance)| maker.route(i, entrance))
            .collect();
    }
    let (rewritten, direct): (Vec<_>, Vec<_>) = entrances
        .into_iter()
        .partition(|entrance| !entrance.prefix.is_empty());
    let mut objects = Vec::new();
    if let Some(first) = rewritten.first() {
        if manifests.settings.ingress_kind() == IngressKind::Traefik {
            objects.push(maker.strip_prefix(&first.prefix));
        }
        objects.push(maker.ingress("", &rewritten));
    }
    if !direct.is_empty() {
        let suffix = if rewritten.is_empty() { "" } else { "-hosts" };
        objects.push(maker.ingress(suffix, &direct));
    }
    objects
}

/// Routes to the workload's own host lead nowhere from outside where the target
/// has no ingress.
fn entrances(manifests: &Manifests, spec: &WorkloadSpec) -> Vec<Entrance> {
    let own = manifests
        .settings
        .address(&manifests.environment, &spec.workload);
    let inside = manifests.host(&spec.workload);
    routes(own.as_ref(), &spec.exposure)
        .iter()
        .filter(|route| own.is_some() || route.host.as_ref().is_some_and(|h| *h != inside))
        .map(|route| entrance(route, own.as_ref(), &inside))
        .collect()
}

/// The routes of a workload. Where it has an address of its own and says nothing
/// about it, that leads to its main port.
pub(crate) fn routes(own: Option<&Address>, exposure: &Exposure) -> Vec<Route> {
    let mut routes: Vec<Route> = exposure.routes.iter().cloned().collect();
    let Some(own) = own else {
        return routes;
    };
    let says = |route: &Route| route.host.as_ref().is_none_or(|host| *host == own.host);
    if !routes.iter().any(says)
        && let Some((port, _)) = main_port(exposure)
    {
        routes.push(Route {
            host: None,
            path: "/".to_owned(),
            port: port.clone(),
        });
    }
    routes
}

fn entrance(route: &Route, own: Option<&Address>, inside: &str) -> Entrance {
    let is_own = |host: &String| own.is_none_or(|own| own.host == *host);
    let host = route.host.clone().unwrap_or_else(|| inside.to_owned());
    let prefix = own.filter(|_| is_own(&host)).map(|own| own.prefix.clone());
    Entrance {
        host,
        prefix: prefix.unwrap_or_default(),
        path: format!("/{}", route.path.trim_matches('/')),
        port: route.port.clone(),
    }
}

struct Maker<'a> {
    manifests: &'a Manifests,
    spec: &'a WorkloadSpec,
}

impl Maker<'_> {
    fn name(&self) -> String {
        self.manifests.place().workload(&self.spec.workload)
    }

    fn metadata(&self, suffix: &str) -> ObjectMeta {
        let name = format!("{}{suffix}", self.name());
        let place = self.manifests.place();
        place.metadata(name, &self.spec.workload, &self.spec.version)
    }

    fn ingress(&self, suffix: &str, entrances: &[Entrance]) -> Manifest {
        let settings = &self.manifests.settings;
        let kind = settings.ingress_kind();
        let is_rewritten = entrances.iter().any(|entrance| !entrance.prefix.is_empty());
        let mut metadata = self.metadata(suffix);
        let annotations = metadata.annotations.get_or_insert_default();
        let mut annotate = |key: &str, value: &str| {
            annotations.insert(key.to_owned(), value.to_owned());
        };
        if let Some(issuer) = &settings.tls {
            annotate("cert-manager.io/cluster-issuer", issuer);
        }
        let class = match &kind {
            IngressKind::Traefik => {
                if is_rewritten {
                    // <https://doc.traefik.io/traefik/reference/routing-configuration/kubernetes/ingress/>
                    let namespace = &self.manifests.place().namespace;
                    let middleware = format!("{namespace}-{}@kubernetescrd", self.name());
                    annotate(
                        "traefik.ingress.kubernetes.io/router.middlewares",
                        &middleware,
                    );
                }
                "traefik"
            }
            IngressKind::Other(class) => class,
            _ => {
                if is_rewritten {
                    // <https://kubernetes.github.io/ingress-nginx/examples/rewrite/>
                    annotate("nginx.ingress.kubernetes.io/use-regex", "true");
                    annotate("nginx.ingress.kubernetes.io/rewrite-target", "/$2");
                }
                "nginx"
            }
        };
        let mut hosts: Vec<String> = entrances.iter().map(|e| e.host.clone()).collect();
        hosts.sort_unstable();
        hosts.dedup();
        let rules = hosts.iter().map(|host| IngressRule {
            host: Some(host.clone()),
            http: Some(HTTPIngressRuleValue {
                paths: entrances
                    .iter()
                    .filter(|entrance| entrance.host == *host)
                    .map(|entrance| self.path(&kind, entrance))
                    .collect(),
            }),
        });
        Manifest::of(&Ingress {
            spec: Some(IngressSpec {
                ingress_class_name: Some(class.to_owned()),
                rules: Some(rules.collect()),
                tls: settings.tls.is_some().then(|| {
                    vec![IngressTLS {
                        hosts: Some(hosts.clone()),
                        secret_name: Some(format!("{}{suffix}-tls", self.name())),
                    }]
                }),
                ..IngressSpec::default()
            }),
            metadata,
            ..Ingress::default()
        })
    }

    fn path(&self, kind: &IngressKind, entrance: &Entrance) -> HTTPIngressPath {
        let Entrance { prefix, path, .. } = entrance;
        let is_pattern = *kind == IngressKind::Nginx && !prefix.is_empty();
        let (path, path_type) = match path.trim_start_matches('/') {
            // The second group is what the workload sees.
            "" if is_pattern => (format!("{prefix}(/|$)(.*)"), "ImplementationSpecific"),
            own if is_pattern => {
                let own = own.replace('.', "\\.");
                (
                    format!("{prefix}(/)({own}(?:/.*)?)$"),
                    "ImplementationSpecific",
                )
            }
            "" if !prefix.is_empty() => (prefix.clone(), "Prefix"),
            _ => (format!("{prefix}{path}"), "Prefix"),
        };
        HTTPIngressPath {
            path: Some(path),
            path_type: path_type.to_owned(),
            backend: IngressBackend {
                service: Some(IngressServiceBackend {
                    name: self.name(),
                    port: Some(ServiceBackendPort {
                        name: Some(entrance.port.clone()),
                        ..ServiceBackendPort::default()
                    }),
                }),
                ..IngressBackend::default()
            },
        }
    }

    /// <https://doc.traefik.io/traefik/reference/routing-configuration/http/middlewares/stripprefix/>
    fn strip_prefix(&self, prefix: &str) -> Manifest {
        Manifest::custom(json!({
            "apiVersion": "traefik.io/v1alpha1",
            "kind": "Middleware",
            "metadata": self.metadata(""),
            "spec": { "stripPrefix": { "prefixes": [prefix] } },
        }))
    }

    /// <https://docs.openshift.com/container-platform/4.17/networking/routes/route-configuration.html>
    fn route(&self, index: usize, entrance: &Entrance) -> Manifest {
        let suffix = match index {
            0 => String::new(),
            more => format!("-{more}"),
        };
        let mut metadata = self.metadata(&suffix);
        if !entrance.prefix.is_empty() {
            let key = "haproxy.router.openshift.io/rewrite-target".to_owned();
            let annotations = metadata.annotations.get_or_insert_default();
            annotations.insert(key, entrance.path.clone());
        }
        let path = match (entrance.prefix.as_str(), entrance.path.as_str()) {
            ("", "/") => Value::Null,
            (prefix, "/") => prefix.into(),
            (prefix, path) => format!("{prefix}{path}").into(),
        };
        let mut spec = json!({
            "host": entrance.host,
            "to": { "kind": "Service", "name": self.name(), "weight": 100 },
            "port": { "targetPort": entrance.port },
            "tls": { "termination": "edge", "insecureEdgeTerminationPolicy": "Redirect" },
        });
        if !path.is_null() {
            spec["path"] = path;
        }
        Manifest::custom(json!({
            "apiVersion": "route.openshift.io/v1",
            "kind": "Route",
            "metadata": metadata,
            "spec": spec,
        }))
    }
}
