//! What the cluster lets Estiba do, and what to ask for.

use std::collections::BTreeSet;

use estiba_model::{Message, message};
use estiba_target::HostCheck;
use futures::future::join_all;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::ResourceExt as _;
use kube::api::{Api, ListParams, PostParams};

use super::KubernetesTarget;
use super::cluster::Cluster;
use crate::manifests::{ServerVersion, rights};
use crate::{IngressKind, Settings};

impl KubernetesTarget {
    pub(super) async fn check_cluster(&self) -> Vec<HostCheck> {
        let cluster = match self.cluster().await {
            Ok(cluster) => cluster,
            Err(error) => {
                return vec![HostCheck {
                    name: "cluster",
                    ok: false,
                    optional: false,
                    found: error.message().clone(),
                    advice: Some(message!(
                        "`kubectl version` with the same KUBECONFIG shows whether it is the cluster or Estiba",
                        "`kubectl version` con el mismo KUBECONFIG muestra si es el clúster o Estiba"
                    )),
                }];
            }
        };
        let version = cluster.version;
        let is_old = version < ServerVersion::OLDEST;
        let (minor, oldest) = (version.0, ServerVersion::OLDEST.0);
        let mut checks = vec![HostCheck {
            name: "cluster",
            ok: !is_old,
            optional: false,
            found: message!(
                "the cluster answers (Kubernetes 1.{minor})",
                "el clúster responde (Kubernetes 1.{minor})"
            ),
            advice: is_old.then(|| {
                message!(
                    "Estiba needs Kubernetes 1.{oldest} or newer",
                    "Estiba necesita Kubernetes 1.{oldest} o posterior"
                )
            }),
        }];
        let settings = &self.config.settings;
        checks.push(cluster.check_ingress(settings).await);
        let environments = self.config.environments.iter();
        let namespaces = environments
            .map(|environment| settings.namespace(environment))
            .collect();
        checks.push(cluster.check_rights(settings, &namespaces).await);
        checks.push(cluster.check_namespaces(settings, &namespaces).await);
        checks
    }
}

impl Cluster {
    /// Whether somebody routes host names from outside.
    async fn check_ingress(&self, settings: &Settings) -> HostCheck {
        let kind = settings.ingress_kind();
        let classes = self.objects(("networking.k8s.io/v1", "IngressClass"), None);
        let found = classes.list_metadata(&ListParams::default()).await;
        let class = settings.ingress_class();
        let is_there = match &found {
            Ok(found) => found.items.iter().any(|one| one.name_any() == class),
            Err(_) => true,
        };
        let ok = kind == IngressKind::OpenShiftRoute || is_there;
        HostCheck {
            name: "ingress",
            ok,
            optional: true,
            found: match found {
                Err(_) => message!(
                    "whether the cluster has an ingress controller is not yours to see",
                    "no tiene permiso para ver si el clúster tiene un controlador de ingress"
                ),
                Ok(_) if ok => message!(
                    "the cluster has an ingress controller",
                    "el clúster tiene un controlador de ingress"
                ),
                Ok(_) => message!(
                    "the cluster has no ingress controller of the class {class}: workloads are reached inside it alone",
                    "el clúster no tiene un controlador de ingress de la clase {class}: los componentes solo se alcanzan dentro de él"
                ),
            },
            advice: (!ok).then(|| {
                message!(
                    "install ingress-nginx or Traefik, then set `ingress` and `ingress-class` of the target",
                    "instale ingress-nginx o Traefik y defina `ingress` e `ingress-class` de la plataforma"
                )
            }),
        }
    }

    /// Whether a deployment may do what it does in these namespaces.
    async fn check_rights(&self, settings: &Settings, namespaces: &BTreeSet<String>) -> HostCheck {
        let rights = rights(settings);
        let needed: Vec<_> = rights
            .iter()
            .flat_map(|(group, resources, verbs)| {
                resources.iter().flat_map(move |resource| {
                    verbs.iter().map(move |verb| (*group, *resource, *verb))
                })
            })
            .collect();
        let mut places: Vec<_> = namespaces.iter().map(|name| Some(name.as_str())).collect();
        if places.is_empty() {
            places.push(None);
        }
        let asked = places.iter().map(|place| self.missing(&needed, *place));
        let answers: Result<Vec<_>, Message> = join_all(asked).await.into_iter().collect();
        let found = match answers {
            Ok(answers) => lacking(&places, &answers),
            Err(error) => Some(error),
        };
        let all = message!(
            "everything that a deployment needs is permitted",
            "todo lo que necesita un despliegue está permitido"
        );
        right("rights", found, false, all)
    }

