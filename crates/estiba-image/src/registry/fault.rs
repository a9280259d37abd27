//! How registries fail, which of it may pass, and what to do about the rest.

use std::error::Error;
use std::io;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use estiba_model::{Message, message};
use oci_client::errors::{OciDistributionError, OciErrorCode};

/// How often something that may pass is tried again, with growing pauses: a quarter
/// of a minute in all, and no more than twice that; longer where a registry asks for
/// it, within bounds.
const TRIES_MORE: usize = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(500);

/// Why a registry did not do what was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryFault {
    /// It does not know who asks, or does not let them.
    Refused(String),
    /// The credentials for it can't be read.
    NoCredentials(String),
    /// It does not have the image.
    Missing(String),
    /// What answers there is no registry, or one that takes nothing.
    NotPossible(String),
    /// It gets too many requests.
    Busy(String),
    /// It fails itself.
    Broken(String),
    /// The connection ended in the midst.
    Cut(String),
    /// It was not to be reached.
    Unreachable(String),
    /// It said nothing for too long.
    Silent(String),
    /// Anything else.
    Other(String),
}

impl RegistryFault {
    pub(super) fn of(error: &OciDistributionError) -> Self {
        use OciDistributionError as E;
        let text = one_line(&without_queries(&causes(error)));
        match error {
            E::UnauthorizedError { .. } | E::AuthenticationFailure(_) => Self::Refused(text),
            E::ImageManifestNotFoundError(_) => Self::Missing(text),
            E::ServerError { code, .. } => Self::of_status(*code, text),
            E::RegistryError { envelope, .. } => {
                let code = envelope.errors.first().map(|error| &error.code);
                match code {
                    Some(OciErrorCode::Unauthorized | OciErrorCode::Denied) => Self::Refused(text),
                    Some(
                        OciErrorCode::ManifestUnknown
                        | OciErrorCode::NameUnknown
                        | OciErrorCode::NotFound,
                    ) => Self::Missing(text),
                    Some(OciErrorCode::Toomanyrequests) => Self::Busy(text),
                    Some(OciErrorCode::Unsupported) => Self::NotPossible(text),
                    _ => Self::Other(text),
                }
            }
            E::RequestError(error) if error.is_timeout() => Self::Silent(text),
            E::RequestError(error) if error.is_connect() => Self::Unreachable(text),
            E::RequestError(error) => match error.status() {
                Some(status) => Self::of_status(status.as_u16(), text),
                None => Self::Cut(text),
            },
            E::IoError(error) if error.kind() == io::ErrorKind::TimedOut => Self::Silent(text),
            E::IoError(_) => Self::Cut(text),
            _ => Self::Other(text),
        }
    }

    fn of_status(status: u16, text: String) -> Self {
        match status {
            401 | 403 => Self::Refused(text),
            404 => Self::Missing(text),
            405 | 501 => Self::NotPossible(text),
            429 => Self::Busy(text),
            500..=599 => Self::Broken(text),
            _ => Self::Other(text),
        }
    }

