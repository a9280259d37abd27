//! Keys to the API, of which only a hash is kept.
//!
//! A key has 190 bits of chance, so that a plain hash of it can't be searched
//! (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html>
//! is about what people choose).

use estiba_model::{Digest, Name, NewToken, Scope, SecretString, Token};
use jiff::Timestamp;
use sqlx::any::AnyRow;

use crate::database::Store;
use crate::error::StoreError;
use crate::random::{random_id, random_key};
use crate::record::{Record, json, now_ms};

/// What every key begins with, so that scanners of repositories find it.
pub const TOKEN_PREFIX: &str = "estiba_";

/// `last_used_at` is written at most once in this time.
const USE_IS_NOTED_EVERY_MS: i64 = 60_000;

/// Who a key speaks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenOwner {
    /// The token.
    pub token: Token,
    /// The person's id, where it speaks for one.
    pub person: Option<String>,
}

impl Store {
    /// Makes a token. Its key is in the answer and nowhere else.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn add_token(
        &self,
        name: &str,
        person: Option<&str>,
        scope: Scope,
        expires_at: Option<Timestamp>,
    ) -> Result<NewToken, StoreError> {
        let key = format!("{TOKEN_PREFIX}{}", random_key());
        let id = random_id();
        let statement = sqlx::query(
            "INSERT INTO tokens (id, hash, name, person, scope, team, created_at_ms, expires_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(&id)
        .bind(hash(&key))
        .bind(name)
        .bind(person)
        .bind(json(&scope, "scope")?)
        .bind(scope.team.as_ref().map(Name::as_str))
        .bind(now_ms())
        .bind(expires_at.map(Timestamp::as_millisecond));
        self.run(statement).await?;
        let tokens = self.tokens(None).await?;
        let token = tokens.into_iter().find(|token| token.id == id);
        let token = token.ok_or_else(|| StoreError::Record {
            column: "id",
            cause: "the new token is gone".to_owned(),
        })?;
        Ok(NewToken {
            token,
            key: SecretString::new(key),
        })
    }

    /// Who a key speaks for; `None` for one that is unknown, revoked or past its
    /// time.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn token_of(&self, key: &SecretString) -> Result<Option<TokenOwner>, StoreError> {
        let now = now_ms();
        let query = sqlx::query(
            "SELECT tokens.id, name, person, login, scope, tokens.created_at_ms, \
             expires_at_ms, last_used_at_ms FROM tokens LEFT JOIN people ON people.id = person \
             WHERE hash = $1 AND (expires_at_ms IS NULL OR expires_at_ms > $2)",
        )
        .bind(hash(key.expose()))
        .bind(now);
        let Some(row) = self.optional(query).await? else {
            return Ok(None);
        };
        let token = token(&row)?;
        let used = token.last_used_at.map_or(0, Timestamp::as_millisecond);
        if now - used > USE_IS_NOTED_EVERY_MS {
            let note = sqlx::query("UPDATE tokens SET last_used_at_ms = $1 WHERE id = $2")
                .bind(now)
                .bind(&token.id);
            self.run(note).await?;
        }
        let person = Record(&row).optional_text("person")?;
        Ok(Some(TokenOwner { token, person }))
    }

    /// The tokens of a person, or all, the newest first.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn tokens(&self, person: Option<&str>) -> Result<Vec<Token>, StoreError> {
        let query = sqlx::query(
            "SELECT tokens.id, name, login, scope, tokens.created_at_ms, expires_at_ms, \
             last_used_at_ms FROM tokens LEFT JOIN people ON people.id = person \
             WHERE CAST($1 AS TEXT) IS NULL OR person = $2 ORDER BY tokens.created_at_ms DESC, tokens.id",
        )
        .bind(person)
        .bind(person);
        self.all(query).await?.iter().map(token).collect()
    }

    /// Ends a token; `false` where there is none of that id.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn revoke_token(&self, id: &str) -> Result<bool, StoreError> {
        let statement = sqlx::query("DELETE FROM tokens WHERE id = $1").bind(id);
        Ok(self.run(statement).await? == 1)
    }
}

pub(crate) fn hash(key: &str) -> String {
    Digest::of(key.as_bytes()).hex().to_owned()
}

fn token(row: &AnyRow) -> Result<Token, StoreError> {
    let record = Record(row);
    Ok(Token {
        id: record.text("id")?,
        name: record.text("name")?,
        login: record.optional_text("login")?,
        scope: record.json("scope")?,
        created_at: record.time("created_at_ms")?,
        expires_at: record.optional_time("expires_at_ms")?,
        last_used_at: record.optional_time("last_used_at_ms")?,
    })
}
