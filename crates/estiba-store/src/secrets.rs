//! Secret values and generated credentials, sealed.

use std::collections::BTreeMap;

use estiba_model::{EnvironmentId, ResourceId, SecretString};
use jiff::Timestamp;

use crate::database::Store;
use crate::error::StoreError;
use crate::random::random_key;
use crate::record::{Record, bad, now_ms};

impl Store {
    /// Sets a secret.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn set_secret(
        &self,
        environment: &EnvironmentId,
        name: &str,
        value: &SecretString,
    ) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO secrets (environment, name, sealed, updated_at_ms) \
             VALUES ($1, $2, $3, $4) ON CONFLICT (environment, name) \
             DO UPDATE SET sealed = excluded.sealed, updated_at_ms = excluded.updated_at_ms",
        )
        .bind(environment.to_string())
        .bind(name)
        .bind(self.key().seal(value.expose().as_bytes())?)
        .bind(now_ms());
        self.run(statement).await.map(drop)
    }

    /// Removes a secret; `false` where there was none of that name.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn unset_secret(
        &self,
        environment: &EnvironmentId,
        name: &str,
    ) -> Result<bool, StoreError> {
        let statement = sqlx::query("DELETE FROM secrets WHERE environment = $1 AND name = $2")
            .bind(environment.to_string())
            .bind(name);
        Ok(self.run(statement).await? > 0)
    }

    /// The names of the secrets that are set, and since when, by name. Opens
    /// none of them.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn secret_names(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let query = sqlx::query("SELECT name, updated_at_ms FROM secrets WHERE environment = $1")
            .bind(environment.to_string());
        let rows = self.all(query).await?;
        let name = |row| {
            let record = Record(row);
            Ok((record.text("name")?, record.time("updated_at_ms")?))
        };
        let mut names: Vec<_> = rows.iter().map(name).collect::<Result<_, StoreError>>()?;
        // Here and not in SQL, where the order depends on the collation.
        names.sort();
        Ok(names)
    }

    /// The secrets of an environment, opened.
    ///
    /// # Errors
    /// When the state can't be read, or one can't be opened.
    pub async fn secrets(
        &self,
        environment: &EnvironmentId,
    ) -> Result<BTreeMap<String, SecretString>, StoreError> {
        let query = sqlx::query("SELECT name, sealed FROM secrets WHERE environment = $1")
            .bind(environment.to_string());
        let rows = self.all(query).await?;
        let secret = |row| {
            let record = Record(row);
            Ok((record.text("name")?, self.open_text(&record)?))
        };
        rows.iter().map(secret).collect()
    }

    /// The password of a resource, generated the first time that it is asked
    /// for: 32 letters and digits.
    ///
    /// # Errors
    /// When the state can't be written, or the password can't be opened.
    pub async fn credential(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceId,
    ) -> Result<SecretString, StoreError> {
        if let Some(known) = self.known_credential(environment, resource).await? {
            return Ok(known);
        }
        let new = SecretString::new(random_key());
        let insert = sqlx::query(
            "INSERT INTO credentials (environment, resource, sealed) VALUES ($1, $2, $3) \
             ON CONFLICT DO NOTHING",
        )
        .bind(environment.to_string())
        .bind(&resource.0)
        .bind(self.key().seal(new.expose().as_bytes())?);
        if self.run(insert).await? == 1 {
            return Ok(new);
        }
        let first = self.known_credential(environment, resource).await?;
        first.ok_or_else(|| bad("credential")("it was forgotten while it was asked for"))
    }

    /// The passwords that were generated for an environment so far.
    ///
    /// # Errors
    /// When the state can't be read, or one can't be opened.
    pub async fn credentials(
        &self,
        environment: &EnvironmentId,
    ) -> Result<BTreeMap<ResourceId, SecretString>, StoreError> {
        let query = sqlx::query("SELECT resource, sealed FROM credentials WHERE environment = $1")
            .bind(environment.to_string());
        let rows = self.all(query).await?;
        let credential = |row| {
            let record = Record(row);
            Ok((
                ResourceId(record.text("resource")?),
                self.open_text(&record)?,
            ))
        };
        rows.iter().map(credential).collect()
    }

    async fn known_credential(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceId,
    ) -> Result<Option<SecretString>, StoreError> {
        let query =
            sqlx::query("SELECT sealed FROM credentials WHERE environment = $1 AND resource = $2")
                .bind(environment.to_string())
                .bind(&resource.0);
        let row = self.optional(query).await?;
        row.map(|row| self.open_text(&Record(&row))).transpose()
    }

    pub(crate) fn open_text(&self, record: &Record<'_>) -> Result<SecretString, StoreError> {
        let plain = self.key().open(&record.bytes("sealed")?)?;
        // The cause would quote the bytes.
        let text = String::from_utf8(plain).map_err(|_| bad("sealed")("it is not text"))?;
        Ok(SecretString::new(text))
    }
}
