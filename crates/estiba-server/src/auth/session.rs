//! Sessions: how the browser of a person says who asks. They open pages alone; the
//! API takes tokens.

use std::time::Duration;

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Redirect, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use estiba_model::{Digest, Lang, SecretString, message};
use http::{HeaderMap, HeaderValue, Method};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::browser::{check_origin, cookie, is_secure, set_cookie};
use super::{Principal, address};
use crate::extract::language;
use crate::problem::Problem;
use crate::state::App;

/// Whoever looks at a page.
pub(crate) struct Visit {
    /// Who it is, by the rules of the API.
    pub principal: Principal,
    /// In which language they read.
    pub lang: Lang,
    /// What a form of theirs has to bring.
    pub csrf: String,
    /// What they look at.
    pub path: String,
    key: SecretString,
}

impl Visit {
    /// Ends this session, and gives what makes the browser forget it.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn end(&self, app: &App, headers: &HeaderMap) -> Result<Vec<HeaderValue>, Problem> {
        app.store().end_session(&self.key).await?;
        let is_secure = is_secure(app, headers);
        Ok(set_cookie(name(is_secure), "", 0, is_secure)
            .into_iter()
            .collect())
    }
}

/// Begins a session of a person, in place of the one that their browser has, and
/// gives what it keeps of it.
///
/// # Errors
/// When the state can't be written.
pub(crate) async fn begin(
    app: &App,
    headers: &HeaderMap,
    person: &str,
    token: Option<&str>,
) -> Result<HeaderValue, Problem> {
    if let Some(old) = key(app, headers) {
        app.store().end_session(&old).await?;
    }
    let longest = app.options.session_longest;
    let ends = Timestamp::now()
        .checked_add(longest)
        .map_err(|_| Problem::internal())?;
    let key = app.store().begin_session(person, token, ends).await?;
    let is_secure = is_secure(app, headers);
    let seconds = longest.as_secs().max(1);
    set_cookie(name(is_secure), key.expose(), seconds, is_secure).ok_or_else(Problem::internal)
}

fn name(is_secure: bool) -> &'static str {
    if is_secure { "__Host-estiba" } else { "estiba" }
}

fn key(app: &App, headers: &HeaderMap) -> Option<SecretString> {
    let name = name(is_secure(app, headers));
    cookie(headers, name).map(SecretString::new)
}

/// What the forms of a session bring: it follows from the session's key, and the
/// key does not follow from it.
fn csrf(key: &SecretString) -> String {
    let digest = Digest::of(format!("form\n{}", key.expose()).as_bytes());
    URL_SAFE_NO_PAD.encode(digest.hex())
}

/// Compares by digests, so that the time it takes tells nothing.
fn is_same(one: &str, other: &str) -> bool {
    Digest::of(one.as_bytes()) == Digest::of(other.as_bytes())
}

/// A page that can't be shown.
pub(crate) enum Refused {
    /// Nobody has logged in.
    Login(String),
    /// Something else is wrong.
    Problem(Problem),
}

impl From<Problem> for Refused {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        match self {
            Self::Login(next) => {
                let query = serde_urlencoded::to_string([("next", next)]).unwrap_or_default();
                Redirect::to(&format!("/login?{query}")).into_response()
            }
            Self::Problem(problem) => problem.into_response(),
        }
    }
}

/// Whether a page's own script asks, and not the person.
fn is_by_itself(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
}

impl FromRequestParts<App> for Visit {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Refused> {
        let from = address(parts, app);
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        let is_by_itself = is_by_itself(&parts.headers);
        let key = key(app, &parts.headers);
        let found = match &key {
            Some(key) => {
                let idle = app.options.session_idle;
                let session = app.store().session(key, idle, !is_by_itself).await;
                session.map_err(Problem::from)?
            }
            None => None,
        };
        let person = match &found {
            Some(session) => {
                let person = app.store().person(&session.person).await;
                person.map_err(Problem::from)?
            }
            None => None,
        };
        let (Some(session), Some(person), Some(key)) = (found, person, key) else {
            let is_page = matches!(parts.method, Method::GET | Method::HEAD) && !is_by_itself;
            return Err(match is_page {
                true => Refused::Login(path.to_owned()),
                false => Refused::Problem(not_any_more()),
            });
        };
        Ok(Self {
            principal: Principal::of_person(app, person, session.scope, from).await?,
            lang: language(&parts.headers),
            csrf: csrf(&key),
            path: path.to_owned(),
            key,
        })
    }
}

fn not_any_more() -> Problem {
    Problem::new(
        http::StatusCode::UNAUTHORIZED,
        "logged-out",
        message!(
            "you are logged out; log in and try again",
            "su sesión terminó; ingrese y pruebe de nuevo"
        ),
    )
}

/// A form that whoever looks at a page has sent from there.
pub(crate) struct Form<T> {
    /// Who sent it.
    pub visit: Visit,
    /// What is in it.
    pub fields: T,
}

#[derive(Deserialize)]
struct Csrf {
    csrf: String,
}

/// A form takes no longer than this to arrive, and is no longer than that.
const MOST_FORM_BYTES: usize = 64 << 10;

impl<T: DeserializeOwned> FromRequest<App> for Form<T> {
    type Rejection = Refused;

    async fn from_request(request: Request, app: &App) -> Result<Self, Refused> {
        let (mut parts, body) = request.into_parts();
        check_origin(app, &parts.headers)?;
        let visit = Visit::from_request_parts(&mut parts, app).await?;
        let fields = fields(body).await?;
        let sent: Result<Csrf, _> = serde_urlencoded::from_bytes(&fields);
        if sent
            .ok()
            .is_none_or(|sent| !is_same(&sent.csrf, &visit.csrf))
        {
            return Err(Problem::forbidden(message!(
                "this form is of another session; open the page again",
                "este formulario es de otra sesión; vuelva a abrir la página"
            ))
            .into());
        }
        let fields = read(&fields)?;
        Ok(Self { visit, fields })
    }
}

/// A form of a page that everybody may see. It was on this server.
pub(crate) struct OpenForm<T>(pub T);

impl<T: DeserializeOwned> FromRequest<App> for OpenForm<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, app: &App) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        check_origin(app, &parts.headers)?;
        read(&fields(body).await?).map(Self)
    }
}

async fn fields(body: axum::body::Body) -> Result<bytes::Bytes, Problem> {
    let fields = axum::body::to_bytes(body, MOST_FORM_BYTES).await;
    fields.map_err(|_| Problem::too_large())
}

fn read<T: DeserializeOwned>(fields: &[u8]) -> Result<T, Problem> {
    serde_urlencoded::from_bytes(fields).map_err(|error| {
        let why = error.to_string();
        Problem::invalid(message!(
            "the form lacks something: {why}",
            "al formulario le falta algo: {why}"
        ))
    })
}

/// How long a session may be left alone, and how long it may last at all.
pub(crate) const IDLE: Duration = Duration::from_secs(2 * 3600);
/// A working day; after it a person says again who they are.
pub(crate) const LONGEST: Duration = Duration::from_secs(12 * 3600);
