//! The shipper against real files, processes and connections, and a sink that can
//! do everything that sinks do wrong.

#![allow(clippy::unwrap_used)]

mod bytes;
mod containers;
mod faults;
mod files;
mod many;
mod posted;
mod process;
mod rotated;
mod shipper;
mod sink;
mod tls;
