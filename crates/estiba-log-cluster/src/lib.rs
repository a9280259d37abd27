//! Logs in a cluster: Elasticsearch, OpenSearch, Quickwit, or another Estiba.
//!
//! A [`Forwarder`] brings what a store has to a [`Cluster`], which answers the questions
//! that the store would: the same query language, the same answers, and of the scope
//! alone.
//!
//! What is always true:
//!
//! 1. Every request for lines has the scope as a filter, beside whatever a query says.
//! 2. A line is forwarded at least once, and is there once: its id is of the store and its
//!    number. Positions move on disk by acknowledgement alone.
//! 3. What a cluster says in its errors is not repeated, but for names of errors: it may
//!    quote lines. Secrets are in no message.

mod client;
mod document;
mod error;
mod forward;
mod product;
mod query;
mod read;
mod template;

pub use client::Destination;
pub use error::ClusterError;
pub use estiba_ship::{Authorities, SinkLogin, Watch};
pub use forward::{Covers, Figures, Forwarder};
pub use product::Product;

use client::Client;

/// A cluster that has lines.
#[derive(Debug)]
pub struct Cluster {
    client: Client,
    destination: Destination,
}

impl Cluster {
    /// The cluster at a destination. Nothing is asked yet.
    ///
    /// # Errors
    /// If nothing can make requests here.
    pub fn new(destination: Destination) -> Result<Self, ClusterError> {
        let client =
            Client::new(destination.clone()).map_err(|error| ClusterError::Unreachable {
                place: destination.name(),
                why: error.to_string(),
            })?;
        Ok(Self {
            client,
            destination,
        })
    }

    /// Where it is, and which index.
    #[must_use]
    pub fn destination(&self) -> &Destination {
        &self.destination
    }

    /// Its host, for people.
    #[must_use]
    pub fn place(&self) -> String {
        self.client.place()
    }
}
