//! Releases: put once, never changed.

use std::collections::{BTreeMap, BTreeSet};

use estiba_model::{Cause, EnvironmentId, ProjectId, Release, Version};
use jiff::Timestamp;

use crate::database::Store;
use crate::error::StoreError;
use crate::record::{Record, bad, json};

/// What [`Store::put_release`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PutRelease {
    /// The version is new.
    Created,
    /// The version was there with the same content, and stays as it was.
    Unchanged,
}

/// A release in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseSummary {
    /// Unique in the project.
    pub version: Version,
    /// The Git commit it was built from.
    pub commit: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// How many images it has.
    pub images: usize,
    /// The environments where it was the last to be deployed well.
    pub deployed_in: BTreeSet<EnvironmentId>,
}

impl Store {
    /// Records a release.
    ///
    /// # Errors
    /// [`StoreError::VersionTaken`] when the version exists with other content.
    pub async fn put_release(&self, release: &Release) -> Result<PutRelease, StoreError> {
        let project = release.project.to_string();
        let content = release.content();
        let images: usize = release.workloads.values().map(|w| w.images.len()).sum();
        let insert = sqlx::query(
            "INSERT INTO releases \
             (project, version, git_commit, created_at_ms, images, content, release) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
        )
        .bind(&project)
        .bind(release.version.as_str())
        .bind(release.commit.as_deref())
        .bind(release.created_at.as_millisecond())
        .bind(i64::try_from(images).map_err(bad("images"))?)
        .bind(content.as_str())
        .bind(json(release, "release")?);
        if self.run(insert).await? == 1 {
            return Ok(PutRelease::Created);
        }
        let same = sqlx::query(
            "SELECT 1 FROM releases WHERE project = $1 AND version = $2 AND content = $3",
        )
        .bind(&project)
        .bind(release.version.as_str())
        .bind(content.as_str());
        match self.optional(same).await? {
            Some(_) => Ok(PutRelease::Unchanged),
            None => Err(StoreError::VersionTaken {
                project: release.project.clone(),
                version: release.version.clone(),
            }),
        }
    }

    /// The release, where there is one of that version.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn release(
        &self,
        project: &ProjectId,
        version: &Version,
    ) -> Result<Option<Release>, StoreError> {
        let query = sqlx::query("SELECT release FROM releases WHERE project = $1 AND version = $2")
            .bind(project.to_string())
            .bind(version.as_str());
        let row = self.optional(query).await?;
        row.map(|row| Record(&row).json("release")).transpose()
    }

    /// The projects that have releases.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn released_projects(&self) -> Result<Vec<ProjectId>, StoreError> {
        let query = sqlx::query("SELECT DISTINCT project FROM releases ORDER BY project");
        let rows = self.all(query).await?;
        rows.iter().map(|row| Record(row).project()).collect()
    }

    /// All releases of a project, the newest first.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn releases(&self, project: &ProjectId) -> Result<Vec<ReleaseSummary>, StoreError> {
        let mut deployed = self.deployed(project).await?;
        let query = sqlx::query(
            "SELECT version, git_commit, created_at_ms, images FROM releases \
             WHERE project = $1 ORDER BY created_at_ms DESC, version DESC",
        )
        .bind(project.to_string());
        let rows = self.all(query).await?;
        let summary = |row| {
            let record = Record(row);
            let version: Version = record.parsed("version")?;
            Ok(ReleaseSummary {
                deployed_in: deployed.remove(&version).unwrap_or_default(),
                version,
                commit: record.optional_text("git_commit")?,
                created_at: record.time("created_at_ms")?,
                images: record.number("images")?,
            })
        };
        rows.iter().map(summary).collect()
    }

    /// Which version each environment of `project` got last, the other way round.
    async fn deployed(
        &self,
        project: &ProjectId,
    ) -> Result<BTreeMap<Version, BTreeSet<EnvironmentId>>, StoreError> {
        // From one environment to the next by an index, however many deployments
        // each has.
        let query = sqlx::query(
            "WITH RECURSIVE places (place) AS ( \
                 SELECT min(environment) FROM deployments WHERE project = $1 \
                 UNION ALL \
                 SELECT (SELECT min(environment) FROM deployments \
                         WHERE project = $1 AND environment > place) \
                 FROM places WHERE place IS NOT NULL) \
             SELECT environment, version, cause FROM deployments WHERE id IN \
                 (SELECT (SELECT max(id) FROM deployments \
                          WHERE environment = place AND state = 'succeeded') \
                  FROM places WHERE place IS NOT NULL)",
        )
        .bind(project.to_string());
        let mut deployed: BTreeMap<Version, BTreeSet<EnvironmentId>> = BTreeMap::new();
        for row in self.all(query).await? {
            let record = Record(&row);
            if record.word::<Cause>("cause")? != Cause::Down {
                let version = record.parsed("version")?;
                let environments = deployed.entry(version).or_default();
                environments.insert(record.environment()?);
            }
        }
        Ok(deployed)
    }
}
