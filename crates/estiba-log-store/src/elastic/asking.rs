//! What requests have in common: whose they are, what follows the question mark, which
//! parts of the answer they want, and a short body.

use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::Uri;
use axum::http::request::Parts;
use estiba_model::message;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answer::Failure;
use super::body::{self, Packing, Room};
use super::filter::Filter;
use super::request::Asked;
use super::{Endpoint, Grant};
use crate::Scope;

/// Longer requests are refused, in bytes.
const LONGEST: usize = 1 << 20;

/// A request that reads.
pub(super) struct Asking<Q = Asked> {
    /// Whose lines its sender may see.
    pub(super) scope: Scope,
    /// What follows the question mark.
    pub(super) asked: Q,
    /// Which parts of the answer are wanted.
    pub(super) filter: Filter,
    /// The body, unpacked.
    pub(super) text: Vec<u8>,
}

impl<Q> Asking<Q> {
    /// The body, an empty object where there is none.
    pub(super) fn body(&self) -> Result<Value, Failure> {
        if self.text.iter().all(u8::is_ascii_whitespace) {
            return Ok(json!({}));
        }
        json_of(&self.text)
    }
}

impl<Q: DeserializeOwned + Send> FromRequest<Endpoint> for Asking<Q> {
    type Rejection = Failure;

    async fn from_request(request: Request, endpoint: &Endpoint) -> Result<Self, Failure> {
        let (mut parts, body) = request.into_parts();
        let filter = Filter::from_request_parts(&mut parts, endpoint).await?;
        let asked = query(&parts.uri)?;
        // Who was let in without a grant would see nothing.
        let grant = parts.extensions.remove::<Grant>();
        let packing = Packing::of(&parts.headers)?;
        let (time, room) = (endpoint.settings.body_time, &mut Room::of_its_own());
        let packed = body::read(body, LONGEST, time, room).await?;
        Ok(Self {
            scope: grant.map_or_else(Scope::nothing, |grant| grant.read),
            asked,
            filter,
            text: packing.whole(&packed, LONGEST)?,
        })
    }
}

#[derive(Deserialize)]
struct Filtered {
    filter_path: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Filter {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let filtered: Filtered = query(&parts.uri)?;
        Self::read(filtered.filter_path)
    }
}

fn query<Q: DeserializeOwned>(uri: &Uri) -> Result<Q, Failure> {
    let Query(query) = Query::try_from_uri(uri).map_err(|error| {
        let why = error.body_text();
        Failure::wrong(&message!("{why}", "los parámetros no son válidos: {why}"))
    })?;
    Ok(query)
}

/// Reads JSON.
pub(super) fn json_of(text: &[u8]) -> Result<Value, Failure> {
    serde_json::from_slice(text).map_err(|error| {
        Failure::wrong(&message!(
            "the body is no JSON: {error}",
            "el cuerpo no es JSON: {error}"
        ))
    })
}
