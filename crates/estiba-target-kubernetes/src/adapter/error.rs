//! What the API server says, in words that say what to do next.

use std::error::Error;

use estiba_model::{Message, message};
use estiba_target::TargetError;
use kube::core::Status;

/// A failure of the API while something was done with `what`: an object, or the
/// cluster itself.
pub(super) fn failed(what: &str, error: &kube::Error) -> TargetError {
    TargetError::new(explained(what, error))
}

/// The failure in words.
pub(super) fn explained(what: &str, error: &kube::Error) -> Message {
    match error {
        kube::Error::Api(status) => refused(what, status),
        other => unreachable_because(&root_cause(other)),
    }
}

/// Whether the same request may well succeed later: the server is restarting,
/// busy, or was not heard.
pub(super) fn is_transient(error: &kube::Error) -> bool {
    match error {
        kube::Error::Api(status) => {
            matches!(status.code, 429 | 500 | 502 | 503 | 504)
                || (status.code == 409 && status.reason != "AlreadyExists")
        }
        kube::Error::HyperError(_) | kube::Error::ReadEvents(_) => true,
        kube::Error::Service(_) => !is_certificate(&causes(error)),
        _ => false,
    }
}

fn refused(what: &str, status: &Status) -> Message {
    let said = &status.message;
    match status.code {
        401 => message!(
            "the cluster does not accept your credentials, which may have expired: log in to it again, or ask for a new kubeconfig",
            "el clúster no acepta sus credenciales, que pueden haber vencido: vuelva a iniciar sesión en él, o pida un nuevo kubeconfig"
        ),
        403 if said.contains("exceeded quota") => quota(said),
        403 if said.contains("is being terminated") => message!(
            "{what}: the namespace is being deleted; wait until it is gone (`kubectl get namespaces`) and try again",
            "{what}: el namespace se está eliminando; espere a que desaparezca (`kubectl get namespaces`) y reintente"
        ),
        404 if said.starts_with("namespaces ") => message!(
            "{what}: {said}, and you may not make it: ask for it, or for the rights that `estiba target rbac` prints",
            "{what}: {said}, y usted no puede crearlo: pídalo, o pida los permisos que imprime `estiba target rbac`"
        ),
        403 => message!(
            "{what}: you may not do this on the cluster ({said}); `estiba target rbac` prints the rights to ask for",
            "{what}: no tiene permiso para esto en el clúster ({said}); `estiba target rbac` imprime los permisos que hay que pedir"
        ),
        429 => message!(
            "{what}: the cluster is too busy; try again later",
            "{what}: el clúster está demasiado ocupado; reintente más tarde"
        ),
        _ => message!(
            "{what}: the cluster refuses: {said}",
            "{what}: el clúster lo rechaza: {said}"
        ),
    }
}

/// A namespace that is full.
pub(super) fn quota(said: &str) -> Message {
    let detail = said
        .split_once("exceeded quota")
        .map_or(said, |(_, rest)| rest);
    let detail = detail.trim_start_matches([':', ' ']);
    message!(
        "the quota of the namespace is used up ({detail}): run fewer copies, ask for less memory or CPU, or ask for a bigger quota",
        "la cuota del namespace está agotada ({detail}): ejecute menos copias, pida menos memoria o CPU, o pida una cuota mayor"
    )
}

fn unreachable_because(cause: &str) -> Message {
    if cause.contains("certificate expired") {
        return message!(
            "the cluster's certificate has expired: whoever runs the cluster has to renew it; or is the clock of this machine wrong?",
            "el certificado del clúster venció: quien administra el clúster debe renovarlo; ¿o está mal el reloj de esta máquina?"
        );
    }
    if is_certificate(cause) {
        return message!(
            "the cluster shows a certificate that your kubeconfig does not trust ({cause}): is it the kubeconfig of this cluster?",
            "el clúster muestra un certificado en el que su kubeconfig no confía ({cause}): ¿es el kubeconfig de este clúster?"
        );
    }
    message!(
        "the cluster can't be reached ({cause}): is the network up, and the kubeconfig right?",
        "no se puede llegar al clúster ({cause}): ¿funciona la red, y es correcto el kubeconfig?"
    )
}

fn is_certificate(cause: &str) -> bool {
    cause.contains("certificate") || cause.contains("Certificate")
}

/// What lies behind all that passed the failure on.
fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    without_address(&cause.to_string()).to_owned()
}

/// rustls ends what it says with the address of its own documentation.
pub(super) fn without_address(said: &str) -> &str {
    said.split_once(": https://docs.rs/")
        .map_or(said, |(said, _)| said)
}

pub(super) fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn api(code: u16, said: &str) -> kube::Error {
        kube::Error::Api(Box::new(Status {
            code,
            message: said.to_owned(),
            ..Status::default()
        }))
    }

    #[test]
    fn what_the_server_says_becomes_advice() {
        let quota = "pods \"x\" is forbidden: exceeded quota: small, requested: pods=1";
        for (code, said, advice) in [
            (401, "Unauthorized", "log in"),
            (403, quota, "(small, requested: pods=1)"),
            (403, "because it is being terminated", "being deleted"),
            (403, "cannot create", "estiba target rbac"),
            (404, "namespaces \"x\" not found", "estiba target rbac"),
            (422, "spec: Invalid", "refuses: spec: Invalid"),
        ] {
            let text = explained("Deployment api", &api(code, said)).en;
            assert!(text.contains(advice), "{code}: {text}");
        }
    }

    #[test]
    fn what_keeps_the_cluster_away_becomes_advice() {
        for (cause, advice) in [
            (
                "invalid peer certificate: certificate expired: x",
                "renew it",
            ),
            ("invalid peer certificate: UnknownIssuer", "does not trust"),
            ("Connection refused (os error 111)", "reached (Connection"),
            (
                "peer closed connection: https://docs.rs/rustls/latest/",
                "reached (peer closed connection):",
            ),
        ] {
            let text = explained("/version", &kube::Error::Service(cause.into())).en;
            assert!(text.contains(advice), "{cause}: {text}");
        }
    }

    #[test]
    fn only_what_may_pass_is_tried_again() {
        assert!(is_transient(&api(503, "")));
        assert!(is_transient(&api(429, "")));
        assert!(!is_transient(&api(403, "")));
        assert!(!is_transient(&api(422, "")));
    }
}
