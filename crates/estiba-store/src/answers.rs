//! What was answered to requests that must not be carried out twice.
//!
//! The meaning of `Idempotency-Key` is that of
//! <https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/>.

use crate::database::Store;
use crate::error::StoreError;
use crate::record::{Record, now_ms};

/// Keys are forgotten after a day.
const KEPT_MS: i64 = 24 * 60 * 60 * 1000;
/// Whoever has not answered by then never will: it was killed.
const UNDERWAY_MS: i64 = 30 * 60 * 1000;

/// What is known of a request by its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Known {
    /// Nothing: the caller carries it out now.
    New,
    /// It is being carried out.
    Underway,
    /// Another request had the key.
    Other,
    /// It was answered.
    Answered {
        /// The HTTP status.
        status: u16,
        /// The body.
        body: String,
    },
}

impl Store {
    /// Takes the key of a request for itself, or tells what is known of it.
    /// `request` is a hash of what is asked.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn claim_key(
        &self,
        principal: &str,
        key: &str,
        request: &str,
    ) -> Result<Known, StoreError> {
        let now = now_ms();
        let old =
            sqlx::query("DELETE FROM answers WHERE at_ms < $1 OR (status IS NULL AND at_ms < $2)")
                .bind(now - KEPT_MS)
                .bind(now - UNDERWAY_MS);
        self.run(old).await?;
        let claim = sqlx::query(
            "INSERT INTO answers (principal, key, request, at_ms) VALUES ($1, $2, $3, $4) \
             ON CONFLICT DO NOTHING",
        )
        .bind(principal)
        .bind(key)
        .bind(request)
        .bind(now);
        if self.run(claim).await? == 1 {
            return Ok(Known::New);
        }
        let query = sqlx::query(
            "SELECT request, status, sealed FROM answers WHERE principal = $1 AND key = $2",
        )
        .bind(principal)
        .bind(key);
        let Some(row) = self.optional(query).await? else {
            return Ok(Known::Underway);
        };
        let record = Record(&row);
        if record.text("request")? != request {
            return Ok(Known::Other);
        }
        match record.optional_number("status")? {
            None => Ok(Known::Underway),
            Some(status) => Ok(Known::Answered {
                status,
                body: self.open_text(&record)?.expose().to_owned(),
            }),
        }
    }

    /// Keeps the answer to a request, sealed: it may hold a key that is shown once.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn keep_answer(
        &self,
        principal: &str,
        key: &str,
        status: u16,
        body: &str,
    ) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "UPDATE answers SET status = $1, sealed = $2 WHERE principal = $3 AND key = $4",
        )
        .bind(i64::from(status))
        .bind(self.key().seal(body.as_bytes())?)
        .bind(principal)
        .bind(key);
        self.run(statement).await.map(drop)
    }

    /// Gives a key back: the request was not carried out.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn free_key(&self, principal: &str, key: &str) -> Result<(), StoreError> {
        let statement = sqlx::query("DELETE FROM answers WHERE principal = $1 AND key = $2")
            .bind(principal)
            .bind(key);
        self.run(statement).await.map(drop)
    }
}
