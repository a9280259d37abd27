//! `ports` and `expose`.

use estiba_model::{Place, message};

use super::Compose;
use super::service::Service;
use crate::draft::{Port, Resource, Workload};
use crate::node::Node;

impl<'a> Compose<'a> {
    /// Published ports: within the environment a service is reached at its own
    /// port, from outside through a route.
    pub fn ports(&mut self, service: &mut Service, field: &Node<'a>) {
        for node in field.list() {
            let (target, published, protocol) = match node.scalar() {
                Some(text) => split(&self.plain(&text, &node)),
                None => (
                    node.text("target").unwrap_or_default(),
                    node.text("published"),
                    node.text("protocol"),
                ),
            };
            let place = node.place();
            let Some(name) = self.port(&mut service.workload, &target, protocol, &place) else {
                continue;
            };
            let routed = |resource: &Resource| resource.kind == "route";
            if published.is_some() && !service.workload.resources.values().any(routed) {
                self.route(service, &name, place);
            }
        }
    }

    /// Ports that only other services see.
    pub fn expose(&mut self, service: &mut Service, field: &Node<'a>) {
        for node in field.list() {
            let text = node.scalar().unwrap_or_default();
            let (target, _, protocol) = split(&self.plain(&text, &node));
            self.port(&mut service.workload, &target, protocol, &node.place());
        }
    }

    fn port(
        &mut self,
        workload: &mut Workload,
        target: &str,
        protocol: Option<String>,
        place: &Place,
    ) -> Option<String> {
        if protocol.is_some_and(|protocol| protocol.eq_ignore_ascii_case("udp")) {
            self.report.dropped(
                place.clone(),
                &format!("{target}/udp"),
                &message!(
                    "the local target does not carry UDP",
                    "la plataforma local no transporta UDP"
                ),
                message!(
                    "use TCP, or add the port with `protocol: UDP` for a target that has it",
                    "use TCP, o agregue el puerto con `protocol: UDP` para una plataforma que lo tenga"
                ),
            );
            return None;
        }
        match target.parse::<u16>() {
            Ok(port) if port > 0 => Some(add_port(workload, port)),
            _ => {
                self.report.warn(
                    "not-carried-over",
                    place.clone(),
                    message!(
                        "\"{target}\" is not one port, and was not carried over",
                        "«{target}» no es un puerto, y no se trasladó"
                    ),
                    message!(
                        "list each port by itself",
                        "indique cada puerto por separado"
                    ),
                );
                None
            }
        }
    }

    fn route(&mut self, service: &mut Service, port: &str, place: Place) {
        let route = Resource::new("route").with("path", "/");
        let number = service.workload.ports[port].port;
        service
            .workload
            .resource("route", route.with("port", number));
        self.report.warn(
            "published-port",
            place,
            message!(
                "the published port became a route: people reach {name} by HTTP, at an address of each environment",
                "el puerto publicado pasó a ser un route: se llega a {name} por HTTP, en una dirección de cada ambiente",
                name = service.name
            ),
            message!(
                "`estiba status` shows the address; remove the resource `route` if nobody outside needs it",
                "`estiba status` muestra la dirección; quite el recurso `route` si nadie de afuera lo necesita"
            ),
        );
    }
}

/// Adds a port under a name, or finds it.
pub(crate) fn add_port(workload: &mut Workload, number: u16) -> String {
    let known = workload
        .ports
        .iter()
        .find(|(_, port)| port.target == number);
    if let Some((name, _)) = known {
        return name.clone();
    }
    let name = if workload.ports.is_empty() {
        "http".to_owned()
    } else {
        format!("port-{number}")
    };
    let port = Port {
        port: number,
        target: number,
        udp: false,
    };
    workload.ports.insert(name.clone(), port);
    name
}

/// `[[IP:]PUBLISHED:]TARGET[/PROTOCOL]`
/// (<https://github.com/compose-spec/compose-spec/blob/main/05-services.md#ports>).
fn split(text: &str) -> (String, Option<String>, Option<String>) {
    let (ports, protocol) = match text.split_once('/') {
        Some((ports, protocol)) => (ports, Some(protocol.to_owned())),
        None => (text, None),
    };
    match ports.rsplit_once(':') {
        Some((published, target)) => (target.to_owned(), Some(published.to_owned()), protocol),
        None => (ports.to_owned(), None, protocol),
    }
}
