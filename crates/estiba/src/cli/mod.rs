//! The command line: what can be typed. What it does is in `commands`.

mod ci;
mod course;
mod data;
mod everywhere;
mod logs;
mod server;
mod spanish;
mod values;

use std::path::PathBuf;

use clap::{CommandFactory, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use estiba_model::{Lang, Name, Version};

pub use ci::{Checked, Ci, Component, OnArg, PipelineArgs};
pub use course::{Course, CourseScope, CourseSize};
pub use data::{Config, Db, Secret};
pub use everywhere::{AnyEnv, Env, Global, Without};
pub use logs::{Alert, Logs};
pub use server::{Bot, Serve, ServeLogs, Ship, Team, Token};
pub use spanish::usage_in_spanish;
use values::replicas;

/// Takes a team's workloads from source to their environments, the same way on
/// every container runtime.
#[derive(Debug, Parser)]
#[command(name = "estiba", version, after_help = EXIT_CODES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub global: Global,
}

const EXIT_CODES: &str = "\
Exit codes: 0 done; 1 what was asked failed or has findings; 2 usage.
State: $XDG_STATE_HOME/estiba (or ESTIBA_STATE_DIR). Images: $XDG_DATA_HOME/estiba.";

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Write a first estiba.yaml (and score.yaml) from what is in a folder
    #[command(after_help = "Example: estiba init .")]
    Init {
        /// The folder
        #[arg(default_value = ".")]
        dir: PathBuf,
    },
    /// Write an estiba.yaml and Score files from Compose files, Kubernetes manifests or a Heroku app
    #[command(
        after_help = "Examples:\n  estiba import docker-compose.yml --dry-run\n  estiba import infra -o ../tp2\n  estiba import Procfile app.json test.config.json prod.config.json"
    )]
    Import {
        /// Files, or folders to look for them in
        #[arg(default_value = ".", value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// The new project's folder; by default that of the first path
        #[arg(long, short, value_name = "DIR")]
        output: Option<PathBuf>,
        /// Tell what would be written, and write nothing
        #[arg(long)]
        dry_run: bool,
        /// Write over files that are there
        #[arg(long)]
        force: bool,
    },
    /// Find every mistake in a project, or in Score files alone
    #[command(after_help = "Examples:\n  estiba check\n  estiba check --score api/score.yaml")]
    Check {
        /// The project's folder
        dir: Option<PathBuf>,
        /// Read these Score files alone
        #[arg(long, value_name = "FILE", num_args = 1.., conflicts_with = "dir")]
        score: Vec<PathBuf>,
    },
    /// Check, build, release and deploy to the first environment
    #[command(after_help = "Examples:\n  estiba up\n  estiba up examples/tp2 --version 1.2.0")]
    Up {
        /// The project's folder
        dir: Option<PathBuf>,
        /// The release's version; by default from Git
        #[arg(long, value_name = "VERSION")]
        version: Option<Version>,
        #[command(flatten)]
        without: Without,
    },
    /// Try, from inside an environment, the services outside that it uses
    #[command(
        after_help = "Examples:\n  estiba preflight --env prod\n  estiba preflight --env prod --here --timeout 3"
    )]
    Preflight {
        #[command(flatten)]
        env: AnyEnv,
        /// Try from this machine alone
        #[arg(long)]
        here: bool,
        /// How many seconds each service may take
        #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=300))]
        timeout: u64,
    },
    /// Show the steps that a deployment would take, and do nothing
    #[command(after_help = "Example: estiba plan --env prod --json")]
    Plan {
        #[command(flatten)]
        env: AnyEnv,
        /// The release; by default what is in the folder
        #[arg(long, value_name = "VERSION")]
        version: Option<Version>,
        #[command(flatten)]
        without: Without,
    },
    /// Deploy a release, or what is in the folder, to an environment
    #[command(
        after_help = "Examples:\n  estiba deploy --env test\n  estiba deploy --env test --version 1.2.0"
    )]
    Deploy {
        #[command(flatten)]
        env: Env,
        /// The release; one that does not exist yet is built from the folder
        #[arg(long, value_name = "VERSION")]
        version: Option<Version>,
        /// Agree where the environment wants a person to
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        without: Without,
    },
    /// Take the release of one environment to another, the very same images
    #[command(after_help = "Example: estiba promote --from test --to prod")]
    Promote {
        /// The environment that runs the release
        #[arg(long, value_name = "ENV")]
        from: Name,
        /// The environment that gets it
        #[arg(long, value_name = "ENV")]
        to: Name,
        /// Only this release: refuse if the environment runs another
        #[arg(long, value_name = "VERSION")]
        version: Option<Version>,
        /// Agree where the environment wants a person to
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        without: Without,
    },
    /// Go back to the previous release that worked, or to a given one
    #[command(
        after_help = "Examples:\n  estiba rollback --env prod\n  estiba rollback --env prod --to 1.1.0"
    )]
    Rollback {
        #[command(flatten)]
        env: Env,
        /// The release
        #[arg(long, value_name = "VERSION")]
        to: Option<Version>,
        #[command(flatten)]
        without: Without,
    },
    /// Build what is in the folder and keep it as a release, deploying nothing; prints its version
    #[command(after_help = "Example: RELEASE=$(estiba release)")]
    Release {
        /// The release's version; by default from Git
        #[arg(long, value_name = "VERSION")]
        version: Option<Version>,
    },
    /// List releases and where they run
    Releases,
    /// Show all environments: release, instances, health, drift, URLs
    Status,
    /// List an environment's deployments
    #[command(after_help = "Example: estiba history --env test --steps")]
    History {
        #[command(flatten)]
        env: AnyEnv,
        /// How many
        #[arg(long, short = 'n', default_value_t = 20)]
        limit: u32,
        /// Show the steps of each
        #[arg(long)]
        steps: bool,
    },
    /// Carry on, or roll back, a deployment that was interrupted
    Resume {
        #[command(flatten)]
        env: AnyEnv,
    },
    /// Show what instances wrote, and search in it
    #[command(
        after_help = "Examples:\n  estiba logs api --env test --since 10m\n  estiba logs bot --env prod --follow --level warn\n  estiba logs api 'status:>=500 -path:/health*' --context 3\n  estiba logs --all --since 1d --grep '\"connection refused\" OR timeout'"
    )]
    Logs(Logs),
    /// What a server tells of an environment's lines
    #[command(subcommand)]
    Alert(Alert),
    /// Run a command inside a running instance
    #[command(after_help = "Example: estiba exec api --env test -- /app/api migrate")]
    Exec {
        /// The workload
        workload: Name,
        #[command(flatten)]
        env: AnyEnv,
        /// The container, where the workload has several
        #[arg(long, value_name = "NAME")]
        container: Option<Name>,
        /// Program and arguments
        #[arg(last = true, required = true, value_name = "CMD")]
        command: Vec<String>,
    },
    /// Replace the instances of workloads by new ones of the same release
    Restart {
        /// The workloads; all where none is named
        workloads: Vec<Name>,
        #[command(flatten)]
        env: Env,
    },
    /// Change how many copies of workloads run
    #[command(after_help = "Example: estiba scale api=3 --env prod")]
    Scale {
        /// Copies of each workload
        #[arg(required = true, value_name = "WORKLOAD=N", value_parser = replicas)]
        replicas: Vec<(Name, u32)>,
        #[command(flatten)]
        env: Env,
    },
    /// Run acceptance tests here against what an environment runs, and keep what came of them
    #[command(
        after_help = "Examples:\n  estiba accept --env test -- npm test\n  estiba accept --env test --timeout 300 -- sh -c 'curl -sf \"$BASE_URL/version\"'\nThe command is told BASE_URL, ESTIBA_URL_<WORKLOAD>, ESTIBA_VERSION, ESTIBA_ENVIRONMENT and perhaps ESTIBA_RESET."
    )]
    Accept {
        #[command(flatten)]
        env: Env,
        /// How many seconds it may take
        #[arg(long, value_name = "SECONDS", default_value_t = 600, value_parser = clap::value_parser!(u64).range(1..=86400))]
        timeout: u64,
        /// Program and arguments
        #[arg(last = true, required = true, value_name = "CMD")]
        command: Vec<String>,
    },
    /// Empty the databases of an environment that may be reset, and start it anew
    #[command(after_help = "Example: estiba reset --env test --yes")]
    Reset {
        #[command(flatten)]
        env: Env,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Show the mails that an environment's workloads sent and nobody got
    #[command(
        after_help = "Examples:\n  estiba mail --env test\n  estiba mail 3 --env test\n  estiba mail 3 --raw > mail.eml"
    )]
    Mail {
        /// The mail's number; lists all where it is not given
        id: Option<u64>,
        #[command(flatten)]
        env: AnyEnv,
        /// Print it as it came
        #[arg(long, requires = "id")]
        raw: bool,
        /// Forget all of them
        #[arg(long, conflicts_with_all = ["id", "raw"])]
        clear: bool,
    },
    /// End an environment and remove its data
    Down {
        #[command(flatten)]
        env: Env,
        /// Do not ask
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        without: Without,
    },
    /// Read and change an environment's values that are no secrets
    #[command(subcommand)]
    Config(Config),
    /// Keep an environment's secrets
    #[command(subcommand)]
    Secret(Secret),
    /// Back up and restore an environment's database
    #[command(subcommand)]
    Db(Db),
    /// Write a Compose file, Kubernetes manifests or a Helm chart that run without Estiba
    #[command(
        after_help = "Examples:\n  estiba export compose -o out\n  estiba export helm -o chart --env prod --version 1.2.0 --explain"
    )]
    Export {
        /// What to write
        #[arg(value_enum)]
        format: ExportFormat,
        /// The folder, which must be new or empty
        #[arg(long, short, value_name = "DIR")]
        output: PathBuf,
        #[command(flatten)]
        env: AnyEnv,
        /// The release; by default what is in the folder
        #[arg(long, value_name = "VERSION")]
        version: Option<Version>,
        /// Add comments that teach
        #[arg(long)]
        explain: bool,
        /// Do not write the images that were built
        #[arg(long)]
        no_images: bool,
    },
    /// Answer the web API, and carry out what is asked of it
    #[command(
        after_help = "Examples:\n  estiba serve\n  estiba serve --listen 0.0.0.0:8700 --targets targets.yaml --behind-proxy\nThe command uses a server where ESTIBA_URL and ESTIBA_TOKEN say so."
    )]
    Serve(Box<Serve>),
    /// Serve the Telegram bot whose token is in TELEGRAM_TOKEN, over the server of ESTIBA_URL
    #[command(
        after_help = "Examples:\n  estiba bot\n  estiba bot --webhook https://bot.example.edu/telegram --listen 0.0.0.0:8443"
    )]
    Bot(Bot),
    /// Ship lines of logs, from files, standard input or requests, to a log store
    #[command(
        after_help = "Examples:\n  estiba ship '/data/logs/*.log' --to https://estiba.example.edu/elastic --state /var/lib/estiba-ship\n  estiba ship --config ship.yaml\nThe token of the store is in LOG_SINK_TOKEN. Variables can say all that the file can: see docs/en/ship.md."
    )]
    Ship(Ship),
    /// Teams of a server, and who is in them
    #[command(subcommand)]
    Team(Team),
    /// Keys to a server's API
    #[command(subcommand)]
    Token(Token),
    /// All teams of a course, from one file
    #[command(subcommand)]
    Course(Course),
    /// Show the deployments that wait for a person, or agree to one
    #[command(
        after_help = "Examples:\n  estiba approve\n  estiba approve 12\n  estiba approve 12 --reject"
    )]
    Approve {
        /// The request's number; lists them where it is not given
        id: Option<i64>,
        /// Do not agree
        #[arg(long, requires = "id")]
        reject: bool,
    },
    /// Show who changed what on a server, the newest first
    Audit {
        /// Only of this team
        #[arg(long)]
        team: Option<Name>,
        /// How many
        #[arg(long, short = 'n', default_value_t = 50)]
        limit: u32,
    },
    /// Get a one-time code with which you link your Telegram account
    ChatCode,
    /// Pipelines: write them, check them, run them here
    #[command(subcommand)]
    Ci(Ci),
    /// Say what this machine and the project's targets can and cannot do, and what to install
    Doctor,
    /// Ask about the project's targets
    #[command(subcommand)]
    Target(Target),
    /// Print the JSON schema of estiba.yaml, for editors
    Schema,
    /// Print the completion script of a shell
    #[command(
        after_help = "Example: estiba completion bash > ~/.local/share/bash-completion/completions/estiba"
    )]
    Completion {
        /// The shell
        shell: Shell,
    },
}

