//! What goes wrong because a test wants it to.

use std::sync::{Mutex, MutexGuard, PoisonError};

use axum::http::{Method, StatusCode};
use tokio::sync::watch;

/// What happens to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is answered with this status, and not carried out.
    Answer(u16),
    /// It is carried out, and the connection breaks before the answer is whole.
    LoseAnswer,
}

/// A fault for the next requests of a kind.
#[derive(Debug, Clone)]
pub struct Planned {
    /// What happens.
    pub fault: Fault,
    /// To requests of this method; to all without it.
    pub method: Option<Method>,
    /// To requests whose path ends so.
    pub path_end: String,
    /// So often.
    pub times: u32,
}

/// The faults of a stand-in.
#[derive(Debug)]
pub struct Faults {
    inner: Mutex<Inner>,
    releases_hang: watch::Sender<bool>,
}

#[derive(Debug)]
struct Inner {
    planned: Vec<Planned>,
    suspended: bool,
    remaining: u32,
}

impl Faults {
    pub(crate) fn new(rate_limit: u32) -> Self {
        Self {
            inner: Mutex::new(Inner {
                planned: Vec::new(),
                suspended: false,
                remaining: rate_limit,
            }),
            releases_hang: watch::channel(false).0,
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Plans one.
    pub fn plan(&self, planned: Planned) {
        self.inner().planned.push(planned);
    }

    /// The next `times` requests, whatever they are, are answered with `status`.
    pub fn answer_next(&self, times: u32, status: u16) {
        self.plan(Planned {
            fault: Fault::Answer(status),
            method: None,
            path_end: String::new(),
            times,
        });
    }

    /// Suspends the account, or no longer.
    pub fn suspend(&self, suspended: bool) {
        self.inner().suspended = suspended;
    }

    /// So many requests are left until Heroku's bucket fills again.
    pub fn leave_requests(&self, remaining: u32) {
        self.inner().remaining = remaining;
    }

    /// Releases with a release phase stay pending, or go on.
    pub fn hang_releases(&self, hang: bool) {
        self.releases_hang.send_replace(hang);
    }

    pub(crate) async fn until_releases_go(&self) {
        let mut watching = self.releases_hang.subscribe();
        // The sender lives as long as `self`.
        let _ = watching.wait_for(|hang| !hang).await;
    }

    pub(crate) fn is_suspended(&self) -> bool {
        self.inner().suspended
    }

    /// Takes a request from the bucket; how many are left, or none.
    pub(crate) fn take_request(&self) -> Option<u32> {
        let mut inner = self.inner();
        inner.remaining = inner.remaining.checked_sub(1)?;
        Some(inner.remaining)
    }

    pub(crate) fn remaining(&self) -> u32 {
        self.inner().remaining
    }

    pub(crate) fn take(&self, method: &Method, path: &str) -> Option<Fault> {
        let mut inner = self.inner();
        let planned = inner.planned.iter_mut().find(|one| {
            one.times > 0
                && one.method.as_ref().is_none_or(|wanted| wanted == method)
                && path.ends_with(&one.path_end)
        })?;
        planned.times -= 1;
        Some(planned.fault)
    }
}

/// The status of a planned answer.
pub(crate) fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}
