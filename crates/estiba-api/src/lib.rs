//! What travels between an Estiba server and those who use it: the bodies of
//! requests and answers, and the client that the command and the bot use.

mod client;
mod error;
mod follow;
mod identity;
mod logs;
mod wire;

pub use client::Client;
pub use error::{ApiError, Position, Problem};
pub use follow::Followed;
pub use identity::github_identity;
pub use logs::{
    AlertView, LogBars, LogBucket, LogHistogram, LogHit, LogLevel, LogOrder, LogPaging, LogRecord,
    LogSelection, LogTailed, LogTerm, LogTerms, LogValues, MuteAlert,
};
pub use wire::{
    ApprovalDecision, Asked, Blobs, ChatAccount, ChatCode, ChatLink, ChatState, ConfigValue,
    CreatedToken, DeploymentView, Description, Exec, ExecOutput, Figures, Me, NewChatCode,
    NewMember, NewTeam, NewTokenBody, Page, PlanBody, PreflightBody, ProjectView, Recorded,
    ReleaseView, SecretName, SecretValue, TeamMembership, TrustView, VersionView, WantedDeployment,
};
