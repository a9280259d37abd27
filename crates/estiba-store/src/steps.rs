//! The steps of a deployment, each recorded before and after it is taken.

use estiba_model::{DeploymentId, Message, Step, StepRecord, StepState};

use crate::database::Store;
use crate::error::StoreError;
use crate::record::{Record, bad, json, now_ms, word};

impl Store {
    /// Records the steps that a deployment is about to take, after those that
    /// it has already: one that is carried on gets a new round. Returns the
    /// index of the first.
    ///
    /// # Errors
    /// [`StoreError::UnknownDeployment`]; or when the state can't be written.
    pub async fn plan_steps(&self, id: DeploymentId, steps: &[Step]) -> Result<u32, StoreError> {
        self.deployment(id).await?;
        let state = word(StepState::Pending, "state")?;
        let mut transaction = self.begin_write().await?;
        let first: i64 = sqlx::query_scalar(
            "SELECT coalesce(max(position) + 1, 0) FROM steps WHERE deployment = $1",
        )
        .bind(id.0)
        .fetch_one(&mut *transaction)
        .await
        .map_err(|e| self.failed(&e))?;
        for (position, step) in (first..).zip(steps) {
            sqlx::query(
                "INSERT INTO steps (deployment, position, step, state) VALUES ($1, $2, $3, $4)",
            )
            .bind(id.0)
            .bind(position)
            .bind(json(step, "step")?)
            .bind(&state)
            .execute(&mut *transaction)
            .await
            .map_err(|e| self.failed(&e))?;
        }
        self.commit(transaction).await?;
        u32::try_from(first).map_err(bad("position"))
    }

    /// Records that a step is about to be taken.
    ///
    /// # Errors
    /// [`StoreError::UnknownStep`]; or when the state can't be written.
    pub async fn begin_step(&self, id: DeploymentId, index: u32) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "UPDATE steps SET state = $1, started_at_ms = $2, finished_at_ms = NULL, error = NULL \
             WHERE deployment = $3 AND position = $4",
        )
        .bind(word(StepState::Running, "state")?)
        .bind(now_ms())
        .bind(id.0)
        .bind(i64::from(index));
        known_step(id, index, self.run(statement).await?)
    }

    /// Records that a step was taken and the one after it is about to be: one
    /// write to disk where [`Store::finish_step`] and [`Store::begin_step`] are two.
    ///
    /// # Errors
    /// [`StoreError::UnknownStep`] when there is none after it; or when the state
    /// can't be written.
    pub async fn advance(&self, id: DeploymentId, done: u32) -> Result<(), StoreError> {
        let next = done + 1;
        let statement = sqlx::query(
            "UPDATE steps SET \
             state = CASE WHEN position = $1 THEN $2 ELSE $3 END, \
             finished_at_ms = CASE WHEN position = $1 THEN $4 ELSE NULL END, \
             started_at_ms = CASE WHEN position = $1 THEN started_at_ms ELSE $4 END, \
             error = NULL \
             WHERE deployment = $5 AND position IN ($1, $6)",
        )
        .bind(i64::from(done))
        .bind(word(StepState::Done, "state")?)
        .bind(word(StepState::Running, "state")?)
        .bind(now_ms())
        .bind(id.0)
        .bind(i64::from(next));
        match self.run(statement).await? {
            2 => Ok(()),
            _ => Err(StoreError::UnknownStep {
                deployment: id,
                index: next,
            }),
        }
    }

    /// Records that a step was taken, or why it failed.
    ///
    /// # Errors
    /// [`StoreError::UnknownStep`]; or when the state can't be written.
    pub async fn finish_step(
        &self,
        id: DeploymentId,
        index: u32,
        outcome: Result<(), Message>,
    ) -> Result<(), StoreError> {
        let (state, error) = match outcome {
            Ok(()) => (StepState::Done, None),
            Err(error) => (StepState::Failed, Some(json(&error, "error")?)),
        };
        let statement = sqlx::query(
            "UPDATE steps SET state = $1, finished_at_ms = $2, error = $3 \
             WHERE deployment = $4 AND position = $5",
        )
        .bind(word(state, "state")?)
        .bind(now_ms())
        .bind(error)
        .bind(id.0)
        .bind(i64::from(index));
        known_step(id, index, self.run(statement).await?)
    }

    /// The steps of a deployment in their order, of all rounds.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn steps(&self, id: DeploymentId) -> Result<Vec<StepRecord>, StoreError> {
        let query = sqlx::query(
            "SELECT position, step, state, started_at_ms, finished_at_ms, error FROM steps \
             WHERE deployment = $1 ORDER BY position",
        )
        .bind(id.0);
        let rows = self.all(query).await?;
        let step = |row| {
            let record = Record(row);
            Ok(StepRecord {
                index: record.number("position")?,
                step: record.json("step")?,
                state: record.word("state")?,
                started_at: record.optional_time("started_at_ms")?,
                finished_at: record.optional_time("finished_at_ms")?,
                error: record.optional_json("error")?,
            })
        };
        rows.iter().map(step).collect()
    }
}

fn known_step(deployment: DeploymentId, index: u32, changed: u64) -> Result<(), StoreError> {
    if changed == 1 {
        return Ok(());
    }
    Err(StoreError::UnknownStep { deployment, index })
}
