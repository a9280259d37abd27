//! HTTP through the edge, as instances and clients see it.
#![allow(clippy::unwrap_used, reason = "a test ends there")]

mod support;

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use estiba_edge::{HttpRoute, PortMode, ServicePort};
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::{Request, Response, StatusCode, Version};
use hyper_util::rt::TokioIo;
use support::{
    Client, Instance, TestEdge, free_address, full, get, raw_server, read_head, route, text,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Answers with the request as it came: line, headers and body.
async fn echo(request: Request<Incoming>) -> Response<support::Body> {
    let mut seen = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        seen += &format!("{name}: {}\n", value.to_str().unwrap());
    }
    let body = request.into_body().collect().await.unwrap().to_bytes();
    seen += &format!("\n{}", std::str::from_utf8(&body).unwrap());
    Response::new(full(seen))
}

async fn edge_with_echo() -> (TestEdge, Instance) {
    let edge = TestEdge::start().await;
    let instance = Instance::with(echo).await;
    edge.route_app(std::slice::from_ref(&instance.upstream))
        .await;
    (edge, instance)
}

#[tokio::test]
async fn a_prefix_is_stripped_and_told() {
    let (edge, instance) = edge_with_echo().await;
    let stripped = HttpRoute {
        strip_prefix: true,
        ..route("localhost", "/moria/test", "app")
    };
    let whole = route("localhost", "/whole", "app");
    let routes = [stripped, whole];
    edge.control.set_routes("test", &routes, &[]).await.unwrap();
    edge.set_app(std::slice::from_ref(&instance.upstream)).await;
    let mut client = edge.client().await;
    let cases = [
        ("/moria/test", "/", true),
        ("/moria/test/", "/", true),
        ("/moria/test?a=1", "/?a=1", true),
        ("/moria/test/x/%2F?a=/b", "/x/%2F?a=/b", true),
        ("/moria/test//evil.example/", "//evil.example/", true),
        ("/whole/x", "/whole/x", false),
    ];
    for (asked, expected, told) in cases {
        let answer = client.send(get("localhost", asked)).await.unwrap();
        let seen = text(answer).await.unwrap();
        assert!(seen.starts_with(&format!("GET {expected}\n")), "{seen}");
        let prefix = seen.contains("x-forwarded-prefix: /moria/test\n");
        assert_eq!(prefix, told, "{seen}");
    }
}