    /// Whether it may be otherwise in a moment.
    pub(super) fn may_pass(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Broken(_) | Self::Cut(_))
    }

    /// Whether a registry that fails so may say when to come back.
    pub(super) fn may_ask_to_wait(&self) -> bool {
        matches!(self, Self::Busy(_) | Self::Broken(_))
    }

    pub(super) fn asking_to_wait(self, asked: Duration) -> Self {
        let seconds = asked.as_secs();
        let asking = |why: String| format!("{why} (Retry-After: {seconds} s)");
        match self {
            Self::Busy(why) => Self::Busy(asking(why)),
            Self::Broken(why) => Self::Broken(asking(why)),
            other => other,
        }
    }

    /// What, where, what to do next.
    #[must_use]
    pub fn message(&self, reference: &str) -> Message {
        let registry = reference.split('/').next().unwrap_or(reference);
        let tries = TRIES_MORE + 1;
        match self {
            Self::Refused(why) => message!(
                "the registry {registry} refuses {reference}: {why}; log in with `docker login {registry}` as somebody who may use it",
                "el registro {registry} no permite {reference}: {why}; ingrese con `docker login {registry}` como alguien que pueda usarlo"
            ),
            Self::NoCredentials(why) => message!(
                "the login for {registry}, which {reference} needs, can't be read: {why}; mend Docker's config.json or run `docker login {registry}` again",
                "no se puede leer el ingreso a {registry}, que {reference} necesita: {why}; corrija el config.json de Docker o ejecute `docker login {registry}` de nuevo"
            ),
            Self::Missing(why) => message!(
                "the registry {registry} has no {reference}: {why}; check the name",
                "el registro {registry} no tiene {reference}: {why}; revise el nombre"
            ),
            Self::NotPossible(why) => message!(
                "what answers at {registry} does not do what a registry does for {reference}: {why}; check `registry` in estiba.yaml",
                "lo que responde en {registry} no hace lo que hace un registro para {reference}: {why}; revise `registry` en estiba.yaml"
            ),
            Self::Busy(why) => message!(
                "the registry {registry} takes no more requests for now, for {reference}: {why}; wait and run the same again: what was sent stays there",
                "el registro {registry} no acepta más pedidos por ahora, con {reference}: {why}; espere y ejecute lo mismo de nuevo: lo enviado queda allí"
            ),
            Self::Broken(why) => message!(
                "the registry {registry} fails, after {tries} tries for {reference}: {why}; run the same again when it works: what was sent stays there",
                "el registro {registry} falla, tras {tries} intentos con {reference}: {why}; ejecute lo mismo de nuevo cuando funcione: lo enviado queda allí"
            ),
            Self::Cut(why) => message!(
                "the connection to {registry} was cut, in {tries} tries for {reference}: {why}; check the network and run the same again: what was sent stays there",
                "la conexión con {registry} se cortó, en {tries} intentos con {reference}: {why}; revise la red y ejecute lo mismo de nuevo: lo enviado queda allí"
            ),
            Self::Unreachable(why) => message!(
                "no registry answers at {registry}, for {reference}: {why}; check the name in `registry` of estiba.yaml, and the network",
                "ningún registro responde en {registry}, para {reference}: {why}; revise el nombre en `registry` de estiba.yaml, y la red"
            ),
            Self::Silent(why) => message!(
                "the registry {registry} stopped answering, for {reference}: {why}; check that it works, and the network, and run the same again",
                "el registro {registry} dejó de responder, para {reference}: {why}; revise que funcione, y la red, y ejecute lo mismo de nuevo"
            ),
            Self::Other(why) => message!(
                "the registry {registry} did not serve {reference}: {why}; check the name, the network and `docker login`",
                "el registro {registry} no sirvió {reference}: {why}; revise el nombre, la red y `docker login`"
            ),
        }
    }
}

/// The pauses before what may pass is tried again.
pub(super) fn pauses() -> impl BackoffBuilder {
    ExponentialBuilder::default()
        .with_min_delay(FIRST_PAUSE)
        .with_max_times(TRIES_MORE)
        .with_jitter()
}

fn causes(error: &dyn Error) -> String {
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

/// Registries send blobs from addresses whose query is a key to them.
fn without_queries(text: &str) -> String {
    let mut kept = String::new();
    let mut in_query = false;
    for c in text.chars() {
        in_query = match c {
            '?' => true,
            c if c.is_whitespace() || matches!(c, ')' | '"' | ',') => false,
            _ => in_query,
        };
        if !in_query {
            kept.push(c);
        }
    }
    kept
}

/// What answers may be a page for people, of which the status is enough.
fn one_line(text: &str) -> String {
    const LONGEST: usize = 300;
    let page = text.to_lowercase().find("<html");
    let page = page.or_else(|| text.to_lowercase().find("<!doctype"));
    let text = page.map_or(text, |at| text.get(..at).unwrap_or(text));
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    let line = line.trim_end_matches([' ', ',']);
    let line = line
        .trim_end_matches("message:")
        .trim_end_matches([' ', ',']);
    line.chars().take(LONGEST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_left_out() {
        let text = "code: 500, message: <html>\n<title>500</title>\n</html>";
        assert_eq!(one_line(text), "code: 500");
        assert_eq!(one_line("denied:\n  no such name"), "denied: no such name");
    }

    #[test]
    fn keys_in_addresses_are_not_shown() {
        let text = "failed for url (https://s3.example/x?X-Sig=abc&k=1): refused";
        assert_eq!(
            without_queries(text),
            "failed for url (https://s3.example/x): refused"
        );
    }
}
