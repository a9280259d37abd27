//! The store as a part of Elasticsearch's interface: what shippers write to and
//! what Grafana and common clients read.
//!
//! Every name of an index is taken and means the same lines: whose they are says the
//! token, not the name. Words of a query string that are only next to one another
//! all have to be there, as everywhere in Estiba, unless `default_operator` is `OR`.

mod access;
mod aggregations;
mod answer;
mod asking;
mod body;
mod bounds;
mod bulk;
mod caller;
mod catalog;
mod dsl;
mod fields;
mod filter;
mod ids;
mod request;
mod search;
mod write;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::{any, get, post, put};
use tokio::sync::Semaphore;

use crate::LogStore;

pub use access::{Access, Credentials, Grant, Refused, Writer};
pub use bulk::{BulkError, Item, Items, Unread};

/// How the endpoint behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The version that it says to be. Filebeat 8.1 to 8.10 refuses one older than
    /// its own.
    pub version: String,
    /// The longest body as it comes, in bytes.
    pub longest_body: usize,
    /// The longest body once it is unpacked, in bytes. It is unpacked bit by bit.
    pub longest_unpacked: usize,
    /// How many bodies are unpacked and taken at a time, once they are here; others wait.
    pub bodies_at_once: usize,
    /// How many bytes the bodies may have together that are on their way or wait. It is
    /// well above `bodies_at_once` times `longest_body`, so that as many clients that
    /// send and then stand still leave room for others.
    pub bodies_bytes: usize,
    /// How long a body may be on its way, which is as long as common shippers wait.
    pub body_time: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: "8.19.0".into(),
            longest_body: 20 << 20,
            longest_unpacked: 200 << 20,
            bodies_at_once: 4,
            bodies_bytes: 128 << 20,
            body_time: Duration::from_secs(60),
        }
    }
}

/// What all handlers share.
#[derive(Clone)]
pub(crate) struct Endpoint {
    store: Arc<LogStore>,
    access: Arc<dyn Access>,
    settings: Arc<Settings>,
    bodies: Arc<Semaphore>,
    room: Arc<Semaphore>,
    ids: Arc<ids::Ids>,
}

/// The routes, to be mounted or merged.
pub fn router(store: Arc<LogStore>, access: Arc<dyn Access>, settings: Settings) -> Router {
    let endpoint = Endpoint {
        store,
        access,
        bodies: Arc::new(Semaphore::new(settings.bodies_at_once.max(1))),
        room: Arc::new(Semaphore::new(settings.bodies_bytes)),
        settings: Arc::new(settings),
        ids: Arc::new(ids::Ids::new()),
    };
    let bulk = || post(write::bulk).put(write::bulk);
    Router::new()
        // What shippers ask before they write.
        .route("/", get(catalog::root))
        .route("/_license", get(catalog::license))
        .route("/_xpack", get(catalog::xpack))
        .route("/_cluster/health", get(catalog::cluster_health))
        .route("/_cluster/health/{index}", get(catalog::cluster_health))
        .route("/_cluster/settings", get(catalog::nothing))
        .route("/_cat/health", get(catalog::cat_health))
        .route("/_nodes", get(catalog::nodes))
        .route("/_nodes/http", get(catalog::nodes_to_reach))
        .route("/_nodes/_all/http", get(catalog::nodes_to_reach))
        .route("/_nodes/{*what}", get(catalog::nodes))
        .route(
            "/_ilm/policy/{name}",
            get(catalog::ilm_policy).put(catalog::acknowledge),
        )
        .route(
            "/_index_template/{name}",
            get(catalog::index_template).put(catalog::acknowledge),
        )
        .route(
            "/_component_template/{name}",
            get(catalog::component_template).put(catalog::acknowledge),
        )
        .route(
            "/_template/{name}",
            get(catalog::named).put(catalog::acknowledge),
        )
        .route(
            "/_data_stream/{name}",
            get(catalog::data_stream).put(catalog::acknowledge),
        )
        .route(
            "/_ingest/pipeline/{name}",
            get(catalog::named).put(catalog::acknowledge),
        )
        .route("/_alias/{name}", get(catalog::alias))
        // Writing.
        .route("/_bulk", bulk())
        .route("/{index}/_bulk", bulk())
        .route("/{index}/{kind}/_bulk", bulk())
        .route("/{index}/_doc/_bulk", bulk())
        .route("/{index}/_doc", post(write::document))
        .route(
            "/{index}/_doc/{id}",
            post(write::document).put(write::document),
        )
        .route(
            "/{index}/_create/{id}",
            post(write::created).put(write::created),
        )
        // Where Elastic's Go client 7 makes documents.
        .route(
            "/{index}/_doc/{id}/_create",
            post(write::created).put(write::created),
        )
        // Reading.
        .route("/_search", get(search::search).post(search::search))
        .route("/{index}/_search", get(search::search).post(search::search))
        .route("/_msearch", get(search::many).post(search::many))
        .route("/{index}/_msearch", get(search::many).post(search::many))
        .route("/_count", get(search::count).post(search::count))
        .route("/{index}/_count", get(search::count).post(search::count))
        .route(
            "/_field_caps",
            get(fields::capabilities).post(fields::capabilities),
        )
        .route(
            "/{index}/_field_caps",
            get(fields::capabilities).post(fields::capabilities),
        )
        .route("/_mapping", get(fields::mapping))
        .route("/{index}/_mapping", get(fields::mapping))
        .route("/_cat/indices", get(catalog::cat_indices))
        .route("/_cat/indices/{index}", get(catalog::cat_indices))
        .route("/_resolve/index/{index}", get(catalog::resolve))
        .route(
            "/_refresh",
            post(catalog::refreshed).get(catalog::refreshed),
        )
        .route(
            "/{index}/_refresh",
            post(catalog::refreshed).get(catalog::refreshed),
        )
        .route("/{index}", put(catalog::index_made).get(catalog::index))
        .fallback(any(catalog::unknown))
        .method_not_allowed_fallback(catalog::unknown)
        .layer(from_fn_with_state(endpoint.clone(), caller::admit))
        .layer(axum::middleware::map_response(answer::mark))
        .with_state(endpoint)
}
