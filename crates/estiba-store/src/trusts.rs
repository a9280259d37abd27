//! Which issuers of identity tokens may ship for a team, and under what
//! conditions.

use estiba_model::{Name, Trust};

use crate::database::Store;
use crate::error::StoreError;
use crate::random::random_id;
use crate::record::{Record, json};

impl Store {
    /// Keeps a rule under a new id.
    ///
    /// # Errors
    /// When the state can't be written, or there is no such team.
    pub async fn add_trust(&self, trust: &Trust) -> Result<String, StoreError> {
        let id = random_id();
        let statement = sqlx::query("INSERT INTO trusts (id, team, content) VALUES ($1, $2, $3)")
            .bind(&id)
            .bind(trust.team.as_str())
            .bind(json(trust, "content")?);
        self.run(statement).await?;
        Ok(id)
    }

    /// The rules of a team, or of all, with their ids.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn trusts(&self, team: Option<&Name>) -> Result<Vec<(String, Trust)>, StoreError> {
        let query = sqlx::query(
            "SELECT id, content FROM trusts WHERE CAST($1 AS TEXT) IS NULL OR team = $2 ORDER BY id",
        )
        .bind(team.map(Name::as_str))
        .bind(team.map(Name::as_str));
        let trust = |row| {
            let record = Record(row);
            Ok((record.text("id")?, record.json("content")?))
        };
        self.all(query).await?.iter().map(trust).collect()
    }

    /// Ends a rule of a team; `false` where it has none of that id.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn remove_trust(&self, team: &Name, id: &str) -> Result<bool, StoreError> {
        let statement = sqlx::query("DELETE FROM trusts WHERE team = $1 AND id = $2")
            .bind(team.as_str())
            .bind(id);
        Ok(self.run(statement).await? == 1)
    }
}
