//! The record of deployments.

use estiba_model::{
    Cause, Deployment, DeploymentId, DeploymentState, EnvironmentId, Message, ProjectId, Version,
};
use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{Any, Transaction};

use crate::database::Store;
use crate::error::StoreError;
use crate::record::{Record, json, now_ms, word};

/// All but the inputs, which are asked for apart.
macro_rules! select {
    ($($rest:literal),+) => {
        sqlx::query(concat!(
            "SELECT id, environment, version, cause, state, created_at_ms, started_at_ms, \
             finished_at_ms, error, log FROM deployments ",
            $($rest),+
        ))
    };
}

/// A release that went to an environment, or failed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Why.
    pub cause: Cause,
    /// How it ended.
    pub state: DeploymentState,
    /// When it ended.
    pub ended_at: Timestamp,
    /// When the release was made, where it is still known.
    pub made_at: Option<Timestamp>,
}

/// What came of trying what an environment runs.
#[derive(Debug, Clone)]
pub struct Acceptance {
    /// When that began.
    pub began_at: Timestamp,
    /// Why it is not as it should be; none where it is.
    pub error: Option<Message>,
    /// The last lines that explain it.
    pub log: Vec<String>,
}

impl Store {
    /// Records that a deployment is wanted. `inputs`, what it will work with,
    /// are sealed: they may hold secrets.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn enqueue(
        &self,
        environment: &EnvironmentId,
        version: &Version,
        cause: Cause,
        inputs: &[u8],
    ) -> Result<DeploymentId, StoreError> {
        let sealed = self.key().seal(inputs)?;
        let cause = word(cause, "cause")?;
        let mut transaction = self.begin_write().await?;
        let id = self.next_number(&mut transaction).await?;
        sqlx::query(
            "INSERT INTO deployments \
             (id, project, environment, version, cause, state, created_at_ms, sealed_inputs) \
             VALUES ($1, $2, $3, $4, $5, 'queued', $6, $7)",
        )
        .bind(id)
        .bind(environment.project_id().to_string())
        .bind(environment.to_string())
        .bind(version.as_str())
        .bind(cause)
        .bind(now_ms())
        .bind(sealed)
        .execute(&mut *transaction)
        .await
        .map_err(|e| self.failed(&e))?;
        self.commit(transaction).await?;
        Ok(DeploymentId(id))
    }

    /// Records what came of trying what runs, which deployed nothing. `inputs` are those
    /// of what was tried.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn record_acceptance(
        &self,
        environment: &EnvironmentId,
        version: &Version,
        inputs: &[u8],
        came: &Acceptance,
    ) -> Result<DeploymentId, StoreError> {
        let sealed = self.key().seal(inputs)?;
        let state = match came.error {
            None => DeploymentState::Succeeded,
            Some(_) => DeploymentState::Failed,
        };
        let error = came.error.as_ref().map(|error| json(error, "error"));
        let mut transaction = self.begin_write().await?;
        let id = self.next_number(&mut transaction).await?;
        let (began, ended) = (came.began_at.as_millisecond(), now_ms());
        sqlx::query(
            "INSERT INTO deployments \
             (id, project, environment, version, cause, state, created_at_ms, started_at_ms, \
              finished_at_ms, error, log, sealed_inputs) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        )
        .bind(id)
        .bind(environment.project_id().to_string())
        .bind(environment.to_string())
        .bind(version.as_str())
        .bind(word(Cause::Accept, "cause")?)
        .bind(word(state, "state")?)
        .bind(began)
        .bind(began)
        .bind(ended)
        .bind(error.transpose()?)
        .bind(json(&came.log, "log")?)
        .bind(sealed)
        .execute(&mut *transaction)
        .await
        .map_err(|e| self.failed(&e))?;
        self.commit(transaction).await?;
        Ok(DeploymentId(id))
    }

    /// The number of a new deployment. The counter's row is locked until the commit, so
    /// that numbers appear in their order and a newer one never has a lower number.
    async fn next_number(&self, transaction: &mut Transaction<'_, Any>) -> Result<i64, StoreError> {
        sqlx::query_scalar(
            "UPDATE counters SET value = value + 1 WHERE name = 'deployment' RETURNING value",
        )
        .fetch_one(&mut **transaction)
        .await
        .map_err(|e| self.failed(&e))
    }

    /// What came last of trying a version in an environment; none where nobody did.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn last_acceptance(
        &self,
        environment: &EnvironmentId,
        version: &Version,
    ) -> Result<Option<Deployment>, StoreError> {
        let query = select!(
            "WHERE environment = $1 AND version = $2 AND cause = 'accept' ",
            "ORDER BY id DESC LIMIT 1"
        )
        .bind(environment.to_string())
        .bind(version.as_str());
        let row = self.optional(query).await?;
        row.as_ref().map(deployment).transpose()
    }

    /// What a deployment works with, opened.
    ///
    /// # Errors
    /// [`StoreError::UnknownDeployment`]; or when they can't be opened.
    pub async fn inputs(&self, id: DeploymentId) -> Result<Vec<u8>, StoreError> {
        let query = sqlx::query("SELECT sealed_inputs FROM deployments WHERE id = $1").bind(id.0);
        let row = self.optional(query).await?;
        let row = row.ok_or(StoreError::UnknownDeployment(id))?;
        Ok(self.key().open(&Record(&row).bytes("sealed_inputs")?)?)
    }

    /// Gives a queued deployment its turn.
    ///
    /// # Errors
    /// [`StoreError::NotPossible`] when it is not queued (any more),
    /// [`StoreError::UnknownDeployment`].
    pub async fn begin(&self, id: DeploymentId) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "UPDATE deployments SET state = 'running', started_at_ms = $1 \
             WHERE id = $2 AND state = 'queued'",
        )
        .bind(now_ms())
        .bind(id.0);
        let changed = self.run(statement).await?;
        self.changed(id, changed).await
    }

    /// Records how far a deployment is and, for a final state, when it ended.
    ///
    /// # Errors
    /// [`StoreError::NotPossible`] when its state is final already,
    /// [`StoreError::UnknownDeployment`].
    pub async fn set_state(
        &self,
        id: DeploymentId,
        state: DeploymentState,
        error: Option<&Message>,
    ) -> Result<(), StoreError> {
        let error = error.map(|error| json(error, "error")).transpose()?;
        let statement = sqlx::query(
            "UPDATE deployments SET state = $1, finished_at_ms = $2, error = $3 \
             WHERE id = $4 AND state IN ('queued', 'running', 'rolling-back')",
        )
        .bind(word(state, "state")?)
        .bind(state.is_final().then(now_ms))
        .bind(error)
        .bind(id.0);
        let changed = self.run(statement).await?;
        self.changed(id, changed).await
    }

    /// Keeps the last lines that explain why a deployment fails.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn explain(&self, id: DeploymentId, log: &[String]) -> Result<(), StoreError> {
        if log.is_empty() {
            return Ok(());
        }
        let statement = sqlx::query("UPDATE deployments SET log = $1 WHERE id = $2")
            .bind(json(&log, "log")?)
            .bind(id.0);
        self.run(statement).await?;
        Ok(())
    }

    /// A deployment by its number.
    ///
    /// # Errors
    /// [`StoreError::UnknownDeployment`].
    pub async fn deployment(&self, id: DeploymentId) -> Result<Deployment, StoreError> {
        let row = self.optional(select!("WHERE id = $1").bind(id.0)).await?;
        let row = row.ok_or(StoreError::UnknownDeployment(id))?;
        deployment(&row)
    }

    /// The deployments to an environment, the newest first, `limit` at most.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn deployments(
        &self,
        environment: &EnvironmentId,
        limit: u32,
    ) -> Result<Vec<Deployment>, StoreError> {
        let query = select!("WHERE environment = $1 ORDER BY id DESC LIMIT $2")
            .bind(environment.to_string())
            .bind(i64::from(limit));
        self.all(query).await?.iter().map(deployment).collect()
    }

    /// The newest deployment that waits for its turn.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn newest_queued(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Option<Deployment>, StoreError> {
        let query = select!(
            "WHERE environment = $1 AND finished_at_ms IS NULL AND state = 'queued' ",
            "ORDER BY id DESC LIMIT 1"
        )
        .bind(environment.to_string());
        let row = self.optional(query).await?;
        row.as_ref().map(deployment).transpose()
    }

    /// Ends all deployments that wait and are older than `than`. Says how many.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn supersede_older_queued(
        &self,
        environment: &EnvironmentId,
        than: DeploymentId,
    ) -> Result<u64, StoreError> {
        let statement = sqlx::query(
            "UPDATE deployments SET state = 'superseded', finished_at_ms = $1 \
             WHERE environment = $2 AND finished_at_ms IS NULL AND state = 'queued' AND id < $3",
        )
        .bind(now_ms())
        .bind(environment.to_string())
        .bind(than.0);
        self.run(statement).await
    }

    /// The deployments to an environment older than `before`, the newest first.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn deployments_before(
        &self,
        environment: &EnvironmentId,
        before: DeploymentId,
        limit: u32,
    ) -> Result<Vec<Deployment>, StoreError> {
        let query = select!("WHERE environment = $1 AND id < $2 ORDER BY id DESC LIMIT $3")
            .bind(environment.to_string())
            .bind(before.0)
            .bind(i64::from(limit));
        self.all(query).await?.iter().map(deployment).collect()
    }

    /// The releases that went to an environment, or failed to, since; the oldest
    /// first.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn deliveries_since(
        &self,
        environment: &EnvironmentId,
        since: Timestamp,
    ) -> Result<Vec<Delivery>, StoreError> {
        let query = sqlx::query(
            "SELECT d.cause, d.state, d.finished_at_ms, \
                 r.created_at_ms AS made_at_ms FROM deployments d \
             LEFT JOIN releases r ON r.project = d.project AND r.version = d.version \
             WHERE d.environment = $1 AND d.created_at_ms >= $2 AND d.finished_at_ms IS NOT NULL \
                 AND d.state IN ('succeeded', 'failed') \
                 AND d.cause IN ('deploy', 'promote', 'rollback') ORDER BY d.id",
        )
        .bind(environment.to_string())
        .bind(since.as_millisecond());
        let delivery = |row| {
            let record = Record(row);
            Ok(Delivery {
                cause: record.word("cause")?,
                state: record.word("state")?,
                ended_at: record.time("finished_at_ms")?,
                made_at: record.optional_time("made_at_ms")?,
            })
        };
        self.all(query).await?.iter().map(delivery).collect()
    }

    /// The environments in which something waits, is going on or was interrupted.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn environments_with_work(&self) -> Result<Vec<EnvironmentId>, StoreError> {
        let query = sqlx::query(
            "SELECT DISTINCT environment FROM deployments WHERE finished_at_ms IS NULL",
        );
        let rows = self.all(query).await?;
        rows.iter().map(|row| Record(row).environment()).collect()
    }

    /// The environments of a project that ever had a deployment.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn environments_of(
        &self,
        project: &ProjectId,
    ) -> Result<Vec<EnvironmentId>, StoreError> {
        let query = sqlx::query(
            "SELECT DISTINCT environment FROM deployments WHERE environment LIKE $1 ORDER BY 1",
        );
        let rows = self.all(query.bind(format!("{project}/%"))).await?;
        rows.iter().map(|row| Record(row).environment()).collect()
    }

    /// The deployment that is next in an environment: the newest that waits, or
    /// the newest that began.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn next_work(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Option<Deployment>, StoreError> {
        if let Some(queued) = self.newest_queued(environment).await? {
            return Ok(Some(queued));
        }
        let unfinished = self.unfinished(environment).await?;
        Ok(unfinished
            .into_iter()
            .max_by_key(|deployment| deployment.id))
    }

    /// The deployments that began and did not end, the oldest first. While the
    /// caller holds the environment, whoever began them is gone.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn unfinished(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Vec<Deployment>, StoreError> {
        let query = select!(
            "WHERE environment = $1 AND finished_at_ms IS NULL AND state <> 'queued' ",
            "ORDER BY id"
        )
        .bind(environment.to_string());
        self.all(query).await?.iter().map(deployment).collect()
    }

    /// The newest deployment that went well.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn last_succeeded(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Option<Deployment>, StoreError> {
        self.succeeded_before(environment, DeploymentId(i64::MAX))
            .await
    }

    /// The newest deployment that went well among those older than `id`.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn succeeded_before(
        &self,
        environment: &EnvironmentId,
        id: DeploymentId,
    ) -> Result<Option<Deployment>, StoreError> {
        let query = select!(
            "WHERE environment = $1 AND state = 'succeeded' AND cause <> 'accept' AND id < $2 ",
            "ORDER BY id DESC LIMIT 1"
        )
        .bind(environment.to_string())
        .bind(id.0);
        let row = self.optional(query).await?;
        row.as_ref().map(deployment).transpose()
    }

    /// Whether a version was ever deployed well to an environment.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn has_succeeded(
        &self,
        environment: &EnvironmentId,
        version: &Version,
    ) -> Result<bool, StoreError> {
        let query = sqlx::query(
            "SELECT id FROM deployments WHERE environment = $1 AND version = $2 \
             AND state = 'succeeded' AND cause NOT IN ('down', 'accept') LIMIT 1",
        )
        .bind(environment.to_string())
        .bind(version.as_str());
        Ok(self.optional(query).await?.is_some())
    }

    /// Why an update changed nothing, if it did not.
    async fn changed(&self, id: DeploymentId, changed: u64) -> Result<(), StoreError> {
        if changed == 1 {
            return Ok(());
        }
        Err(StoreError::NotPossible {
            deployment: id,
            state: self.deployment(id).await?.state,
        })
    }
}

fn deployment(row: &AnyRow) -> Result<Deployment, StoreError> {
    let record = Record(row);
    Ok(Deployment {
        id: DeploymentId(record.number("id")?),
        environment: record.environment()?,
        version: record.parsed("version")?,
        cause: record.word("cause")?,
        state: record.word("state")?,
        created_at: record.time("created_at_ms")?,
        started_at: record.optional_time("started_at_ms")?,
        finished_at: record.optional_time("finished_at_ms")?,
        error: record.optional_json("error")?,
        log: record.optional_json("log")?.unwrap_or_default(),
    })
}
