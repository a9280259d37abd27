//! What the tests of this crate run: the program that plays the hidden roles,
//! and, in containers, an application that does what its arguments say.

use std::convert::Infallible;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

static HEALTHY: AtomicBool = AtomicBool::new(true);
static ALIVE: AtomicBool = AtomicBool::new(true);

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    if let Some(code) = estiba_target_local::role(&args) {
        return code;
    }
    let args: Vec<_> = std::env::args().skip(1).collect();
    let args: Vec<_> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["serve", options @ ..] => serve(options),
        ["exit", code, line] => {
            eprintln!("{line}");
            return ExitCode::from(code.parse::<u8>().unwrap_or(99));
        }
        ["lines", count, width] => {
            let width: usize = width.parse().unwrap_or(1);
            for number in 0..count.parse::<usize>().unwrap_or(0) {
                let digits = number.to_string();
                println!("{}{digits}", "0".repeat(width - digits.len().min(width)));
            }
            wait_for_ever();
        }
        ["partial", text] => {
            print!("{text}");
            let _ = std::io::stdout().flush();
        }
        ["show", paths @ ..] => {
            for path in paths {
                let mode = std::fs::metadata(path).map(|found| found.permissions().mode() & 0o777);
                let text = std::fs::read_to_string(path).unwrap_or_else(|error| error.to_string());
                println!("{path} {:o} {text}", mode.unwrap_or(0));
            }
            let names: Vec<_> = std::env::vars().map(|(name, _)| name).collect();
            println!("names {}", names.join(" "));
            wait_for_ever();
        }
        ["append", path, text] => {
            let before = std::fs::read_to_string(path).unwrap_or_default();
            let written = std::fs::write(path, format!("{before}{text}"));
            println!("before [{before}] {written:?}");
            wait_for_ever();
        }
        ["say", text, code] => {
            println!("{text}");
            return ExitCode::from(code.parse::<u8>().unwrap_or(99));
        }
        ["is-file", path] if std::path::Path::new(path).is_file() => {}
        other => {
            eprintln!("what? {other:?}");
            return ExitCode::from(64);
        }
    }
    ExitCode::SUCCESS
}

/// With no handler for any signal.
fn wait_for_ever() -> ! {
    loop {
        std::thread::park();
    }
}

fn serve(options: &[&str]) {
    let has = |option: &str| options.contains(&option);
    if has("slow-start") {
        std::thread::sleep(Duration::from_millis(700));
    }
    let port = if has("fixed-port") {
        "3999".to_owned()
    } else {
        std::env::var("PORT").unwrap_or_default()
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let Ok(runtime) = runtime else { return };
    runtime.block_on(async {
        let Ok(listener) = TcpListener::bind(format!("127.0.0.1:{port}")).await else {
            eprintln!("can't listen on {port}");
            return;
        };
        println!("listening on {port}");
        let Ok(mut terminate) = signal(SignalKind::terminate()) else {
            return;
        };
        loop {
            tokio::select! {
                accepted = listener.accept() => {
                    let Ok((stream, _)) = accepted else { continue };
                    tokio::spawn(async move {
                        let service = service_fn(answer);
                        let _ = hyper::server::conn::http1::Builder::new()
                            .serve_connection(TokioIo::new(stream), service)
                            .await;
                    });
                }
                _ = terminate.recv() => {
                    println!("asked to end");
                    if !has("ignore-term") {
                        return;
                    }
                }
            }
        }
    });
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let ok = |yes: &AtomicBool| match yes.load(Ordering::Relaxed) {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut status = StatusCode::OK;
    match request.uri().path() {
        "/health" => status = ok(&HEALTHY),
        "/alive" => status = ok(&ALIVE),
        "/sick" => HEALTHY.store(false, Ordering::Relaxed),
        "/well" => HEALTHY.store(true, Ordering::Relaxed),
        "/dead" => ALIVE.store(false, Ordering::Relaxed),
        "/slow" => tokio::time::sleep(Duration::from_millis(300)).await,
        _ => {}
    }
    let version = std::env::var("ESTIBA_VERSION").unwrap_or_default();
    let mut response = Response::new(Full::from(version));
    *response.status_mut() = status;
    Ok(response)
}
