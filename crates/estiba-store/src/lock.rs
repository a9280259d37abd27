//! One deployment at a time in an environment, whoever runs it.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::thread;

use estiba_lock::FileLock;
use estiba_model::EnvironmentId;
use sha2::{Digest, Sha256};
use sqlx::{AnyConnection, Connection};
use tokio::sync::oneshot;

use crate::database::{Place, Store, create_private_dir};
use crate::error::StoreError;

/// Whoever has it is the only one to change the environment. It ends with
/// [`EnvironmentLock::release`], when it is dropped, and when the process dies.
///
/// With SQLite it is a lock of the operating system on an open file.
/// With PostgreSQL it is an advisory lock of a session, and lasts as long as
/// the connection does.
#[derive(Debug)]
pub struct EnvironmentLock(Held);

#[derive(Debug)]
enum Held {
    File(FileLock),
    Session(Box<AnyConnection>),
}

impl EnvironmentLock {
    /// Gives it up. After this, and not at once after a drop, another
    /// [`Store::try_lock_environment`] is sure to get it.
    pub async fn release(self) {
        match self.0 {
            Held::File(lock) => drop(lock),
            Held::Session(mut session) => {
                // Closing without this ends the lock too, only later; so a
                // failure of either changes nothing.
                let _ = sqlx::query("SELECT pg_advisory_unlock_all()")
                    .execute(&mut *session)
                    .await;
                let _ = session.close().await;
            }
        }
    }
}

impl Store {
    /// Waits, for as long as it takes, until the environment is free, and
    /// takes it.
    ///
    /// # Errors
    /// When the lock can't be asked for.
    pub async fn lock_environment(
        &self,
        environment: &EnvironmentId,
    ) -> Result<EnvironmentLock, StoreError> {
        let held = match self.place() {
            Place::File { dir, .. } => {
                Held::File(lock_file(&dir.join("locks"), &file_name(environment)).await?)
            }
            Place::Server { .. } => {
                let mut session = self.lock_session().await?;
                sqlx::query("SELECT pg_advisory_lock($1)")
                    .bind(lock_number(environment))
                    .execute(&mut *session)
                    .await
                    .map_err(|e| self.failed(&e))?;
                Held::Session(session)
            }
        };
        Ok(EnvironmentLock(held))
    }

    /// Takes the environment if it is free.
    ///
    /// # Errors
    /// When the lock can't be asked for.
    pub async fn try_lock_environment(
        &self,
        environment: &EnvironmentId,
    ) -> Result<Option<EnvironmentLock>, StoreError> {
        self.try_lock(&file_name(environment), lock_number(environment))
            .await
    }

    /// Takes a task that one server at a time has, if nobody has it.
    ///
    /// # Errors
    /// When the lock can't be asked for.
    pub async fn try_lock_task(&self, task: &str) -> Result<Option<EnvironmentLock>, StoreError> {
        // No environment has such a file: its name has two dots.
        let number = number_of(&format!("estiba task {task}"));
        self.try_lock(&format!("task.{task}"), number).await
    }

    async fn try_lock(
        &self,
        file_name: &str,
        number: i64,
    ) -> Result<Option<EnvironmentLock>, StoreError> {
        let held = match self.place() {
            Place::File { dir, .. } => {
                let dir = dir.join("locks");
                take_if_free(&dir, file_name)?.map(Held::File)
            }
            Place::Server { .. } => {
                let mut session = self.lock_session().await?;
                let taken: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
                    .bind(number)
                    .fetch_one(&mut *session)
                    .await
                    .map_err(|e| self.failed(&e))?;
                taken.then_some(Held::Session(session))
            }
        };
        Ok(held.map(EnvironmentLock))
    }

    /// A connection of its own: the lock ends with it. Keep-alives let the
    /// server notice within a minute that a whole machine is gone.
    async fn lock_session(&self) -> Result<Box<AnyConnection>, StoreError> {
        let made = async {
            let mut session = AnyConnection::connect_with(&self.place().options()).await?;
            for setting in [
                "SET tcp_keepalives_idle = 20",
                "SET tcp_keepalives_interval = 10",
                "SET tcp_keepalives_count = 4",
            ] {
                sqlx::query(setting).execute(&mut session).await?;
            }
            Ok(Box::new(session))
        };
        made.await.map_err(|e: sqlx::Error| self.failed(&e))
    }
}

/// Names have no dot, so this is one to one.
fn file_name(environment: &EnvironmentId) -> String {
    let EnvironmentId {
        team,
        project,
        environment,
    } = environment;
    format!("{team}.{project}.{environment}")
}

/// Two environments with one number would only wait for one another.
fn lock_number(environment: &EnvironmentId) -> i64 {
    number_of(&format!("estiba environment {environment}"))
}

fn number_of(text: &str) -> i64 {
    let hash = Sha256::digest(text);
    let mut number = [0; 8];
    number.copy_from_slice(&hash[..8]);
    i64::from_be_bytes(number)
}

/// Waits for the lock `name` in `dir`.
pub(crate) async fn lock_file(dir: &Path, name: &str) -> Result<FileLock, StoreError> {
    if let Some(lock) = take_if_free(dir, name)? {
        return Ok(lock);
    }
    let file = open(dir, name)?;
    // A thread of its own: a runtime does not end before its blocking pool does,
    // and this may wait for hours. When nobody waits any more, the lock comes
    // back unsent and is dropped.
    let (sender, receiver) = oneshot::channel();
    let waiting = thread::Builder::new()
        .name("estiba-lock".into())
        .spawn(move || {
            let _ = sender.send(FileLock::wait(file));
        });
    waiting.map_err(StoreError::file(dir))?;
    let locked = receiver
        .await
        .unwrap_or_else(|_| Err(io::Error::other("the wait for the lock ended")));
    locked.map_err(StoreError::file(dir.join(name)))
}

fn open(dir: &Path, name: &str) -> Result<File, StoreError> {
    create_private_dir(dir).map_err(StoreError::file(dir))?;
    let path = dir.join(name);
    let file = fs::OpenOptions::new().append(true).create(true).open(&path);
    file.map_err(StoreError::file(path))
}

fn take_if_free(dir: &Path, name: &str) -> Result<Option<FileLock>, StoreError> {
    FileLock::take(open(dir, name)?).map_err(StoreError::file(dir.join(name)))
}
