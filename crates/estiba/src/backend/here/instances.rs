//! What runs, from within: its lines, commands, mails and data.

use std::path::Path;

use async_trait::async_trait;
use estiba_model::{LogLine, Mail, MailContent, Name, Project};
use estiba_target::{ExecIo, LogQuery};
use futures::StreamExt;
use futures::stream::BoxStream;

use super::Here;
use crate::backend::{FoundLines, Instances, WantedLogs, logs};
use crate::failure::Failure;

#[async_trait]
impl Instances for Here {
    async fn logs(
        &self,
        project: &Project,
        environment: &Name,
        workload: &Name,
        query: &LogQuery,
    ) -> Result<BoxStream<'static, Result<LogLine, Failure>>, Failure> {
        let lines = self.0.logs(project, environment, workload, query).await?;
        let failed = |error: estiba_target::TargetError| Failure::because(error.message().clone());
        Ok(lines.map(move |line| line.map_err(failed)).boxed())
    }

    async fn search_logs<'a>(
        &'a self,
        project: &'a Project,
        wanted: &'a WantedLogs,
    ) -> Result<FoundLines<'a>, Failure> {
        logs::read(self, project, wanted).await
    }

    async fn exec(
        &self,
        project: &Project,
        environment: &Name,
        workload: &Name,
        container: Option<Name>,
        command: Vec<String>,
        io: ExecIo,
    ) -> Result<i32, Failure> {
        let code = self
            .0
            .exec(project, environment, workload, container, command, io);
        Ok(code.await?)
    }

    async fn mails(&self, project: &Project, environment: &Name) -> Result<Vec<Mail>, Failure> {
        Ok(self.0.mails(project, environment).await?)
    }

    async fn mail(
        &self,
        project: &Project,
        environment: &Name,
        id: u64,
    ) -> Result<MailContent, Failure> {
        Ok(self.0.mail(project, environment, id).await?)
    }

    async fn raw_mail(
        &self,
        project: &Project,
        environment: &Name,
        id: u64,
    ) -> Result<Vec<u8>, Failure> {
        Ok(self.0.raw_mail(project, environment, id).await?)
    }

    async fn clear_mails(&self, project: &Project, environment: &Name) -> Result<(), Failure> {
        Ok(self.0.clear_mails(project, environment).await?)
    }

    async fn backup(
        &self,
        project: &Project,
        environment: &Name,
        resource: Option<&str>,
        to: &Path,
    ) -> Result<(), Failure> {
        Ok(self.0.backup(project, environment, resource, to).await?)
    }

    async fn restore(
        &self,
        project: &Project,
        environment: &Name,
        resource: Option<&str>,
        from: &Path,
    ) -> Result<(), Failure> {
        Ok(self
            .0
            .restore_backup(project, environment, resource, from)
            .await?)
    }
}
