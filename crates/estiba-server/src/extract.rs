//! Parts of requests, read so that what is wrong with them is a problem document.

use std::io::ErrorKind;
use std::pin::Pin;

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use estiba_log_store::{BodyFault, whole_body};
use estiba_model::{Lang, message};
use futures::StreamExt;
use http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use tokio::io::AsyncRead;
use tokio_util::io::StreamReader;

use crate::auth::cookie;
use crate::problem::Problem;

/// The names in a path. One that is no name names nothing.
pub(crate) struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let path = axum::extract::Path::<T>::from_request_parts(parts, state).await;
        path.map(|path| Self(path.0))
            .map_err(|_| Problem::not_found())
    }
}

/// What follows the question mark.
pub(crate) struct Query<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let query = axum::extract::Query::<T>::from_request_parts(parts, state).await;
        query.map(|query| Self(query.0)).map_err(|error| {
            let why = error.body_text();
            Problem::new(
                StatusCode::BAD_REQUEST,
                "invalid-query",
                message!("{why}", "los parámetros no son válidos: {why}"),
            )
        })
    }
}

/// A body in JSON.
pub(crate) struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let request = read_whole(request).await?;
        let body = axum::Json::<T>::from_request(request, state).await;
        body.map(|body| Self(body.0)).map_err(|error| {
            let (status, code) = match &error {
                JsonRejection::JsonDataError(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
                JsonRejection::MissingJsonContentType(_) => {
                    (StatusCode::UNSUPPORTED_MEDIA_TYPE, "not-json")
                }
                JsonRejection::BytesRejection(_) => (error.status(), "unreadable-body"),
                _ => (StatusCode::BAD_REQUEST, "not-json"),
            };
            let why = error.body_text();
            Problem::new(
                status,
                code,
                message!("{why}", "el cuerpo no es válido: {why}"),
            )
        })
    }
}

/// The longest body that is read at once.
pub(crate) const MOST_BODY_BYTES: usize = 2 << 20;

/// The request with its body in memory.
async fn read_whole(request: Request) -> Result<Request, Problem> {
    let (parts, body) = request.into_parts();
    let whole = whole_body(body, MOST_BODY_BYTES).await;
    let whole = whole.map_err(|fault| match fault {
        BodyFault::Broken(error) => unreadable(&error),
        BodyFault::TooLong => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "unreadable-body",
            message!(
                "the body has more than {MOST_BODY_BYTES} bytes",
                "el cuerpo tiene más de {MOST_BODY_BYTES} bytes"
            ),
        ),
    })?;
    Ok(Request::from_parts(parts, whole.into()))
}

fn unreadable(why: &axum::Error) -> Problem {
    Problem::new(
        StatusCode::BAD_REQUEST,
        "unreadable-body",
        message!(
            "the body can't be read: {why}",
            "no se puede leer el cuerpo: {why}"
        ),
    )
}

/// The longest body that is taken as a stream: a layer of an image, a backup.
const MOST_UPLOADED_BYTES: u64 = 16 << 30;

/// A body of many bytes, read as it comes. One that is too long is refused before it
/// is read, or ends with [`ErrorKind::FileTooLarge`].
pub(crate) struct Upload(pub Pin<Box<dyn AsyncRead + Send>>);

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        let length = request.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
        if length.is_some_and(|length| length > MOST_UPLOADED_BYTES) {
            return Err(Problem::too_large());
        }
        let mut left = MOST_UPLOADED_BYTES;
        let content = request.into_body().into_data_stream();
        let content = content.map(move |piece| {
            let piece = piece.map_err(std::io::Error::other)?;
            left = left
                .checked_sub(piece.len() as u64)
                .ok_or(ErrorKind::FileTooLarge)?;
            Ok::<_, std::io::Error>(piece)
        });
        Ok(Self(Box::pin(StreamReader::new(content))))
    }
}

/// The cookie of somebody who chose a language.
pub(crate) const LANGUAGE: &str = "estiba-lang";

/// The language that a request asks for, by a choice on a page or else by the
/// browser's; English where it asks for none that Estiba speaks.
pub(crate) fn language(headers: &HeaderMap) -> Lang {
    match cookie(headers, LANGUAGE) {
        Some("es") => return Lang::Es,
        Some("en") => return Lang::En,
        _ => {}
    }
    let asked = headers
        .get(header::ACCEPT_LANGUAGE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let known = asked.split(',').map(str::trim).find_map(|tag| {
        let tag = tag.to_ascii_lowercase();
        match () {
            () if tag.starts_with("es") => Some(Lang::Es),
            () if tag.starts_with("en") => Some(Lang::En),
            () => None,
        }
    });
    known.unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_that_is_spoken_wins() {
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_LANGUAGE, text.parse().unwrap());
            language(&headers)
        };
        assert_eq!(of("es-AR,es;q=0.9,en;q=0.8"), Lang::Es);
        assert_eq!(of("pt-BR, en;q=0.5"), Lang::En);
        assert_eq!(of("fr"), Lang::En);
        assert_eq!(language(&HeaderMap::new()), Lang::En);
    }
}
