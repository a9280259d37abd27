//! Preflight: tries services outside from wherever it runs, step by step (name,
//! connection, TLS, login, answer), and says what is in the way.
//!
//! [`probe::run`] tries; [`role`] is the same in a container of the environment, with
//! [`Asked`] as its input and a line of JSON for each service as its output.
//! [`Compared`] is what comes of trying from inside and from here: what is wrong,
//! and who has to open what.

mod asked;
mod compared;
mod fault;
mod found;
mod http;
mod network;
mod postgres;
pub mod probe;
mod role;
mod tls;
mod wsdl;

pub use asked::{Asked, Login, Service, Wsdl};
pub use compared::{Compared, Inside, Verdict};
pub use fault::Fault;
pub use found::{Found, Stage};
pub use role::{INPUT_FILE, ROLE, role};
