//! The notes in the database.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_postgres::{Client, Config, Error, NoTls, Row};

/// A database that answers later than this is as good as down, and who asked
/// should hear so.
const ANSWER_LIMIT: Duration = Duration::from_secs(3);
/// The server stops working on what nobody waits for any more.
const SERVER_LIMIT: &str = "-c statement_timeout=3s";
/// How many notes [`Notes::newest`] gives at the most.
const PAGE: i64 = 100;

const COLUMNS: &str =
    r#"id, text, to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"#;

#[derive(Serialize)]
pub struct Note {
    pub id: i64,
    pub text: String,
    /// UTC, RFC 3339.
    pub created_at: String,
}

impl From<Row> for Note {
    fn from(row: Row) -> Self {
        Self {
            id: row.get(0),
            text: row.get(1),
            created_at: row.get(2),
        }
    }
}

#[derive(Debug)]
pub enum DatabaseError {
    Late,
    Failed(Error),
}

impl fmt::Display for DatabaseError {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Late => f.write_str("no answer in time"),
            Self::Failed(error) => match error.as_db_error() {
                Some(said) => f.write_str(said.message()),
                None => error.fmt(f),
            },
        }
    }
}

/// One connection that all requests share: PostgreSQL takes the next query on
/// it before the one before is answered.
#[derive(Clone)]
pub struct Notes {
    database: Config,
    client: Arc<Mutex<Option<Arc<Client>>>>,
}

impl Notes {
    /// Connects when first asked, and again after the database was away.
    pub fn new(database: &Config) -> Self {
        let mut database = database.clone();
        database
            .options(SERVER_LIMIT)
            // A server that vanished without a word.
            .tcp_user_timeout(ANSWER_LIMIT);
        Self {
            database,
            client: Arc::default(),
        }
    }

    pub async fn ping(&self) -> Result<(), DatabaseError> {
        in_time(async { self.client().await?.check_connection().await }).await
    }

    pub async fn add(&self, text: &str) -> Result<Note, DatabaseError> {
        let sql = format!("INSERT INTO notes (text) VALUES ($1) RETURNING {COLUMNS}");
        let row = in_time(async { self.client().await?.query_one(&sql, &[&text]).await }).await?;
        Ok(row.into())
    }

    pub async fn newest(&self) -> Result<Vec<Note>, DatabaseError> {
        let sql = format!("SELECT {COLUMNS} FROM notes ORDER BY id DESC LIMIT $1");
        let rows = in_time(async { self.client().await?.query(&sql, &[&PAGE]).await }).await?;
        Ok(rows.into_iter().map(Note::from).collect())
    }

    /// Whether there was one.
    pub async fn remove(&self, id: i64) -> Result<bool, DatabaseError> {
        let sql = "DELETE FROM notes WHERE id = $1";
        let removed = in_time(async { self.client().await?.execute(sql, &[&id]).await }).await?;
        Ok(removed == 1)
    }

    pub async fn remove_all(&self) -> Result<(), DatabaseError> {
        let sql = "TRUNCATE notes RESTART IDENTITY";
        in_time(async { self.client().await?.batch_execute(sql).await }).await
    }

    async fn client(&self) -> Result<Arc<Client>, Error> {
        let mut current = self.client.lock().await;
        if let Some(client) = &*current
            && !client.is_closed()
        {
            return Ok(Arc::clone(client));
        }
        let (client, connection) = self.database.connect(NoTls).await?;
        tokio::spawn(async {
            if let Err(error) = connection.await {
                tracing::warn!(%error, "the connection to the database was lost");
            }
        });
        tracing::debug!("connected to the database");
        let client = Arc::new(client);
        *current = Some(Arc::clone(&client));
        Ok(client)
    }
}

async fn in_time<T>(query: impl Future<Output = Result<T, Error>>) -> Result<T, DatabaseError> {
    match timeout(ANSWER_LIMIT, query).await {
        Ok(answer) => answer.map_err(DatabaseError::Failed),
        Err(_) => Err(DatabaseError::Late),
    }
}
