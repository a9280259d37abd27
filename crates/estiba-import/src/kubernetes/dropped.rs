//! What has no counterpart: why, and what to do.

use std::collections::BTreeSet;

use estiba_model::{Message, message};

use super::Cluster;
use super::objects::Object;
use crate::node::Node;
use crate::report::Report;

/// Tells of a field of a container.
pub(super) fn of_container(key: &str, node: &Node<'_>, report: &mut Report) {
    let reason = match key {
        "workingDir" => image(),
        "securityContext" => rights(),
        "lifecycle" => own_way(),
        "startupProbe" => (
            message!(
                "Estiba waits for a slow start by itself",
                "Estiba espera por sí solo a quien tarda en arrancar"
            ),
            nothing(),
        ),
        "stdin" | "tty" | "stdinOnce" | "volumeDevices" | "resizePolicy" => own_way(),
        _ => return,
    };
    report.dropped(node.key_place(), key, &reason.0, reason.1);
}

/// Tells of a field of a pod.
pub(super) fn of_pod(key: &str, node: &Node<'_>, report: &mut Report) {
    let reason = match key {
        "nodeSelector"
        | "affinity"
        | "tolerations"
        | "topologySpreadConstraints"
        | "nodeName"
        | "priorityClassName"
        | "runtimeClassName"
        | "schedulerName" => (
            message!(
                "estiba.yaml says where a workload runs",
                "estiba.yaml dice dónde corre un componente"
            ),
            message!("see `on` of the environment", "vea `on` del ambiente"),
        ),
        "serviceAccountName"
        | "serviceAccount"
        | "automountServiceAccountToken"
        | "securityContext"
        | "hostPID"
        | "hostIPC"
        | "shareProcessNamespace" => rights(),
        "hostNetwork" | "hostAliases" | "dnsPolicy" | "dnsConfig" | "hostname" | "subdomain" => (
            message!(
                "the target gives a workload its network",
                "la plataforma da la red a un componente"
            ),
            message!(
                "refer to other workloads through a resource of type service-port",
                "refiérase a otros componentes con un recurso de tipo service-port"
            ),
        ),
        "imagePullSecrets" => (
            message!(
                "Estiba pulls with the credentials of `docker login`",
                "Estiba descarga con las credenciales de `docker login`"
            ),
            message!(
                "log in to the registry where Estiba runs",
                "ingrese al registro donde corre Estiba"
            ),
        ),
        "terminationGracePeriodSeconds" => own_way(),
        _ => return,
    };
    report.dropped(node.key_place(), key, &reason.0, reason.1);
}

fn nothing() -> Message {
    message!("nothing needs to be done", "no hace falta hacer nada")
}

fn image() -> (Message, Message) {
    (
        message!(
            "Score has no word for it: it comes from the image",
            "Score no tiene palabra para esto: viene de la imagen"
        ),
        message!(
            "put it into the image, with the Dockerfile",
            "póngalo en la imagen, con el Dockerfile"
        ),
    )
}

fn rights() -> (Message, Message) {
    (
        message!(
            "the target decides with which rights a workload runs",
            "la plataforma decide con qué permisos corre un componente"
        ),
        message!(
            "see that the program runs as an ordinary user",
            "compruebe que el programa corra como un usuario común"
        ),
    )
}

fn own_way() -> (Message, Message) {
    (
        message!(
            "Score has no word for it, and the target's own way holds",
            "Score no tiene palabra para esto, y vale lo propio de la plataforma"
        ),
        message!(
            "see that the program does well without it",
            "compruebe que el programa funcione sin ello"
        ),
    )
}

impl<'a> Cluster<'a> {
    /// What a Deployment and the like say besides their pod.
    pub fn dropped_of_workload(&mut self, object: &Object<'a>, spec: &Node<'a>) {
        if object.kind == "DaemonSet" {
            self.report.dropped(
                object.node.key_place(),
                &format!("DaemonSet {}", object.name),
                &message!(
                    "it runs as a workload of one copy, not on every machine",
                    "corre como un componente de una copia, no en cada máquina"
                ),
                message!(
                    "say how many in `replicas` of the environment",
                    "diga cuántas en `replicas` del ambiente"
                ),
            );
        }
        let is_template = |key: &str| matches!(key, "volumeClaimTemplates");
        if let Some((_, node)) = spec.fields().into_iter().find(|(key, _)| is_template(key)) {
            self.report.dropped(
                node.key_place(),
                "volumeClaimTemplates",
                &message!(
                    "copies of a workload share its volumes",
                    "las copias de un componente comparten sus volúmenes"
                ),
                message!(
                    "keep one copy, or have the program keep a folder for each",
                    "deje una copia, o haga que el programa use una carpeta por copia"
                ),
            );
        }
    }

    /// Kinds that nothing was made of, each told once.
    pub fn tell_dropped_kinds(&mut self) {
        let mut told = BTreeSet::new();
        let all: Vec<Object<'a>> = self.objects.all().cloned().collect();
        for object in &all {
            let Some((why, hint)) = reason(&object.kind) else {
                continue;
            };
            let key = format!("{} {}", object.kind, object.name);
            if told.insert(key.clone()) {
                self.report
                    .dropped(object.node.key_place(), &key, &why, hint);
            }
        }
    }
}

fn reason(kind: &str) -> Option<(Message, Message)> {
    let cluster = message!(
        "keep it in the cluster with `kubectl apply` where it is needed",
        "consérvelo en el clúster con `kubectl apply` si hace falta"
    );
    Some(match kind {
        "Deployment"
        | "StatefulSet"
        | "DaemonSet"
        | "ReplicaSet"
        | "ReplicationController"
        | "Pod"
        | "Service"
        | "ConfigMap"
        | "Secret"
        | "Ingress"
        | "Job"
        | "CronJob"
        | "Namespace"
        | "PersistentVolumeClaim"
        | "Kustomization" => return None,
        "ServiceAccount" | "Role" | "RoleBinding" | "ClusterRole" | "ClusterRoleBinding"
        | "NetworkPolicy" | "PodSecurityPolicy" | "LimitRange" | "ResourceQuota" => (
            message!(
                "the target decides what workloads may do",
                "la plataforma decide qué pueden hacer los componentes"
            ),
            cluster,
        ),
        "HorizontalPodAutoscaler" | "PodDisruptionBudget" => (
            message!(
                "the number of copies is fixed",
                "el número de copias es fijo"
            ),
            message!(
                "say how many in `replicas` of the environment, or `estiba scale`",
                "diga cuántas en `replicas` del ambiente, o `estiba scale`"
            ),
        ),
        "PersistentVolume" | "StorageClass" => (
            message!(
                "the environment's target provides volumes",
                "los volúmenes los provee la plataforma del ambiente"
            ),
            message!(
                "copy what is in the old volume into the new one where it matters",
                "copie al volumen nuevo lo que había en el viejo, si importa"
            ),
        ),
        _ => (
            message!(
                "an import does not know this kind",
                "la importación no conoce este tipo"
            ),
            cluster,
        ),
    })
}
