//! Who asks, and what they may.

use async_trait::async_trait;
use estiba_logs::Origin;
use estiba_model::SecretString;

use crate::Scope;

/// What came in the `Authorization` header.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The token: what is after `Bearer`, the password of `Basic`, or what is after
    /// the colon of `ApiKey base64(id:key)`; a bare `ApiKey token` too.
    pub token: SecretString,
    /// The user of `Basic` or the id of `ApiKey`, where there is one.
    pub name: Option<String>,
}

/// Says what credentials may do.
#[async_trait]
pub trait Access: Send + Sync + 'static {
    /// What these may do; `None` stands for no header at all.
    ///
    /// # Errors
    /// If they may do nothing.
    async fn grant(&self, credentials: Option<Credentials>) -> Result<Grant, Refused>;
}

/// What somebody may do.
#[derive(Debug, Clone)]
pub struct Grant {
    /// As whom they may write, if they may.
    pub write: Option<Writer>,
    /// What they may read.
    pub read: Scope,
}

/// As whom lines are written.
#[derive(Debug, Clone, Default)]
pub struct Writer {
    /// What is put over what documents say: the team at least, for all but tests.
    pub forced: Origin,
    /// What documents get that don't say it.
    pub defaults: Origin,
}

/// Why nothing may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The token is wrong or missing: 401.
    Unknown,
    /// Too many wrong ones came from there: 429.
    TooMany,
    /// It can't be said at the moment: 503.
    Unavailable,
}
