//! The stand-in, asked by plain requests and by the public command of Heroku.
//!
//! Every exchange is held against Heroku's public schema; a test fails on what differs.

#![allow(missing_docs, clippy::unwrap_used)]

mod bench;
mod command;
mod database;
mod deploying;
mod dynos;
mod images;
mod phases;
mod refusing;
