//! The bodies of requests and answers.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{
    Approval, Changes, Deployment, DeploymentId, Digest, Name, ProjectId, Release, Role, Scope,
    StepRecord, Token, Trust, Version,
};
use jiff::Timestamp;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::Problem;

/// Some of many, and how to ask for the rest.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// These.
    pub items: Vec<T>,
    /// What to give as `cursor` for those that follow; none where these are the
    /// last.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// All there are.
    #[must_use]
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next: None }
    }
}

/// Which Estiba a server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionView {
    /// Its version.
    pub version: String,
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// A login, `token NAME` or `pipeline PROJECT`.
    pub name: String,
    /// Whether they are an admin of everything.
    pub admin: bool,
    /// What they are in each team.
    pub teams: Vec<TeamMembership>,
}

/// What somebody is in a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TeamMembership {
    /// Which.
    pub team: Name,
    /// What.
    pub role: Role,
}

/// A team to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTeam {
    /// Its name.
    pub name: Name,
}

/// A person to put into a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMember {
    /// What others know them by.
    #[schema(min_length = 1, max_length = 200)]
    pub login: String,
    /// What they are to be.
    pub role: Role,
}

/// A token to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewTokenBody {
    /// What it is for.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// What it may reach; never more than who makes it.
    pub scope: Scope,
    /// After how many days it ends.
    #[schema(minimum = 1, maximum = 3650)]
    pub days: Option<u32>,
    /// The person for whom it acts; who makes it where none is named. Only an
    /// admin makes tokens for others, and only an admin makes one for nobody.
    #[serde(default)]
    pub login: Option<String>,
    /// For nobody: a machine's own.
    #[serde(default)]
    pub machine: bool,
}

/// A token and its key, which is not shown again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CreatedToken {
    /// The token.
    pub token: Token,
    /// The key.
    pub key: String,
}

/// A project as its files describe it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// `estiba.yaml` and the Score files that it names: texts by their path from
    /// the project's folder.
    pub files: BTreeMap<String, String>,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProjectView {
    /// Team and name.
    pub id: ProjectId,
    /// What ships.
    pub workloads: Vec<Name>,
    /// Its environments, the first one first.
    pub environments: Vec<Name>,
    /// Its files, by path.
    pub files: BTreeMap<String, String>,
    /// Since when they are so.
    pub updated_at: Timestamp,
    /// Who wrote them.
    pub updated_by: String,
}

/// A release, and where it runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReleaseView {
    /// Unique in the project.
    pub version: Version,
    /// The Git commit it was built from.
    pub commit: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// The environments where it was the last to be deployed well.
    pub environments: Vec<Name>,
}

/// How the services outside of an environment are tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PreflightBody {
    /// How many seconds each may take: 10 where nothing is said.
    #[serde(default = "PreflightBody::usual_seconds")]
    #[schema(minimum = 1, maximum = 50)]
    pub timeout_seconds: u64,
}

impl PreflightBody {
    /// The most seconds that each service may take: whoever asked waits for the answer.
    pub const MOST_SECONDS: u64 = 50;

    fn usual_seconds() -> u64 {
        10
    }
}

/// What was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Recorded {
    /// Its number in the history.
    pub deployment: DeploymentId,
}

/// What is wanted of an environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum WantedDeployment {
    /// A release.
    Deploy {
        /// Which.
        version: Version,
        /// Targets where the environment was before, to be left behind where they
        /// do not answer.
        #[serde(default)]
        without: BTreeSet<Name>,
    },
    /// The release that another environment runs.
    Promote {
        /// That environment.
        from: Name,
        /// Targets where the environment was before, to be left behind where they
        /// do not answer.
        #[serde(default)]
        without: BTreeSet<Name>,
    },
    /// An earlier release.
    Rollback {
        /// Which; the one before the present one where none is named.
        #[serde(default)]
        to: Option<Version>,
        /// Targets where the environment was before, to be left behind where they
        /// do not answer.
        #[serde(default)]
        without: BTreeSet<Name>,
    },
    /// New instances of the same release.
    Restart {
        /// Of these workloads; of all where none is named.
        #[serde(default)]
        workloads: Vec<Name>,
    },
    /// Another number of copies.
    Scale {
        /// Of each workload.
        replicas: BTreeMap<Name, u32>,
    },
    /// The release that runs, over databases that are emptied; only where `estiba.yaml`
    /// says that this may be done.
    Reset,
    /// Whatever was interrupted, ended.
    Resume,
    /// The end of the environment and of its data.
    Down {
        /// Targets where the environment was before, to be left behind where they
        /// do not answer.
        #[serde(default)]
        without: BTreeSet<Name>,
    },
}

