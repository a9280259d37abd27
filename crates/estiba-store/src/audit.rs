//! Who changed what: written once, never changed, never removed.

use estiba_model::{AuditEntry, Name};
use serde_json::Value;

use crate::database::Store;
use crate::error::StoreError;
use crate::record::{Record, json, now_ms};

/// Something that is to be noted.
#[derive(Debug, Clone)]
pub struct NewAuditEntry {
    /// Who.
    pub actor: String,
    /// From which address.
    pub from: Option<String>,
    /// What was done.
    pub action: &'static str,
    /// To what.
    pub object: String,
    /// The team it concerns.
    pub team: Option<Name>,
    /// More of it. Never a secret.
    pub detail: Value,
}

impl Store {
    /// Notes that something was changed.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn note(&self, entry: &NewAuditEntry) -> Result<(), StoreError> {
        let mut transaction = self.begin_write().await?;
        let failed = |e: sqlx::Error| self.failed(&e);
        let id: i64 = sqlx::query_scalar(
            "UPDATE counters SET value = value + 1 WHERE name = 'audit' RETURNING value",
        )
        .fetch_one(&mut *transaction)
        .await
        .map_err(failed)?;
        sqlx::query(
            "INSERT INTO audit (id, at_ms, actor, origin, action, object, team, detail) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(id)
        .bind(now_ms())
        .bind(&entry.actor)
        .bind(entry.from.as_deref())
        .bind(entry.action)
        .bind(&entry.object)
        .bind(entry.team.as_ref().map(Name::as_str))
        .bind(json(&entry.detail, "detail")?)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        self.commit(transaction).await
    }

    /// What was noted before the entry `before`, of a team or of all, the newest
    /// first, `limit` at most.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn audit(
        &self,
        team: Option<&Name>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let query = sqlx::query(
            "SELECT id, at_ms, actor, origin, action, object, team, detail FROM audit \
             WHERE (CAST($1 AS TEXT) IS NULL OR team = $2) AND id < $3 ORDER BY id DESC LIMIT $4",
        )
        .bind(team.map(Name::as_str))
        .bind(team.map(Name::as_str))
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit));
        let entry = |row| {
            let record = Record(row);
            let team = record.optional_text("team")?;
            Ok(AuditEntry {
                id: record.number("id")?,
                at: record.time("at_ms")?,
                actor: record.text("actor")?,
                from: record.optional_text("origin")?,
                action: record.text("action")?,
                object: record.text("object")?,
                team: team.and_then(|team| team.parse().ok()),
                detail: record.json("detail")?,
            })
        };
        self.all(query).await?.iter().map(entry).collect()
    }
}
