//! What the API says of things, as far as it matters here. Fields by the public schema:
//! <https://github.com/heroku/platform-api/blob/main/schema.json>.

use serde::Deserialize;

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Named {
    pub(crate) name: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct App {
    pub(crate) name: String,
    /// Where people reach it; an app of a private space may have none.
    pub(crate) web_url: Option<String>,
    #[serde(default)]
    pub(crate) maintenance: bool,
    pub(crate) build_stack: Named,
    pub(crate) team: Option<Named>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ReleaseStatus {
    Pending,
    Succeeded,
    Failed,
    Expired,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Release {
    pub(crate) id: String,
    pub(crate) version: u64,
    pub(crate) status: ReleaseStatus,
    pub(crate) description: String,
    pub(crate) output_stream_url: Option<String>,
    /// Whether dynos run it.
    #[serde(default)]
    pub(crate) current: bool,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Process {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) quantity: u32,
    pub(crate) size: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Dyno {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) updated_at: String,
    pub(crate) release: DynoRelease,
    pub(crate) attach_url: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct DynoRelease {
    pub(crate) version: u64,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct AddOn {
    pub(crate) id: String,
    pub(crate) state: AddOnState,
    pub(crate) plan: Named,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AddOnState {
    Provisioning,
    Provisioned,
    Deprovisioned,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Attachment {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) addon: AttachedAddOn,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct AttachedAddOn {
    pub(crate) id: String,
    /// Whom it belongs to.
    pub(crate) app: Named,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Domain {
    pub(crate) kind: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct LogSession {
    pub(crate) logplex_url: String,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Account {
    pub(crate) email: String,
    #[serde(default)]
    pub(crate) verified: bool,
    pub(crate) suspended_at: Option<String>,
    pub(crate) delinquent_at: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(crate) struct RateLimit {
    pub(crate) remaining: u64,
}
