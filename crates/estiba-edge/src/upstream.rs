//! An instance as the edge sees it: what is in flight, and its idle connections.
//!
//! Each worker has a *lane* of its own in every upstream, so that workers do
//! not contend in the way of a request.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hyper::client::conn::http1::SendRequest;
use tokio::sync::Notify;

use crate::head::RequestBody;
use crate::table::Upstream;

/// Idle connections kept to one upstream by one worker; further ones are closed.
const MAX_IDLE: usize = 256;
/// An idle connection is closed after this long.
const MAX_IDLE_AGE: Duration = Duration::from_secs(60);
/// A request that cannot be sent twice takes no connection idle for longer than
/// this: servers close idle connections after 5 s (Node.js) or more, and such a
/// request would be lost if it crossed the closing.
const MAX_IDLE_AGE_UNREPEATABLE: Duration = Duration::from_secs(1);

pub(crate) struct UpstreamState {
    pub(crate) upstream: Upstream,
    retired: AtomicBool,
    lanes: Box<[Lane]>,
    drains: AtomicUsize,
    ended: Notify,
}

/// Aligned so that no two workers write to one cache line.
#[derive(Default)]
#[repr(align(128))]
struct Lane {
    in_flight: AtomicUsize,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    sender: SendRequest<RequestBody>,
    since: Instant,
}

impl Lane {
    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl UpstreamState {
    pub(crate) fn new(upstream: Upstream, lanes: usize) -> Self {
        Self {
            upstream,
            retired: AtomicBool::new(false),
            lanes: (0..lanes).map(|_| Lane::default()).collect(),
            drains: AtomicUsize::new(0),
            ended: Notify::new(),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.upstream.address
    }

    pub(crate) fn in_flight(&self) -> usize {
        self.lanes.iter().map(|l| l.in_flight.load(SeqCst)).sum()
    }

    pub(crate) fn is_retired(&self) -> bool {
        self.retired.load(SeqCst)
    }

    /// From now on nothing begins here: see [`InFlight::begin`].
    pub(crate) fn retire(&self) {
        self.retired.store(true, SeqCst);
        for lane in &self.lanes {
            lane.idle().clear();
        }
    }

    pub(crate) fn reinstate(&self) {
        self.retired.store(false, SeqCst);
    }

    /// Waits until nothing is in flight, at most `timeout`; how many are left.
    pub(crate) async fn drained(&self, timeout: Duration) -> usize {
        self.drains.fetch_add(1, SeqCst);
        let nothing_left = async {
            loop {
                let ended = self.ended.notified();
                tokio::pin!(ended);
                ended.as_mut().enable();
                if self.in_flight() == 0 {
                    return;
                }
                ended.await;
            }
        };
        // The count below tells the outcome, whichever it was.
        let _ = tokio::time::timeout(timeout, nothing_left).await;
        self.drains.fetch_sub(1, SeqCst);
        self.in_flight()
    }

    /// Closes what has been idle for too long.
    pub(crate) fn sweep(&self) {
        for lane in &self.lanes {
            lane.idle()
                .retain(|idle| !idle.sender.is_closed() && idle.since.elapsed() < MAX_IDLE_AGE);
        }
    }

    /// An open connection that waits for a request.
    pub(crate) fn take_idle(
        &self,
        lane: usize,
        repeatable: bool,
    ) -> Option<SendRequest<RequestBody>> {
        let mut idle = self.lanes[lane].idle();
        loop {
            // The last one is the freshest: if it is too old, all are.
            let last = idle.last()?;
            if !repeatable && last.since.elapsed() > MAX_IDLE_AGE_UNREPEATABLE {
                return None;
            }
            let sender = idle.pop()?.sender;
            if sender.is_ready() {
                return Some(sender);
            }
        }
    }

    fn put_idle(&self, lane: usize, sender: SendRequest<RequestBody>) {
        let mut idle = self.lanes[lane].idle();
        // Under the lock, because `retire` sets the flag before it takes it.
        if idle.len() < MAX_IDLE && !self.is_retired() {
            idle.push(Idle {
                sender,
                since: Instant::now(),
            });
        }
    }
}

/// Something that an upstream is doing for a client, until it is dropped.
pub(crate) struct InFlight {
    upstream: Arc<UpstreamState>,
    lane: usize,
}

impl InFlight {
    /// `None` if the upstream is retired.
    ///
    /// The count goes up before the flag is read, and `retire` is called before
    /// a drain reads the count: so either the drain sees this request, or this
    /// request sees that it must go elsewhere.
    pub(crate) fn begin(upstream: &Arc<UpstreamState>, lane: usize) -> Option<Self> {
        upstream.lanes[lane].in_flight.fetch_add(1, SeqCst);
        let begun = Self {
            upstream: Arc::clone(upstream),
            lane,
        };
        (!begun.upstream.is_retired()).then_some(begun)
    }

    pub(crate) fn upstream(&self) -> &UpstreamState {
        &self.upstream
    }

    pub(crate) fn take_idle(&self, repeatable: bool) -> Option<SendRequest<RequestBody>> {
        self.upstream.take_idle(self.lane, repeatable)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.upstream.lanes[self.lane]
            .in_flight
            .fetch_sub(1, SeqCst);
        if self.upstream.drains.load(SeqCst) > 0 {
            self.upstream.ended.notify_waiters();
        }
    }
}

/// A connection to an upstream while its response is read.
pub(crate) struct Lease {
    pub(crate) sender: SendRequest<RequestBody>,
    pub(crate) in_flight: InFlight,
}

impl Lease {
    /// The response was read whole: the connection can serve again.
    pub(crate) fn finish(self) {
        let Self {
            mut sender,
            in_flight,
        } = self;
        if sender.is_closed() {
            return;
        }
        if sender.is_ready() {
            in_flight.upstream.put_idle(in_flight.lane, sender);
            return;
        }
        // The request's body is still being sent, or the connection's task has
        // not run yet.
        let (upstream, lane) = (Arc::clone(&in_flight.upstream), in_flight.lane);
        drop(in_flight);
        tokio::spawn(async move {
            if sender.ready().await.is_ok() {
                upstream.put_idle(lane, sender);
            }
        });
    }
}
