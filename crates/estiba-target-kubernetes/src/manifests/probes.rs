//! How a container is asked how it is.
//!
//! Score has no timing for probes. Kubernetes' own defaults give an answer one
//! second, which fails an endpoint that is merely slow.

use estiba_model::{Exposure, HttpProbe, HttpScheme, Message, Name, Probe, message};
use k8s_openapi::api::core::v1::{
    ExecAction, HTTPGetAction, HTTPHeader, Probe as KubernetesProbe, TCPSocketAction,
};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;

use super::containers::literal;

/// How long an answer may take.
const TIMEOUT_SECONDS: i32 = 5;
/// How long a container may take until its probe passes for the first time, in
/// checks of one second. A deployment gives up before.
const STARTING_CHECKS: i32 = 600;
/// How often readiness is asked: a client waits this long for a new instance.
const READINESS_PERIOD_SECONDS: i32 = 2;
/// How often liveness is asked.
const LIVENESS_PERIOD_SECONDS: i32 = 10;
/// Failures in a row that count.
const FAILURES: i32 = 3;

/// The three probes of a container.
#[derive(Default)]
pub(super) struct Probes {
    pub(super) startup: Option<KubernetesProbe>,
    pub(super) readiness: Option<KubernetesProbe>,
    pub(super) liveness: Option<KubernetesProbe>,
}

/// The probes of a container, in which nothing is restarted for being slow to
/// start.
pub(super) fn probes(
    container: &Name,
    readiness: Option<&Probe>,
    liveness: Option<&Probe>,
    exposure: &Exposure,
) -> Result<Probes, Message> {
    let asked = |probe: Option<&Probe>| probe.map(|probe| handler(container, probe, exposure));
    let readiness = asked(readiness).transpose()?;
    let liveness = asked(liveness).transpose()?;
    Ok(with_timing(readiness, liveness))
}

/// Where nothing says when an instance is ready, its port does.
pub(super) fn by_port(port: u16) -> KubernetesProbe {
    KubernetesProbe {
        tcp_socket: Some(TCPSocketAction {
            port: IntOrString::Int(port.into()),
            ..TCPSocketAction::default()
        }),
        ..KubernetesProbe::default()
    }
}

/// The probes for what is asked.
pub(super) fn with_timing(
    readiness: Option<KubernetesProbe>,
    liveness: Option<KubernetesProbe>,
) -> Probes {
    let timed = |probe: KubernetesProbe, period, failures| KubernetesProbe {
        period_seconds: Some(period),
        failure_threshold: Some(failures),
        timeout_seconds: Some(TIMEOUT_SECONDS),
        ..probe
    };
    let first = readiness.clone().or_else(|| liveness.clone());
    Probes {
        startup: first.map(|probe| timed(probe, 1, STARTING_CHECKS)),
        readiness: readiness.map(|probe| timed(probe, READINESS_PERIOD_SECONDS, FAILURES)),
        liveness: liveness.map(|probe| timed(probe, LIVENESS_PERIOD_SECONDS, FAILURES)),
    }
}

fn handler(
    container: &Name,
    probe: &Probe,
    exposure: &Exposure,
) -> Result<KubernetesProbe, Message> {
    match (&probe.http, &probe.exec) {
        (Some(_), Some(_)) => Err(message!(
            "{container}: a probe of Kubernetes is either httpGet or exec; leave one of them out",
            "{container}: una sonda de Kubernetes es httpGet o exec; quite una de las dos"
        )),
        (http, exec) => Ok(KubernetesProbe {
            http_get: http.as_ref().map(|http| http_get(http, exposure)),
            exec: exec.as_ref().map(|command| ExecAction {
                command: Some(command.iter().map(|word| literal(word)).collect()),
            }),
            ..KubernetesProbe::default()
        }),
    }
}

fn http_get(http: &HttpProbe, exposure: &Exposure) -> HTTPGetAction {
    let headers: Vec<_> = http
        .headers
        .iter()
        .map(|(name, value)| HTTPHeader {
            name: name.clone(),
            value: value.clone(),
        })
        .collect();
    let port = if http.host.is_some() {
        http.port
    } else {
        listening(http.port, exposure)
    };
    HTTPGetAction {
        host: http.host.clone(),
        http_headers: (!headers.is_empty()).then_some(headers),
        path: Some(http.path.clone()),
        port: IntOrString::Int(port.into()),
        scheme: Some(match http.scheme {
            HttpScheme::Http => "HTTP".to_owned(),
            HttpScheme::Https => "HTTPS".to_owned(),
        }),
    }
}

/// The port that a container listens on, where the Score file names the one that
/// clients use.
fn listening(port: u16, exposure: &Exposure) -> u16 {
    let mut ports = exposure.ports.values();
    if ports.clone().any(|exposed| exposed.target_port == port) {
        return port;
    }
    ports
        .find(|exposed| exposed.port == port)
        .map_or(port, |exposed| exposed.target_port)
}
