//! What could not be done, as a page.

use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use estiba_api::Problem as Document;
use estiba_model::Lang;
use http::StatusCode;

use super::frame::{Frame, headers};

#[derive(Template)]
#[template(path = "refusal.html")]
struct Refusal<'a> {
    p: Frame,
    document: &'a Document,
    title: &'a str,
    is_logged_out: bool,
}

/// A problem as a page, with the same status.
pub(crate) fn refusal(document: &Document, lang: Lang, path: &str) -> Option<Response> {
    let status = StatusCode::from_u16(document.status).ok()?;
    let p = Frame::open(lang, path);
    let title = match status {
        StatusCode::NOT_FOUND => p.t("Not found", "No se encontró"),
        StatusCode::FORBIDDEN => p.t("Not allowed", "No permitido"),
        StatusCode::UNAUTHORIZED => p.t("Logged out", "Sin sesión"),
        StatusCode::TOO_MANY_REQUESTS => p.t("Too much at once", "Demasiado a la vez"),
        status if status.is_server_error() => p.t("Something failed", "Algo falló"),
        _ => p.t("It was not done", "No se hizo"),
    }
    .to_owned();
    let page = Refusal {
        p,
        document,
        title: &title,
        is_logged_out: status == StatusCode::UNAUTHORIZED,
    };
    let text = page.render().ok()?;
    let mut response = (status, Html(text)).into_response();
    for (name, value) in headers() {
        response.headers_mut().insert(name, value);
    }
    Some(response)
}