impl Command {
    /// The environment that a command is about, where it names one.
    pub fn environment(&self) -> Option<&Name> {
        match self {
            Self::Plan { env, .. }
            | Self::History { env, .. }
            | Self::Resume { env }
            | Self::Exec { env, .. }
            | Self::Mail { env, .. }
            | Self::Export { env, .. }
            | Self::Alert(Alert::List { env })
            | Self::Config(Config::Get { env, .. })
            | Self::Secret(Secret::List { env }) => env.env.as_ref(),
            Self::Deploy { env, .. }
            | Self::Rollback { env, .. }
            | Self::Restart { env, .. }
            | Self::Scale { env, .. }
            | Self::Accept { env, .. }
            | Self::Reset { env, .. }
            | Self::Down { env, .. }
            | Self::Alert(Alert::Mute { env, .. } | Alert::Unmute { env, .. })
            | Self::Config(Config::Set { env, .. } | Config::Unset { env, .. })
            | Self::Secret(Secret::Set { env, .. } | Secret::Unset { env, .. })
            | Self::Db(Db::Backup { env, .. } | Db::Restore { env, .. })
            | Self::Ci(Ci::Report { env, .. }) => Some(&env.env),
            Self::Promote { to, .. } => Some(to),
            Self::Logs(logs) => logs.env.first(),
            _ => None,
        }
    }
}

/// What an export can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// A Compose file
    Compose,
    /// Manifests for kubectl
    Kubernetes,
    /// A Helm chart
    Helm,
}

/// Targets.
#[derive(Debug, Subcommand)]
pub enum Target {
    /// Print the rights that Estiba needs on a cluster, for its administrator
    #[command(after_help = "Example: estiba target rbac aks | kubectl apply -f -")]
    Rbac {
        /// The target's name in estiba.yaml
        target: Name,
    },
}

/// The whole command line in a language.
pub fn command(lang: Lang) -> clap::Command {
    match lang {
        Lang::En => Cli::command(),
        Lang::Es => spanish::in_spanish(Cli::command()),
    }
}
