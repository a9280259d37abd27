//! Who may do what: people, their teams, and the tokens that act for them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use std::collections::BTreeSet;

use crate::{Cause, DeploymentId, EnvironmentId, Name, SecretString, Version};

/// What somebody is in a team.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// A shipper of logs: writes lines of its team, and sees nothing.
    Shipper,
    /// A chat bot: sees what happens, and speaks for the people who talk to it.
    Bot,
    /// Sees everything of the team but secret values.
    Viewer,
    /// Ships: describes projects, makes releases, deploys. For machines.
    Pipeline,
    /// Does everything with the team's projects.
    Member,
    /// A teacher: does everything with every team, and decides who may do what.
    Admin,
}

impl Role {
    /// All, from the least to the most.
    pub const ALL: [Self; 6] = [
        Self::Shipper,
        Self::Bot,
        Self::Viewer,
        Self::Pipeline,
        Self::Member,
        Self::Admin,
    ];

    /// What this role may do in its team.
    #[must_use]
    pub fn may(self, right: Right) -> bool {
        match right {
            Right::See => self >= Self::Bot,
            Right::Ship => self >= Self::Pipeline,
            Right::Change => self >= Self::Member,
            Right::Administer => self == Self::Admin,
        }
    }
}

/// Something that not everybody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Right {
    /// Look at what there is.
    See,
    /// Describe projects, make releases, deploy and promote.
    Ship,
    /// Change settings and secrets, run commands, read and replace data, end
    /// environments, approve.
    Change,
    /// Decide who may do what.
    Administer,
}

/// Who owns projects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Team {
    /// Its name.
    pub name: Name,
    /// Since when it is.
    pub created_at: Timestamp,
}

/// A person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Person {
    /// Unique and never used again.
    pub id: String,
    /// What others know them by: unique, such as an e-mail address or a user
    /// name of the course's GitLab.
    pub login: String,
    /// Whether they are an admin of everything.
    pub admin: bool,
    /// Since when they are known.
    pub created_at: Timestamp,
}

/// A person in a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Member {
    /// The person's id.
    pub person: String,
    /// What others know them by.
    pub login: String,
    /// What they are in the team.
    pub role: Role,
}

/// A key to the API, without the key itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Token {
    /// Its public id.
    pub id: String,
    /// What it is for.
    pub name: String,
    /// The login of the person for whom it acts; none for a machine's.
    pub login: Option<String>,
    /// What it may reach.
    #[serde(flatten)]
    pub scope: Scope,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends; never where there is none.
    pub expires_at: Option<Timestamp>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// What a token reaches at the most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Scope {
    /// What it is in each team it reaches.
    pub role: Role,
    /// Only this team.
    #[serde(default)]
    pub team: Option<Name>,
    /// Only this project of the team.
    #[serde(default)]
    pub project: Option<Name>,
    /// Only these environments may be changed; all where none is named.
    #[serde(default)]
    pub environments: Vec<Name>,
}

/// A token with its key: shown once.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// The token.
    pub token: Token,
    /// What its owner keeps.
    pub key: SecretString,
}

/// A rule by which pipelines ship with no stored token: they present an identity
/// token that their CI's issuer has signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Trust {
    /// The team for which they ship.
    pub team: Name,
    /// The issuer, as `iss` of its tokens says: `https://gitlab.com`,
    /// `https://token.actions.githubusercontent.com`.
    pub issuer: String,
    /// What `aud` has to be.
    pub audience: String,
    /// What other claims have to be, by name; `*` at the end stands for anything:
    /// `project_path: memo2/moria-bot`, `ref_type: tag`, `ref: v*`.
    pub claims: std::collections::BTreeMap<String, String>,
    /// The project they ship; every one of the team where none is named.
    #[serde(default)]
    pub project: Option<Name>,
    /// The environments they may change; every one where none is named.
    #[serde(default)]
    pub environments: Vec<Name>,
}

