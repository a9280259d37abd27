//! Whether the ways in from outside are open: routes that a router took, certificates
//! that were issued.

use std::time::Duration;

use estiba_model::message;
use estiba_target::{Progress, TargetError};
use kube::api::DynamicObject;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::cluster::{Cluster, INTERVAL, Kind, persist};
use crate::manifests::{Manifest, Place};

const ROUTE: Kind<'static> = ("route.openshift.io/v1", "Route");
const CERTIFICATE: Kind<'static> = ("cert-manager.io/v1", "Certificate");
/// A router says at once what it makes of a route. A host that another route has may
/// become free.
const ROUTER_LIMIT: Duration = Duration::from_secs(10);
/// Authorities ask back before they sign, as those of ACME do.
const CERTIFICATE_LIMIT: Duration = Duration::from_secs(120);

/// What a router says of a route.
#[derive(Debug, PartialEq, Eq)]
enum Admission {
    Admitted,
    Refused(String),
    /// No router has said anything.
    Unknown,
}

/// What is known of a certificate.
#[derive(Debug, PartialEq, Eq)]
enum Issuing {
    Issued,
    /// Not yet, and what cert-manager says about it.
    Waiting(String),
    /// This user may not see it.
    Hidden,
}

/// A certificate that cert-manager makes for an `Ingress`; it has the name of the
/// `Secret` (<https://cert-manager.io/docs/usage/ingress/>).
struct Certificate {
    name: String,
    hosts: Vec<String>,
}

impl Cluster {
    /// Waits until a router has taken the routes among `objects`.
    pub(super) async fn await_routes(
        &self,
        place: &Place,
        objects: &[Manifest],
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let deadline = Instant::now() + ROUTER_LIMIT;
        for route in objects.iter().filter(|object| object.kind() == ROUTE.1) {
            let host = route.value()["spec"]["host"].as_str().unwrap_or_default();
            let name = route.name();
            let ask = || self.admission(place, name, host);
            match ask_until(deadline, |said| *said == Admission::Admitted, ask).await? {
                Admission::Admitted => {}
                Admission::Refused(why) => {
                    return Err(TargetError::new(message!(
                        "the router of OpenShift refuses the host {host} ({why}): change `ingress` of the target, or the host of the workload's route",
                        "el router de OpenShift rechaza el host {host} ({why}): cambie `ingress` de la plataforma, o el host de la ruta del componente"
                    )));
                }
                Admission::Unknown => {
                    let namespace = &place.namespace;
                    progress.notice(&message!(
                        "no router has taken the host {host}: see `kubectl -n {namespace} get route {name} -o yaml`",
                        "ningún router tomó el host {host}: vea `kubectl -n {namespace} get route {name} -o yaml`"
                    ));
                }
            }
        }
        Ok(())
    }

    async fn admission(
        &self,
        place: &Place,
        name: &str,
        host: &str,
    ) -> Result<Admission, TargetError> {
        let routes = self.objects(ROUTE, Some(&place.namespace));
        let what = format!("{} {name}", ROUTE.1);
        let found = persist(&what, || routes.get_opt(name)).await?;
        Ok(found.map_or(Admission::Unknown, |route| admission(&route, host)))
    }

    /// Waits until the certificates of the ingresses among `objects` are issued. One
    /// that is not in time is noticed: the workload runs without it.
    pub(super) async fn await_certificates(
        &self,
        place: &Place,
        objects: &[Manifest],
        progress: &dyn Progress,
    ) -> Result<(), TargetError> {
        let deadline = Instant::now() + CERTIFICATE_LIMIT;
        for certificate in objects.iter().flat_map(certificates) {
            let Certificate { name, hosts } = &certificate;
            let ask = || self.issuing(place, &certificate);
            if let Issuing::Waiting(why) = ask().await? {
                progress.line(&format!("certificate {name}: {why} …"));
            }
            let is_over = |said: &Issuing| !matches!(said, Issuing::Waiting(_));
            if let Issuing::Waiting(why) = ask_until(deadline, is_over, ask).await? {
                let (shown, namespace) = (hosts.join(", "), &place.namespace);
                progress.notice(&message!(
                    "there is no certificate of {shown} yet, so browsers warn of it ({why}): see `kubectl -n {namespace} describe certificate {name}`",
                    "todavía no hay un certificado de {shown}, así que los navegadores advierten ({why}): vea `kubectl -n {namespace} describe certificate {name}`"
                ));
            }
        }
        Ok(())
    }

    async fn issuing(
        &self,
        place: &Place,
        certificate: &Certificate,
    ) -> Result<Issuing, TargetError> {
        let name = &certificate.name;
        let certificates = self.objects(CERTIFICATE, Some(&place.namespace));
        let what = format!("{} {name}", CERTIFICATE.1);
        persist(&what, || async {
            match certificates.get_opt(name).await {
                Err(kube::Error::Api(status)) if status.code == 403 => Ok(Issuing::Hidden),
                found => found.map(|found| match found {
                    Some(found) => issuing(&found, &certificate.hosts),
                    None => Issuing::Waiting("cert-manager has made none".to_owned()),
                }),
            }
        })
        .await
    }
}

