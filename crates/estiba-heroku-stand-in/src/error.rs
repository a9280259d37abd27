//! Refusals of the API: a status, a stable identifier and a sentence.
//!
//! Source: <https://devcenter.heroku.com/articles/platform-api-reference#errors>

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// An answer that says no.
#[derive(Debug)]
pub(crate) struct ApiError {
    pub(crate) status: StatusCode,
    pub(crate) id: &'static str,
    pub(crate) message: String,
    resource: Option<&'static str>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, id: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            id,
            message: message.into(),
            resource: None,
        }
    }

    pub(crate) fn not_found(resource: &'static str, what: &str) -> Self {
        let message = format!("Couldn't find that {what}.");
        Self {
            resource: Some(resource),
            ..Self::new(StatusCode::NOT_FOUND, "not_found", message)
        }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid_params", message)
    }

    pub(crate) fn internal(error: &anyhow::Error) -> Self {
        let message = format!("The stand-in could not do it: {error:#}");
        let status = StatusCode::INTERNAL_SERVER_ERROR;
        Self::new(status, "internal_server_error", message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = json!({ "id": self.id, "message": self.message });
        if let Some(resource) = self.resource {
            body["resource"] = json!(resource);
        }
        (self.status, Json(body)).into_response()
    }
}
