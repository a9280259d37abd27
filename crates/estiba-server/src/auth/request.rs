//! From a request to who asks, and from where.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::http::request::Parts;
use estiba_model::{Role, SecretString, message};
use http::{HeaderMap, header};

use super::Principal;
use crate::problem::Problem;
use crate::state::App;

/// The header with which a bot speaks for the person of a chat account.
const ACCOUNT: &str = "estiba-chat-account";

impl FromRequestParts<App> for Principal {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Problem> {
        let from = address(parts, app);
        let found = match bearer(&parts.headers) {
            Some(token) => Self::of_token(app, &token, from).await?,
            None => Err(Problem::unauthorized()),
        };
        let principal = match found {
            Ok(principal) => principal,
            Err(problem) => {
                app.guesses.check(from)?;
                return Err(problem);
            }
        };
        if principal.most() == Role::Shipper {
            return Err(Problem::forbidden(message!(
                "this token writes logs, at /elastic, and nothing else",
                "este token escribe registros, en /elastic, y nada más"
            )));
        }
        let account = parts
            .headers
            .get(ACCOUNT)
            .and_then(|value| value.to_str().ok());
        match account {
            Some(account) => principal.of_account(app, account).await,
            None => Ok(principal),
        }
    }
}

/// The key that a request presents.
pub(super) fn bearer(headers: &HeaderMap) -> Option<SecretString> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, key) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| SecretString::new(key.trim()))
}

/// From where a request comes.
pub(crate) struct Address(pub Option<IpAddr>);

impl FromRequestParts<App> for Address {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Infallible> {
        Ok(Self(address(parts, app)))
    }
}

/// Where a request comes from.
pub(crate) fn address(parts: &Parts, app: &App) -> Option<IpAddr> {
    if app.options.behind_proxy {
        // The last one was added by the proxy itself: to the last header, or as one more.
        // Who comes around the proxy is on its side.
        let told = parts
            .headers
            .get_all("x-forwarded-for")
            .iter()
            .next_back()?;
        let told = told.to_str().ok().and_then(|told| told.rsplit(',').next());
        if let Some(told) = told.and_then(|told| told.trim().parse().ok()) {
            return Some(told);
        }
    }
    let connected = parts.extensions.get::<ConnectInfo<SocketAddr>>()?;
    Some(connected.0.ip())
}
