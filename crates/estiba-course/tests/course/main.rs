//! Courses from files: what they are, what is wrong about them, what they lack and
//! what they need.

#![allow(missing_docs, clippy::unwrap_used)]

mod bad;
mod good;
mod plan;
mod schema;
mod size;
mod support;