/// A deployment that waits for a person to agree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Approval {
    /// Its number.
    pub id: i64,
    /// Where.
    pub environment: EnvironmentId,
    /// Which release.
    pub version: Version,
    /// What was asked for.
    pub cause: Cause,
    /// Who asked.
    pub requested_by: String,
    /// When.
    pub requested_at: Timestamp,
    /// What came of it.
    pub state: ApprovalState,
    /// Who decided.
    pub decided_by: Option<String>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// The deployment that came of it.
    pub deployment: Option<DeploymentId>,
    /// The targets that are to be left behind.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub without: BTreeSet<Name>,
}

/// What came of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ApprovalState {
    /// Nobody decided yet.
    Waiting,
    /// Somebody agreed.
    Approved,
    /// Somebody did not.
    Rejected,
    /// A newer request took its place.
    Superseded,
}

/// Something that changed something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AuditEntry {
    /// Its number, growing.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Who: a login, `token NAME` or `pipeline PROJECT`.
    pub actor: String,
    /// From which address.
    pub from: Option<String>,
    /// What was done, as a stable word: `secret.set`, `deployment.request`.
    pub action: String,
    /// To what: `team/project/environment/name`, as far as it goes.
    pub object: String,
    /// The team it concerns.
    pub team: Option<Name>,
    /// More of it. Never a secret.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
}

/// Something that happened in an environment, in the order in which it did.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Happening {
    /// Its number, growing: what to resume from.
    pub id: i64,
    /// When.
    pub at: Timestamp,
    /// Where.
    pub environment: EnvironmentId,
    /// The deployment it belongs to.
    pub deployment: Option<DeploymentId>,
    /// What.
    #[serde(flatten)]
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum What {
    /// A deployment wants somebody to agree.
    ApprovalAsked {
        /// The request.
        approval: Approval,
    },
    /// Somebody agreed, or did not.
    ApprovalDecided {
        /// The request.
        approval: Approval,
    },
    /// A deployment is wanted.
    Asked {
        /// Which release.
        version: Version,
        /// What was asked for.
        cause: Cause,
        /// Who asked.
        by: String,
    },
    /// A deployment began.
    Started {
        /// Which release; none where the environment is taken down.
        version: Option<Version>,
        /// The release that ran before.
        before: Option<Version>,
        /// What it changes over that.
        #[serde(default)]
        changes: crate::Changes,
    },
    /// The engine told something.
    Progress {
        /// What.
        progress: crate::Event,
    },
    /// A deployment went well.
    Succeeded {
        /// Which release.
        version: Version,
        /// How long it took.
        took_ms: u64,
    },
    /// A deployment failed.
    Failed {
        /// Which release.
        version: Version,
        /// Why, and what runs now.
        reasons: Vec<crate::Message>,
        /// The last lines that explain it.
        log: Vec<String>,
    },
    /// A newer deployment took its place.
    Superseded {
        /// Which release.
        version: Version,
    },
    /// An instance ends again and again.
    Crashing {
        /// The workload.
        workload: Name,
        /// The instance.
        instance: String,
        /// The last lines that it wrote.
        #[serde(default)]
        log: Vec<String>,
    },
    /// There are more lines of logs of a kind than there should be.
    Alert {
        /// The name of the alert.
        alert: Name,
        /// What the lines are like, in the query language of logs.
        when: String,
        /// There were more than so many.
        over: u32,
        /// Within so many seconds.
        within_seconds: u64,
        /// The last of them.
        log: Vec<String>,
    },
    /// All is well again.
    Recovered {
        /// The workload.
        workload: Name,
    },
}

impl What {
    /// Whether the deployment it belongs to has ended with it.
    #[must_use]
    pub fn is_end(&self) -> bool {
        matches!(
            self,
            Self::Succeeded { .. } | Self::Failed { .. } | Self::Superseded { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_greater_role_may_do_more() {
        let rights = [Right::See, Right::Ship, Right::Change, Right::Administer];
        let counts = Role::ALL.map(|role| rights.iter().filter(|right| role.may(**right)).count());
        assert_eq!(counts, [0, 1, 1, 2, 3, 4]);
    }
}
