//! How people come in and leave.

use askama::Template;
use axum::extract::State;
use axum::response::{IntoResponse, Redirect, Response};
use estiba_model::{Lang, Role, SecretString, message};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use super::frame::{Frame, shown};
use crate::auth::{
    Address, Form, OpenForm, Principal, Trip, Visit, begin_session, cookie, is_secure, set_cookie,
};
use crate::extract::{LANGUAGE, Query, language as language_of};
use crate::problem::Problem;
use crate::state::App;

/// How long a person may be at the provider.
const TRIP_SECONDS: u64 = 600;
/// A choice of language is remembered for a year.
const LANGUAGE_SECONDS: u64 = 31_536_000;

#[derive(Template)]
#[template(path = "login.html")]
struct Login {
    p: Frame,
    next: String,
    provider: Option<String>,
    /// Whether what was tried is no token.
    failed: bool,
}

#[derive(Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: String,
}

/// A page of this server, and not one that only looks so.
fn local(path: &str) -> &str {
    let is_local = path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && !path.bytes().any(|byte| byte.is_ascii_control());
    if is_local { path } else { "/" }
}

/// Where people say who they are.
pub(super) async fn show(
    State(app): State<App>,
    visit: Result<Visit, crate::auth::Refused>,
    headers: HeaderMap,
    Query(Next { next }): Query<Next>,
) -> Result<Response, Problem> {
    if visit.is_ok() {
        return Ok(Redirect::to(local(&next)).into_response());
    }
    shown(&page(&app, &headers, &next, false))
}

fn page(app: &App, headers: &HeaderMap, next: &str, failed: bool) -> Login {
    let issuer = app.options.provider.as_ref().map(|provider| {
        let issuer = provider.issuer.trim_end_matches('/');
        issuer.split("://").last().unwrap_or(issuer).to_owned()
    });
    Login {
        p: Frame::open(language_of(headers), "/login"),
        next: local(next).to_owned(),
        provider: issuer.filter(|_| app.provider.is_some()),
        failed,
    }
}

#[derive(Deserialize)]
pub(super) struct Key {
    token: SecretString,
    #[serde(default)]
    next: String,
}

/// Logs in whoever has a token of a person.
pub(super) async fn with_token(
    State(app): State<App>,
    Address(from): Address,
    headers: HeaderMap,
    OpenForm(Key { token, next }): OpenForm<Key>,
) -> Result<Response, Problem> {
    let key = SecretString::new(token.expose().trim());
    let owner = app.store().token_of(&key).await?;
    let owner = owner.filter(|owner| owner.token.scope.role != Role::Shipper);
    let Some((token, person)) = owner.and_then(|owner| Some((owner.token, owner.person?))) else {
        app.guesses.check(from)?;
        let mut response = shown(&page(&app, &headers, &next, true))?;
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        return Ok(response);
    };
    let person = app.store().person(&person).await?;
    let person = person.ok_or_else(Problem::not_found)?;
    let came = Principal::of_person(&app, person, Some(token.scope), from).await?;
    let cookie = welcome(&app, &headers, &came, Some(&token.id), "token").await?;
    Ok(with_cookies(&next, [cookie]))
}

/// Begins the session of somebody who showed who they are.
async fn welcome(
    app: &App,
    headers: &HeaderMap,
    came: &Principal,
    token: Option<&str>,
    way: &str,
) -> Result<HeaderValue, Problem> {
    let person = came.person.clone().ok_or_else(Problem::unauthorized)?;
    let cookie = begin_session(app, headers, &person, token).await?;
    let detail = json!({ "way": way });
    came.note(app, "session.begin", came.name.clone(), None, detail)
        .await?;
    Ok(cookie)
}

fn with_cookies(next: &str, cookies: impl IntoIterator<Item = HeaderValue>) -> Response {
    let mut response = Redirect::to(local(next)).into_response();
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

fn trip_cookie(is_secure: bool) -> &'static str {
    if is_secure {
        "__Host-estiba-trip"
    } else {
        "estiba-trip"
    }
}

/// To the provider.
pub(super) async fn away(
    State(app): State<App>,
    headers: HeaderMap,
    Query(Next { next }): Query<Next>,
) -> Result<Response, Problem> {
    let provider = app.provider.as_ref().ok_or_else(Problem::not_found)?;
    let trip = Trip::new();
    let address = provider.address(&trip).await?;
    let is_secure = is_secure(&app, &headers);
    let query = serde_urlencoded::to_string([("trip", trip.text()), ("next", local(&next))]);
    let value = query.map_err(|_| Problem::internal())?;
    let cookie = set_cookie(trip_cookie(is_secure), &value, TRIP_SECONDS, is_secure);
    let mut response = Redirect::to(&address).into_response();
    response
        .headers_mut()
        .extend(cookie.map(|cookie| (header::SET_COOKIE, cookie)));
    Ok(response)
}

