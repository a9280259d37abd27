//! Heroku's router: from a host name to a web dyno that is up.
//!
//! Sources: <https://devcenter.heroku.com/articles/http-routing>,
//! <https://devcenter.heroku.com/articles/error-codes>. Not here: a request is given to
//! no other dyno when the first does not take it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{Html, IntoResponse, Response};
use hyper::upgrade::OnUpgrade;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rand::seq::IndexedRandom;
use tokio::io::copy_bidirectional;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep, timeout};

use crate::apps::App;
use crate::dynos::State as DynoState;
use crate::ids::new_id;
use crate::logs::Logs;
use crate::world::{Shared, World};

/// How often a request that waits for a dyno looks again.
const EVERY: Duration = Duration::from_millis(50);
/// Tries to find a port that is free at two addresses.
const TRIES: u32 = 20;

/// One address of the router.
#[derive(Clone)]
struct Door {
    world: Shared,
    /// The app that it is for; without one, the host name tells.
    app: Option<String>,
    client: Client<HttpConnector, Body>,
}

/// Where requests for all apps come in: on loopback, and where dynos reach it.
pub(crate) async fn bind(gateway: IpAddr) -> Result<(u16, Vec<TcpListener>)> {
    let mut last = None;
    for _ in 0..TRIES {
        let here = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = here.local_addr()?.port();
        match TcpListener::bind((gateway, port)).await {
            Ok(there) => return Ok((port, vec![here, there])),
            Err(error) => last = Some(error),
        }
    }
    let why = last.map_or_else(String::new, |error| error.to_string());
    anyhow::bail!("no port is free at loopback and {gateway}: {why}")
}

fn serve(world: &Shared, listener: TcpListener, app: Option<&App>) {
    let door = Door {
        world: Arc::clone(world),
        app: app.map(|app| app.id.clone()),
        client: Client::builder(TokioExecutor::new()).build_http(),
    };
    let life = app.map_or_else(|| world.ending.clone(), |app| app.life.clone());
    let router = Router::new().fallback(route).with_state(door);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move {
        let serving = axum::serve(listener, service);
        // It ends with the app, requests and all.
        tokio::select! {
            result = serving.into_future() => result,
            () = life.cancelled() => Ok(()),
        }
    });
}

/// Serves all apps.
pub(crate) fn open(world: &Shared, listeners: Vec<TcpListener>) {
    listeners
        .into_iter()
        .for_each(|listener| serve(world, listener, None));
}

/// Serves one app at a port of its own.
pub(crate) async fn open_port(world: &Shared, app: &App) -> Result<u16> {
    let listener = TcpListener::bind((world.addresses.gateway, 0)).await?;
    let port = listener.local_addr()?.port();
    serve(world, listener, Some(app));
    Ok(port)
}

/// Where a request may go.
enum Way {
    To(SocketAddr, String),
    Wait,
    Error(Trouble),
}

#[derive(Clone, Copy)]
struct Trouble {
    code: &'static str,
    description: &'static str,
    status: StatusCode,
}

const fn trouble(code: &'static str, description: &'static str) -> Trouble {
    Trouble {
        code,
        description,
        status: StatusCode::SERVICE_UNAVAILABLE,
    }
}

const CRASHED: Trouble = trouble("H10", "App crashed");
const TIMEOUT: Trouble = trouble("H12", "Request timeout");
const CLOSED: Trouble = trouble("H13", "Connection closed without response");
const NO_DYNOS: Trouble = trouble("H14", "No web processes running");
const BOOTING: Trouble = trouble("H20", "App boot timeout");
const REFUSED: Trouble = trouble("H21", "Backend connection refused");
const MAINTENANCE: Trouble = trouble("H80", "Maintenance mode");
const BLANK: Trouble = Trouble {
    status: StatusCode::BAD_GATEWAY,
    ..trouble("H81", "Blank app")
};

/// With `preboot` there are old and new dynos: the newest that are up serve.
fn way(app: &App) -> Way {
    if app.maintenance {
        return Way::Error(MAINTENANCE);
    }
    if !app
        .current()
        .is_some_and(crate::releases::Release::has_images)
    {
        return Way::Error(BLANK);
    }
    let web: Vec<_> = app
        .dynos
        .iter()
        .filter(|dyno| dyno.launch.kind == "web")
        .collect();
    let up = || web.iter().filter(|dyno| dyno.state == DynoState::Up);
    let newest = up().map(|dyno| dyno.launch.release.1).max();
    let serving: Vec<_> = up()
        .filter(|dyno| Some(dyno.launch.release.1) == newest)
        .filter_map(|dyno| Some((dyno.address?, dyno.launch.name.clone())))
        .collect();
    if let Some((address, name)) = serving.choose(&mut rand::rng()) {
        return Way::To(*address, name.clone());
    }
    let wanted = app.formation.get("web").is_some_and(|web| web.quantity > 0);
    match web.iter().any(|dyno| dyno.state == DynoState::Starting) {
        _ if !wanted => Way::Error(NO_DYNOS),
        false if !web.is_empty() => Way::Error(CRASHED),
        // Those that were there have gone, and the new ones are about to come.
        _ => Way::Wait,
    }
}

