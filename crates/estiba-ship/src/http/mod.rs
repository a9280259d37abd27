//! Lines that are posted: the appender that `LOG_URL` points to, and Heroku's
//! drain. And what is asked about the shipper.

mod appender;
mod body;
mod drain;
mod server;
mod token;

pub(crate) use server::{Doors, Listener, Posted};
