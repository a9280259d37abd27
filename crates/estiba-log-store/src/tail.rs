//! Lines as they come.

use estiba_logs::Record;

use crate::Cursor;

/// Follows lines as they come, from memory. Dropping it ends it.
#[derive(Debug)]
pub struct Tail {}

/// What a [`Tail`] tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Tailed {
    /// A line, with its place.
    Line(Box<Record>, Cursor),
    /// So many lines were missed here, since they came faster than they were read.
    Missed(u64),
}

impl Tail {
    /// The next; `None` once the store is closed.
    pub async fn next(&mut self) -> Option<Tailed> {
        unimplemented!()
    }
}
