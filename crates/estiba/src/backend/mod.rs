//! Where commands are carried out: by the engine in this process, or by a server
//! that `ESTIBA_URL` names. The commands and what they show are the same.

mod deployments;
mod here;
mod instances;
mod logs;
mod releases;
mod settings;
mod there;

pub use deployments::{Deployments, Done, Wanted};
pub use here::Here;
pub use instances::Instances;
pub use logs::{FoundLine, FoundLines, ShownLine, WantedLogs};
pub use releases::{ListedRelease, Releases};
pub use settings::Settings;
pub use there::There;

/// What carries out commands.
pub trait Backend: Releases + Deployments + Settings + Instances {}

impl<B: Releases + Deployments + Settings + Instances> Backend for B {}
