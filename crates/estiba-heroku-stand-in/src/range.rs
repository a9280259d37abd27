//! Lists in parts, by the `Range` header.
//!
//! Source: <https://devcenter.heroku.com/articles/platform-api-reference#ranges>

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::error::ApiError;

/// How many are given where nobody asks for another number.
const DEFAULT: usize = 200;
const MOST: usize = 1000;

struct Range<'r> {
    property: &'r str,
    /// From this one on; `]` leaves it out itself.
    from: Option<&'r str>,
    exclusive: bool,
    to: Option<&'r str>,
    most: usize,
    descending: bool,
}

fn parse(text: &str) -> Option<Range<'_>> {
    let (range, options) = text.split_once(';').unwrap_or((text, ""));
    let mut words = range.trim().splitn(2, ' ');
    let property = words.next()?;
    let (from, to) = words.next().unwrap_or("..").trim().split_once("..")?;
    let exclusive = from.starts_with(']');
    let some = |text: &'_ str| !text.is_empty();
    let mut parsed = Range {
        property,
        from: Some(from.trim_start_matches(']')).filter(|text| some(text)),
        exclusive,
        to: Some(to).filter(|text| some(text)),
        most: DEFAULT,
        descending: false,
    };
    for option in options.split([',', ';']).map(str::trim) {
        match option.split_once('=') {
            Some(("max", number)) => parsed.most = number.parse().ok()?,
            Some(("order", order)) => parsed.descending = order == "desc",
            None if option.is_empty() => {}
            _ => return None,
        }
    }
    (1..=MOST).contains(&parsed.most).then_some(parsed)
}

/// The part of a list that a request asks for. `properties`: what it may be sorted
/// by, the usual one first.
pub(crate) fn respond(
    headers: &HeaderMap,
    mut list: Vec<Value>,
    properties: &[&'static str],
) -> Result<Response, ApiError> {
    let refused = || {
        let known = properties.join(", ");
        let message = format!("Invalid `Range` header. Acceptable properties: {known}.");
        let status = StatusCode::RANGE_NOT_SATISFIABLE;
        ApiError::new(status, "requested_range_not_satisfiable", message)
    };
    let asked = headers.get(header::RANGE).and_then(|one| one.to_str().ok());
    let asked = asked.filter(|text| !text.is_empty());
    let usual = format!("{} ..", properties[0]);
    let range = parse(asked.unwrap_or(&usual)).ok_or_else(refused)?;
    if !properties.contains(&range.property) {
        return Err(refused());
    }
    let key = |one: &Value| key(&one[range.property]);
    list.sort_by_key(key);
    if range.descending {
        list.reverse();
    }
    let is_before = |one: &Value, bound: &str| {
        let (one, bound) = (key(one), bound_key(bound));
        if range.descending {
            one > bound
        } else {
            one < bound
        }
    };
    let is = |one: &Value, bound: &str| key(one) == bound_key(bound);
    list.retain(|one| {
        let after_from = range
            .from
            .is_none_or(|from| !(is_before(one, from) || range.exclusive && is(one, from)));
        after_from && range.to.is_none_or(|to| is_before(one, to) || is(one, to))
    });
    let is_partial = list.len() > range.most;
    list.truncate(range.most);
    let order = if range.descending { ", order=desc" } else { "" };
    let edge = |one: Option<&Value>| {
        one.map(|one| plain(&one[range.property]))
            .unwrap_or_default()
    };
    let (first, last) = (edge(list.first()), edge(list.last()));
    let tail = format!("max={}{order}", range.most);
    let content = format!("{} {first}..{last}; {tail}", range.property);
    let next = format!("{} ]{last}..; {tail}", range.property);
    let mut response = Json(list).into_response();
    let mut put = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name, value);
        }
    };
    put("accept-ranges", &properties.join(", "));
    put("content-range", &content);
    if is_partial {
        put("next-range", &next);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// Numbers are in the order of numbers.
fn key(value: &Value) -> (u64, String) {
    bound_key(&plain(value))
}

fn bound_key(text: &str) -> (u64, String) {
    (text.parse().unwrap_or(u64::MAX), text.to_owned())
}

fn plain(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
