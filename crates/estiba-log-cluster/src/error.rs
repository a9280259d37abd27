//! Why a cluster gives no answer.

use estiba_log_store::ReadError;
use estiba_model::{Message, message};

/// Why a cluster gives no answer. What the cluster says itself is left out: it may quote
/// lines.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", self.message().en)]
#[non_exhaustive]
pub enum ClusterError {
    /// The question is wrong, or can't be asked of a cluster.
    Wrong(Message),
    /// The cluster can't be reached.
    Unreachable {
        /// Its host.
        place: String,
        /// Why.
        why: String,
    },
    /// The cluster refuses.
    Refused {
        /// Its host.
        place: String,
        /// The status.
        status: u16,
        /// What it calls it.
        kind: String,
    },
    /// What answers is no cluster.
    Strange {
        /// Its host.
        place: String,
    },
    /// The index is there and was made for something else.
    OtherIndex {
        /// The cluster's host.
        place: String,
        /// The index.
        index: String,
    },
}

impl ClusterError {
    /// For people.
    #[must_use]
    pub fn message(&self) -> Message {
        match self {
            Self::Wrong(message) => message.clone(),
            Self::Unreachable { place, why } => message!(
                "{place} has these logs and can't be reached: {why}; lines are kept here until it can, and `estiba logs --follow` shows those that come",
                "{place} tiene estos registros y no se puede alcanzar: {why}; las líneas se guardan aquí hasta que se pueda, y `estiba logs --follow` muestra las que llegan"
            ),
            Self::Refused {
                place,
                status: status @ (401 | 403),
                kind,
            } => message!(
                "{place} has these logs and refuses to show them: {status} {kind}; see that its login is right and may read the index",
                "{place} tiene estos registros y se niega a mostrarlos: {status} {kind}; vea que su credencial sea correcta y pueda leer el índice"
            ),
            Self::Refused {
                place,
                status,
                kind,
            } => message!(
                "{place} has these logs and answers {status} {kind}; its own log says why",
                "{place} tiene estos registros y responde {status} {kind}; su propio registro dice por qué"
            ),
            Self::Strange { place } => message!(
                "{place} answers, but not as Elasticsearch, OpenSearch or Quickwit do: correct the address of the logs",
                "{place} responde, pero no como Elasticsearch, OpenSearch o Quickwit: corrija la dirección de los registros"
            ),
            Self::OtherIndex { place, index } => message!(
                "{place} has an index {index} that was not made for Estiba: choose a name that is free, or remove it",
                "{place} tiene un índice {index} que no se hizo para Estiba: elija un nombre libre, o elimínelo"
            ),
        }
    }
}

impl From<ClusterError> for ReadError {
    fn from(error: ClusterError) -> Self {
        match error {
            ClusterError::Wrong(message) => Self::Wrong(message),
            other => Self::Elsewhere(other.message()),
        }
    }
}
