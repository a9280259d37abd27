//! Where lines are found: in the store of this server, or in a cluster that has them.

use std::sync::Arc;

use estiba_log_cluster::Cluster;
use estiba_log_store::{
    Cursor, Found, Histogram, HistogramOf, Hit, LogStore, Order, ReadError, Scope, Search, Terms,
    TermsOf,
};
use jiff::{Timestamp, ToSpan};

/// Where lines are found.
pub(crate) enum Lines<'a> {
    /// In the store of this server.
    Here(&'a LogStore),
    /// In a cluster.
    There(Arc<Cluster>),
}

impl Lines<'_> {
    pub async fn search(&self, scope: &Scope, search: Search) -> Result<Found, ReadError> {
        match self {
            Self::Here(store) => store.search(scope, search).await,
            Self::There(cluster) => cluster.search(scope, &search).await,
        }
    }

    /// The line of a place, with lines around it.
    pub async fn line(
        &self,
        scope: &Scope,
        place: Cursor,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Option<Hit>, ReadError> {
        let store = match self {
            Self::Here(store) => store,
            Self::There(cluster) => {
                return cluster.line(scope, place, lines_before, lines_after).await;
            }
        };
        let Ok(from) = Timestamp::from_microsecond(place.at_us) else {
            return Ok(None);
        };
        let search = Search {
            from: Some(from),
            until: from.checked_add(1.microsecond()).ok(),
            order: Order::OldestFirst,
            limit: 1,
            after: place.sequence.checked_sub(1).map(|sequence| Cursor {
                at_us: place.at_us,
                sequence,
            }),
            lines_before,
            lines_after,
            ..Search::default()
        };
        let found = store.search(scope, search).await?;
        Ok(found.hits.into_iter().find(|hit| hit.cursor == place))
    }

    pub async fn histogram(&self, scope: &Scope, of: HistogramOf) -> Result<Histogram, ReadError> {
        match self {
            Self::Here(store) => store.histogram(scope, of).await,
            Self::There(cluster) => cluster.histogram(scope, &of).await,
        }
    }

    pub async fn terms(&self, scope: &Scope, of: TermsOf) -> Result<Terms, ReadError> {
        match self {
            Self::Here(store) => store.terms(scope, of).await,
            Self::There(cluster) => cluster.terms(scope, &of).await,
        }
    }

    pub async fn fields(&self, scope: &Scope) -> Result<Vec<String>, ReadError> {
        match self {
            Self::Here(store) => store.fields(scope).await,
            Self::There(cluster) => cluster.fields(scope).await,
        }
    }
}
