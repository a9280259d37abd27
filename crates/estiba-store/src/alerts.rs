//! When alerts were told, and until when nobody wants to be told.

use std::collections::BTreeMap;

use estiba_model::{EnvironmentId, Name};
use jiff::Timestamp;

use crate::database::Store;
use crate::error::StoreError;
use crate::record::Record;

/// What is kept of an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AlertState {
    /// When it was last told.
    pub told_at: Option<Timestamp>,
    /// Until when it is not told; perhaps long ago.
    pub muted_until: Option<Timestamp>,
}

impl Store {
    /// What is kept of the alerts of an environment.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn alerts(
        &self,
        environment: &EnvironmentId,
    ) -> Result<BTreeMap<Name, AlertState>, StoreError> {
        let query = sqlx::query(
            "SELECT alert, told_at_ms, muted_until_ms FROM alerts WHERE environment = $1",
        )
        .bind(environment.to_string());
        let alert = |row| {
            let record = Record(row);
            let state = AlertState {
                told_at: record.optional_time("told_at_ms")?,
                muted_until: record.optional_time("muted_until_ms")?,
            };
            Ok((record.parsed("alert")?, state))
        };
        self.all(query).await?.iter().map(alert).collect()
    }

    /// An alert was told.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn set_alert_told(
        &self,
        environment: &EnvironmentId,
        alert: &Name,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO alerts (environment, alert, told_at_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (environment, alert) DO UPDATE SET told_at_ms = excluded.told_at_ms",
        )
        .bind(environment.to_string())
        .bind(alert.as_str())
        .bind(at.as_millisecond());
        self.run(statement).await.map(drop)
    }

    /// An alert is not to be told until then; `None` ends that.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn mute_alert(
        &self,
        environment: &EnvironmentId,
        alert: &Name,
        until: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO alerts (environment, alert, muted_until_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (environment, alert) DO UPDATE SET muted_until_ms = excluded.muted_until_ms",
        )
        .bind(environment.to_string())
        .bind(alert.as_str())
        .bind(until.map(Timestamp::as_millisecond));
        self.run(statement).await.map(drop)
    }
}
