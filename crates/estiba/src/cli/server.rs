//! The commands of a server, and those that ask one.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use estiba_model::{Name, Role};

/// How a server runs.
#[derive(Debug, Args)]
pub struct Serve {
    /// Where to listen; where it is not said, at 127.0.0.1:8700, or at every address with the port in PORT
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<SocketAddr>,
    /// The targets that projects may name, in place of their own: a YAML file that is what `targets` is in estiba.yaml
    #[arg(long, value_name = "FILE")]
    pub targets: Option<PathBuf>,
    /// A proxy in front tells in X-Forwarded-For who asks
    #[arg(long)]
    pub behind_proxy: bool,
    /// Where people reach the server, such as `https://estiba.example.edu`
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// The OpenID Connect provider with which people log in, such as `https://gitlab.com`
    #[arg(long, value_name = "URL", requires_all = ["url", "oidc_client_id"])]
    pub oidc_issuer: Option<String>,
    /// What the provider calls this server
    #[arg(long, value_name = "ID", requires = "oidc_issuer")]
    pub oidc_client_id: Option<String>,
    /// A file with what the provider gave this server as its secret; or ESTIBA_OIDC_CLIENT_SECRET
    #[arg(long, value_name = "FILE", requires = "oidc_issuer")]
    pub oidc_client_secret_file: Option<PathBuf>,
    /// How long a session of the page may be left alone (90s, 10m, 2h)
    #[arg(long, value_name = "SPAN", default_value = "2h")]
    pub session_idle: String,
    /// How long a session of the page may last
    #[arg(long, value_name = "SPAN", default_value = "12h")]
    pub session_longest: String,
    /// How logs are kept
    #[command(flatten)]
    pub logs: ServeLogs,
}

/// How a server keeps logs.
#[derive(Debug, Args)]
pub struct ServeLogs {
    /// The folder of the store of logs; by default `logs` in the state's folder
    #[arg(
        id = "logs",
        long = "logs",
        value_name = "DIR",
        env = "ESTIBA_LOGS_DIR"
    )]
    pub folder: Option<PathBuf>,
    /// How long the logs of an environment are kept (36h, 14d)
    #[arg(
        id = "logs_keep",
        long = "logs-keep",
        value_name = "SPAN",
        default_value = "14d",
        env = "ESTIBA_LOGS_KEEP"
    )]
    pub keep: String,
    /// How much disk the logs of an environment may take; the oldest go first
    #[arg(
        id = "logs_size",
        long = "logs-size",
        value_name = "SIZE",
        default_value = "2GB",
        env = "ESTIBA_LOGS_SIZE"
    )]
    pub size: String,
    /// The version of Elasticsearch that /elastic says to be: Filebeat may want none older than its own
    #[arg(
        id = "logs_version",
        long = "logs-version",
        value_name = "VERSION",
        env = "ESTIBA_LOGS_VERSION"
    )]
    pub version: Option<String>,
    /// Send all lines to this cluster (Elasticsearch, OpenSearch, Quickwit), and search there
    #[arg(
        id = "logs_to",
        long = "logs-to",
        value_name = "URL",
        env = "ESTIBA_LOGS_TO"
    )]
    pub to: Option<String>,
    /// The index there
    #[arg(
        id = "logs_index",
        long = "logs-index",
        value_name = "NAME",
        default_value = "estiba-logs",
        env = "ESTIBA_LOGS_INDEX"
    )]
    pub index: String,
    /// The file with an API key of the cluster
    #[arg(
        id = "logs_token_file",
        long = "logs-token-file",
        value_name = "FILE",
        env = "ESTIBA_LOGS_TOKEN_FILE",
        conflicts_with_all = ["logs_user", "logs_password_file"]
    )]
    pub token_file: Option<PathBuf>,
    /// The user of the cluster, where it has users and passwords
    #[arg(
        id = "logs_user",
        long = "logs-user",
        value_name = "USER",
        env = "ESTIBA_LOGS_USER",
        requires = "logs_password_file"
    )]
    pub user: Option<String>,
    /// The file with the password of that user
    #[arg(
        id = "logs_password_file",
        long = "logs-password-file",
        value_name = "FILE",
        env = "ESTIBA_LOGS_PASSWORD_FILE",
        requires = "logs_user"
    )]
    pub password_file: Option<PathBuf>,
    /// The file with the certificate in PEM of the authority that signed the cluster's, where it's no public one
    #[arg(
        id = "logs_ca_file",
        long = "logs-ca-file",
        value_name = "FILE",
        env = "ESTIBA_LOGS_CA_FILE",
        requires = "logs_to"
    )]
    pub ca_file: Option<PathBuf>,
    /// Store what shippers send, and collect nothing from the targets
    #[arg(id = "no_collect", long = "no-collect")]
    pub no_collect: bool,
    /// Store no logs
    #[arg(id = "no_logs", long = "no-logs", conflicts_with_all = ["logs", "no_collect"])]
    pub none: bool,
}

