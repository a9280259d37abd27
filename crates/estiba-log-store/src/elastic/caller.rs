//! From the `Authorization` header to what its sender may do.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use estiba_model::{SecretString, message};

use super::answer::Failure;
use super::{Credentials, Endpoint, Refused};

/// Lets a request through with its grant, or refuses it.
pub(super) async fn admit(
    State(endpoint): State<Endpoint>,
    mut request: Request,
    next: Next,
) -> Response {
    let credentials = credentials(request.headers());
    match endpoint.access.grant(credentials).await {
        Ok(grant) => {
            request.extensions_mut().insert(grant);
            next.run(request).await
        }
        Err(refused) => refuse(refused),
    }
}

fn refuse(refused: Refused) -> Response {
    match refused {
        Refused::Unknown => {
            let failure = Failure::new(
                StatusCode::UNAUTHORIZED,
                "security_exception",
                &message!(
                    "the token is missing or wrong: send it as an API key, or as the password",
                    "falta el token o es incorrecto: envíalo como API key, o como contraseña"
                ),
            );
            let mut response = failure.into_response();
            let ask = HeaderValue::from_static("Basic realm=\"estiba\", ApiKey, Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, ask);
            response
        }
        Refused::TooMany => Failure::later(&message!(
            "too many wrong tokens came from there: wait a little",
            "llegaron demasiados tokens incorrectos: espera un poco"
        ))
        .into_response(),
        Refused::Unavailable => Failure::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable_exception",
            &message!(
                "it can't be said at the moment whose token this is: send again",
                "por ahora no se puede saber de quién es este token: reenvía"
            ),
        )
        .into_response(),
    }
}

fn credentials(headers: &HeaderMap) -> Option<Credentials> {
    let header = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = header.trim().split_once(' ')?;
    let rest = rest.trim();
    let bare = || Credentials {
        token: SecretString::new(rest),
        name: None,
    };
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Some(bare()),
        "apikey" => Some(pair(rest).unwrap_or_else(bare)),
        "basic" => pair(rest),
        _ => None,
    }
}

fn pair(encoded: &str) -> Option<Credentials> {
    let text = String::from_utf8(STANDARD.decode(encoded).ok()?).ok()?;
    let (name, token) = text.split_once(':')?;
    Some(Credentials {
        token: SecretString::new(token),
        name: Some(name.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_in_all_ways() {
        let encoded = STANDARD.encode("someone:s3cret");
        for (header, expected) in [
            (
                format!("Basic {encoded}"),
                Some(("s3cret", Some("someone"))),
            ),
            (
                format!("ApiKey {encoded}"),
                Some(("s3cret", Some("someone"))),
            ),
            ("ApiKey s3cret".into(), Some(("s3cret", None))),
            ("bearer s3cret".into(), Some(("s3cret", None))),
            ("Basic s3cret".into(), None),
            ("Digest s3cret".into(), None),
            ("s3cret".into(), None),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::AUTHORIZATION, header.parse().unwrap());
            let found = credentials(&headers);
            let found = found
                .as_ref()
                .map(|found| (found.token.expose(), found.name.as_deref()));
            assert_eq!(found, expected, "{header}");
            assert!(!format!("{:?}", credentials(&headers)).contains("s3cret"));
        }
        assert!(credentials(&HeaderMap::new()).is_none());
    }
}
