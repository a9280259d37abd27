//! How requests fail: one place where errors become problem documents.

use axum::Json;
use axum::response::{IntoResponse, Response};
use estiba_api::{Position, Problem as Document};
use estiba_engine::EngineError;
use estiba_logs::QueryError;
use estiba_model::{Diagnostic, Lang, Message, message};
use estiba_store::StoreError;
use http::{HeaderValue, StatusCode, header};

/// A request that was not done. The language is chosen, and the number of the
/// request added, on the way out.
#[derive(Debug)]
pub(crate) struct Problem {
    status: StatusCode,
    code: &'static str,
    messages: Vec<Message>,
    log: Vec<String>,
    findings: Vec<Diagnostic>,
    position: Option<Box<Position>>,
    retry_after_seconds: Option<u64>,
}

impl Problem {
    /// A refusal with one reason.
    pub fn new(status: StatusCode, code: &'static str, message: Message) -> Self {
        Self {
            status,
            code,
            messages: vec![message],
            log: Vec::new(),
            findings: Vec::new(),
            position: None,
            retry_after_seconds: None,
        }
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// There is no such thing, or it is not for whoever asks: the answer is the
    /// same, so that it tells nothing.
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not-found",
            message!(
                "there is no such thing, or it is not yours",
                "no existe, o no es suyo"
            ),
        )
    }

    /// Whoever asks is not known.
    pub fn unauthorized() -> Self {
        Self::new(
            StatusCode::UNAUTHORIZED,
            "unauthorized",
            message!(
                "give a valid token: `Authorization: Bearer …`, or ESTIBA_TOKEN for the command",
                "dé un token válido: `Authorization: Bearer …`, o ESTIBA_TOKEN para el comando"
            ),
        )
    }

    /// A pipeline's identity token opens nothing, and why.
    pub fn untrusted(why: Message) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", why)
    }

    /// Whoever asks is known and may not.
    pub fn forbidden(message: Message) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// What was sent is not what it has to be.
    pub fn invalid(message: Message) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", message)
    }

    /// What was sent is too long to be taken.
    pub fn too_large() -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "too-large",
            message!(
                "this is more than the server takes in one request",
                "esto es más de lo que el servidor acepta en un pedido"
            ),
        )
    }

    /// The state of things does not allow it.
    pub fn conflict(message: Message) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", message)
    }

    /// Too much was asked.
    pub fn too_many(retry_after_seconds: u64) -> Self {
        Self {
            retry_after_seconds: Some(retry_after_seconds),
            ..Self::new(
                StatusCode::TOO_MANY_REQUESTS,
                "too-many-requests",
                message!(
                    "too many requests; try again in {retry_after_seconds} s",
                    "demasiados pedidos; intente de nuevo en {retry_after_seconds} s"
                ),
            )
        }
    }

    /// The files that were sent have mistakes.
    pub fn findings(findings: Vec<Diagnostic>) -> Self {
        Self {
            findings,
            ..Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "findings",
                message!(
                    "the project's files have mistakes",
                    "los archivos del proyecto tienen errores"
                ),
            )
        }
    }

    /// A text that is no query, and where it is not.
    pub fn bad_query(text: &str, error: &QueryError) -> Self {
        Self {
            position: Some(Box::new(Position::of_bytes(text, &error.span))),
            ..Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "bad-query",
                error.message.clone(),
            )
        }
    }

    /// The cluster that has lines of logs does not show them.
    pub fn elsewhere(why: Message) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "logs-elsewhere", why)
    }

    /// What is asked for is not there for the moment.
    pub fn unavailable(code: &'static str, message: Message) -> Self {
        Self {
            retry_after_seconds: Some(1),
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
        }
    }

    /// The document in a language.
    pub fn document(&self, lang: Lang) -> Document {
        let code = self.code;
        let details: Vec<&str> = self.messages.iter().map(|m| m.text(lang)).collect();
        Document {
            kind: format!("/problems/{code}"),
            title: self
                .status
                .canonical_reason()
                .unwrap_or("Refused")
                .to_owned(),
            status: self.status.as_u16(),
            detail: details.join("; "),
            code: code.to_owned(),
            messages: self.messages.clone(),
            log: self.log.clone(),
            findings: self.findings.clone(),
            position: self.position.as_deref().copied(),
            request_id: None,
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.document(Lang::En))).into_response();
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"estiba\""),
            );
        }
        if let Some(seconds) = self.retry_after_seconds {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let message = error.message();
        match error {
            StoreError::VersionTaken { .. } => {
                Self::new(StatusCode::CONFLICT, "version-taken", message)
            }
            StoreError::UnknownDeployment(_) | StoreError::UnknownStep { .. } => Self::not_found(),
            StoreError::NotPossible { .. } => Self::conflict(message),
            StoreError::Busy { .. } | StoreError::Unreachable { .. } => Self {
                retry_after_seconds: Some(1),
                ..Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "state-unavailable",
                    message,
                )
            },
            _ => {
                // Where the state is kept is the operator's affair.
                tracing::error!(error = %error, "the state can't be used");
                Self::internal()
            }
        }
    }
}

impl Problem {
    /// Something that should not be. The operator finds more in the log.
    pub fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            message!(
                "the server failed; its log says why, under this request's number",
                "el servidor falló; su registro dice por qué, con el número de este pedido"
            ),
        )
    }
}

impl From<EngineError> for Problem {
    fn from(error: EngineError) -> Self {
        let (messages, log) = (error.messages(), error.log().to_vec());
        let (status, code) = match error {
            EngineError::Store(error) => return (*error).into(),
            EngineError::Refused(_) => (StatusCode::CONFLICT, "refused"),
            EngineError::Missing(_) => (StatusCode::NOT_FOUND, "not-found"),
            EngineError::Build { .. } => (StatusCode::CONFLICT, "image"),
            EngineError::Target(_) => (StatusCode::BAD_GATEWAY, "target"),
            EngineError::Failed(_) => (StatusCode::CONFLICT, "deployment-failed"),
        };
        Self {
            status,
            code,
            messages,
            log,
            findings: Vec::new(),
            position: None,
            retry_after_seconds: None,
        }
    }
}

impl From<estiba_image::ImageError> for Problem {
    fn from(error: estiba_image::ImageError) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "image", error.message())
    }
}
