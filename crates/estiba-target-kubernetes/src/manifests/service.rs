//! How a workload is reached from others, and from whom it may be.

use estiba_model::Protocol;
use estiba_target::WorkloadSpec;
use k8s_openapi::api::core::v1::{Service, ServicePort, ServiceSpec};
use k8s_openapi::api::networking::v1::{
    NetworkPolicy, NetworkPolicyIngressRule, NetworkPolicyPeer, NetworkPolicySpec,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::deployment::INSTANCE;
use super::place::label;
use super::{Manifest, Manifests, ingress};

/// A port's name has at most so many characters
/// (<https://kubernetes.io/docs/reference/kubernetes-api/service-resources/service-v1/>).
const LONGEST_PORT_NAME: usize = 63;

pub(super) fn objects(manifests: &Manifests, spec: &WorkloadSpec) -> Vec<Manifest> {
    if spec.exposure.ports.is_empty() {
        return Vec::new();
    }
    let mut objects = vec![service(manifests, spec)];
    let own = manifests
        .settings
        .address(&manifests.environment, &spec.workload);
    if !ingress::routes(own.as_ref(), &spec.exposure).is_empty() {
        objects.push(from_outside(manifests, spec));
    }
    objects
}

fn service(manifests: &Manifests, spec: &WorkloadSpec) -> Manifest {
    let place = manifests.place();
    let ports = spec
        .exposure
        .ports
        .iter()
        .map(|(name, port)| ServicePort {
            name: Some(name.chars().take(LONGEST_PORT_NAME).collect()),
            port: port.port.into(),
            target_port: Some(IntOrString::Int(port.target_port.into())),
            protocol: Some(match port.protocol {
                Protocol::Tcp => "TCP".to_owned(),
                Protocol::Udp => "UDP".to_owned(),
            }),
            ..ServicePort::default()
        })
        .collect();
    let mut selector = place.selector(&spec.workload, INSTANCE);
    selector.insert(label::SERVING.to_owned(), "true".to_owned());
    Manifest::of(&Service {
        metadata: place.metadata(
            place.workload(&spec.workload),
            &spec.workload,
            &spec.version,
        ),
        spec: Some(ServiceSpec {
            ports: Some(ports),
            selector: Some(selector),
            type_: Some("ClusterIP".to_owned()),
            ..ServiceSpec::default()
        }),
        ..Service::default()
    })
}

/// Whoever is no instance of an environment comes in too: the ingress controller
/// above all, wherever it runs. Other environments stay out.
fn from_outside(manifests: &Manifests, spec: &WorkloadSpec) -> Manifest {
    let place = manifests.place();
    let anyone_else = NetworkPolicyPeer {
        namespace_selector: Some(LabelSelector::default()),
        pod_selector: Some(LabelSelector {
            match_expressions: Some(vec![LabelSelectorRequirement {
                key: label::ENVIRONMENT.to_owned(),
                operator: "DoesNotExist".to_owned(),
                values: None,
            }]),
            ..LabelSelector::default()
        }),
        ..NetworkPolicyPeer::default()
    };
    Manifest::of(&NetworkPolicy {
        metadata: place.metadata(
            place.workload(&spec.workload),
            &spec.workload,
            &spec.version,
        ),
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector {
                match_labels: Some(place.selector(&spec.workload, INSTANCE)),
                ..LabelSelector::default()
            }),
            policy_types: Some(vec!["Ingress".to_owned()]),
            ingress: Some(vec![NetworkPolicyIngressRule {
                from: Some(vec![anyone_else]),
                ..NetworkPolicyIngressRule::default()
            }]),
            ..NetworkPolicySpec::default()
        }),
    })
}
