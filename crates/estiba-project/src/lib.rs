//! The project file: `estiba.yaml` and the Score files that it names, to a
//! checked [`Project`](estiba_model::Project).
//!
//! [`load`] reads the files, looks across them and tells every mistake at once,
//! with file, line and what to do; [`missing_values`] tells what an environment
//! lacks. [`init`] plans the first files of a folder that has none.

mod alerts;
mod check;
mod file;
mod finding;
mod init;
mod kinds;
mod load;
mod logs;
mod outside;
mod over;
mod prune;
mod references;
mod taken;
mod targets;
mod values;

pub use check::secrets::{is_telegram_token, looks_secret, same_telegram_token};
pub use file::schema;
pub use init::{InitPlan, init, name_of, project_name, team_name, write_new};
pub use kinds::{DatabaseServers, database_servers};
pub use load::{FILE_NAME, Loaded, find, load, load_description, load_over, parse};
pub use over::Over;
pub use prune::prune;
pub use taken::{Taken, taken};
pub use targets::targets;
pub use values::{ValueUser, missing_values, required_values};
