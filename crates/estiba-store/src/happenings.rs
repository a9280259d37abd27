//! What happened, in order, for those who follow it.

use estiba_model::{DeploymentId, EnvironmentId, Happening, Name, What};
use sqlx::any::AnyRow;

use crate::database::Store;
use crate::error::StoreError;
use crate::record::{Record, json, now_ms};

/// Something that is to be recorded.
#[derive(Debug, Clone)]
pub struct NewHappening {
    /// Where.
    pub environment: EnvironmentId,
    /// The deployment it belongs to.
    pub deployment: Option<DeploymentId>,
    /// What.
    pub what: What,
}

/// Which happenings are wanted.
#[derive(Debug, Clone, Default)]
pub struct HappeningQuery {
    /// Only later ones than this.
    pub after: i64,
    /// Only of this team.
    pub team: Option<Name>,
    /// Only of this deployment.
    pub deployment: Option<DeploymentId>,
    /// So many at most.
    pub limit: u32,
}

macro_rules! select {
    ($rest:literal) => {
        sqlx::query(concat!(
            "SELECT id, environment, deployment, at_ms, what FROM happenings ",
            $rest
        ))
    };
}

impl Store {
    /// Records what happened, in this order.
    ///
    /// # Errors
    /// When the state can't be written; nothing was recorded then.
    pub async fn record_happenings(&self, new: &[NewHappening]) -> Result<(), StoreError> {
        if new.is_empty() {
            return Ok(());
        }
        let count = i64::try_from(new.len()).unwrap_or(i64::MAX);
        let mut transaction = self.begin_write().await?;
        // The counter's row is locked until the commit: numbers appear in their
        // order, so that who has read up to one has missed none before it.
        let last: i64 = sqlx::query_scalar(
            "UPDATE counters SET value = value + $1 WHERE name = 'happening' RETURNING value",
        )
        .bind(count)
        .fetch_one(&mut *transaction)
        .await
        .map_err(|e| self.failed(&e))?;
        let at = now_ms();
        for (id, happening) in (last - count + 1..).zip(new) {
            let what = serde_json::to_value(&happening.what);
            let kind = what
                .ok()
                .and_then(|what| what["kind"].as_str().map(str::to_owned));
            sqlx::query(
                "INSERT INTO happenings (id, team, environment, deployment, at_ms, kind, what) \
                 VALUES ($1, $2, $3, $4, $5, $6, $7)",
            )
            .bind(id)
            .bind(happening.environment.team.as_str())
            .bind(happening.environment.to_string())
            .bind(happening.deployment.map(|deployment| deployment.0))
            .bind(at)
            .bind(kind.unwrap_or_default())
            .bind(json(&happening.what, "what")?)
            .execute(&mut *transaction)
            .await
            .map_err(|e| self.failed(&e))?;
        }
        self.commit(transaction).await
    }

    /// What happened, the oldest first.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn happenings(&self, wanted: &HappeningQuery) -> Result<Vec<Happening>, StoreError> {
        let limit = i64::from(wanted.limit);
        let query = match (&wanted.deployment, &wanted.team) {
            (Some(deployment), _) => {
                select!("WHERE deployment = $1 AND id > $2 ORDER BY id LIMIT $3").bind(deployment.0)
            }
            (None, Some(team)) => {
                select!("WHERE team = $1 AND id > $2 ORDER BY id LIMIT $3").bind(team.as_str())
            }
            (None, None) => select!("WHERE id > $2 AND $1 = 0 ORDER BY id LIMIT $3").bind(0_i64),
        };
        let query = query.bind(wanted.after).bind(limit);
        self.all(query).await?.iter().map(happening).collect()
    }

    /// The last things that happened in a deployment, the oldest of them first.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn last_happenings(
        &self,
        deployment: DeploymentId,
        limit: u32,
    ) -> Result<Vec<Happening>, StoreError> {
        let query = select!("WHERE deployment = $1 ORDER BY id DESC LIMIT $2")
            .bind(deployment.0)
            .bind(i64::from(limit));
        self.all(query).await?.iter().rev().map(happening).collect()
    }

    /// The number of what happened last; 0 where nothing did.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn last_happening(&self) -> Result<i64, StoreError> {
        let query = sqlx::query_scalar("SELECT value FROM counters WHERE name = 'happening'");
        query
            .fetch_one(self.readers())
            .await
            .map_err(|e| self.failed(&e))
    }
}

fn happening(row: &AnyRow) -> Result<Happening, StoreError> {
    let record = Record(row);
    Ok(Happening {
        id: record.number("id")?,
        at: record.time("at_ms")?,
        environment: record.environment()?,
        deployment: record.optional_number("deployment")?.map(DeploymentId),
        what: record.json("what")?,
    })
}
