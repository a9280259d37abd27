//! A sink: a mail server that takes every mail and delivers none, so that what is
//! tried in an environment never reaches people. A hidden role of the program, in a
//! container of the environment, with an interface to look at what came.
//!
//! All of it is in memory and bounded: the oldest mails go first, and all go with the
//! container.

mod api;
mod ask;
mod kept;
mod role;
mod session;
mod smtp;

pub use ask::Question;
pub use kept::{MOST_BYTES, MOST_MAILS};
pub use role::{API_PORT, PASSWORD_VARIABLE, ROLE, SMTP_PORT, USERNAME, role};
pub use session::MOST_MAIL_BYTES;
