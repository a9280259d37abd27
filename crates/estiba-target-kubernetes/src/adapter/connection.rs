//! The connection to an API server. Streams of logs and of commands stay open for as long
//! as they are wanted, and say nothing for hours: whether somebody is still there is
//! asked by the network itself.

use std::time::Duration;

use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use kube::client::{Body, ConfigExt};
use kube::{Client, Config};
use tower::{BoxError, ServiceBuilder};

/// A server that can't be connected to in this time is given up.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// A connection on which nothing came for so long is tried.
const IDLE: Duration = Duration::from_secs(10);
/// It is tried every so often, so many times; then the connection is lost.
const BETWEEN: Duration = Duration::from_secs(5);
const TRIES: u32 = 3;
/// It is lost too when what was sent is not acknowledged for so long. All that were open
/// are lost before one request is given up, so that the next has a new one.
const UNACKNOWLEDGED: Duration = Duration::from_secs(25);

/// A client of the server.
///
/// # Errors
/// When what a kubeconfig says of keys and certificates can't be used.
pub(super) fn client(mut config: Config) -> Result<Client, kube::Error> {
    config.connect_timeout = Some(CONNECT_LIMIT);
    // Of a server behind a proxy, the library says what it can't do.
    if config.proxy_url.is_some() {
        return Client::try_from(config);
    }
    let mut network = HttpConnector::new();
    network.enforce_http(false);
    network.set_connect_timeout(Some(CONNECT_LIMIT));
    network.set_keepalive(Some(IDLE));
    network.set_keepalive_interval(Some(BETWEEN));
    network.set_keepalive_retries(Some(TRIES));
    network.set_tcp_user_timeout(Some(UNACKNOWLEDGED));
    let secure = config.rustls_https_connector_with_connector(network)?;
    let http = legacy::Client::builder(TokioExecutor::new()).build::<_, Body>(secure);
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer()?)
        .layer(config.extra_headers_layer()?)
        .map_err(BoxError::from)
        .service(http);
    Ok(Client::new(service, config.default_namespace))
}
