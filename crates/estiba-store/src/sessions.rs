//! Sessions of the page, of which only a hash is kept, and the people whom an
//! OpenID Connect provider vouches for.

use std::time::Duration;

use estiba_model::{Person, Scope, SecretString};
use jiff::Timestamp;

use crate::database::Store;
use crate::error::StoreError;
use crate::random::random_session;
use crate::record::{Record, now_ms};
use crate::teams::person;
use crate::tokens::hash;

/// That a session is used is written at most once in this time.
const USE_IS_NOTED_EVERY_MS: i64 = 60_000;

/// A session that is open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The id of whose it is.
    pub person: String,
    /// What it reaches at the most, where a token opened it.
    pub scope: Option<Scope>,
}

impl Store {
    /// Begins a session of a person, and gives what their browser keeps. One that a
    /// token opened reaches no more than that token, and ends with it.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn begin_session(
        &self,
        person: &str,
        token: Option<&str>,
        expires_at: Timestamp,
    ) -> Result<SecretString, StoreError> {
        let key = random_session();
        let statement = sqlx::query(
            "INSERT INTO sessions (hash, person, token, used_at_ms, expires_at_ms) \
             VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(hash(&key))
        .bind(person)
        .bind(token)
        .bind(now_ms())
        .bind(expires_at.as_millisecond());
        self.run(statement).await?;
        Ok(SecretString::new(key))
    }

    /// A session that is open: not past its time, not left alone for `idle`, and its
    /// token still good. `is_use` says whether a person asks, or their browser does
    /// by itself.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn session(
        &self,
        key: &SecretString,
        idle: Duration,
        is_use: bool,
    ) -> Result<Option<Session>, StoreError> {
        let now = now_ms();
        let idle_ms = i64::try_from(idle.as_millis()).unwrap_or(i64::MAX);
        let hash = hash(key.expose());
        let query = sqlx::query(
            "SELECT sessions.person, scope, used_at_ms FROM sessions \
             LEFT JOIN tokens ON tokens.id = token \
             WHERE sessions.hash = $1 AND sessions.expires_at_ms > $2 AND used_at_ms > $3 \
             AND (token IS NULL OR tokens.id IS NOT NULL \
                  AND (tokens.expires_at_ms IS NULL OR tokens.expires_at_ms > $4))",
        )
        .bind(&hash)
        .bind(now)
        .bind(now.saturating_sub(idle_ms))
        .bind(now);
        let Some(row) = self.optional(query).await? else {
            return Ok(None);
        };
        let record = Record(&row);
        let used: i64 = record.number("used_at_ms")?;
        if is_use && now - used > USE_IS_NOTED_EVERY_MS.min(idle_ms / 10) {
            let note = sqlx::query("UPDATE sessions SET used_at_ms = $1 WHERE hash = $2")
                .bind(now)
                .bind(&hash);
            self.run(note).await?;
        }
        let scope = match record.optional_text("scope")? {
            Some(_) => Some(record.json("scope")?),
            None => None,
        };
        Ok(Some(Session {
            person: record.text("person")?,
            scope,
        }))
    }

    /// Ends a session, and forgets those that are past their time.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn end_session(&self, key: &SecretString) -> Result<(), StoreError> {
        let statement = sqlx::query("DELETE FROM sessions WHERE hash = $1 OR expires_at_ms <= $2")
            .bind(hash(key.expose()))
            .bind(now_ms());
        self.run(statement).await.map(drop)
    }

    /// Ends all sessions of a person.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn end_sessions(&self, person: &str) -> Result<(), StoreError> {
        let statement = sqlx::query("DELETE FROM sessions WHERE person = $1").bind(person);
        self.run(statement).await.map(drop)
    }

    /// The person whom a provider knows by `subject`; where nobody is linked to it, the
    /// one whose login is `email`, who is linked from then on. Give only an address that
    /// the provider has verified.
    ///
    /// # Errors
    /// When the state can't be read or written.
    pub async fn person_of_identity(
        &self,
        issuer: &str,
        subject: &str,
        email: Option<&str>,
    ) -> Result<Option<Person>, StoreError> {
        let query = sqlx::query(
            "SELECT id, login, admin, created_at_ms FROM people \
             JOIN identities ON person = id WHERE issuer = $1 AND subject = $2",
        )
        .bind(issuer)
        .bind(subject);
        if let Some(row) = self.optional(query).await? {
            return person(&row).map(Some);
        }
        let Some(email) = email else {
            return Ok(None);
        };
        let query = sqlx::query(
            "SELECT id, login, admin, created_at_ms FROM people WHERE lower(login) = $1 \
             ORDER BY created_at_ms LIMIT 1",
        )
        .bind(email.to_ascii_lowercase());
        let Some(row) = self.optional(query).await? else {
            return Ok(None);
        };
        let found = person(&row)?;
        let link = sqlx::query(
            "INSERT INTO identities (issuer, subject, person) VALUES ($1, $2, $3) \
             ON CONFLICT DO NOTHING",
        )
        .bind(issuer)
        .bind(subject)
        .bind(&found.id);
        self.run(link).await?;
        Ok(Some(found))
    }
}
