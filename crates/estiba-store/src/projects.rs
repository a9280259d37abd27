//! Projects as they were described to a server: the texts of their files.

use std::collections::BTreeMap;

use estiba_model::{Name, ProjectId};
use jiff::Timestamp;

use crate::database::Store;
use crate::error::StoreError;
use crate::record::{Record, json, now_ms};

/// The files of a project: `estiba.yaml` and the Score files it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DescribedProject {
    /// Texts by their path from the project's folder.
    pub files: BTreeMap<String, String>,
    /// Since when they are so.
    pub updated_at: Timestamp,
    /// Who wrote them.
    pub updated_by: String,
}

impl Store {
    /// Keeps the files of a project in place of those before.
    ///
    /// # Errors
    /// When the state can't be written, or there is no such team.
    pub async fn put_project(
        &self,
        project: &ProjectId,
        files: &BTreeMap<String, String>,
        by: &str,
    ) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO projects (project, team, files, updated_at_ms, updated_by) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT (project) DO UPDATE SET \
             files = excluded.files, updated_at_ms = excluded.updated_at_ms, \
             updated_by = excluded.updated_by",
        )
        .bind(project.to_string())
        .bind(project.team.as_str())
        .bind(json(files, "files")?)
        .bind(now_ms())
        .bind(by);
        self.run(statement).await.map(drop)
    }

    /// The files of a project.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn project(
        &self,
        project: &ProjectId,
    ) -> Result<Option<DescribedProject>, StoreError> {
        let query =
            sqlx::query("SELECT files, updated_at_ms, updated_by FROM projects WHERE project = $1")
                .bind(project.to_string());
        let Some(row) = self.optional(query).await? else {
            return Ok(None);
        };
        let record = Record(&row);
        Ok(Some(DescribedProject {
            files: record.json("files")?,
            updated_at: record.time("updated_at_ms")?,
            updated_by: record.text("updated_by")?,
        }))
    }

    /// The projects of a team, or of all, by name.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn projects(&self, team: Option<&Name>) -> Result<Vec<ProjectId>, StoreError> {
        let query = sqlx::query(
            "SELECT project FROM projects WHERE CAST($1 AS TEXT) IS NULL OR team = $2 ORDER BY project",
        )
        .bind(team.map(Name::as_str))
        .bind(team.map(Name::as_str));
        let rows = self.all(query).await?;
        rows.iter().map(|row| Record(row).project()).collect()
    }

    /// Forgets a project; its releases and history stay. `false` where there is
    /// none.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn remove_project(&self, project: &ProjectId) -> Result<bool, StoreError> {
        let statement =
            sqlx::query("DELETE FROM projects WHERE project = $1").bind(project.to_string());
        Ok(self.run(statement).await? == 1)
    }
}
