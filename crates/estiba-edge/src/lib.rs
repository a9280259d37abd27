//! Routing of HTTP and TCP to instances, for targets with no ingress of their own.
//!
//! One [`Edge`] runs on a machine. It listens on one HTTP address, where the
//! host and the longest path prefix choose a service, and on any number of
//! service ports. What goes where is a [`RouteTable`], kept on disk and changed
//! through a Unix socket with a [`ControlClient`] while requests flow:
//!
//! 1. start a new instance and wait until it is ready;
//! 2. [`ControlClient::update_service`] with the new instances only: once it
//!    answers, no new request goes to an old one;
//! 3. [`ControlClient::drain`] each old instance, then stop it.
//!
//! ```no_run
//! use estiba_edge::{ControlClient, Upstream};
//! use std::time::Duration;
//! # async fn swap() -> Result<(), estiba_edge::ControlError> {
//! let edge = ControlClient::new("/run/estiba/edge.sock");
//! let old = Upstream::new("api-1", ([127, 0, 0, 1], 4001).into());
//! let new = Upstream::new("api-2", ([127, 0, 0, 1], 4002).into());
//! edge.update_service("moria/tp2/test", "api", &[new]).await?;
//! let left = edge.drain(&old, Duration::from_secs(30)).await?;
//! # Ok(())
//! # }
//! ```

mod client;
mod control;
mod error;
mod head;
mod listeners;
mod pages;
mod protocol;
mod proxy;
mod routing;
mod server;
mod table;
mod table_file;
mod tunnel;
mod upstream;
mod waiting;
mod worker;

pub use client::{ControlClient, ControlError};
pub use error::{ChangeError, EdgeError};
pub use protocol::{Status, UpstreamStatus};
pub use server::{Edge, EdgeConfig};
pub use table::{HttpRoute, OwnerRoutes, PortMode, RouteTable, ServicePort, Upstream};
