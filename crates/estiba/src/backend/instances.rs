//! What runs, from within: its lines, commands, mails and data.

use std::path::Path;

use async_trait::async_trait;
use estiba_model::{LogLine, Mail, MailContent, Name, Project};
use estiba_target::{ExecIo, LogQuery};
use futures::stream::BoxStream;

use super::{FoundLines, WantedLogs};
use crate::failure::Failure;

/// Reaches into what runs.
#[async_trait]
pub trait Instances: Send + Sync {
    /// What the instances of a workload wrote.
    async fn logs(
        &self,
        project: &Project,
        environment: &Name,
        workload: &Name,
        query: &LogQuery,
    ) -> Result<BoxStream<'static, Result<LogLine, Failure>>, Failure>;

    /// Lines of logs, from a server's store where there is one, and else from the
    /// targets themselves.
    async fn search_logs<'a>(
        &'a self,
        project: &'a Project,
        wanted: &'a WantedLogs,
    ) -> Result<FoundLines<'a>, Failure>;

    /// Runs a command in an instance and gives its exit code.
    async fn exec(
        &self,
        project: &Project,
        environment: &Name,
        workload: &Name,
        container: Option<Name>,
        command: Vec<String>,
        io: ExecIo,
    ) -> Result<i32, Failure>;

    /// The mails that an environment's sink took.
    async fn mails(&self, project: &Project, environment: &Name) -> Result<Vec<Mail>, Failure>;

    /// A mail with what is in it.
    async fn mail(
        &self,
        project: &Project,
        environment: &Name,
        id: u64,
    ) -> Result<MailContent, Failure>;

    /// A mail as it came.
    async fn raw_mail(
        &self,
        project: &Project,
        environment: &Name,
        id: u64,
    ) -> Result<Vec<u8>, Failure>;

    /// Has an environment's sink forget all mails.
    async fn clear_mails(&self, project: &Project, environment: &Name) -> Result<(), Failure>;

    /// Writes a backup of an environment's database to a new file.
    async fn backup(
        &self,
        project: &Project,
        environment: &Name,
        resource: Option<&str>,
        to: &Path,
    ) -> Result<(), Failure>;

    /// Replaces what is in an environment's database by a backup.
    async fn restore(
        &self,
        project: &Project,
        environment: &Name,
        resource: Option<&str>,
        from: &Path,
    ) -> Result<(), Failure>;
}
