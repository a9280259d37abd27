//! Ingresses of every version: routes.

use estiba_model::message;

use super::Cluster;
use super::objects::Object;
use crate::draft::{Resource, Workload};
use crate::node::Node;
use crate::text::{Setting, Text};

/// Annotations with the path that a request is rewritten to.
const REWRITE: [&str; 2] = [
    "nginx.ingress.kubernetes.io/rewrite-target",
    "ingress.kubernetes.io/rewrite-target",
];

impl<'a> Cluster<'a> {
    /// Gives a route to each workload that an Ingress leads to.
    pub fn ingresses(&mut self, workloads: &mut [Workload]) {
        let ingresses: Vec<Object<'a>> = self.objects.of_kind("Ingress").cloned().collect();
        for ingress in &ingresses {
            let metadata = ingress.node.get("metadata");
            let annotations = metadata.and_then(|metadata| metadata.get("annotations"));
            let rewrite = annotations
                .as_ref()
                .and_then(|annotations| REWRITE.iter().find_map(|key| annotations.get(key)));
            self.ingress_annotations(annotations.as_ref());
            let Some(spec) = ingress.node.get("spec") else {
                continue;
            };
            for rule in spec.items("rules") {
                let paths = rule.find(&["http", "paths"]);
                for path in paths.map(|paths| paths.list()).unwrap_or_default() {
                    self.path(workloads, ingress, &rule, &path, rewrite.as_ref());
                }
            }
            for key in ["backend", "defaultBackend"] {
                if let Some(backend) = spec.get(key) {
                    self.route(workloads, ingress, &backend, None, "/");
                }
            }
        }
    }

    fn ingress_annotations(&mut self, annotations: Option<&Node<'a>>) {
        let annotations = annotations.map(|node| node.fields()).unwrap_or_default();
        for (key, node) in annotations {
            let known = REWRITE.contains(&key)
                || key == "kubernetes.io/ingress.class"
                || key.starts_with("kubectl.kubernetes.io/");
            if !known {
                self.report.dropped(
                    node.key_place(),
                    key,
                    &message!(
                        "it is for one ingress controller",
                        "es para un controlador de ingress en particular"
                    ),
                    message!(
                        "the target's own settings say how it is reached",
                        "los ajustes de la plataforma dicen cómo se llega a ella"
                    ),
                );
            }
        }
    }

    fn path(
        &mut self,
        workloads: &mut [Workload],
        ingress: &Object<'a>,
        rule: &Node<'a>,
        path: &Node<'a>,
        rewrite: Option<&Node<'a>>,
    ) {
        let text = path.text("path").unwrap_or_else(|| "/".to_owned());
        let group = text.find('(');
        let written = path.get("path").unwrap_or_else(|| path.clone());
        let mut wanted = text.clone();
        if let Some(rewrite) = rewrite {
            let target = rewrite.scalar().unwrap_or_default();
            if target.contains('$') && group.is_none() {
                self.report.error(
                    "rewrite-without-group",
                    written.place(),
                    message!(
                        "rewrite-target is {target}, and the path {text} has no group to take it from: every request would go to /",
                        "rewrite-target es {target}, y la ruta {text} no tiene un grupo de donde tomarlo: todo pedido iría a /"
                    ),
                    message!(
                        "for ingress-nginx write {text}(/|$)(.*) and rewrite-target: /$2; Estiba needs none",
                        "para ingress-nginx escriba {text}(/|$)(.*) y rewrite-target: /$2; Estiba no lo necesita"
                    ),
                );
            }
            wanted = "/".to_owned();
            self.report.warn_once(
                "path-prefix",
                written.place(),
                message!(
                    "the prefix of this path is cut off for the program, which is at / in every environment: each has a host of its own",
                    "el prefijo de esta ruta se quita para el programa, que está en / en todos los ambientes: cada uno tiene un host propio"
                ),
                message!(
                    "a target with one host for all says so in its own settings in estiba.yaml",
                    "una plataforma con un solo host para todos lo dice en sus propios ajustes en estiba.yaml"
                ),
            );
        } else if let Some(at) = group {
            wanted = text[..at].to_owned();
        }
        if !wanted.starts_with('/') {
            wanted.insert(0, '/');
        }
        if let Some(backend) = path.get("backend") {
            let host = rule.get("host");
            self.route(workloads, ingress, &backend, host.as_ref(), &wanted);
        }
    }

    fn route(
        &mut self,
        workloads: &mut [Workload],
        ingress: &Object<'a>,
        backend: &Node<'a>,
        host: Option<&Node<'a>>,
        path: &str,
    ) {
        let service = backend.text("serviceName");
        let service = service.or_else(|| backend.find(&["service", "name"])?.scalar());
        let service = service.unwrap_or_default();
        let named = workloads.iter_mut();
        let Some(workload) = named
            .into_iter()
            .find(|workload| workload.hosts.contains(&service))
        else {
            self.report.error(
                "unknown-service",
                backend.place(),
                message!(
                    "the Ingress {name} leads to a Service {service} that leads to no workload of these files",
                    "el Ingress {name} lleva a un Service {service} que no lleva a ningún componente de estos archivos",
                    name = ingress.name
                ),
                message!(
                    "correct its name, or name the file that has the Service too",
                    "corrija su nombre, o indique también el archivo que tiene el Service"
                ),
            );
            return;
        };
        let port = backend.text("servicePort");
        let port = port.or_else(|| {
            let port = backend.find(&["service", "port"])?;
            port.text("number").or_else(|| port.text("name"))
        });
        let port = port.unwrap_or_default();
        let number = workload
            .ports
            .iter()
            .find(|(name, known)| **name == port || known.port.to_string() == port);
        let Some(number) = number.map(|(_, port)| port.port) else {
            self.report.error(
                "unknown-port",
                backend.place(),
                message!(
                    "the Ingress {name} leads to a port {port} that the Service {service} does not have",
                    "el Ingress {name} lleva a un puerto {port} que el Service {service} no tiene",
                    name = ingress.name
                ),
                message!("name one of its ports", "indique uno de sus puertos"),
            );
            return;
        };
        let route = Resource::new("route")
            .with("path", path)
            .with("port", number);
        workload.resource("route", route);
        if let Some(host) = host {
            let text = host.scalar().unwrap_or_default();
            let setting = workload
                .host
                .get_or_insert_with(|| Setting::new(host.place()));
            setting.set(ingress.environment.as_deref(), Text::plain(text));
        }
    }

    /// A host that environments share can't lead to two of them: each then has
    /// one of its own.
    pub fn shared_hosts(&mut self, workloads: &mut [Workload]) {
        if self.environments.len() < 2 {
            return;
        }
        for workload in workloads {
            let Some(setting) = &workload.host else {
                continue;
            };
            let hosts: Vec<_> = self.environments.iter().map(|e| setting.of(e)).collect();
            let apart = hosts
                .iter()
                .enumerate()
                .all(|(index, host)| host.is_some() && !hosts[..index].contains(host));
            if apart {
                continue;
            }
            self.report.warn(
                "shared-host",
                setting.place.clone(),
                message!(
                    "the environments of {name} would share this host, so it was left out: each gets one of its own",
                    "los ambientes de {name} compartirían este host, así que se omitió: cada uno recibe uno propio",
                    name = workload.name
                ),
                message!(
                    "`estiba status` shows the address of each",
                    "`estiba status` muestra la dirección de cada uno"
                ),
            );
            workload.host = None;
        }
    }
}
