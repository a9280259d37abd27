//! Mistakes that manifests show before anything is applied.

use std::collections::BTreeMap;

use estiba_model::message;

use super::Cluster;
use super::objects::Object;

/// Kinds that environments may share without one replacing the other's.
const SHARED: [&str; 3] = ["Namespace", "ClusterRole", "StorageClass"];

impl<'a> Cluster<'a> {
    pub fn faults(&mut self) {
        let all: Vec<Object<'a>> = self.objects.all().cloned().collect();
        self.same_place(&all);
        for object in &all {
            self.removed_api(object);
            if object.kind == "StatefulSet" {
                self.headless_service(object);
            }
        }
    }

    /// Two environments whose objects have one name in one namespace.
    fn same_place(&mut self, all: &[Object<'a>]) {
        let mut first: BTreeMap<(&str, &str, &str), &Object<'a>> = BTreeMap::new();
        for object in all.iter().filter(|o| !SHARED.contains(&o.kind.as_str())) {
            // Where no namespace is written, who applies it chooses one.
            let Some(namespace) = &object.namespace else {
                continue;
            };
            let key = (
                object.kind.as_str(),
                namespace.as_str(),
                object.name.as_str(),
            );
            let other = *first.entry(key).or_insert(object);
            let (Some(one), Some(two)) = (&other.environment, &object.environment) else {
                continue;
            };
            if one == two {
                continue;
            }
            let (kind, name) = (&object.kind, &object.name);
            self.report.warn(
                "same-place",
                object.node.key_place(),
                message!(
                    "{one} and {two} have the same {kind} {name} in the namespace {namespace}: deploying one replaced the other",
                    "{one} y {two} tienen el mismo {kind} {name} en el espacio de nombres {namespace}: desplegar uno reemplazaba al otro"
                ),
                message!(
                    "nothing needs to be done: Estiba keeps environments apart",
                    "no hace falta hacer nada: Estiba mantiene separados los ambientes"
                ),
            );
        }
    }

    /// <https://kubernetes.io/docs/reference/using-api/deprecation-guide/>
    fn removed_api(&mut self, object: &Object<'a>) {
        let removed = match (object.api.as_str(), object.kind.as_str()) {
            ("extensions/v1beta1" | "networking.k8s.io/v1beta1", "Ingress") => "1.22",
            ("extensions/v1beta1" | "apps/v1beta1" | "apps/v1beta2", _) => "1.16",
            ("batch/v1beta1", "CronJob") => "1.25",
            _ => return,
        };
        let Some(place) = object.node.get("apiVersion").map(|node| node.place()) else {
            return;
        };
        let (api, kind) = (&object.api, &object.kind);
        self.report.warn(
            "removed-api",
            place,
            message!(
                "{api} of {kind} is gone since Kubernetes {removed}: a current cluster refuses this file",
                "{api} de {kind} no existe desde Kubernetes {removed}: un clúster actual rechaza este archivo"
            ),
            message!(
                "it was read all the same; Estiba writes current versions",
                "se leyó igual; Estiba escribe las versiones actuales"
            ),
        );
    }

    fn headless_service(&mut self, object: &Object<'a>) {
        let wanted = object.node.find(&["spec", "serviceName"]);
        let name = wanted.as_ref().and_then(|node| node.scalar());
        let environment = object.environment.as_deref();
        if let Some(name) = &name
            && self.objects.find("Service", name, environment).is_some()
        {
            return;
        }
        let place = wanted.map_or_else(|| object.node.key_place(), |node| node.place());
        let (set, name) = (&object.name, name.unwrap_or_default());
        self.report.warn(
            "statefulset-without-service",
            place,
            message!(
                "the StatefulSet {set} has no Service \"{name}\": in a cluster its pods would have no names",
                "el StatefulSet {set} no tiene un Service «{name}»: en un clúster sus pods no tendrían nombres"
            ),
            message!(
                "nothing needs to be done: Estiba gives every workload with ports an address",
                "no hace falta hacer nada: Estiba da una dirección a todo componente con puertos"
            ),
        );
    }
}
