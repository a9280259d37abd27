//! What is in a database: whose it is, and how it is backed up and brought back.

use std::path::Path;

use estiba_host::HostError;
use estiba_model::{SecretString, message};
use estiba_postgres::Renewal;
use futures::stream;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use super::{ADMIN, Database, NAME};
use crate::exec::{self, Input, Output, Streams};

/// Pieces of a backup on their way.
const PIECE_BYTES: usize = 64 << 10;
/// What a failing tool says is kept up to so many lines.
const SAID_LINES: usize = 3;
/// Who restores: a backup may have extensions that only a superuser can make.
const RESTORER: &str = "estiba_restore";

impl Database<'_> {
    /// Makes the role that owns the database and nothing else on the server, with
    /// this password.
    pub(super) async fn give_to_owner(&self, password: &SecretString) -> Result<(), HostError> {
        let password = password.expose().replace('\'', "''");
        // A statement that fails is logged by the server, and this one has a password.
        let script = format!(
            "SET log_min_error_statement = panic;\n\
             SELECT 'CREATE ROLE {NAME}' WHERE NOT EXISTS \
             (SELECT FROM pg_roles WHERE rolname = '{NAME}') \\gexec\n\
             ALTER ROLE {NAME} LOGIN PASSWORD '{password}';\n\
             ALTER DATABASE {NAME} OWNER TO {NAME};\n"
        );
        let input: Input = Box::pin(stream::iter([Ok(script.into_bytes())]));
        self.tool(&psql("postgres", &[]), Some(input), None).await
    }

    /// Writes a dump beside `to` and gives it its name when it is whole.
    pub(crate) async fn backup(&self, to: &Path) -> Result<(), HostError> {
        let unfinished = to.with_extension("unfinished");
        let file = File::create(&unfinished)
            .await
            .map_err(HostError::at(&unfinished))?;
        let dump = words(&["pg_dump", "--format", "custom", "-U", ADMIN, "-d", NAME]);
        let dumped = self.tool(&dump, None, Some(Box::new(file))).await;
        if let Err(error) = dumped {
            let _ = std::fs::remove_file(&unfinished);
            return Err(error);
        }
        std::fs::rename(&unfinished, to).map_err(HostError::at(to))
    }

    /// Replaces all that is in the database by a dump; one that can't be restored
    /// changes nothing.
    pub(crate) async fn restore(&self, from: &Path) -> Result<(), HostError> {
        let file = File::open(from).await.map_err(HostError::at(from))?;
        let renewal = Renewal::of(NAME, NAME);
        self.run("postgres", &renewal.begin()).await?;
        let restored = match self.restore_into(renewal.database(), file).await {
            Ok(()) => self.run("postgres", &renewal.finish()).await,
            failed => failed,
        };
        if restored.is_err() {
            // Why it failed matters more than what is left of it.
            let _ = self.run("postgres", &renewal.abandon()).await;
        }
        restored
    }

    async fn restore_into(&self, database: &str, file: File) -> Result<(), HostError> {
        let forget = format!("DROP ROLE IF EXISTS {RESTORER}");
        let make = format!("CREATE ROLE {RESTORER} SUPERUSER");
        self.run(database, &[forget.clone(), make]).await?;
        let pieces = stream::unfold(file, |mut file| async {
            let mut piece = vec![0; PIECE_BYTES];
            match file.read(&mut piece).await {
                Ok(0) => None,
                Ok(length) => {
                    piece.truncate(length);
                    Some((Ok(piece), file))
                }
                Err(error) => Some((Err(error), file)),
            }
        });
        let restore = words(&[
            "pg_restore",
            "--exit-on-error",
            "--no-owner",
            "--no-privileges",
            "--role",
            RESTORER,
            "-U",
            ADMIN,
            "-d",
            database,
        ]);
        let restored = self.tool(&restore, Some(Box::pin(pieces)), None).await;
        let give = format!("REASSIGN OWNED BY {RESTORER} TO {NAME}");
        let given = self.run(database, &[give, forget]).await;
        restored.and(given)
    }

    /// Runs statements one after another, as the server's own user.
    async fn run(&self, database: &str, statements: &[String]) -> Result<(), HostError> {
        self.tool(&psql(database, statements), None, None).await
    }

    /// Runs one of PostgreSQL's tools in the container, over the server's own
    /// socket, which asks for no password.
    async fn tool(
        &self,
        command: &[String],
        stdin: Option<Input>,
        stdout: Option<Output<'_>>,
    ) -> Result<(), HostError> {
        let mut said = Vec::new();
        let streams = Streams {
            stdin,
            stdout,
            stderr: Some(Box::new(&mut said)),
        };
        let code = exec::run(self.engine, &self.name, command, streams).await?;
        if code == 0 {
            return Ok(());
        }
        let tool = command.first().map_or("", String::as_str);
        let said = String::from_utf8_lossy(&said);
        let said: Vec<&str> = said.lines().take(SAID_LINES).collect();
        let said = said.join(" ");
        Err(HostError::Told(message!(
            "{tool} failed: {said}",
            "{tool} falló: {said}"
        )))
    }
}

/// `psql` with these statements, or with its standard input where there are none.
fn psql(database: &str, statements: &[String]) -> Vec<String> {
    let mut command = words(&[
        "psql",
        "--quiet",
        "--no-psqlrc",
        "--set",
        "ON_ERROR_STOP=1",
        "-U",
        ADMIN,
        "-d",
        database,
    ]);
    for statement in statements {
        command.extend(words(&["-c", statement]));
    }
    command
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
