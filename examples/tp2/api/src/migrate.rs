//! Brings the database up to date.
//!
//! It is a step of its own, before any new instance starts: an instance never
//! finds a half-migrated database, and when this fails the old ones serve on.

use tokio_postgres::{Client, NoTls};

/// In the order in which they are applied. To change the database add a file
/// and a line; what was applied once is never edited.
const MIGRATIONS: [(&str, &str); 2] = [
    ("0001_notes", include_str!("../migrations/0001_notes.sql")),
    (
        "0002_notes_created_at",
        include_str!("../migrations/0002_notes_created_at.sql"),
    ),
];

/// Two of these at a time take turns. The number only has to be nobody else's.
const PREPARE: &str = "
    SET lock_timeout = '30s';
    SELECT pg_advisory_lock(7020250001);
    CREATE TABLE IF NOT EXISTS schema_migrations (
        name       text PRIMARY KEY,
        checksum   text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )";

/// # Errors
/// Names the migration that failed; nothing of that one stays in the database.
pub async fn run(database: &tokio_postgres::Config) -> Result<(), String> {
    let (mut client, connection) = database
        .connect(NoTls)
        .await
        .map_err(|error| format!("cannot connect to the database: {}", explain(&error)))?;
    let connection = tokio::spawn(connection);
    client
        .batch_execute(PREPARE)
        .await
        .map_err(|error| format!("cannot prepare the database: {}", explain(&error)))?;
    for (name, sql) in MIGRATIONS {
        let applied = apply(&mut client, name, sql)
            .await
            .map_err(|error| format!("migration {name} failed: {}", explain(&error)))?;
        match applied {
            Applied::Now => tracing::info!(migration = name, "applied"),
            Applied::Before => tracing::debug!(migration = name, "was applied before"),
            Applied::Differently => {
                return Err(format!(
                    "migration {name} was edited after it was applied; \
                     undo that and write a new migration"
                ));
            }
        }
    }
    tracing::info!(migrations = MIGRATIONS.len(), "the database is up to date");
    // Closing the connection gives the lock back.
    drop(client);
    connection.await.ok();
    Ok(())
}

enum Applied {
    Now,
    Before,
    Differently,
}

async fn apply(
    client: &mut Client,
    name: &str,
    sql: &str,
) -> Result<Applied, tokio_postgres::Error> {
    let transaction = client.transaction().await?;
    let known = transaction
        .query_opt(
            "SELECT checksum = md5($2) FROM schema_migrations WHERE name = $1",
            &[&name, &sql],
        )
        .await?;
    if let Some(row) = known {
        let same: bool = row.get(0);
        return Ok(if same {
            Applied::Before
        } else {
            Applied::Differently
        });
    }
    transaction.batch_execute(sql).await?;
    transaction
        .execute(
            "INSERT INTO schema_migrations (name, checksum) VALUES ($1, md5($2))",
            &[&name, &sql],
        )
        .await?;
    transaction.commit().await?;
    Ok(Applied::Now)
}

/// What the database said; the error's own text is "db error" and no more.
fn explain(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => said.message().to_owned(),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::MIGRATIONS;

    #[test]
    fn every_file_is_listed_in_order() {
        let mut files: Vec<String> =
            std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/migrations"))
                .unwrap()
                .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                .collect();
        files.sort();
        let listed: Vec<String> = MIGRATIONS
            .iter()
            .map(|(name, _)| format!("{name}.sql"))
            .collect();
        assert_eq!(listed, files);
    }
}