#[derive(Deserialize)]
struct Kept {
    trip: String,
    next: String,
}

#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    code: String,
    #[serde(default)]
    state: String,
    error: Option<String>,
    iss: Option<String>,
}

/// Back from the provider.
pub(super) async fn back(
    State(app): State<App>,
    headers: HeaderMap,
    Query(back): Query<Back>,
    Address(from): Address,
) -> Result<Response, Problem> {
    let provider = app.provider.as_ref().ok_or_else(Problem::not_found)?;
    let is_secure = is_secure(&app, &headers);
    let kept = cookie(&headers, trip_cookie(is_secure));
    let kept: Option<Kept> = kept.and_then(|kept| serde_urlencoded::from_str(kept).ok());
    let issuer = app.options.provider.as_ref().map(|p| p.issuer.as_str());
    let is_its = back.iss.is_none() || back.iss.as_deref() == issuer;
    let kept = kept.filter(|kept| is_its && Trip::kept(&kept.trip).state() == back.state);
    let Some(Kept { trip, next }) = kept else {
        app.guesses.check(from)?;
        return Err(Problem::forbidden(message!(
            "this login was not begun in this browser, or too long ago; log in again",
            "este ingreso no empezó en este navegador, o empezó hace demasiado; ingrese de nuevo"
        )));
    };
    if let Some(error) = back.error {
        tracing::info!(error, "a login ended at the provider");
        return Err(Problem::forbidden(message!(
            "the login provider let nobody in",
            "el proveedor de identidad no dejó entrar a nadie"
        )));
    }
    let identity = provider.identity(&Trip::kept(&trip), back.code).await?;
    let email = identity.email.as_deref();
    let person = app
        .store()
        .person_of_identity(&identity.issuer, &identity.subject, email)
        .await?;
    let person = person.ok_or_else(|| unknown(email))?;
    let came = Principal::of_person(&app, person, None, from).await?;
    let session = welcome(&app, &headers, &came, None, "provider").await?;
    let forget = set_cookie(trip_cookie(is_secure), "", 0, is_secure);
    Ok(with_cookies(&next, [session].into_iter().chain(forget)))
}

/// The provider knows them, and this server does not.
fn unknown(email: Option<&str>) -> Problem {
    Problem::forbidden(match email {
        Some(email) => message!(
            "nobody here is known as {email}. Ask your teacher, or whoever runs this server, to add you: `estiba team admit TEAM {email}`",
            "aquí no se conoce a {email}. Pida a su docente, o a quien administra este servidor, que le agregue: `estiba team admit EQUIPO {email}`"
        ),
        None => message!(
            "the login provider gives no e-mail address that it has verified, so it can't be told who you are. Verify yours there, or ask your teacher for a token",
            "el proveedor de identidad no da una dirección de correo verificada, así que no se puede saber quién es usted. Verifique la suya allí, o pida un token a su docente"
        ),
    })
}

#[derive(Deserialize)]
pub(super) struct Nothing {}

/// Makes browsers forget what they keep of this server
/// (<https://www.w3.org/TR/clear-site-data/>).
const FORGET: (HeaderName, &str) = (
    HeaderName::from_static("clear-site-data"),
    "\"cache\", \"storage\"",
);

/// Ends this session.
pub(super) async fn out(
    State(app): State<App>,
    headers: HeaderMap,
    form: Form<Nothing>,
) -> Result<Response, Problem> {
    let forget = form.visit.end(&app, &headers).await?;
    Ok(([FORGET], with_cookies("/login", forget)).into_response())
}

/// Ends every session of the person.
pub(super) async fn out_everywhere(
    State(app): State<App>,
    headers: HeaderMap,
    form: Form<Nothing>,
) -> Result<Response, Problem> {
    if let Some(person) = &form.visit.principal.person {
        app.store().end_sessions(person).await?;
    }
    let forget = form.visit.end(&app, &headers).await?;
    Ok(([FORGET], with_cookies("/login", forget)).into_response())
}

#[derive(Deserialize)]
pub(super) struct Choice {
    language: Lang,
    #[serde(default)]
    back: String,
}

/// Chooses the language of all pages.
pub(super) async fn language(
    State(app): State<App>,
    headers: HeaderMap,
    OpenForm(Choice { language, back }): OpenForm<Choice>,
) -> Response {
    let value = match language {
        Lang::En => "en",
        Lang::Es => "es",
    };
    let cookie = set_cookie(LANGUAGE, value, LANGUAGE_SECONDS, is_secure(&app, &headers));
    with_cookies(&back, cookie)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pages_of_this_server_are_gone_to() {
        for path in ["/", "/teams/moria?x=1"] {
            assert_eq!(local(path), path);
        }
        for path in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nb",
        ] {
            assert_eq!(local(path), "/", "{path:?}");
        }
    }
}
