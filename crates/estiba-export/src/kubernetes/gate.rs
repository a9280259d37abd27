//! What holds pods back until their migration is done, where the migration has a
//! database: the `Job` notes there that it ended well, and each new pod waits for
//! that note. No pod needs rights over the cluster for it, and the order in which
//! objects are applied does not matter.

use std::collections::BTreeMap;

use estiba_model::{Message, Name, Workload};
use serde_json::{Value, json};

use super::build::{Builder, Values};
use crate::parts::{Lookup, Part};

/// Waits for the server, before the migration.
const AWAIT_DATABASE: &str = "await-database";
/// Notes that the migration is done, after it.
const NOTE: &str = "note-migration";
/// Waits for the note, before anything else of a pod.
const AWAIT_MIGRATION: &str = "await-migration";

/// Containers that are there for the order alone.
pub(crate) const HELPERS: [&str; 3] = [AWAIT_DATABASE, NOTE, AWAIT_MIGRATION];

/// What `psql` reads (<https://www.postgresql.org/docs/current/libpq-envars.html>).
const CONNECTION: [(&str, &str); 5] = [
    ("PGHOST", "host"),
    ("PGPORT", "port"),
    ("PGUSER", "username"),
    ("PGPASSWORD", "password"),
    ("PGDATABASE", "name"),
];

pub(super) struct Gate {
    workload: Name,
    image: String,
    connection: BTreeMap<String, Vec<Part>>,
    /// Tells this migration from others of the workload.
    mark: String,
}

impl Gate {
    /// None where the migration has no database to note anything in.
    pub fn of(
        builder: &Builder<'_>,
        workload: &Workload,
        migration: &Name,
        mark: String,
    ) -> Result<Option<Self>, Message> {
        let Some(database) = database(workload, migration) else {
            return Ok(None);
        };
        let lookup = Lookup {
            export: builder.export,
            addresses: builder,
            workload,
        };
        let mut connection = BTreeMap::new();
        for (variable, output) in CONNECTION {
            let parts = lookup.parts(&format!("${{resources.{database}.{output}}}"))?;
            connection.insert(variable.to_owned(), parts);
        }
        Ok(Some(Self {
            workload: workload.name.clone(),
            image: builder.export.database.image().to_owned(),
            connection,
            mark,
        }))
    }

    /// The values of the containers that are added.
    pub fn values(&self) -> impl Iterator<Item = Values> {
        let names = HELPERS.iter().filter_map(|name| name.parse().ok());
        names.map(|container| Values {
            container,
            image: self.image.clone(),
            variables: self.connection.clone(),
            files: Vec::new(),
        })
    }

    /// Has a `Job` wait for its database and note that it is done.
    pub fn note(&self, job: &mut Value) {
        let (workload, mark) = (quoted(self.workload.as_str()), quoted(&self.mark));
        let note = format!(
            "psql -Xq -v ON_ERROR_STOP=1 -c \"\n\
             create schema if not exists deployment;\n\
             create table if not exists deployment.migrated\n\
             \x20 (workload text, version text, primary key (workload, version));\n\
             insert into deployment.migrated values ({workload}, {mark})\n\
             \x20 on conflict do nothing\""
        );
        let pod = &mut job["spec"]["template"]["spec"];
        let Some(migration) = pod["containers"].as_array().and_then(|list| list.first()) else {
            return;
        };
        let like = migration.clone();
        let wait = "until pg_isready; do sleep 1; done";
        pod["containers"] = json!([helper(NOTE, &note, &like)]);
        pod["initContainers"] = json!([helper(AWAIT_DATABASE, wait, &like), like]);
    }

    /// Has the pods of a `Deployment` wait for the note.
    pub fn hold(&self, deployment: &mut Value) {
        let (workload, mark) = (quoted(self.workload.as_str()), quoted(&self.mark));
        let wait = format!(
            "until psql -XqtA -c \"\n\
             select 'done' from deployment.migrated\n\
             \x20 where workload = {workload} and version = {mark}\" | grep -q done\n\
             do\n\
             \x20 echo waiting for the migration\n\
             \x20 sleep 2\n\
             done"
        );
        let pod = &mut deployment["spec"]["template"]["spec"];
        let Some(main) = pod["containers"].as_array().and_then(|list| list.first()) else {
            return;
        };
        let mut first = vec![helper(AWAIT_MIGRATION, &wait, main)];
        if let Value::Array(others) = pod["initContainers"].take() {
            first.extend(others);
        }
        pod["initContainers"] = first.into();
    }
}

/// A container that runs a script with the rights and limits of another.
fn helper(name: &str, script: &str, like: &Value) -> Value {
    let mut container = json!({ "name": name, "image": "", "command": ["sh", "-c", script] });
    for key in ["securityContext", "resources"] {
        if let Some(value) = like.get(key) {
            container[key] = value.clone();
        }
    }
    container
}

/// The database that a migration refers to, or else the first of its workload.
fn database<'a>(workload: &'a Workload, migration: &Name) -> Option<&'a Name> {
    let is_database = |name: &&Name| workload.resources[*name].kind == "postgres";
    let refers = |name: &&Name| {
        let reference = format!("${{resources.{name}.");
        let mut texts = workload.containers[migration].variables.values();
        texts.any(|text| text.contains(&reference))
    };
    let databases = || workload.resources.keys().filter(is_database);
    databases().find(refers).or_else(|| databases().next())
}

/// A text of SQL.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
