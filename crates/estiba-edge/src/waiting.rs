//! Waiting, within a bound, for an instance to be there.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::{Instant, timeout, timeout_at};

use crate::pages::Refusal;
use crate::routing::{Pick, Routing, Service};
use crate::upstream::InFlight;

/// Requests and connections that wait for an instance at one time; one more is
/// refused at once.
const MAX_WAITING: usize = 4096;
/// How long to leave an instance that refused before it is asked again.
const AGAIN: Duration = Duration::from_millis(25);
/// A connection on one machine is there at once or not at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// What all workers route by.
pub(crate) struct Shared {
    routing: ArcSwap<Routing>,
    changed: watch::Sender<()>,
    waiting: Semaphore,
    ready_wait: Duration,
}

impl Shared {
    pub(crate) fn new(ready_wait: Duration) -> Self {
        Self {
            routing: ArcSwap::default(),
            changed: watch::Sender::new(()),
            waiting: Semaphore::new(MAX_WAITING),
            ready_wait,
        }
    }

    pub(crate) fn routing(&self) -> arc_swap::Guard<Arc<Routing>> {
        self.routing.load()
    }

    pub(crate) fn waiting(&self) -> usize {
        MAX_WAITING - self.waiting.available_permits()
    }

    /// Every request that begins from now on goes by `routing`.
    pub(crate) fn replace(&self, routing: Routing) {
        self.routing.store(Arc::new(routing));
        self.changed.send_replace(());
    }
}

/// The search for an instance of one service, for one request.
pub(crate) struct Search<'a> {
    shared: &'a Shared,
    lane: usize,
    service: Arc<Service>,
    /// The instance that failed last, if any: others go first.
    avoid: Option<std::net::SocketAddr>,
    failures: usize,
    patience: Option<Patience<'a>>,
}

struct Patience<'a> {
    deadline: Instant,
    changed: watch::Receiver<()>,
    _place: SemaphorePermit<'a>,
}

impl<'a> Search<'a> {
    pub(crate) fn new(shared: &'a Shared, lane: usize, service: Arc<Service>) -> Self {
        Self {
            shared,
            lane,
            service,
            avoid: None,
            failures: 0,
            patience: None,
        }
    }

    pub(crate) fn service(&self) -> &str {
        &self.service.name
    }

    /// An instance to try; waits for one if there is none.
    pub(crate) async fn next(&mut self) -> Result<InFlight, Refusal> {
        loop {
            match self.service.pick(self.lane, self.avoid) {
                Pick::Upstream(begun) => return Ok(begun),
                Pick::Outdated => self.look_up(),
                Pick::Nobody => self.pause(None).await?,
            }
        }
    }

    /// Gives `failed` back; waits a little if all instances have failed.
    pub(crate) async fn failed(&mut self, failed: InFlight) -> Result<(), Refusal> {
        self.avoid = Some(failed.upstream().address());
        drop(failed);
        self.failures += 1;
        if self.failures < self.service.upstreams() {
            return Ok(());
        }
        self.pause(Some(AGAIN)).await
    }

    /// An instance that accepts a connection.
    pub(crate) async fn connect(&mut self) -> Result<(TcpStream, InFlight), Refusal> {
        loop {
            let begun = self.next().await?;
            match connect(&begun).await {
                Some(stream) => return Ok((stream, begun)),
                None => self.failed(begun).await?,
            }
        }
    }

    fn look_up(&mut self) {
        let routing = self.shared.routing();
        // A service that is gone keeps its old, retired upstreams: the request
        // must wait for it as for one that has none.
        self.service = match routing.service(&self.service.owner, &self.service.name) {
            Some(service) => Arc::clone(service),
            None => Arc::new(self.service.emptied()),
        };
    }

    /// Waits for a change of the table, `at_most` so long.
    async fn pause(&mut self, at_most: Option<Duration>) -> Result<(), Refusal> {
        let Some(patience) = &mut self.patience else {
            let Ok(place) = self.shared.waiting.try_acquire() else {
                return Err(Refusal::too_many_waiting(&self.service.name));
            };
            self.patience = Some(Patience {
                deadline: Instant::now() + self.shared.ready_wait,
                changed: self.shared.changed.subscribe(),
                _place: place,
            });
            // A change before the subscription would be missed: look first.
            self.look_up();
            return Ok(());
        };
        let now = Instant::now();
        if now >= patience.deadline {
            return Err(Refusal::nobody_ready(&self.service.name));
        }
        let until = match at_most {
            Some(time) => patience.deadline.min(now + time),
            None => patience.deadline,
        };
        // Changed or not, the look-up tells.
        let _ = timeout_at(until, patience.changed.changed()).await;
        self.look_up();
        Ok(())
    }
}

/// A connection to the instance; `None` if it does not listen.
pub(crate) async fn connect(begun: &InFlight) -> Option<TcpStream> {
    let connecting = TcpStream::connect(begun.upstream().address());
    let stream = timeout(CONNECT_TIMEOUT, connecting).await.ok()?.ok()?;
    stream.set_nodelay(true).ok()?;
    Some(stream)
}
