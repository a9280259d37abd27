//! What a process that stays tells of itself: a log on standard error and, where a
//! collector is named, traces by OTLP.

use std::io::IsTerminal;

use estiba_model::message;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, filter};

use crate::failure::Failure;

/// The variables that name a collector, for traces alone or for all
/// (<https://opentelemetry.io/docs/specs/otel/protocol/exporter/>). Others of the
/// specification, such as `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_SERVICE_NAME`,
/// are read by the exporter.
const ENDPOINT_VARIABLES: [&str; 2] = [
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_ENDPOINT",
];

/// Traces on their way to a collector.
pub struct Telemetry(Option<SdkTracerProvider>);

impl Telemetry {
    /// Begins to log, text for people or JSON for programs, and to trace where a
    /// collector is named.
    ///
    /// # Errors
    /// When what is said of the collector can't be used.
    pub async fn begin(json: bool) -> Result<Self, Failure> {
        let is_set = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty());
        let provider = match ENDPOINT_VARIABLES.iter().any(|name| is_set(name)) {
            true => Some(provider().await.map_err(|error| unusable(&error))?),
            false => None,
        };
        let traces = provider.as_ref().map(|provider| {
            // The exporter's own requests would be traced for ever.
            let own = filter::filter_fn(|of| of.target().starts_with("estiba"));
            let tracer = provider.tracer("estiba");
            tracing_opentelemetry::layer()
                .with_tracer(tracer)
                .with_filter(own)
        });
        let log = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(is_painted());
        // Spans are for traces: a line of the log says by itself what it is about.
        let events = filter::filter_fn(|of| of.is_event());
        let log = match json {
            true => log.json().with_filter(events).boxed(),
            false => log.with_filter(events).boxed(),
        };
        let filter =
            EnvFilter::try_from_env("ESTIBA_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
        // A second subscriber can't be: this runs once.
        let _ = tracing_subscriber::registry()
            .with(filter)
            .with(log)
            .with(traces)
            .try_init();
        Ok(Self(provider))
    }

    /// Sends what was not sent yet.
    pub async fn end(self) {
        let Some(provider) = self.0 else {
            return;
        };
        let ended = tokio::task::spawn_blocking(move || provider.shutdown()).await;
        if let Ok(Err(error)) = ended {
            tracing::warn!(%error, "the last traces did not get to the collector");
        }
    }
}

/// Colours are for a terminal alone (<https://no-color.org>).
fn is_painted() -> bool {
    let is_wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    is_wanted && std::io::stderr().is_terminal()
}

/// Spans go out in batches, from a thread of their own with a client that blocks.
async fn provider() -> Result<SdkTracerProvider, ExporterBuildError> {
    // The first to choose chooses for the process; it is the same everywhere.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let build = || SpanExporter::builder().with_http().build();
    let exporter = match tokio::task::spawn_blocking(build).await {
        Ok(exporter) => exporter?,
        Err(stopped) => std::panic::resume_unwind(stopped.into_panic()),
    };
    let name = std::env::var("OTEL_SERVICE_NAME").unwrap_or_else(|_| "estiba".to_owned());
    let resource = Resource::builder().with_service_name(name).build();
    Ok(SdkTracerProvider::builder()
        .with_resource(resource)
        .with_batch_exporter(exporter)
        .build())
}

fn unusable(error: &ExporterBuildError) -> Failure {
    Failure::because(message!(
        "traces can't be sent: {error}; correct {} or unset it",
        "no se pueden enviar trazas: {error}; corrija {} o quítelo",
        ENDPOINT_VARIABLES[1]
    ))
}
