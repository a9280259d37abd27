//! A restored database in the place of the one in use.
//!
//! A backup is restored into a new database, which takes the name of the old one
//! when it is whole: then nothing is left that was made since the backup, and a
//! backup that can't be restored changes nothing.

use estiba_model::Digest;

/// The statements around a restore, for a connection to another database, as a
/// role that may make databases. Each is sent on its own.
#[derive(Debug, Clone)]
pub struct Renewal {
    name: String,
    owner: String,
    new: String,
    old: String,
}

impl Renewal {
    /// For the database `name` of the role `owner`.
    #[must_use]
    pub fn of(name: &str, owner: &str) -> Self {
        let digest = Digest::of(name.as_bytes());
        let hash = digest.short();
        Self {
            name: name.to_owned(),
            owner: owner.to_owned(),
            new: format!("estiba_new_{hash}"),
            old: format!("estiba_old_{hash}"),
        }
    }

    /// The database to restore into.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.new
    }

    /// Makes the database to restore into. What an interrupted restore has left
    /// goes.
    #[must_use]
    pub fn begin(&self) -> Vec<String> {
        let Self { owner, new, .. } = self;
        let mut statements = self.remove_leftovers();
        statements.push(format!("CREATE DATABASE \"{new}\" OWNER \"{owner}\""));
        statements.push(format!("REVOKE ALL ON DATABASE \"{new}\" FROM PUBLIC"));
        statements
    }

    /// Puts it in the place of the one in use, whose connections are ended.
    #[must_use]
    pub fn finish(&self) -> Vec<String> {
        let Self { name, new, old, .. } = self;
        // One text, so that the server does all of it whatever becomes of whoever
        // sent it. A database with connections can't be renamed.
        let swap = format!(
            "BEGIN; ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS false; COMMIT; \
             SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'; \
             BEGIN; ALTER DATABASE \"{name}\" RENAME TO \"{old}\"; \
             ALTER DATABASE \"{new}\" RENAME TO \"{name}\"; COMMIT"
        );
        vec![swap, format!("DROP DATABASE \"{old}\" WITH (FORCE)")]
    }

    /// Leaves the one in use as it was.
    #[must_use]
    pub fn abandon(&self) -> Vec<String> {
        let name = &self.name;
        let mut statements = vec![format!("ALTER DATABASE \"{name}\" ALLOW_CONNECTIONS true")];
        statements.extend(self.remove_leftovers());
        statements
    }

    /// Removes what an interrupted restore has left.
    #[must_use]
    pub fn remove_leftovers(&self) -> Vec<String> {
        [&self.new, &self.old]
            .map(|left| format!("DROP DATABASE IF EXISTS \"{left}\" WITH (FORCE)"))
            .into()
    }
}
