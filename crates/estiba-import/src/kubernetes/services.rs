//! Services: the ports of workloads, and the names by which others reach them.

use estiba_model::message;

use super::probes::port_number;
use super::{Cluster, objects::Object};
use crate::compose::add_port;
use crate::draft::{Port, Resource, Workload};
use crate::node::Node;

impl<'a> Cluster<'a> {
    /// The Services that select a pod; without any, the ports of its containers.
    pub fn services(
        &mut self,
        workload: &mut Workload,
        labels: Option<&Node<'a>>,
        pod: &Node<'a>,
        environment: Option<&str>,
    ) {
        let services: Vec<Object<'a>> = self.objects.of_kind("Service").cloned().collect();
        let same = |service: &Object<'_>| {
            service.environment.is_none()
                || environment.is_none()
                || service.environment.as_deref() == environment
        };
        let mut found = false;
        for service in services.iter().filter(|service| same(service)) {
            if !selects(&service.node, labels) {
                continue;
            }
            found = true;
            workload.hosts.insert(service.name.clone());
            workload.hosts.insert(service.name_without_environment());
            self.service(workload, service, pod);
        }
        if !found {
            for port in pod
                .items("containers")
                .iter()
                .flat_map(|c| c.items("ports"))
            {
                if port.text("protocol").as_deref() == Some("UDP") {
                    self.udp(&port);
                    continue;
                }
                let number = port
                    .number("containerPort")
                    .and_then(|n| u16::try_from(n).ok());
                if let Some(number) = number.filter(|number| *number > 0) {
                    add_port(workload, number);
                }
            }
        }
    }

    fn udp(&mut self, port: &Node<'a>) {
        self.report.dropped(
            port.place(),
            "protocol: UDP",
            &message!(
                "the local target does not carry UDP",
                "la plataforma local no transporta UDP"
            ),
            message!(
                "use TCP, or add the port for a target that has it",
                "use TCP, o agregue el puerto para una plataforma que lo tenga"
            ),
        );
    }

    fn service(&mut self, workload: &mut Workload, service: &Object<'a>, pod: &Node<'a>) {
        let ports = service.node.find(&["spec", "ports"]);
        for node in ports.map(|ports| ports.list()).unwrap_or_default() {
            if node.text("protocol").as_deref() == Some("UDP") {
                self.udp(&node);
                continue;
            }
            let number = node.number("port").and_then(|n| u16::try_from(n).ok());
            let Some(number) = number.filter(|number| *number > 0) else {
                continue;
            };
            let wanted = node
                .text("targetPort")
                .unwrap_or_else(|| number.to_string());
            let containers = pod.items("containers");
            let target = containers.iter().find_map(|c| port_number(&wanted, c));
            let Some(target) = target else {
                self.report.error(
                    "unknown-port",
                    node.place(),
                    message!(
                        "the Service {name} leads to a port {wanted} that no container has",
                        "el Service {name} lleva a un puerto {wanted} que ningún contenedor tiene",
                        name = service.name
                    ),
                    message!(
                        "name one of the container's `ports`",
                        "indique uno de los `ports` del contenedor"
                    ),
                );
                continue;
            };
            let name = node
                .text("name")
                .and_then(|name| estiba_project::name_of(&name));
            let name = name.unwrap_or_else(|| {
                if workload.ports.is_empty() {
                    "http".to_owned()
                } else {
                    format!("port-{number}")
                }
            });
            let port = Port {
                port: number,
                target,
                udp: false,
            };
            workload.ports.entry(name).or_insert(port);
        }
        self.published(workload, service);
    }

    /// A Service that is reached from outside the cluster.
    fn published(&mut self, workload: &mut Workload, service: &Object<'a>) {
        let Some(kind) = service.node.find(&["spec", "type"]) else {
            return;
        };
        let text = kind.scalar().unwrap_or_default();
        if !matches!(text.as_str(), "NodePort" | "LoadBalancer") {
            return;
        }
        let Some(port) = workload.ports.values().next().map(|port| port.port) else {
            return;
        };
        let route = Resource::new("route").with("path", "/").with("port", port);
        workload.resource("route", route);
        self.report.warn(
            "published-port",
            kind.place(),
            message!(
                "the {text} {name} became a route: people reach it by HTTP, at an address of each environment",
                "el {text} {name} pasó a ser un route: se llega por HTTP, en una dirección de cada ambiente",
                name = service.name
            ),
            message!(
                "`estiba status` shows the address",
                "`estiba status` muestra la dirección"
            ),
        );
    }
}

/// Whether every label that a Service asks for is the pod's.
fn selects(service: &Node<'_>, labels: Option<&Node<'_>>) -> bool {
    let selector = service.find(&["spec", "selector"]);
    let wanted = selector
        .map(|selector| selector.fields())
        .unwrap_or_default();
    let has = |key: &str, value: Option<String>| {
        labels.is_some_and(|labels| labels.text(key) == value && value.is_some())
    };
    !wanted.is_empty() && wanted.iter().all(|(key, node)| has(key, node.scalar()))
}