impl Door {
    fn app(&self, host: &str) -> Option<(String, Arc<Logs>)> {
        let host = host
            .split(':')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let state = self.world.state();
        let is = |app: &&App| match &self.app {
            Some(id) => app.id == *id,
            None => app.domains.iter().any(|domain| domain.hostname == host),
        };
        let found = state.apps.iter().find(is)?;
        Some((found.id.clone(), Arc::clone(&found.logs)))
    }

    async fn find(&self, id: &str) -> Result<(SocketAddr, String), Trouble> {
        let begin = Instant::now();
        while begin.elapsed() < self.world.options.boot_limit {
            let way = match self.world.state().app(id) {
                Ok(app) => way(app),
                Err(_) => return Err(NO_DYNOS),
            };
            match way {
                Way::To(address, name) => return Ok((address, name)),
                Way::Error(trouble) => return Err(trouble),
                Way::Wait => sleep(EVERY).await,
            }
        }
        Err(BOOTING)
    }

    async fn pass(&self, to: SocketAddr, mut request: Request) -> Result<Response, Trouble> {
        let query = request
            .uri()
            .path_and_query()
            .map_or("/", |one| one.as_str());
        let uri = format!("http://{to}{query}")
            .parse::<Uri>()
            .map_err(|_| CLOSED)?;
        *request.uri_mut() = uri;
        let changes = request.headers().contains_key(header::UPGRADE);
        let visitor = changes.then(|| hyper::upgrade::on(&mut request));
        let limit = self.world.options.answer_limit;
        match timeout(limit, self.client.request(request)).await {
            Ok(Ok(mut response)) => {
                if let Some(visitor) = visitor
                    && response.status() == StatusCode::SWITCHING_PROTOCOLS
                {
                    tokio::spawn(join(visitor, hyper::upgrade::on(&mut response)));
                }
                Ok(response.into_response())
            }
            Ok(Err(error)) if error.is_connect() => Err(REFUSED),
            Ok(Err(_)) => Err(CLOSED),
            Err(_) => Err(TIMEOUT),
        }
    }
}

/// Carries what both sides say once they have changed to another protocol.
async fn join(visitor: OnUpgrade, dyno: OnUpgrade) {
    if let (Ok(visitor), Ok(dyno)) = tokio::join!(visitor, dyno) {
        let (mut visitor, mut dyno) = (TokioIo::new(visitor), TokioIo::new(dyno));
        // It ends when either of them does, however.
        let _ = copy_bidirectional(&mut visitor, &mut dyno).await;
    }
}

async fn route(
    State(door): State<Door>,
    ConnectInfo(from): ConnectInfo<SocketAddr>,
    mut request: Request,
) -> Response {
    let headers = request.headers();
    let host = headers.get(header::HOST).and_then(|one| one.to_str().ok());
    let host = host.unwrap_or_default().to_owned();
    let Some((id, logs)) = door.app(&host) else {
        let page = "<h1>There's nothing here, yet.</h1><p>No such app</p>";
        return (StatusCode::NOT_FOUND, Html(page)).into_response();
    };
    let request_id = new_id();
    let path = request
        .uri()
        .path_and_query()
        .map_or("/", |one| one.as_str());
    let asked = format!(
        "method={} path=\"{path}\" host={host} request_id={request_id} fwd=\"{}\"",
        request.method(),
        from.ip()
    );
    add_headers(&mut request, from, &door.world, &request_id);
    let begin = Instant::now();
    let found = door.find(&id).await;
    let name = found
        .as_ref()
        .map_or_else(|_| String::new(), |(_, name)| name.clone());
    let passed = match found {
        Ok((address, _)) => door.pass(address, request).await,
        Err(trouble) => Err(trouble),
    };
    let (how, response) = match passed {
        Ok(response) => ("at=info".to_owned(), response),
        Err(Trouble {
            code,
            description,
            status,
        }) => {
            let how = format!("at=error code={code} desc=\"{description}\"");
            let page = Html("<h1>Application error</h1>");
            (how, (status, page).into_response())
        }
    };
    let (service, status) = (begin.elapsed().as_millis(), response.status().as_u16());
    logs.write("heroku", "router", &format!(
        "{how} {asked} dyno={name} connect=0ms service={service}ms status={status} protocol=http"
    ));
    response
}

fn add_headers(request: &mut Request, from: SocketAddr, world: &World, request_id: &str) {
    let mut put = |name: &'static str, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            request.headers_mut().insert(name, value);
        }
    };
    put("x-forwarded-for", &from.ip().to_string());
    put("x-forwarded-proto", "http");
    put("x-forwarded-port", &world.addresses.router.to_string());
    put("x-request-id", request_id);
    put("via", "1.1 heroku-router");
}
