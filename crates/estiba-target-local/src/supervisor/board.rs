//! What the parts of a supervisor tell one another.

use estiba_model::{Name, Ready};
use tokio::sync::watch;
use tokio::time::Instant;

use super::description::ContainerPlan;
use super::status::{ContainerStatus, Phase, Status};

/// The state of all containers, and the order to stop.
#[derive(Clone)]
pub(super) struct Board {
    status: watch::Sender<Status>,
    stop: watch::Sender<Option<Stop>>,
}

/// The order to stop: containers from this one on, each killed at the deadline.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stop {
    from: usize,
    deadline: Instant,
}

impl Board {
    pub(super) fn new(containers: &[ContainerPlan]) -> Self {
        Self {
            status: watch::Sender::new(Status::starting(containers)),
            stop: watch::Sender::new(None),
        }
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Changes what is told of a container; nobody hears where nothing differs.
    pub(super) fn change(&self, container: usize, change: impl FnOnce(&mut ContainerStatus)) {
        self.status.send_if_modified(|status| {
            let before = status.containers[container].clone();
            change(&mut status.containers[container]);
            let is_changed = before != status.containers[container];
            if is_changed {
                status.settle();
            }
            is_changed
        });
    }

    pub(super) fn quick_ends(&self, container: usize) -> u32 {
        self.status.borrow().containers[container].quick_ends
    }

    /// Orders the containers from number `from` on to end until `deadline`.
    pub(super) fn stop(&self, from: usize, deadline: Instant) {
        self.stop.send_replace(Some(Stop { from, deadline }));
    }

    /// Waits for the order that a container is to end, and tells until when.
    pub(super) async fn stopped(&self, container: usize) -> Instant {
        let mut orders = self.stop.subscribe();
        let is_meant = |order: &Option<Stop>| order.is_some_and(|stop| stop.from <= container);
        match orders.wait_for(is_meant).await {
            Ok(order) => order.map_or_else(Instant::now, |stop| stop.deadline),
            // This board itself holds the sender.
            Err(_) => Instant::now(),
        }
    }

    /// Waits until the containers that `name` waits for are as far as it wants.
    pub(super) async fn predecessors(&self, name: &Name, plans: &[ContainerPlan]) {
        let is_far_enough = |status: &Status| {
            plans
                .iter()
                .zip(&status.containers)
                .all(|(plan, container)| match plan.before.get(name) {
                    None => true,
                    Some(Ready::Started) => container.phase != Phase::Waiting,
                    Some(Ready::Healthy) => container.ready,
                    Some(Ready::Complete) => container.phase == Phase::Completed,
                })
        };
        let mut status = self.status.subscribe();
        // Fails only without a sender, which is here.
        let _ = status.wait_for(is_far_enough).await;
    }
}
