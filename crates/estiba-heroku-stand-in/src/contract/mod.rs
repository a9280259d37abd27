//! Every request and every answer, held against Heroku's public hyper-schema. What
//! differs is recorded, whoever is to blame, and tests fail on it.

mod schema;

use std::sync::{Mutex, PoisonError};

use anyhow::Result;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::{BodyExt, Limited};
use serde_json::{Value, json};

use self::schema::{Link, Schema};
use crate::error::ApiError;
use crate::world::Shared;

/// The largest body of the API: config vars of an app have 64 kB at the most.
const BODY_LIMIT: usize = 1 << 20;

/// What has been seen so far.
#[derive(Debug)]
pub(crate) struct Contract {
    schema: Schema,
    violations: Mutex<Vec<String>>,
    checked: Mutex<u64>,
}

impl Contract {
    pub(crate) fn read() -> Result<Self> {
        Ok(Self {
            schema: Schema::read()?,
            violations: Mutex::default(),
            checked: Mutex::default(),
        })
    }

    pub(crate) fn violations(&self) -> Vec<String> {
        let seen = self.violations.lock();
        seen.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many exchanges have been held against the schema.
    pub(crate) fn checked(&self) -> u64 {
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, exchange: &Exchange<'_>, what: &str) {
        let seen = self.violations.lock();
        let line = format!("{} {}: {what}", exchange.method, exchange.path);
        seen.unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn count(&self) {
        *self.checked.lock().unwrap_or_else(PoisonError::into_inner) += 1;
    }

    fn check_request(&self, exchange: &Exchange<'_>, links: &[&Link], body: &Bytes) {
        let value = if body.is_empty() {
            json!({})
        } else {
            match serde_json::from_slice(body) {
                Ok(value) => value,
                Err(error) => return self.record(exchange, &format!("no JSON: {error}")),
            }
        };
        self.fits_one(exchange, "request", &value, links, |link| {
            match &link.request {
                Some(schema) => self.schema.check(schema, false, &value),
                None if value == json!({}) => Vec::new(),
                None => vec!["it takes no body".to_owned()],
            }
        });
    }

    fn check_answer(&self, exchange: &Exchange<'_>, links: &[&Link], body: &Bytes, lax: bool) {
        let Ok(value) = serde_json::from_slice::<Value>(body) else {
            return self.record(exchange, "the answer is no JSON");
        };
        self.fits_one(exchange, "answer", &value, links, |link| {
            match &link.answer {
                Some(schema) => self.schema.check(schema, lax, &value),
                None => Vec::new(),
            }
        });
    }

    fn check_refusal(&self, exchange: &Exchange<'_>, body: &Bytes) {
        let value: Value = serde_json::from_slice(body).unwrap_or_default();
        if !(value["id"].is_string() && value["message"].is_string()) {
            self.record(
                exchange,
                &format!("a refusal without id and message: {value}"),
            );
        }
    }

    /// Records why a value fits none of the kinds that it may be of.
    fn fits_one(
        &self,
        exchange: &Exchange<'_>,
        part: &str,
        value: &Value,
        links: &[&Link],
        wrong: impl Fn(&Link) -> Vec<String>,
    ) {
        let found: Vec<_> = links.iter().map(|link| (link, wrong(link))).collect();
        if found.iter().any(|(_, wrong)| wrong.is_empty()) {
            return;
        }
        for (link, wrong) in found {
            let wrong = wrong.join("; ");
            let line = format!("{part} of \"{}\": {wrong} in {}", link.title, shape(value));
            self.record(exchange, &line);
        }
    }
}

struct Exchange<'e> {
    method: &'e str,
    path: &'e str,
}

/// A value with its texts left out: config vars are secrets.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(object) => object
            .iter()
            .map(|(name, one)| (name.clone(), shape(one)))
            .collect(),
        Value::Array(list) => list.iter().take(1).map(shape).collect(),
        Value::String(_) => json!("…"),
        other => other.clone(),
    }
}

/// Other media than those of the plain schema, by headers of the request.
fn may_have_more(headers: &HeaderMap) -> bool {
    ["accept-expansion", "accept-inclusion"]
        .iter()
        .any(|name| headers.contains_key(*name))
}

/// The middleware, outside all others.
pub(crate) async fn watch(State(world): State<Shared>, request: Request, next: Next) -> Response {
    let contract = &world.contract;
    let (parts, body) = request.into_parts();
    let request::Parts {
        method,
        uri,
        headers,
        ..
    } = &parts;
    let (method, path) = (method.to_string(), uri.path().to_owned());
    let exchange = Exchange {
        method: &method,
        path: &path,
    };
    let lax = may_have_more(headers);
    let links = contract.schema.find(&method, &path);
    if links.is_empty() {
        contract.record(&exchange, "Heroku has no such request");
        let status = StatusCode::NOT_FOUND;
        let message =
            "The requested API endpoint was not found. Are you using the right HTTP verb?";
        return ApiError::new(status, "not_found", message).into_response();
    }
    let body = match Limited::new(body, BODY_LIMIT).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            return ApiError::new(StatusCode::BAD_REQUEST, "bad_request", error.to_string())
                .into_response();
        }
    };
    let request = Request::from_parts(parts, Body::from(body.clone()));
    let response = next.run(request).await;
    contract.count();
    let (parts, answer) = response.into_parts();
    let answer = match answer.collect().await {
        Ok(answer) => answer.to_bytes(),
        // A connection that was to break breaks.
        Err(error) => return Response::from_parts(parts, Body::from_stream(broken(error))),
    };
    if parts.status.is_success() {
        contract.check_request(&exchange, &links, &body);
        contract.check_answer(&exchange, &links, &answer, lax);
    } else {
        contract.check_refusal(&exchange, &answer);
    }
    Response::from_parts(parts, Body::from(answer))
}

fn broken(error: axum::Error) -> impl futures::Stream<Item = Result<Bytes, axum::Error>> {
    futures::stream::once(std::future::ready(Err(error)))
}
