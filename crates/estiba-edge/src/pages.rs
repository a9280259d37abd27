//! The edge's own answers, for when no instance answers.

use std::fmt::Write;

use bytes::Bytes;
use estiba_model::{Lang, Message, message};
use http::header::{CONTENT_TYPE, RETRY_AFTER, VARY};
use http::{HeaderValue, Response, StatusCode};
use http_body_util::Full;

use crate::routing::{Routing, Rule};

/// Hosts and paths listed on a page; the rest are counted.
const MAX_LISTED: usize = 100;

/// Why the edge answers instead of an instance.
pub(crate) struct Refusal {
    status: StatusCode,
    text: Message,
}

impl Refusal {
    pub(crate) fn bad_request(text: Message) -> Self {
        let status = StatusCode::BAD_REQUEST;
        Self { status, text }
    }

    pub(crate) fn unknown_host(host: &str, routing: &Routing) -> Self {
        let heading = message!("There is nothing at {host}.", "No hay nada en {host}.");
        let hosts = listed(routing.hosts());
        let hint = if hosts.is_empty() {
            message!(
                "Nothing is deployed yet.",
                "Todavía no hay nada desplegado."
            )
        } else {
            message!("Hosts here:\n{hosts}", "Hosts disponibles:\n{hosts}")
        };
        Self::not_found(&heading, &hint)
    }

    pub(crate) fn unknown_path(host: &str, path: &str, rules: &[Rule]) -> Self {
        let heading = message!(
            "There is nothing at {host}{path}.",
            "No hay nada en {host}{path}."
        );
        let paths = listed(rules.iter().map(|rule| rule.path_prefix.as_str()));
        let hint = message!("Paths here:\n{paths}", "Rutas disponibles:\n{paths}");
        Self::not_found(&heading, &hint)
    }

    fn not_found(heading: &Message, hint: &Message) -> Self {
        Self {
            status: StatusCode::NOT_FOUND,
            text: Message {
                en: format!("{heading}\n\n{hint}", heading = heading.en, hint = hint.en),
                es: format!("{heading}\n\n{hint}", heading = heading.es, hint = hint.es),
            },
        }
    }

    pub(crate) fn nobody_ready(service: &str) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            text: message!(
                "No instance of {service} is ready. Try again in a moment.",
                "Ninguna instancia de {service} está lista. Intente de nuevo en un momento."
            ),
        }
    }

    pub(crate) fn too_many_waiting(service: &str) -> Self {
        Self {
            status: StatusCode::SERVICE_UNAVAILABLE,
            text: message!(
                "Too many requests already wait for {service}. Try again in a moment.",
                "Ya hay demasiadas peticiones esperando a {service}. Intente de nuevo en un momento."
            ),
        }
    }

    pub(crate) fn broken_off(service: &str) -> Self {
        Self {
            status: StatusCode::BAD_GATEWAY,
            text: message!(
                "The instance of {service} broke off before it answered. It may have done what was asked: look before trying again.",
                "La instancia de {service} cortó antes de responder. Puede haber hecho lo pedido: verifique antes de intentar de nuevo."
            ),
        }
    }

    /// The page, in the language that the request's headers prefer.
    pub(crate) fn into_response(self, lang: Lang) -> Response<Full<Bytes>> {
        let text = format!("{}\n", self.text.text(lang));
        let mut response = Response::new(Full::new(Bytes::from(text)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        headers.insert(CONTENT_TYPE, plain);
        headers.insert(VARY, HeaderValue::from_static("accept-language"));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, HeaderValue::from_static("2"));
        }
        response
    }
}

fn listed<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    let mut rest = 0;
    for (place, name) in names.enumerate() {
        if place >= MAX_LISTED {
            rest += 1;
        } else {
            // Writing to a String does not fail.
            let _ = write!(text, "\n  {name}");
        }
    }
    if rest > 0 {
        let _ = write!(text, "\n  … +{rest}");
    }
    text
}

/// The language that `Accept-Language` likes best, by its weights
/// (<https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4>).
pub(crate) fn preferred_language(accepted: Option<&HeaderValue>) -> Lang {
    let accepted = accepted.and_then(|value| value.to_str().ok());
    let mut best = (0.0, Lang::En);
    for range in accepted.unwrap_or_default().split(',') {
        let (tag, weight) = range.split_once(";q=").unwrap_or((range, "1"));
        let lang = match tag.trim().get(..2) {
            Some(es) if es.eq_ignore_ascii_case("es") => Lang::Es,
            Some(en) if en.eq_ignore_ascii_case("en") => Lang::En,
            _ => continue,
        };
        let weight: f32 = weight.trim().parse().unwrap_or(0.0);
        if weight > best.0 {
            best = (weight, lang);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_choose_the_language() {
        let cases = [
            ("", Lang::En),
            ("es", Lang::Es),
            ("es-AR,es;q=0.9,en;q=0.8", Lang::Es),
            ("en-US,es;q=0.9", Lang::En),
            ("en;q=0.3, es;q=0.7", Lang::Es),
            ("pt-BR, es;q=0.5", Lang::Es),
            ("de", Lang::En),
            ("é", Lang::En),
        ];
        for (accepted, expected) in cases {
            let value = HeaderValue::from_bytes(accepted.as_bytes()).unwrap();
            assert_eq!(preferred_language(Some(&value)), expected, "{accepted}");
        }
    }
}