/// How a bot runs.
#[derive(Debug, Args)]
pub struct Bot {
    /// Be called by Telegram at this public address, in place of asking it
    #[arg(long, value_name = "URL", requires = "listen")]
    pub webhook: Option<String>,
    /// Where to listen for it
    #[arg(long, value_name = "ADDRESS:PORT", requires = "webhook")]
    pub listen: Option<SocketAddr>,
}

/// What is shipped, and where to.
#[derive(Debug, Args)]
pub struct Ship {
    /// The files, as globs
    #[arg(value_name = "GLOB")]
    pub paths: Vec<String>,
    /// A YAML file with more than can be said here
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// An Elasticsearch-compatible address, or `stdout`; or LOG_SINK
    #[arg(long, value_name = "URL")]
    pub to: Option<String>,
    /// The folder for positions and the disk buffer
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// What every line is given, such as `workload=api`
    #[arg(long = "field", value_name = "NAME=VALUE")]
    pub fields: Vec<String>,
    /// Ship what comes by standard input, too
    #[arg(long)]
    pub stdin: bool,
}

/// Teams.
#[derive(Debug, Subcommand)]
pub enum Team {
    /// List the teams
    List,
    /// Make a team
    Add {
        /// Its name
        team: Name,
    },
    /// List the members of a team
    Members {
        /// The team
        team: Name,
    },
    /// Put a person into a team, or give a member another role
    #[command(after_help = "Example: estiba team admit moria ana@example.edu --role member")]
    Admit {
        /// The team
        team: Name,
        /// The person, as others know them
        login: String,
        /// What they are to be
        #[arg(long, value_enum, default_value = "member")]
        role: RoleArg,
    },
    /// Take a person out of a team
    Dismiss {
        /// The team
        team: Name,
        /// The person, as others know them
        login: String,
    },
    /// Show how a team delivers: frequency, lead time, failures, time to restore
    Figures {
        /// The team
        team: Name,
        /// Over how many days
        #[arg(long, default_value_t = 30)]
        days: u32,
    },
}

/// Keys to the API.
#[derive(Debug, Subcommand)]
pub enum Token {
    /// List your tokens
    List,
    /// Make a token; its key is shown once
    #[command(
        after_help = "Examples:\n  estiba token create laptop --days 90\n  estiba token create bot --machine --role bot\n  estiba token create shipper --role shipper --team moria --env prod\nOn the server's machine, without ESTIBA_URL, it makes the first admin:\n  estiba token create first --login ana@example.edu --role admin"
    )]
    Create {
        /// What it is for
        name: String,
        /// What it may at the most
        #[arg(long, value_enum, default_value = "member")]
        role: RoleArg,
        /// Only this team
        #[arg(long)]
        team: Option<Name>,
        /// Only this project of the team
        #[arg(long, value_name = "PROJECT", requires = "team")]
        only_project: Option<Name>,
        /// Only these environments may be changed, or written to
        #[arg(long, value_name = "ENV")]
        env: Vec<Name>,
        /// After how many days it ends; never where it is not said
        #[arg(long)]
        days: Option<u32>,
        /// For this person; for you where nobody is named
        #[arg(long)]
        login: Option<String>,
        /// For a machine, and for nobody
        #[arg(long, conflicts_with = "login")]
        machine: bool,
    },
    /// End a token
    Revoke {
        /// Its id, from `estiba token list`
        id: String,
    },
}

/// Something that a person or a machine may be.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum RoleArg {
    /// Writes logs of its team, and nothing else
    Shipper,
    /// A chat bot
    Bot,
    /// Sees
    Viewer,
    /// Ships
    Pipeline,
    /// Does everything with the team's projects
    Member,
    /// Does everything
    Admin,
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Shipper => Self::Shipper,
            RoleArg::Bot => Self::Bot,
            RoleArg::Viewer => Self::Viewer,
            RoleArg::Pipeline => Self::Pipeline,
            RoleArg::Member => Self::Member,
            RoleArg::Admin => Self::Admin,
        }
    }
}
