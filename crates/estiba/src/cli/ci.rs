//! The commands of pipelines.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use estiba_model::{Name, Version};

use super::Env;
use super::values::assignment_or_name;

/// Pipelines.
#[derive(Debug, Subcommand)]
pub enum Ci {
    /// Write a GitLab pipeline: check, test, build once, deploy, promote
    #[command(
        after_help = "Examples:\n  estiba ci gitlab --server https://estiba.example.edu --image registry.example.edu/estiba:0.1.0\n  estiba ci gitlab --on branches --runner estiba\n  estiba ci gitlab --check"
    )]
    Gitlab {
        #[command(flatten)]
        pipeline: PipelineArgs,
        #[command(flatten)]
        component: Component,
    },
    /// Write a GitHub Actions workflow: check, test, build once, deploy, promote
    #[command(
        after_help = "Example: estiba ci github --server https://estiba.example.edu --image ghcr.io/memo2/estiba:0.1.0"
    )]
    Github(PipelineArgs),
    /// Find what goes wrong in a .gitlab-ci.yml before it runs
    #[command(after_help = "Example: estiba ci check --variable TELEGRAM_TOKEN")]
    Check(Checked),
    /// Run a repository's GitLab pipeline on this machine, by gitlab-ci-local
    #[command(
        after_help = "Examples:\n  estiba ci run\n  estiba ci run deploy-test --tag v1.2.0 --variable API_KEY\nWithout a value, a variable has that of this shell."
    )]
    Run {
        /// Jobs, those by hand too; all others where none is named
        #[arg(value_name = "JOB")]
        jobs: Vec<String>,
        #[command(flatten)]
        checked: Checked,
        /// As if this tag had been pushed
        #[arg(long, value_name = "TAG")]
        tag: Option<String>,
        /// Also this job, which waits for a person
        #[arg(long, value_name = "JOB", conflicts_with = "jobs")]
        manual: Vec<String>,
        /// Also what the named jobs need
        #[arg(long)]
        needs: bool,
        /// Run it though something was found
        #[arg(long)]
        anyway: bool,
    },
    /// Write the last deployment of an environment as a CI shows it: its steps as tests, its address
    #[command(after_help = "Example: estiba ci report --env test")]
    Report {
        #[command(flatten)]
        env: Env,
        /// The release that was to be deployed: where it was not, the report says so
        #[arg(long, value_name = "VERSION")]
        version: Option<Version>,
        /// The JUnit report
        #[arg(long, value_name = "FILE", default_value = "estiba-report.xml")]
        junit: PathBuf,
        /// The dotenv report, with ENVIRONMENT_ADDRESS
        #[arg(long, value_name = "FILE", default_value = "estiba-report.env")]
        dotenv: PathBuf,
        /// Append the same as a table in Markdown to this file
        #[arg(long, value_name = "FILE")]
        summary: Option<PathBuf>,
    },
}

/// What a pipeline is to do.
#[derive(Debug, Args)]
pub struct PipelineArgs {
    /// What ships
    #[arg(long, value_enum, default_value = "tags")]
    pub on: OnArg,
    /// The Estiba server, to which jobs show an identity token; without one, runners deploy
    #[arg(long, value_name = "URL")]
    pub server: Option<String>,
    /// The image that jobs run in, with estiba and git; without one, runners have them
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// A tag, or label, of the runners
    #[arg(long, value_name = "TAG")]
    pub runner: Vec<String>,
    /// Build Dockerfiles by Buildah with no privilege
    #[arg(long)]
    pub buildah: bool,
    /// The environment that a release comes to first; by default the project's first
    #[arg(long, value_name = "ENV")]
    pub test: Option<Name>,
    /// The environment that a person takes it to; by default the one that comes after it
    #[arg(long, value_name = "ENV")]
    pub prod: Option<Name>,
    /// Only say whether the files are as they would be written
    #[arg(long, conflicts_with = "force")]
    pub check: bool,
    /// Write over files that are there
    #[arg(long)]
    pub force: bool,
}

/// Where the component of a GitLab pipeline is.
#[derive(Debug, Args)]
pub struct Component {
    /// Include the component of a catalogue, and write none
    #[arg(long, value_name = "ADDRESS@VERSION")]
    pub component: Option<String>,
    /// Write the values into the component, for GitLab before 17.0 and tools that know no inputs
    #[arg(long, conflicts_with = "component")]
    pub no_inputs: bool,
    /// Write templates/estiba.yml, the component for a catalogue's project, and nothing else
    #[arg(long, conflicts_with_all = ["component", "no_inputs"])]
    pub catalog: bool,
}

/// A pipeline that is there.
#[derive(Debug, Args)]
pub struct Checked {
    /// The pipeline's file, from the root of the repository
    #[arg(long, value_name = "FILE", default_value = ".gitlab-ci.yml")]
    pub file: PathBuf,
    /// A variable that comes from elsewhere, with or without its value
    #[arg(long = "variable", value_name = "NAME[=VALUE]", value_parser = assignment_or_name)]
    pub variables: Vec<(String, Option<String>)>,
}

/// What ships.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum OnArg {
    /// Each tag
    Tags,
    /// Each commit of the default branch
    Branches,
}
