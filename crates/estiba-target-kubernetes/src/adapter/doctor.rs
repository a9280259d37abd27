//! What the cluster lets Estiba do, and what to ask for.

use estiba_model::{Message, message};
use estiba_target::HostCheck;
use futures::future::join_all;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::{Api, ListParams, PostParams};

use super::KubernetesTarget;
use super::cluster::Cluster;
use crate::manifests::{IN_NAMESPACE, ServerVersion};
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
        checks.push(cluster.check_ingress(&self.config.settings).await);
        checks.extend(
            cluster
                .check_rights(self.config.settings.shares_namespace())
                .await,
        );
        checks
    }
}

impl Cluster {
    /// Whether somebody routes host names from outside.
    async fn check_ingress(&self, settings: &Settings) -> HostCheck {
        let kind = settings.ingress_kind();
        let classes = self.objects(("networking.k8s.io/v1", "IngressClass"), None);
        let found = classes.list_metadata(&ListParams::default()).await;
        // Who may not ask is not told that there is none.
        let known = found.map_or(true, |found| !found.items.is_empty());
        let ok = known || kind == IngressKind::OpenShiftRoute;
        HostCheck {
            name: "ingress",
            ok,
            optional: true,
            found: if ok {
                message!(
                    "the cluster has an ingress controller",
                    "el clúster tiene un controlador de ingress"
                )
            } else {
                message!(
                    "the cluster has no ingress controller: workloads are reached inside it alone",
                    "el clúster no tiene un controlador de ingress: los componentes solo se alcanzan dentro de él"
                )
            },
            advice: (!ok).then(|| {
                message!(
                    "install ingress-nginx or Traefik, then set `ingress` of the target",
                    "instale ingress-nginx o Traefik y defina `ingress` de la plataforma"
                )
            }),
        }
    }

    async fn check_rights(&self, shares_namespace: bool) -> Vec<HostCheck> {
        let in_namespace = IN_NAMESPACE.iter().flat_map(|(group, resources, verbs)| {
            resources
                .iter()
                .flat_map(move |resource| verbs.iter().map(move |verb| (*group, *resource, *verb)))
        });
        let namespaces = [("", "namespaces", "create"), ("", "namespaces", "delete")];
        let needed: Vec<_> = in_namespace.collect();
        let missing = self.missing(&needed).await;
        let missing_namespaces = if shares_namespace {
            Ok(Vec::new())
        } else {
            self.missing(&namespaces).await
        };
        vec![
            right(
                "rights",
                missing,
                false,
                &message!(
                    "everything that a deployment needs is permitted",
                    "todo lo que necesita un despliegue está permitido"
                ),
            ),
            right(
                "namespaces",
                missing_namespaces,
                true,
                &message!(
                    "namespaces can be made and removed",
                    "se pueden crear y eliminar namespaces"
                ),
            ),
        ]
    }

    /// Which of these rights this user lacks: group, resource, verb.
    async fn missing(&self, needed: &[(&str, &str, &str)]) -> Result<Vec<String>, Message> {
        let reviews: Api<SelfSubjectAccessReview> = Api::all(self.client.clone());
        let asked = needed.iter().map(|(group, resource, verb)| {
            let (resource_name, subresource) = match resource.split_once('/') {
                Some((resource, sub)) => (resource, Some(sub.to_owned())),
                None => (*resource, None),
            };
            let review = SelfSubjectAccessReview {
                spec: SelfSubjectAccessReviewSpec {
                    resource_attributes: Some(ResourceAttributes {
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

fn right(
    name: &'static str,
    missing: Result<Vec<String>, Message>,
    optional: bool,
    all: &Message,
) -> HostCheck {
    let (ok, found) = match missing {
        Ok(missing) if missing.is_empty() => (true, all.clone()),
        Ok(missing) => {
            let missing = missing.join(", ");
            let found = message!("you may not: {missing}", "no tiene permiso para: {missing}");
            (false, found)
        }
        Err(error) => (false, error),
    };
    HostCheck {
        name,
        ok,
        optional,
        found,
        advice: (!ok).then(|| {
            message!(
                "`estiba target rbac` prints the roles to ask the cluster's administrator for",
                "`estiba target rbac` imprime los roles que hay que pedir a quien administra el clúster"
            )
        }),
    }
}
