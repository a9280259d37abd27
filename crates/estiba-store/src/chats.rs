//! What a chat bot keeps with the server, so that it needs no disk: which person
//! an account of the chat service is, and what the bot remembers.

use estiba_model::Name;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::database::Store;
use crate::error::StoreError;
use crate::random::random_code;
use crate::record::{Record, json, now_ms};
use crate::tokens::hash;

/// A code that lives for longer is a longer one.
const SHORT_LIFE: SignedDuration = SignedDuration::from_hours(1);

/// Whether a member of a team has linked an account of the chat service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMember {
    /// Who.
    pub login: String,
    /// Whether they have.
    pub linked: bool,
    /// Until when their present code is valid, where they have one.
    pub code_expires_at: Option<Timestamp>,
}

impl Store {
    /// The members of a team, and whether they are in the chat.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn chat_members(&self, team: &Name) -> Result<Vec<ChatMember>, StoreError> {
        let query = sqlx::query(
            "SELECT login, account, code, expires_at_ms FROM members \
             JOIN people ON people.id = members.person \
             LEFT JOIN chat_links ON chat_links.person = members.person \
             WHERE members.team = $1 ORDER BY login",
        )
        .bind(team.as_str());
        let now = Timestamp::now();
        let member = |row| {
            let record = Record(row);
            let code = record.optional_text("code")?;
            let until = record.optional_time("expires_at_ms")?;
            Ok(ChatMember {
                login: record.text("login")?,
                linked: record.optional_number::<i64>("account")?.is_some(),
                code_expires_at: until.filter(|until| code.is_some() && *until > now),
            })
        };
        self.all(query).await?.iter().map(member).collect()
    }

    /// Makes a one-time code with which a person links an account of the chat
    /// service. A code before it is void.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn chat_code(
        &self,
        person: &str,
        expires_at: Timestamp,
    ) -> Result<String, StoreError> {
        let lives_long = expires_at.duration_since(Timestamp::now()) > SHORT_LIFE;
        let code = random_code(lives_long);
        let statement = sqlx::query(
            "INSERT INTO chat_links (person, code, expires_at_ms) VALUES ($1, $2, $3) \
             ON CONFLICT (person) DO UPDATE SET code = excluded.code, \
             expires_at_ms = excluded.expires_at_ms",
        )
        .bind(person)
        .bind(hash(&code))
        .bind(expires_at.as_millisecond());
        self.run(statement).await?;
        Ok(code)
    }

    /// Links an account to the person of a code, which is void from then on;
    /// `None` where the code is not valid.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn link_chat(&self, code: &str, account: i64) -> Result<Option<String>, StoreError> {
        let mut transaction = self.begin_write().await?;
        let failed = |e: sqlx::Error| self.failed(&e);
        let person: Option<String> = sqlx::query_scalar(
            "SELECT person FROM chat_links WHERE code = $1 AND expires_at_ms > $2",
        )
        .bind(hash(code))
        .bind(now_ms())
        .fetch_optional(&mut *transaction)
        .await
        .map_err(failed)?;
        let Some(person) = person else {
            return Ok(None);
        };
        // An account is one person; it leaves the one that it was before.
        sqlx::query("UPDATE chat_links SET account = NULL WHERE account = $1")
            .bind(account)
            .execute(&mut *transaction)
            .await
            .map_err(failed)?;
        sqlx::query(
            "UPDATE chat_links SET account = $1, code = NULL, expires_at_ms = NULL \
             WHERE person = $2",
        )
        .bind(account)
        .bind(&person)
        .execute(&mut *transaction)
        .await
        .map_err(failed)?;
        self.commit(transaction).await?;
        Ok(Some(person))
    }

    /// Ends the link of an account.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn unlink_chat(&self, account: i64) -> Result<(), StoreError> {
        let statement =
            sqlx::query("UPDATE chat_links SET account = NULL WHERE account = $1").bind(account);
        self.run(statement).await.map(drop)
    }

    /// The id of the person that an account is.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn person_of_chat(&self, account: i64) -> Result<Option<String>, StoreError> {
        let query = sqlx::query("SELECT person FROM chat_links WHERE account = $1").bind(account);
        let row = self.optional(query).await?;
        row.map(|row| Record(&row).text("person")).transpose()
    }

    /// The linked accounts with the ids of their persons.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn chat_accounts(&self) -> Result<Vec<(i64, String)>, StoreError> {
        let query = sqlx::query(
            "SELECT account, person FROM chat_links WHERE account IS NOT NULL ORDER BY account",
        );
        let link = |row| {
            let record = Record(row);
            Ok((record.number("account")?, record.text("person")?))
        };
        self.all(query).await?.iter().map(link).collect()
    }

    /// What the bot remembers under a name.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn chat_state(&self, name: &str) -> Result<Option<Value>, StoreError> {
        let query = sqlx::query("SELECT value FROM chat_state WHERE name = $1").bind(name);
        let row = self.optional(query).await?;
        row.map(|row| Record(&row).json("value")).transpose()
    }

    /// Remembers something for the bot.
    ///
    /// # Errors
    /// When the state can't be written.
    pub async fn set_chat_state(&self, name: &str, value: &Value) -> Result<(), StoreError> {
        let statement = sqlx::query(
            "INSERT INTO chat_state (name, value) VALUES ($1, $2) \
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )
        .bind(name)
        .bind(json(value, "value")?);
        self.run(statement).await.map(drop)
    }
}