/// Asks again until the answer is what `is_over` wants or it is too late; the last answer.
async fn ask_until<T, F>(
    deadline: Instant,
    is_over: impl Fn(&T) -> bool,
    ask: impl Fn() -> F,
) -> Result<T, TargetError>
where
    F: Future<Output = Result<T, TargetError>>,
{
    loop {
        let answer = ask().await?;
        if is_over(&answer) || Instant::now() > deadline {
            return Ok(answer);
        }
        sleep(INTERVAL).await;
    }
}

/// Each router adds what it makes of a route
/// (<https://docs.openshift.com/container-platform/4.17/rest_api/network_apis/route-route-openshift-io-v1.html>).
fn admission(route: &DynamicObject, host: &str) -> Admission {
    let routers = route.data["status"]["ingress"].as_array();
    let of_host = routers
        .into_iter()
        .flatten()
        .filter(|router| router["host"] == host);
    let mut refused = None;
    for condition in of_host.filter_map(|router| condition(router, "Admitted")) {
        match condition["status"].as_str() {
            Some("True") => return Admission::Admitted,
            Some("False") => refused = Some(said(condition)),
            _ => {}
        }
    }
    refused.map_or(Admission::Unknown, Admission::Refused)
}

fn certificates(object: &Manifest) -> Vec<Certificate> {
    let secured = object.value()["spec"]["tls"].as_array();
    let of_ingress = secured.filter(|_| object.kind() == "Ingress");
    let read = |tls: &Value| {
        let hosts = tls["hosts"].as_array()?.iter();
        Some(Certificate {
            name: tls["secretName"].as_str()?.to_owned(),
            hosts: hosts.filter_map(Value::as_str).map(str::to_owned).collect(),
        })
    };
    of_ingress.into_iter().flatten().filter_map(read).collect()
}

fn issuing(certificate: &DynamicObject, hosts: &[String]) -> Issuing {
    let data = &certificate.data;
    let is_named = |host: &String| {
        let names = data["spec"]["dnsNames"].as_array();
        names.is_some_and(|names| names.iter().any(|name| name == host))
    };
    let ready = condition(&data["status"], "Ready");
    let is_of_this = |ready: &Value| {
        let seen = ready["observedGeneration"].as_i64();
        seen.is_none() || seen >= certificate.metadata.generation
    };
    match ready {
        Some(ready)
            if ready["status"] == "True" && is_of_this(ready) && hosts.iter().all(is_named) =>
        {
            Issuing::Issued
        }
        Some(ready) if ready["status"] != "True" => Issuing::Waiting(said(ready)),
        _ => Issuing::Waiting("cert-manager has not looked at it yet".to_owned()),
    }
}

fn condition<'v>(status: &'v Value, kind: &str) -> Option<&'v Value> {
    let mut conditions = status["conditions"].as_array()?.iter();
    conditions.find(|condition| condition["type"] == kind)
}

fn said(condition: &Value) -> String {
    let text = |key: &str| condition[key].as_str().unwrap_or_default();
    match (text("reason"), text("message")) {
        (reason, "") => reason.to_owned(),
        (reason, message) => format!("{reason}: {message}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(data: Value) -> DynamicObject {
        serde_json::from_value(data).unwrap()
    }

    #[test]
    fn a_route_is_open_where_one_router_took_its_host() {
        let router = |host: &str, status: &str| {
            json!({ "host": host, "conditions": [{
                "type": "Admitted", "status": status,
                "reason": "HostAlreadyClaimed", "message": "route api already exposes it",
            }] })
        };
        let refused = "HostAlreadyClaimed: route api already exposes it".to_owned();
        for (routers, admitted) in [
            (vec![], Admission::Unknown),
            (vec![router("api.test", "Unknown")], Admission::Unknown),
            // What it said of the host that the route had before.
            (vec![router("old.test", "True")], Admission::Unknown),
            (
                vec![router("api.test", "False")],
                Admission::Refused(refused),
            ),
            (
                vec![router("api.test", "False"), router("api.test", "True")],
                Admission::Admitted,
            ),
        ] {
            let route = object(json!({ "metadata": {}, "status": { "ingress": routers } }));
            assert_eq!(admission(&route, "api.test"), admitted);
        }
    }

    #[test]
    fn a_certificate_is_issued_for_all_its_hosts() {
        let certificate = |names: Value, status: &str, seen: i64| {
            let ready = json!({ "type": "Ready", "status": status, "observedGeneration": seen,
                "reason": "DoesNotExist", "message": "Secret does not exist" });
            object(json!({
                "metadata": { "generation": 2 },
                "spec": { "dnsNames": names },
                "status": { "conditions": [ready] },
            }))
        };
        let hosts = ["api.test".to_owned(), "www.test".to_owned()];
        let whole = json!(["www.test", "api.test"]);
        let is_issued = |names: &Value, status: &str, seen| {
            issuing(&certificate(names.clone(), status, seen), &hosts) == Issuing::Issued
        };
        assert!(is_issued(&whole, "True", 2));
        assert!(!is_issued(&whole, "True", 1));
        assert!(!is_issued(&json!(["api.test"]), "True", 2));
        let waiting = issuing(&certificate(whole, "False", 2), &hosts);
        let why = "DoesNotExist: Secret does not exist".to_owned();
        assert_eq!(waiting, Issuing::Waiting(why));
    }
}
