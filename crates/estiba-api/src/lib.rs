//! What travels between an Estiba server and those who use it: the bodies of
//! requests and answers, and the client that the command and the bot use.

mod client;
mod error;
mod follow;
mod wire;

pub use client::Client;
pub use error::{ApiError, Problem};
pub use follow::Followed;
pub use wire::{
    ApprovalDecision, Asked, Blobs, ChatAccount, ChatCode, ChatLink, ChatState, ConfigValue,
    CreatedToken, DeploymentView, Description, Exec, ExecOutput, Figures, Me, NewChatCode,
    NewMember, NewTeam, NewTokenBody, Page, PlanBody, ProjectView, ReleaseView, SecretName,
    SecretValue, TeamMembership, TrustView, VersionView, WantedDeployment,
};
