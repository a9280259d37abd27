//! A file of its own, so that the process's memory is this test's alone.
#![allow(clippy::unwrap_used, reason = "a test ends there")]

mod support;

use bytes::Bytes;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use hyper::{Request, Response};
use support::{Instance, TestEdge, full, text};

const CHUNK: usize = 64 * 1024;
const CHUNKS: usize = 1024;

/// The most memory that the process ever had, in bytes.
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kb: usize = peak
        .unwrap()
        .trim()
        .trim_end_matches(" kB")
        .parse()
        .unwrap();
    kb * 1024
}

#[tokio::test]
async fn an_upload_of_64_mb_is_streamed_not_kept() {
    let edge = TestEdge::start().await;
    let instance = Instance::with(|request: Request<hyper::body::Incoming>| async move {
        let mut body = request.into_body();
        let mut received = 0;
        while let Some(frame) = body.frame().await {
            received += frame.unwrap().into_data().map_or(0, |data| data.len());
        }
        Response::new(full(received.to_string()))
    })
    .await;
    edge.route_app(std::slice::from_ref(&instance.upstream))
        .await;
    let mut client = edge.client().await;
    assert_eq!(client.get("/").await.unwrap(), (200, "0".into()));

    let before = peak_memory();
    let chunk = Bytes::from(vec![7; CHUNK]);
    let frames = (0..CHUNKS).map(move |_| Ok(Frame::data(chunk.clone())));
    let body = StreamBody::new(futures::stream::iter(frames)).boxed();
    let request = Request::post("/").header("host", "app.localhost");
    let answer = client.send(request.body(body).unwrap()).await.unwrap();
    assert_eq!(text(answer).await.unwrap(), (CHUNK * CHUNKS).to_string());
    let grown = peak_memory() - before;
    assert!(grown < CHUNK * CHUNKS / 4, "grew by {grown} bytes");
}
