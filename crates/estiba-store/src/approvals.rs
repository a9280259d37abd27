//! Deployments that wait for a person to agree.

use std::collections::BTreeSet;

use estiba_model::{Approval, ApprovalState, Cause, DeploymentId, EnvironmentId, Name, Version};
use sqlx::any::AnyRow;

use crate::database::Store;
use crate::error::StoreError;
use crate::record::{Record, bad, now_ms, word};

macro_rules! select {
    ($rest:literal) => {
        sqlx::query(concat!(
            "SELECT id, environment, version, cause, requested_by, requested_at_ms, state, \
             decided_by, decided_at_ms, deployment, without FROM approvals ",
            $rest
        ))
    };
}

impl Store {
    /// Asks for a person to agree. What waited before in the environment gives
    /// way.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn ask_approval(
        &self,
        environment: &EnvironmentId,
        version: &Version,
        cause: Cause,
        by: &str,
        without: &BTreeSet<Name>,
    ) -> Result<Approval, StoreError> {
        let mut transaction = self.begin_write().await?;
        let failed = |e: sqlx::Error| self.failed(&e);
        let id: i64 = sqlx::query_scalar(
            "UPDATE counters SET value = value + 1 WHERE name = 'approval' RETURNING value",
        )
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
        sqlx::query(
            "UPDATE approvals SET state = 'superseded', decided_at_ms = $1 \
             WHERE environment = $2 AND state = 'waiting'",
        )
        .bind(now_ms())
        .bind(environment.to_string())
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        sqlx::query(
            "INSERT INTO approvals \
             (id, environment, team, version, cause, requested_by, requested_at_ms, state, without) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', $8)",
        )
        .bind(id)
        .bind(environment.to_string())
        .bind(environment.team.as_str())
        .bind(version.as_str())
        .bind(word(cause, "cause")?)
        .bind(by)
        .bind(now_ms())
        .bind(serde_json::to_string(without).map_err(bad("without"))?)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        self.commit(transaction).await?;
        let asked = self.approval(id).await?;
        asked.ok_or_else(|| StoreError::Record {
            column: "id",
            cause: "the new request is gone".to_owned(),
        })
    }

    /// Decides a request that waits; `None` where it does not wait any more.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn decide_approval(
        &self,
        id: i64,
        state: ApprovalState,
        by: &str,
    ) -> Result<Option<Approval>, StoreError> {
        let statement = sqlx::query(
            "UPDATE approvals SET state = $1, decided_by = $2, decided_at_ms = $3 \
             WHERE id = $4 AND state = 'waiting'",
        )
        .bind(word(state, "state")?)
        .bind(by)
        .bind(now_ms())
        .bind(id);
        match self.run(statement).await? {
            1 => self.approval(id).await,
            _ => Ok(None),
        }
    }

    /// Has a request wait again that was agreed to, and of which no deployment came.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn reopen_approval(&self, id: i64) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "UPDATE approvals SET state = 'waiting', decided_by = NULL, decided_at_ms = NULL \
             WHERE id = $1 AND state = 'approved' AND deployment IS NULL",
        )
        .bind(id);
        self.run(statement).await.map(drop)
    }

    /// Notes the deployment that came of a request.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn link_approval(&self, id: i64, deployment: DeploymentId) -> Result<(), StoreError> {
        let statement = sqlx::query("UPDATE approvals SET deployment = $1 WHERE id = $2")
            .bind(deployment.0)
            .bind(id);
        self.run(statement).await.map(drop)
    }

    /// A request by its number.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn approval(&self, id: i64) -> Result<Option<Approval>, StoreError> {
        let row = self.optional(select!("WHERE id = $1").bind(id)).await?;
        row.as_ref().map(approval).transpose()
    }

    /// The requests that wait, of a team or of all, the oldest first.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn waiting_approvals(
        &self,
        team: Option<&Name>,
    ) -> Result<Vec<Approval>, StoreError> {
        let query = select!(
            "WHERE state = 'waiting' AND (CAST($1 AS TEXT) IS NULL OR team = $2) ORDER BY id"
        )
        .bind(team.map(Name::as_str))
        .bind(team.map(Name::as_str));
        self.all(query).await?.iter().map(approval).collect()
    }
}

fn approval(row: &AnyRow) -> Result<Approval, StoreError> {
    let record = Record(row);
    Ok(Approval {
        id: record.number("id")?,
        environment: record.environment()?,
        version: record.parsed("version")?,
        cause: record.word("cause")?,
        requested_by: record.text("requested_by")?,
        requested_at: record.time("requested_at_ms")?,
        state: record.word("state")?,
        decided_by: record.optional_text("decided_by")?,
        decided_at: record.optional_time("decided_at_ms")?,
        deployment: record.optional_number("deployment")?.map(DeploymentId),
        without: match record.optional_text("without")? {
            Some(names) => serde_json::from_str(&names).map_err(bad("without"))?,
            None => BTreeSet::new(),
        },
    })
}