/// What came of wanting it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
pub enum Asked {
    /// The environment is as it should be.
    Unchanged {
        /// The release that it runs.
        version: Option<Version>,
    },
    /// It is being carried out, or waits for its turn.
    Queued {
        /// The deployment.
        deployment: Deployment,
    },
    /// A person has to agree first.
    Waiting {
        /// The request.
        approval: Approval,
    },
}

/// A release that is not kept yet, to plan with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanBody {
    /// A release that is kept.
    #[serde(default)]
    pub version: Option<Version>,
    /// One that is not.
    #[serde(default)]
    pub release: Option<Release>,
    /// Targets to be left behind where they do not answer.
    #[serde(default)]
    pub without: BTreeSet<Name>,
}

/// A deployment with its steps.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DeploymentView {
    /// The deployment.
    pub deployment: Deployment,
    /// Its steps, in their order.
    pub steps: Vec<StepRecord>,
    /// What it changed over the deployment before it.
    #[serde(default)]
    pub changes: Changes,
}

/// What a person decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalDecision {
    /// Whether they agree.
    pub approve: bool,
}

/// A value in clear.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfigValue {
    /// The value.
    #[schema(max_length = 65536)]
    pub value: String,
}

/// A secret's name, and since when it has its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SecretName {
    /// Its name.
    pub name: String,
    /// Since when.
    pub updated_at: Timestamp,
}

/// A secret's value, on its way in. It never comes out.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretValue {
    /// The value.
    #[serde(deserialize_with = "untold")]
    #[schema(write_only, max_length = 262144)]
    pub value: String,
}

/// A text whose errors don't tell what was there instead.
fn untold<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    String::deserialize(deserializer).map_err(|_| D::Error::custom("it has to be a text"))
}

/// A command to run in an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Exec {
    /// Program and arguments.
    #[schema(min_items = 1)]
    pub command: Vec<String>,
    /// The container, where the workload has several.
    #[serde(default)]
    pub container: Option<Name>,
    /// What it reads.
    #[serde(default)]
    pub stdin: String,
}

/// A piece of what a command writes, or how it ended: one JSON object a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ExecOutput {
    /// Standard output, in base64.
    Stdout(String),
    /// Standard error, in base64.
    Stderr(String),
    /// Its exit code. The last line.
    Exit(i32),
    /// It could not be run. The last line.
    Failed(Problem),
}

/// A rule with its id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrustView {
    /// Its id.
    pub id: String,
    /// The rule.
    #[serde(flatten)]
    pub trust: Trust,
}

/// How a team delivers, by the four figures of DORA
/// (<https://dora.dev/guides/dora-metrics-four-keys/>), over a span of days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Figures {
    /// Which team.
    pub team: Name,
    /// Over how many days.
    pub days: u32,
    /// Deployments that went well, to environments that come after another one;
    /// to every environment where a project has no such.
    pub deployments: u32,
    /// How many of them a week.
    pub frequency_a_week: f64,
    /// The median of the time from a release to its deployment there.
    pub lead_time_seconds: Option<u64>,
    /// The share of deployments that failed or were rolled back, from 0 to 1.
    pub change_failure_rate: Option<f64>,
    /// The median of the time from a failure to the next deployment that went
    /// well.
    pub time_to_restore_seconds: Option<u64>,
}

/// A one-time code that links an account of a chat service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatCode {
    /// The code.
    pub code: String,
    /// Until when it is valid.
    pub expires_at: Timestamp,
}

/// A member of a team who is to link an account of a chat service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewChatCode {
    /// Who.
    #[schema(min_length = 1, max_length = 200)]
    pub login: String,
    /// For how many hours the code is valid.
    #[schema(minimum = 1, maximum = 336)]
    pub hours: u32,
}

/// Whether a member of a team has linked an account of the chat service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatState {
    /// Who.
    pub login: String,
    /// Whether they have.
    pub linked: bool,
    /// Until when the code that they have is valid.
    pub code_expires_at: Option<Timestamp>,
}

/// An account that presents a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatLink {
    /// The code.
    pub code: String,
    /// The account's number.
    pub account: i64,
}

/// An account, and who it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatAccount {
    /// The account's number.
    pub account: i64,
    /// Who.
    #[serde(flatten)]
    pub me: Me,
}

/// Blobs that a server lacks, of those that were named.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Blobs {
    /// Their digests.
    pub digests: Vec<Digest>,
}