    /// Whether these namespaces are there, or can be made.
    async fn check_namespaces(
        &self,
        settings: &Settings,
        namespaces: &BTreeSet<String>,
    ) -> HostCheck {
        let api = self.objects(("v1", "Namespace"), None);
        let asked = namespaces.iter().map(|name| api.get_metadata_opt(name));
        let found = join_all(asked).await;
        // Who may not ask works in those that are there.
        let absent: Vec<_> = namespaces
            .iter()
            .zip(found)
            .filter(|(_, found)| matches!(found, Ok(None)))
            .map(|(name, _)| name.as_str())
            .collect();
        let needs_none = match namespaces.is_empty() {
            true => settings.shares_namespace(),
            false => absent.is_empty(),
        };
        if needs_none {
            let there = message!("the namespaces are there", "los namespaces están");
            return right("namespaces", None, true, there);
        }
        let rights = [("", "namespaces", "create"), ("", "namespaces", "delete")];
        let absent = absent.join(", ");
        let found = match self.missing(&rights, None).await {
            Ok(missing) if missing.is_empty() => None,
            Ok(missing) => {
                let missing = missing.join(", ");
                Some(message!(
                    "you may not: {missing}; not there yet: {absent}",
                    "no tiene permiso para: {missing}; todavía no están: {absent}"
                ))
            }
            Err(error) => Some(error),
        };
        let all = message!(
            "namespaces can be made and removed",
            "se pueden crear y eliminar namespaces"
        );
        right("namespaces", found, absent.is_empty(), all)
    }

    /// Which of these rights this user lacks in a namespace, or in all: group,
    /// resource, verb.
    async fn missing(
        &self,
        needed: &[(&str, &str, &str)],
        namespace: Option<&str>,
    ) -> Result<Vec<String>, Message> {
        let reviews: Api<SelfSubjectAccessReview> = Api::all(self.client.clone());
        let asked = needed.iter().map(|(group, resource, verb)| {
            let (resource_name, subresource) = match resource.split_once('/') {
                Some((resource, sub)) => (resource, Some(sub.to_owned())),
                None => (*resource, None),
            };
            let review = SelfSubjectAccessReview {
                spec: SelfSubjectAccessReviewSpec {
                    resource_attributes: Some(ResourceAttributes {
                        namespace: namespace.map(str::to_owned),
                        group: Some((*group).to_owned()),
                        resource: Some(resource_name.to_owned()),
                        subresource,
                        verb: Some((*verb).to_owned()),
                        ..ResourceAttributes::default()
                    }),
                    ..SelfSubjectAccessReviewSpec::default()
                },
                ..SelfSubjectAccessReview::default()
            };
            let reviews = reviews.clone();
            async move {
                let answer = reviews.create(&PostParams::default(), &review).await;
                answer.map(|answer| {
                    let allowed = answer.status.is_some_and(|status| status.allowed);
                    (!allowed).then(|| format!("{verb} {resource}"))
                })
            }
        });
        let answers: Result<Vec<_>, kube::Error> = join_all(asked).await.into_iter().collect();
        answers
            .map(|answers| answers.into_iter().flatten().collect())
            .map_err(|error| super::error::explained("SelfSubjectAccessReview", &error))
    }
}

/// What is lacking in these places; none where nothing is.
fn lacking(places: &[Option<&str>], answers: &[Vec<String>]) -> Option<Message> {
    let missing: BTreeSet<&str> = answers.iter().flatten().map(String::as_str).collect();
    let places = places.iter().zip(answers);
    let named: Vec<&str> = places
        .filter(|(_, missing)| !missing.is_empty())
        .filter_map(|(place, _)| *place)
        .collect();
    let list = missing.iter().copied().collect::<Vec<_>>().join(", ");
    let named = named.join(", ");
    match (missing.is_empty(), named.is_empty()) {
        (true, _) => None,
        (false, true) => Some(message!(
            "you may not: {list}",
            "no tiene permiso para: {list}"
        )),
        (false, false) => Some(message!(
            "in {named}, you may not: {list}",
            "en {named}, no tiene permiso para: {list}"
        )),
    }
}

/// A right that is there, unless something was `found` to be lacking.
fn right(name: &'static str, found: Option<Message>, optional: bool, all: Message) -> HostCheck {
    let ok = found.is_none();
    HostCheck {
        name,
        ok,
        optional,
        found: found.unwrap_or(all),
        advice: (!ok).then(|| {
            message!(
                "`estiba target rbac` prints the roles to ask the cluster's administrator for",
                "`estiba target rbac` imprime los roles que hay que pedir a quien administra el clúster"
            )
        }),
    }
}
