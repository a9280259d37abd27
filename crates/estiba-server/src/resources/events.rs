//! What happens, as server-sent events
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::response::sse::{Event, KeepAlive, Sse};
use estiba_api::Problem as Document;
use estiba_model::message;
use futures::{Stream, StreamExt};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::auth::Principal;
use crate::events::Seen;
use crate::extract::Query;
use crate::problem::Problem;
use crate::state::App;

/// A comment is sent this often, so that proxies keep the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// From where on.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Wanted {
    /// What happened after this one; what happens from now on where neither this
    /// nor `Last-Event-ID` is given.
    after: Option<i64>,
}

/// What happens in the teams that you may see, from `Last-Event-ID` on.
#[utoipa::path(get, path = "/events", tag = "events",
    params(Wanted, ("Last-Event-ID" = Option<i64>, Header)),
    responses((status = 200, body = str, content_type = "text/event-stream"),
    (status = "default", body = Document, content_type = "application/problem+json")))]
pub(crate) async fn follow(
    State(app): State<App>,
    principal: Principal,
    Query(wanted): Query<Wanted>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, Problem> {
    let after = match last_event(&headers)?.or(wanted.after) {
        Some(after) => after,
        None => app.store().last_happening().await?,
    };
    let seen = principal.seen_happenings();
    Ok(stream(&app, seen, after))
}

/// The event after which a follower takes it up again.
///
/// # Errors
/// When it is no number of an event: to begin elsewhere would lose some.
pub(crate) fn last_event(headers: &HeaderMap) -> Result<Option<i64>, Problem> {
    let Some(last) = headers.get("last-event-id") else {
        return Ok(None);
    };
    let number = last.to_str().ok().and_then(|last| last.parse().ok());
    number.map(Some).ok_or_else(|| {
        Problem::invalid(message!(
            "`Last-Event-ID` is not the number of an event",
            "`Last-Event-ID` no es el número de un evento"
        ))
    })
}

/// What happens after `after`, as events.
pub(super) fn stream(app: &App, seen: Seen, after: i64) -> impl IntoResponse + use<> {
    let happenings = std::sync::Arc::clone(&app.hub).follow(seen, after);
    let told = happenings.map(|happening| {
        let event = Event::default().id(happening.id.to_string());
        Ok(event.json_data(&*happening).unwrap_or_default())
    });
    events(app, told)
}

/// Events as an answer that ends with the server.
pub(crate) fn events<S>(app: &App, events: S) -> impl IntoResponse + use<S>
where
    S: Stream<Item = Result<Event, Infallible>> + Send + 'static,
{
    let gauge = OpenStream::new();
    let ending = app.ending.clone();
    let events = events
        .inspect(move |_| {
            let _open = &gauge;
        })
        .take_until(async move { ending.cancelled().await });
    Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))
}

/// Counts the streams that are open.
struct OpenStream;

impl OpenStream {
    fn new() -> Self {
        metrics::gauge!("estiba_event_streams").increment(1.0);
        Self
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        metrics::gauge!("estiba_event_streams").decrement(1.0);
    }
}
