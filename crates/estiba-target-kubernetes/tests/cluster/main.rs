//! The adapter against a real cluster: that of `KUBECONFIG`, with a registry on
//! loopback from which its node pulls.

#![allow(missing_docs, clippy::unwrap_used)]

mod bench;
mod entrances;
mod failing;
mod running;
