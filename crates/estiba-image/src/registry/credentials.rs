//! Who asks a registry, and whether over TLS.

use std::net::IpAddr;

use docker_credential::{CredentialRetrievalError, DockerCredential};
use estiba_model::SecretString;
use oci_client::Reference;
use oci_client::secrets::RegistryAuth;

/// The user and password that `docker login` kept for the registry of
/// `reference`.
#[must_use]
pub fn login(reference: &str) -> Option<(String, SecretString)> {
    let image: Reference = reference.parse().ok()?;
    match credentials(image.resolve_registry()).ok()? {
        RegistryAuth::Basic(user, password) => Some((user, SecretString::new(password))),
        _ => None,
    }
}

/// What `docker login` kept. Identity tokens need an exchange that the client
/// does not know: with one, access is anonymous.
pub(super) fn credentials(registry: &str) -> Result<RegistryAuth, CredentialRetrievalError> {
    use CredentialRetrievalError as E;
    let server = match registry {
        "index.docker.io" | "docker.io" => "https://index.docker.io/v1/",
        other => other,
    };
    match docker_credential::get_credential(server) {
        Ok(DockerCredential::UsernamePassword(user, password)) => {
            Ok(RegistryAuth::Basic(user, password))
        }
        // Without a file, or where it has nothing for this registry.
        Ok(DockerCredential::IdentityToken(_))
        | Err(E::NoCredentialConfigured | E::ConfigNotFound | E::ConfigReadError) => {
            Ok(RegistryAuth::Anonymous)
        }
        // What helpers say where they have none
        // (<https://github.com/docker/docker-credential-helpers/blob/master/credentials/error.go>).
        Err(E::HelperFailure { stdout, .. }) if stdout.contains("credentials not found") => {
            Ok(RegistryAuth::Anonymous)
        }
        Err(E::HelperFailure { helper, stderr, .. }) => Err(E::HelperFailure {
            helper,
            // A helper writes what it was asked for there: it may be a secret.
            stdout: String::new(),
            stderr,
        }),
        Err(error) => Err(error),
    }
}

/// Whether a registry, or any `HOST:PORT`, is on this machine.
#[must_use]
pub fn is_loopback(registry: &str) -> bool {
    let host = match registry.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host,
        _ => registry,
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_goes_without_tls() {
        assert!(is_loopback("localhost:5000"));
        assert!(is_loopback("127.0.0.1:5000"));
        assert!(is_loopback("[::1]:5000"));
        assert!(!is_loopback("registry.example.com"));
        assert!(!is_loopback("127.0.0.1.example.com:5000"));
    }
}
