//! Figures about this server, for Prometheus
//! (<https://prometheus.io/docs/instrumenting/exposition_formats/>), and a span for
//! each request.

use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::Response;
use http::Method;
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::Instrument;
use tracing::field::Empty;

const DURATION: &str = "estiba_http_request_duration_seconds";
/// Upper bounds of the buckets of durations, in seconds.
const BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];

/// The figures so far.
#[derive(Clone)]
pub(crate) struct Metrics(PrometheusHandle);

impl Metrics {
    /// Begins to count.
    ///
    /// # Errors
    /// When this process counts already.
    pub fn install() -> Result<Self, BuildError> {
        let buckets = Matcher::Full(DURATION.to_owned());
        let builder = PrometheusBuilder::new().set_buckets_for_metric(buckets, &BUCKETS)?;
        builder.install_recorder().map(Self)
    }

    /// The figures as text.
    pub fn render(&self) -> String {
        self.0.run_upkeep();
        self.0.render()
    }
}

/// The name of a method; one for all that nobody knows, since anybody can invent more, and
/// each is kept (<https://opentelemetry.io/docs/specs/semconv/http/http-spans/>).
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        Method::TRACE => "TRACE",
        Method::CONNECT => "CONNECT",
        _ => "_OTHER",
    }
}

/// Counts a request, and traces it, by its route, never by what it names. Fields of
/// the span are those of OpenTelemetry
/// (<https://opentelemetry.io/docs/specs/semconv/http/http-spans/>).
pub(crate) async fn count(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = known(request.method());
    let route = request.extensions().get::<MatchedPath>();
    let route = route.map_or("none", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!(
        "request",
        "otel.name" = format!("{method} {route}"),
        "otel.kind" = "server",
        "otel.status_code" = Empty,
        "http.request.method" = method,
        "http.route" = route,
        "http.response.status_code" = Empty,
    );
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status();
    span.record("http.response.status_code", status.as_u16());
    if status.is_server_error() {
        span.record("otel.status_code", "ERROR");
    }
    let status = status.as_u16().to_string();
    metrics::histogram!(DURATION, "method" => method, "route" => route, "status" => status)
        .record(begun.elapsed().as_secs_f64());
    response
}
