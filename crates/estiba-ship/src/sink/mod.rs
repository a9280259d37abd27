//! Where documents go.

mod answer;
mod authorities;
mod bulk;
mod patience;
mod rejected;

use std::io::{self, Write as _};
use std::time::Duration;

pub use authorities::Authorities;
pub(crate) use bulk::Bulk;
pub(crate) use rejected::Rejected;

/// The first to choose chooses for the process; it is the same everywhere.
fn choose_cryptography() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// A sink of one of the kinds.
#[derive(Debug)]
pub(crate) enum Sink {
    /// Anything that speaks Elasticsearch's `_bulk`.
    Bulk(Box<Bulk>),
    /// Standard output, one document a line.
    Stdout,
}

/// What became of a batch that the sink is done with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Delivered {
    /// Documents that are there.
    pub shipped: usize,
    /// Documents that the sink will never take.
    pub refused: usize,
    /// Documents that it did not take until the limit.
    pub given_up: usize,
}

impl Sink {
    /// What stands before each document.
    pub(crate) fn action(&self) -> &'static [u8] {
        match self {
            Self::Bulk(_) => b"{\"create\":{}}\n",
            Self::Stdout => b"",
        }
    }

    /// Delivers documents, for as long as it takes; gives their room back.
    pub(crate) async fn deliver(
        &mut self,
        body: Vec<u8>,
        documents: usize,
        give_up: Option<Duration>,
    ) -> io::Result<(Delivered, Vec<u8>)> {
        match self {
            Self::Bulk(bulk) => Ok(bulk.deliver(body, documents, give_up).await),
            Self::Stdout => {
                // A pipe that nobody reads holds everything up: that is meant.
                let body = tokio::task::spawn_blocking(move || {
                    let mut out = io::stdout().lock();
                    out.write_all(&body)
                        .and_then(|()| out.flush())
                        .map(|()| body)
                })
                .await
                .map_err(io::Error::other)??;
                let delivered = Delivered {
                    shipped: documents,
                    ..Delivered::default()
                };
                Ok((delivered, body))
            }
        }
    }
}
