//! Workloads on Heroku: one app of the container stack for each workload of an
//! environment, by the Platform API
//! (<https://devcenter.heroku.com/articles/platform-api-reference>).
//!
//! What can be decided without asking anybody is in files of its own: names, marks,
//! sizes, lines, addresses. [`HerokuTarget`] asks and does.

mod adapter;
mod client;
mod database_url;
mod exit_code;
mod key;
mod log_lines;
mod marks;
mod names;
mod release_history;
mod secret_places;
mod settings;
mod sizes;
mod tiny;

pub use adapter::{HerokuConfig, HerokuTarget};
pub use key::{KeyError, api_key};
pub use settings::Settings;
