//! The store as a part of Elasticsearch's interface: what shippers write to and
//! what Grafana and common clients read.

mod access;

use std::sync::Arc;

use axum::Router;

use crate::LogStore;

pub use access::{Access, Credentials, Grant, Refused, Writer};

/// How the endpoint behaves.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The version that it says to be. Filebeat refuses one older than its own.
    pub version: String,
    /// The longest body as it comes, in bytes.
    pub longest_body: usize,
    /// The longest body once it is unpacked, in bytes.
    pub longest_unpacked: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            version: "8.19.0".into(),
            longest_body: 20 << 20,
            longest_unpacked: 100 << 20,
        }
    }
}

/// The routes, to be mounted or merged.
pub fn router(_store: Arc<LogStore>, _access: Arc<dyn Access>, _settings: Settings) -> Router {
    unimplemented!()
}
