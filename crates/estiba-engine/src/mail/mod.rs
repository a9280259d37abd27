//! Mail: taken by a sink, which is one more workload of the environment, or handed to
//! the server that `estiba.yaml` names.
//!
//! A target knows nothing of it: the sink runs as every workload does, and is found at
//! two `service-port`s.

mod asking;
mod outputs;
mod sink;
#[cfg(test)]
mod tests;

use estiba_model::{MAIL_SINK, Name, ResourceId, SMTP, Workload, names_mail_server};

use crate::error::EngineError;
use crate::inputs::Inputs;

pub use outputs::{outputs, server_problem};
pub use sink::{MailSink, sink_material, sink_ports, with_sink};

/// Whether a workload sends mail.
pub fn sends_mail(workload: &Workload) -> bool {
    workload.resources.values().any(|one| one.kind == SMTP)
}

/// The name of the sink's workload.
///
/// # Errors
/// Never: it is a name.
pub fn sink_name() -> Result<Name, EngineError> {
    MAIL_SINK
        .parse()
        .map_err(|error: estiba_model::NameError| EngineError::refused(error.message().clone()))
}

impl Inputs {
    /// Whether the environment names a server that delivers.
    #[must_use]
    pub fn has_mail_server(&self) -> bool {
        names_mail_server(self.provision.get(SMTP))
    }
}

/// The identity under which the password of an environment's sink is kept.
#[must_use]
pub fn credential_id() -> ResourceId {
    ResourceId(format!("{SMTP}.default#{MAIL_SINK}"))
}
