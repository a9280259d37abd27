//! The adapter against a real cluster: that of `KUBECONFIG`, with a registry on
//! loopback from which its node pulls.

#![allow(missing_docs)]

mod bench;
mod failing;
mod running;
