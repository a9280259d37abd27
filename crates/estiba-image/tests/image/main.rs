//! Real images, real tools, real files. A test whose tool this machine does
//! not have prints why it was skipped.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod archives;
mod build;
mod crash;
mod disk;
mod faults;
mod layers;
mod login;
mod pack;
mod proxy;
mod registry;
mod support;
mod version;
