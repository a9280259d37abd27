//! Traces, as a collector of OpenTelemetry gets them.

use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;
use prost::Message;

use crate::bench::Server;
use crate::support::SECRET;

/// Where traces go; what came is received.
fn collector() -> (String, Receiver<ExportTraceServiceRequest>) {
    let (send, received) = channel();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let take = move |body: Bytes| {
        let came = ExportTraceServiceRequest::decode(body).unwrap();
        send.send(came).unwrap();
        async { "" }
    };
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = { runtime }.enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let router = Router::new().route("/v1/traces", post(take));
            axum::serve(listener, router).await.unwrap();
        });
    });
    (url, received)
}

pub fn a_collector_gets_requests_and_the_steps_of_deployments() {
    let (url, received) = collector();
    let collector = vec![("OTEL_EXPORTER_OTLP_ENDPOINT", url)];
    let mut server = Server::within(collector, &[]);
    server.team("moria");
    let gimli = server.person("moria", "gimli", "member");
    let project = server.project("moria", &gimli);
    let secret = ["secret", "set", "TOKEN", "--env", "test"];
    project.with_input(&secret, SECRET).ok();
    project.run(&["up", "--version", "1.0.0"]).ok();
    project.run(&["down", "--yes", "--env", "test"]).ok();
    server.end();

    let mut all: Vec<ResourceSpans> = Vec::new();
    while let Ok(came) = received.recv_timeout(Duration::from_millis(100)) {
        all.extend(came.resource_spans);
    }
    let text = format!("{all:?}");
    assert!(!text.contains(SECRET) && !text.contains(&gimli), "{text}");
    let resource = all[0].resource.as_ref().unwrap();
    let service = resource
        .attributes
        .iter()
        .find(|one| one.key == "service.name");
    let service = service.and_then(|one| one.value.clone()?.value);
    assert_eq!(service, Some(Value::StringValue("estiba".to_owned())));

    let scopes = all.iter().flat_map(|resource| &resource.scope_spans);
    let spans: Vec<_> = scopes.flat_map(|scope| &scope.spans).collect();
    let named = |name: &str| {
        let found = spans.iter().find(|span| span.name == name);
        *found.unwrap_or_else(|| panic!("no {name} in {text}"))
    };
    named("POST /api/v1/teams");
    let deployment = named("deployment");
    for step in ["migrate", "start", "await"] {
        let step = named(step);
        assert_eq!(step.trace_id, deployment.trace_id);
        assert!(step.end_time_unix_nano >= step.start_time_unix_nano);
    }
}
