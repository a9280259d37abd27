//! What can be asked about the mails, by HTTP. The password of the sink is the first
//! part of each path, so that a test can ask with nothing but a URL.

use std::io;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use estiba_model::Mail;
use subtle::ConstantTimeEq;
use tokio::net::TcpListener;

use crate::kept::Kept;

#[derive(Clone)]
struct Api {
    password: Arc<str>,
    kept: Kept,
}

impl Api {
    fn is_open_to(&self, password: &str) -> bool {
        password.as_bytes().ct_eq(self.password.as_bytes()).into()
    }
}

/// Answers at `listener`, for as long as the process lives.
pub async fn serve(listener: TcpListener, password: &str, kept: Kept) -> io::Result<()> {
    let api = Api {
        password: password.into(),
        kept,
    };
    let router = Router::new()
        .route("/health", get(|| async { "ok" }))
        .route("/{password}/mails", get(list).delete(clear))
        .route("/{password}/mails/{id}", get(show))
        .route("/{password}/mails/{id}/raw", get(raw))
        .with_state(api);
    axum::serve(listener, router).await
}

async fn list(
    State(api): State<Api>,
    Path(password): Path<String>,
) -> Result<Json<Vec<Mail>>, StatusCode> {
    match api.is_open_to(&password) {
        true => Ok(Json(api.kept.list())),
        false => Err(StatusCode::NOT_FOUND),
    }
}

async fn clear(State(api): State<Api>, Path(password): Path<String>) -> StatusCode {
    if !api.is_open_to(&password) {
        return StatusCode::NOT_FOUND;
    }
    api.kept.clear();
    StatusCode::NO_CONTENT
}

async fn show(State(api): State<Api>, Path((password, id)): Path<(String, u64)>) -> Response {
    let content = api.is_open_to(&password).then(|| api.kept.content(id));
    match content.flatten() {
        Some(content) => Json(content).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

async fn raw(State(api): State<Api>, Path((password, id)): Path<(String, u64)>) -> Response {
    let found = api.is_open_to(&password).then(|| api.kept.raw(id));
    match found.flatten() {
        Some((_, content)) => {
            let kind = [(header::CONTENT_TYPE, "message/rfc822")];
            (kind, content.to_vec()).into_response()
        }
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kept::Envelope;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    async fn asked(address: std::net::SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let head = format!("{request} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        format!("{} {body}", &answer[9..12])
    }

    #[tokio::test]
    async fn only_who_knows_the_password_is_answered() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let kept = Kept::default();
        kept.add(Envelope {
            from: "app@example.edu".to_owned(),
            to: Vec::new(),
            content: b"Subject: hi\r\n\r\nAna\r\n".to_vec(),
        });
        let server = kept.clone();
        tokio::spawn(async move { serve(listener, "s3cret", server).await });
        assert_eq!(asked(address, "GET /health").await, "200 ok");
        for (request, answer) in [
            ("GET /wrong/mails", "404 "),
            ("GET /wrong/mails/1", "404 "),
            ("GET /wrong/mails/1/raw", "404 "),
            ("DELETE /wrong/mails", "404 "),
            ("GET /s3cret/mails/2", "404 "),
        ] {
            assert_eq!(asked(address, request).await, answer, "{request}");
        }
        let list = asked(address, "GET /s3cret/mails").await;
        assert!(list.starts_with("200 [{\"id\":1,"), "{list}");
        let one = asked(address, "GET /s3cret/mails/1").await;
        assert!(one.contains("\"subject\":\"hi\""), "{one}");
        assert!(one.contains("\"text\":\"Ana"), "{one}");
        let raw = asked(address, "GET /s3cret/mails/1/raw").await;
        assert_eq!(raw, "200 Subject: hi\r\n\r\nAna\r\n");
        assert_eq!(asked(address, "DELETE /s3cret/mails").await, "204 ");
        assert_eq!(kept.list(), []);
    }
}