#[tokio::test]
async fn heads_are_forwarded_without_what_is_for_one_hop() {
    let (edge, _instance) = edge_with_echo().await;
    let request = Request::get("/")
        .header("host", "app.localhost:8080")
        .header("connection", "keep-alive, x-private")
        .header("x-private", "1")
        .header("keep-alive", "timeout=5")
        .header("proxy-authorization", "Basic eA==")
        .header("te", "trailers")
        .header("x-forwarded-for", "203.0.113.7")
        .header("x-forwarded-proto", "https")
        .header("authorization", "Bearer kept");
    let request = request.body(full("")).unwrap();
    let answer = edge.client().await.send(request).await.unwrap();
    let seen = text(answer).await.unwrap();
    let mut lines: Vec<&str> = seen.trim_end().lines().collect();
    lines.sort_unstable();
    let expected = [
        "GET /",
        "authorization: Bearer kept",
        "host: app.localhost:8080",
        "x-forwarded-for: 203.0.113.7, 127.0.0.1",
        "x-forwarded-host: app.localhost:8080",
        "x-forwarded-proto: https",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn an_unknown_host_gets_a_page_that_lists_the_known_ones() {
    let (edge, _instance) = edge_with_echo().await;
    for (language, start) in [
        ("en", "There is nothing at x.localhost"),
        ("es", "No hay nada en"),
    ] {
        let mut request = get("x.localhost:80", "/");
        let value = language.parse().unwrap();
        request.headers_mut().insert("accept-language", value);
        let answer = edge.client().await.send(request).await.unwrap();
        assert_eq!(answer.status(), 404);
        assert_eq!(
            answer.headers()["content-type"],
            "text/plain; charset=utf-8"
        );
        let page = text(answer).await.unwrap();
        assert!(page.starts_with(start), "{page}");
        assert!(page.contains("\n  app.localhost"), "{page}");
    }
    let only_api = [route("app.localhost", "/api", "app")];
    edge.control
        .set_routes("test", &only_api, &[])
        .await
        .unwrap();
    let (status, page) = edge.client().await.get("/other").await.unwrap();
    assert_eq!(status, 404);
    assert!(page.contains("\n  /api"), "{page}");
}

#[tokio::test]
async fn http_1_0_clients_are_answered_and_hung_up_on() {
    let edge = TestEdge::start().await;
    let instance = Instance::with(|request| async move {
        assert_eq!(request.version(), Version::HTTP_11);
        let frames = ["a", "b"].map(|part| Ok::<_, Infallible>(Frame::data(Bytes::from(part))));
        Response::new(BodyExt::boxed(StreamBody::new(futures::stream::iter(
            frames,
        ))))
    })
    .await;
    edge.route_app(std::slice::from_ref(&instance.upstream))
        .await;
    let answer = edge
        .raw(b"GET / HTTP/1.0\r\nHost: app.localhost\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nab"), "{answer}");
    let nowhere = edge.raw(b"GET / HTTP/1.0\r\n\r\n").await;
    assert!(nowhere.starts_with("HTTP/1.0 404 "), "{nowhere}");
}

#[tokio::test]
async fn head_has_the_length_and_no_body() {
    let (edge, _instance) = edge_with_echo().await;
    let mut client = edge.client().await;
    for _ in 0..2 {
        let mut request = get("app.localhost", "/");
        *request.method_mut() = hyper::Method::HEAD;
        let answer = client.send(request).await.unwrap();
        assert!(answer.headers().contains_key("content-length"));
        assert_eq!(text(answer).await.unwrap(), "");
    }
}

#[tokio::test]
async fn an_expectation_is_met_and_a_chunked_body_arrives() {
    let (edge, _instance) = edge_with_echo().await;
    let mut stream = TcpStream::connect(edge.address).await.unwrap();
    let head = b"POST / HTTP/1.1\r\nHost: app.localhost\r\nExpect: 100-continue\r\n\
        Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
    stream.write_all(head).await.unwrap();
    let go_on = read_head(&mut stream).await.unwrap();
    assert_eq!(go_on, "HTTP/1.1 100 Continue\r\n\r\n");
    stream
        .write_all(b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.ends_with("\n\nhello"), "{answer}");
    assert!(!answer.contains("expect:"), "{answer}");
}

#[tokio::test]
async fn events_arrive_while_the_response_goes_on() {
    let edge = TestEdge::start().await;
    let (streams, mut opened) = mpsc::unbounded::<mpsc::UnboundedSender<&'static str>>();
    let instance = Instance::with(move |_| {
        let streams = streams.clone();
        async move {
            let (events, stream) = mpsc::unbounded();
            streams.unbounded_send(events).unwrap();
            let frames = stream.map(|e| Ok::<_, Infallible>(Frame::data(Bytes::from(e))));
            Response::new(BodyExt::boxed(StreamBody::new(frames)))
        }
    })
    .await;
    edge.route_app(std::slice::from_ref(&instance.upstream))
        .await;
    let mut client = edge.client().await;
    let mut answer = client.send(get("app.localhost", "/events")).await.unwrap();
    let mut events = opened.next().await.unwrap();
    // Each one is sent only after the one before was received.
    for event in ["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"] {
        events.send(event).await.unwrap();
        let frame = answer.frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), event);
    }
    drop(events);
    assert!(answer.frame().await.is_none());
}

#[tokio::test]
async fn websockets_pass_and_count_as_in_flight() {
    let edge = TestEdge::start().await;
    let instance = Instance::with(|mut request: Request<Incoming>| async move {
        assert_eq!(request.headers()["connection"], "upgrade");
        let protocol = request.headers()["upgrade"].clone();
        tokio::spawn(async move {
            let upgraded = hyper::upgrade::on(&mut request).await.unwrap();
            let (mut read, mut write) = tokio::io::split(TokioIo::new(upgraded));
            tokio::io::copy(&mut read, &mut write).await.unwrap();
            write.shutdown().await.unwrap();
        });
        let response = Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header("connection", "upgrade")
            .header("upgrade", protocol);
        response.body(full("")).unwrap()
    })
    .await;
    edge.route_app(std::slice::from_ref(&instance.upstream))
        .await;
    let mut client = edge.client().await;
    let request = Request::get("/ws")
        .header("host", "app.localhost")
        .header("connection", "Upgrade")
        .header("upgrade", "websocket");
    let request = request.body(full("")).unwrap();
    let mut answer = client.send(request).await.unwrap();
    assert_eq!(answer.status(), 101);
    assert_eq!(answer.headers()["upgrade"], "websocket");
    let upgraded = hyper::upgrade::on(&mut answer).await.unwrap();
    let mut socket = TokioIo::new(upgraded);
    for message in ["hello", "again"] {
        socket.write_all(message.as_bytes()).await.unwrap();
        let mut echoed = vec![0; message.len()];
        socket.read_exact(&mut echoed).await.unwrap();
        assert_eq!(echoed, message.as_bytes());
    }
    let in_flight = edge.control.drain(&instance.upstream, Duration::ZERO);
    assert_eq!(in_flight.await.unwrap(), 1);
    socket.shutdown().await.unwrap();
    assert_eq!(socket.read(&mut [0]).await.unwrap(), 0);
    let in_flight = edge
        .control
        .drain(&instance.upstream, Duration::from_secs(30));
    assert_eq!(in_flight.await.unwrap(), 0);
}

