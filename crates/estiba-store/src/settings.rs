//! What was set for an environment on top of its project file.

use std::collections::BTreeMap;

use estiba_model::{EnvironmentId, Name};

use crate::database::Store;
use crate::error::StoreError;
use crate::record::Record;

/// What was set for an environment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Values in clear, by name.
    pub config: BTreeMap<String, String>,
    /// Copies of each workload that was scaled.
    pub replicas: BTreeMap<Name, u32>,
    /// How often each workload was asked to restart.
    pub restarts: BTreeMap<Name, u64>,
}

impl Store {
    /// What was set for an environment; empty where nothing was.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn settings(&self, environment: &EnvironmentId) -> Result<Settings, StoreError> {
        let mut settings = Settings::default();
        let config = sqlx::query("SELECT name, value FROM config WHERE environment = $1")
            .bind(environment.to_string());
        for row in self.all(config).await? {
            let record = Record(&row);
            let (name, value) = (record.text("name")?, record.text("value")?);
            settings.config.insert(name, value);
        }
        let workloads = sqlx::query(
            "SELECT workload, replicas, restarts FROM workload_settings WHERE environment = $1",
        )
        .bind(environment.to_string());
        for row in self.all(workloads).await? {
            let record = Record(&row);
            let workload: Name = record.parsed("workload")?;
            if let Some(replicas) = record.optional_number("replicas")? {
                settings.replicas.insert(workload.clone(), replicas);
            }
            let restarts = record.number("restarts")?;
            if restarts > 0 {
                settings.restarts.insert(workload, restarts);
            }
        }
        Ok(settings)
    }

    /// Sets a value in clear, or unsets it.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn set_config(
        &self,
        environment: &EnvironmentId,
        name: &str,
        value: Option<&str>,
    ) -> Result<(), StoreError> {
        let statement = match value {
            Some(value) => sqlx::query(
                "INSERT INTO config (environment, name, value) VALUES ($1, $2, $3) \
                 ON CONFLICT (environment, name) DO UPDATE SET value = excluded.value",
            )
            .bind(environment.to_string())
            .bind(name)
            .bind(value),
            None => sqlx::query("DELETE FROM config WHERE environment = $1 AND name = $2")
                .bind(environment.to_string())
                .bind(name),
        };
        self.run(statement).await.map(drop)
    }

    /// Sets how many copies of a workload run; `None` leaves it to the project
    /// file again.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn set_replicas(
        &self,
        environment: &EnvironmentId,
        workload: &Name,
        replicas: Option<u32>,
    ) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO workload_settings (environment, workload, replicas, restarts) \
             VALUES ($1, $2, $3, 0) \
             ON CONFLICT (environment, workload) DO UPDATE SET replicas = excluded.replicas",
        )
        .bind(environment.to_string())
        .bind(workload.as_str())
        .bind(replicas.map(i64::from));
        self.run(statement).await.map(drop)
    }

    /// Counts one more restart of a workload, so that its instances differ from
    /// what runs.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn bump_restart(
        &self,
        environment: &EnvironmentId,
        workload: &Name,
    ) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO workload_settings (environment, workload, restarts) VALUES ($1, $2, 1) \
             ON CONFLICT (environment, workload) \
             DO UPDATE SET restarts = workload_settings.restarts + 1",
        )
        .bind(environment.to_string())
        .bind(workload.as_str());
        self.run(statement).await.map(drop)
    }

    /// Removes an environment's settings, secrets and credentials. Its
    /// deployments stay, as history, with the sealed inputs that they had.
    ///
    /// # Errors
    /// When the state can't be written; nothing was removed then.
    pub async fn forget_environment(&self, environment: &EnvironmentId) -> Result<(), StoreError> {
        let mut transaction = self.begin_write().await?;
        for statement in [
            "DELETE FROM config WHERE environment = $1",
            "DELETE FROM workload_settings WHERE environment = $1",
            "DELETE FROM secrets WHERE environment = $1",
            "DELETE FROM credentials WHERE environment = $1",
        ] {
            sqlx::query(statement)
                .bind(environment.to_string())
                .execute(&mut *transaction)
                .await
                .map_err(|e| self.failed(&e))?;
        }
        self.commit(transaction).await
    }
}
