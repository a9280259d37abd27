//! Answers in Elasticsearch's forms.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use estiba_model::{Message, message};
use serde_json::{Value, json};

use crate::{AppendError, ReadError};

/// Logstash and Elastic's own clients speak to nothing without it.
/// <https://www.elastic.co/guide/en/elasticsearch/reference/8.19/release-notes-7.14.0.html>
const PRODUCT: HeaderName = HeaderName::from_static("x-elastic-product");

/// Puts the product's name on an answer.
pub(super) async fn mark(mut response: Response) -> Response {
    let name = HeaderValue::from_static("Elasticsearch");
    response.headers_mut().insert(PRODUCT, name);
    response
}

/// Why a request fails, in the form of Elasticsearch's errors.
#[derive(Debug, Clone)]
pub(super) struct Failure {
    pub(super) status: StatusCode,
    kind: &'static str,
    reason: String,
    retry_after_s: Option<u64>,
}

impl Failure {
    pub(super) fn new(status: StatusCode, kind: &'static str, reason: &Message) -> Self {
        Self {
            status,
            kind,
            reason: both(reason),
            retry_after_s: None,
        }
    }

    /// What isn't supported, or is wrong in itself.
    pub(super) fn wrong(reason: &Message) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "parsing_exception", reason)
    }

    /// What may be sent again in a little while.
    pub(super) fn later(reason: &Message) -> Self {
        Self {
            retry_after_s: Some(1),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "es_rejected_execution_exception",
                reason,
            )
        }
    }

    pub(super) fn too_large(most: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "content_too_long_exception",
            &message!(
                "the body is longer than {most} bytes: send it in parts",
                "el cuerpo tiene más de {most} bytes: envíalo por partes"
            ),
        )
    }

    pub(super) fn forbidden() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "security_exception",
            &message!(
                "this token may not write logs",
                "este token no puede escribir logs"
            ),
        )
    }

    /// The body of the error.
    pub(super) fn body(&self) -> Value {
        let cause = self.cause();
        let mut error = json!({"root_cause": [cause]});
        if let (Some(error), Value::Object(cause)) = (error.as_object_mut(), cause) {
            error.extend(cause);
        }
        json!({"error": error, "status": self.status.as_u16()})
    }

    /// The error alone, as items of a bulk request have it.
    pub(super) fn cause(&self) -> Value {
        json!({"type": self.kind, "reason": self.reason})
    }
}

/// Elasticsearch's errors have one text; people of either language read it.
fn both(reason: &Message) -> String {
    if reason.en == reason.es {
        reason.en.clone()
    } else {
        format!("{} / {}", reason.en, reason.es)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body())).into_response();
        if let Some(seconds) = self.retry_after_s {
            let value = HeaderValue::from(seconds);
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        response
    }
}

impl From<AppendError> for Failure {
    fn from(error: AppendError) -> Self {
        let message = error.message();
        match error {
            AppendError::Busy { retry_after } => Self {
                retry_after_s: Some(retry_after.as_secs().max(1)),
                ..Self::later(&message)
            },
            AppendError::DiskFull => Self {
                retry_after_s: Some(30),
                ..Self::later(&message)
            },
            AppendError::TooLarge { most, .. } => Self::too_large(most),
            AppendError::TooManyEnvironments { .. } | AppendError::TooManyOfTeam { .. } => {
                Self::new(
                    StatusCode::BAD_REQUEST,
                    "illegal_argument_exception",
                    &message,
                )
            }
            AppendError::Write(_) | AppendError::Closed => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable_shards_exception",
                &message,
            ),
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        let message = error.message();
        match error {
            ReadError::Wrong(_) => Self::wrong(&message),
            _ => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "search_phase_execution_exception",
                &message,
            ),
        }
    }
}