#[tokio::test]
async fn an_answer_may_come_before_the_whole_request() {
    let edge = TestEdge::start().await;
    let upstream = raw_server(|mut stream| async move {
        read_head(&mut stream).await;
        let answer = b"HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig";
        stream.write_all(answer).await.unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest).await;
    })
    .await;
    edge.route_app(&[upstream]).await;
    let (_never_ends, body) = mpsc::unbounded::<Result<Frame<Bytes>, Infallible>>();
    let request = Request::post("/").header("host", "app.localhost");
    let request = request.body(BodyExt::boxed(StreamBody::new(body))).unwrap();
    let answer = edge.client().await.send(request).await.unwrap();
    assert_eq!(answer.status(), 413);
    assert_eq!(text(answer).await.unwrap(), "big");
}

#[tokio::test]
async fn what_can_be_read_in_two_ways_is_refused() {
    let (edge, _instance) = edge_with_echo().await;
    let cases = [
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: app.localhost\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: app.localhost\r\nX-A : 1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: app.localhost\r\nX-A: 1\r\n folded\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: app.localhost\r\nX\0: 1\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: app.localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "POST / HTTP/1.1\r\nHost: app.localhost\r\nContent-Length: +1\r\n\r\na",
        "POST / HTTP/1.1\r\nHost: app.localhost\r\nContent-Length: -1\r\n\r\na",
        "POST / HTTP/1.1\r\nHost: app.localhost\r\nTransfer-Encoding: gzip, chunked\r\nConnection: close\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: app.localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.0\r\nHost: app.localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "CONNECT app.localhost:80 HTTP/1.1\r\nHost: app.localhost\r\n\r\n",
        "GET / HTTP/1.1 x\r\nHost: app.localhost\r\n\r\n",
    ];
    for case in cases {
        let mut stream = TcpStream::connect(edge.address).await.unwrap();
        stream.write_all(case.as_bytes()).await.unwrap();
        let answer = read_head(&mut stream).await.unwrap();
        assert!(
            answer.starts_with("HTTP/1.1 400") || answer.starts_with("HTTP/1.0 400"),
            "{case}{answer}"
        );
    }
}

/// Of two lengths the chunks count, and nothing more is read from a client that
/// says both (<https://www.rfc-editor.org/rfc/rfc9112#section-6.3>).
#[tokio::test]
async fn a_second_length_smuggles_nothing() {
    let (edge, _instance) = edge_with_echo().await;
    for lengths in [
        "Content-Length: 60\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
    ] {
        let request = format!(
            "POST /first HTTP/1.1\r\nHost: app.localhost\r\n{lengths}\r\n\r\n\
             0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: app.localhost\r\n\r\n"
        );
        let answer = edge.raw(request.as_bytes()).await;
        assert!(answer.contains("POST /first\n"), "{answer}");
        assert!(answer.contains("transfer-encoding: chunked\n"), "{answer}");
        assert!(!answer.contains("content-length: 5\n"), "{answer}");
        assert!(!answer.contains("content-length: 60\n"), "{answer}");
        assert!(!answer.contains("smuggled"), "{answer}");
    }
}

#[tokio::test]
async fn a_head_that_is_too_long_is_refused() {
    let (edge, _instance) = edge_with_echo().await;
    let mut stream = TcpStream::connect(edge.address).await.unwrap();
    let padding = "a".repeat(100 * 1024);
    let request = format!("GET / HTTP/1.1\r\nHost: app.localhost\r\nX: {padding}\r\n\r\n");
    // The edge may hang up before it was all sent.
    let _ = stream.write_all(request.as_bytes()).await;
    let answer = read_head(&mut stream).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn a_client_that_never_ends_its_head_is_hung_up_on() {
    let edge = TestEdge::start_with(|config| {
        config.header_timeout = Duration::from_millis(50);
    })
    .await;
    let answer = edge.raw(b"GET / HTTP/1.1\r\nHost: ").await;
    assert_eq!(answer, "");
}

#[tokio::test]
async fn a_service_port_in_http_mode_takes_any_host() {
    let (edge, _instance) = edge_with_echo().await;
    let port = ServicePort {
        listen: free_address().await,
        service: "app".into(),
        mode: PortMode::Http,
    };
    let ports = std::slice::from_ref(&port);
    edge.control.set_routes("test", &[], ports).await.unwrap();
    let mut client = Client::connect(port.listen).await;
    let answer = client.send(get("anything", "/x")).await.unwrap();
    assert!(text(answer).await.unwrap().starts_with("GET /x\n"));
}

#[tokio::test]
async fn a_whole_url_in_the_request_line_names_the_host() {
    let (edge, _instance) = edge_with_echo().await;
    let request =
        b"GET http://app.localhost/x?y HTTP/1.1\r\nHost: other\r\nConnection: close\r\n\r\n";
    let answer = edge.raw(request).await;
    assert!(answer.contains("GET /x?y\n"), "{answer}");
    assert!(answer.contains("\nhost: app.localhost\n"), "{answer}");
}
