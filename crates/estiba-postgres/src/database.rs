//! One environment's database and the role that owns it.

use estiba_model::{Digest, EnvironmentId, ResourceId, SecretString};
use sqlx::{AssertSqlSafe, Executor, PgConnection};

use crate::error::PostgresError;
use crate::renewal::Renewal;
use crate::server::Server;

/// The longest identifier that PostgreSQL keeps whole is 63 bytes
/// (<https://www.postgresql.org/docs/current/sql-syntax-lexical.html#SQL-SYNTAX-IDENTIFIERS>).
const READABLE_BYTES: usize = 48;

/// A database and its role, which have one name.
#[derive(Debug, Clone)]
pub struct Database {
    /// `team_project_environment_` and a hash of the whole identity.
    pub name: String,
    /// The role's password.
    pub password: SecretString,
}

impl Database {
    pub fn of(environment: &EnvironmentId, id: &ResourceId, password: &SecretString) -> Self {
        let identity = format!("{environment}/{id}");
        let readable: String = environment
            .to_string()
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
            .take(READABLE_BYTES)
            .collect();
        let hash = Digest::of(identity.as_bytes());
        Self {
            name: format!("{readable}_{}", hash.short()),
            password: password.clone(),
        }
    }

    /// Makes role and database where they are missing and sets the password.
    pub async fn create(&self, server: &Server) -> Result<(), PostgresError> {
        let mut connection = server.connect().await?;
        let (name, password) = (&self.name, quoted(self.password.expose()));
        let failed = |error| server.failed(error);
        if !exists(&mut connection, ROLE, name).await.map_err(failed)? {
            execute(&mut connection, format!("CREATE ROLE \"{name}\" LOGIN"))
                .await
                .map_err(failed)?;
        }
        let set = format!("ALTER ROLE \"{name}\" LOGIN PASSWORD {password}");
        execute(&mut connection, set).await.map_err(failed)?;
        if !exists(&mut connection, DATABASE, name)
            .await
            .map_err(failed)?
        {
            // An owner that is no superuser can give away only to roles it is in.
            let join = format!("GRANT \"{name}\" TO CURRENT_USER");
            execute(&mut connection, join).await.map_err(failed)?;
            let make = format!("CREATE DATABASE \"{name}\" OWNER \"{name}\"");
            execute(&mut connection, make).await.map_err(failed)?;
        }
        // No other environment's role gets in.
        let close = format!("REVOKE ALL ON DATABASE \"{name}\" FROM PUBLIC");
        execute(&mut connection, close).await.map_err(failed)
    }

    /// Removes database and role; those that are gone are no error.
    pub async fn drop(&self, server: &Server) -> Result<(), PostgresError> {
        let name = &self.name;
        let mut statements = self.renewal().remove_leftovers();
        statements.push(format!("DROP DATABASE IF EXISTS \"{name}\" WITH (FORCE)"));
        statements.push(format!("DROP ROLE IF EXISTS \"{name}\""));
        run(server, statements).await
    }

    /// How what is in it is replaced.
    pub fn renewal(&self) -> Renewal {
        Renewal::of(&self.name, &self.name)
    }
}

/// Runs statements one after another.
pub async fn run(server: &Server, statements: Vec<String>) -> Result<(), PostgresError> {
    let mut connection = server.connect().await?;
    for statement in statements {
        execute(&mut connection, statement)
            .await
            .map_err(|error| server.failed(error))?;
    }
    Ok(())
}

const ROLE: &str = "SELECT 1 FROM pg_roles WHERE rolname = $1";
const DATABASE: &str = "SELECT 1 FROM pg_database WHERE datname = $1";

async fn exists(
    connection: &mut PgConnection,
    query: &'static str,
    name: &str,
) -> Result<bool, sqlx::Error> {
    let found = sqlx::query(query)
        .bind(name)
        .fetch_optional(connection)
        .await?;
    Ok(found.is_some())
}

/// Statements that define roles and databases take no parameters. Names are made
/// by [`Database::of`] from letters, digits and `_`.
async fn execute(connection: &mut PgConnection, statement: String) -> Result<(), sqlx::Error> {
    connection
        .execute(sqlx::raw_sql(AssertSqlSafe(statement)))
        .await
        .map(|_| ())
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
