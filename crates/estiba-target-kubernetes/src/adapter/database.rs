//! Backing up and restoring a database, by the tools beside its server.

use std::path::Path;

use estiba_model::{EnvironmentId, Message, message};
use estiba_postgres::Renewal;
use estiba_target::{ResourceSpec, TargetError};
use tokio::fs::File;

use super::KubernetesTarget;
use super::exec::{Command, Input};
use super::operated;
use super::resources::refused;
use crate::manifests::{DatabaseNames, Place};

/// The container of a database server.
const SERVER: &str = "postgres";
/// What a tool says when it fails is kept up to here.
const SAID_BYTES: usize = 4 << 10;

impl KubernetesTarget {
    pub(super) async fn backup_database(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        to: &Path,
    ) -> Result<(), TargetError> {
        require_database(resource)?;
        if resource.settings.contains_key("url") {
            let dumped = self.postgres.backup(environment, resource, to).await;
            return dumped.map_err(refused);
        }
        let server = self.server(environment, resource).await?;
        let unfinished = to.with_extension("unfinished");
        let dumped = self.dump(&server, &unfinished).await;
        if let Err(error) = dumped {
            let _ = tokio::fs::remove_file(&unfinished).await;
            return Err(error);
        }
        tokio::fs::rename(&unfinished, to)
            .await
            .map_err(|error| at(to, &error))
    }

    async fn dump(&self, server: &Server, to: &Path) -> Result<(), TargetError> {
        let file = File::create_new(to).await.map_err(|error| at(to, &error))?;
        let name = server.names.name.as_str();
        let words = [
            "pg_dump",
            "--format",
            "custom",
            "--username",
            name,
            "--dbname",
            name,
        ];
        self.tool(server, &words, None::<Input<tokio::io::Empty>>, file)
            .await
    }

    pub(super) async fn restore_database(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
        from: &Path,
    ) -> Result<(), TargetError> {
        require_database(resource)?;
        if resource.settings.contains_key("url") {
            let restored = self.postgres.restore(environment, resource, from).await;
            return restored.map_err(refused);
        }
        let server = self.server(environment, resource).await?;
        let name = &server.names.name;
        let renewal = Renewal::of(name, name);
        self.run(&server, &renewal.begin()).await?;
        let restored = match self.restore_into(&server, renewal.database(), from).await {
            Ok(()) => self.run(&server, &renewal.finish()).await,
            failed => failed,
        };
        if restored.is_err() {
            // Why it failed matters more than what is left of it.
            let _ = self.run(&server, &renewal.abandon()).await;
        }
        restored
    }

    async fn restore_into(
        &self,
        server: &Server,
        database: &str,
        from: &Path,
    ) -> Result<(), TargetError> {
        let file = File::open(from).await.map_err(|error| at(from, &error))?;
        let bytes = file
            .metadata()
            .await
            .map_err(|error| at(from, &error))?
            .len();
        // The tool is told how much there is: not every server can tell it that
        // its input has ended.
        let script = "head -c \"$1\" | pg_restore --exit-on-error --no-owner --no-privileges \
                      --username \"$2\" --dbname \"$3\"";
        let bytes = bytes.to_string();
        let name = server.names.name.as_str();
        let words = ["sh", "-c", script, "sh", &bytes, name, database];
        let input = Some(Input::plain(file));
        self.tool(server, &words, input, tokio::io::sink()).await
    }

    /// Runs statements one after another, as the server's own user.
    async fn run(&self, server: &Server, statements: &[String]) -> Result<(), TargetError> {
        let mut words = vec![
            "psql",
            "--quiet",
            "--no-psqlrc",
            "--set",
            "ON_ERROR_STOP=1",
            "--username",
            &server.names.name,
            "--dbname",
            "postgres",
        ];
        for statement in statements {
            words.extend(["-c", statement]);
        }
        self.tool(
            server,
            &words,
            None::<Input<tokio::io::Empty>>,
            tokio::io::sink(),
        )
        .await
    }

    async fn server(
        &self,
        environment: &EnvironmentId,
        resource: &ResourceSpec,
    ) -> Result<Server, TargetError> {
        let manifests = self.manifests(environment).await?;
        Ok(Server {
            place: manifests.place(),
            names: DatabaseNames::of(&manifests, &resource.id),
        })
    }

    async fn tool(
        &self,
        server: &Server,
        words: &[&str],
        input: Option<Input<impl tokio::io::AsyncRead + Unpin>>,
        output: impl tokio::io::AsyncWrite + Unpin,
    ) -> Result<(), TargetError> {
        let cluster = self.cluster().await?;
        let pod = format!("{}-0", server.names.host);
        let command = Command {
            pod: &pod,
            container: SERVER,
            words: words.iter().map(|&word| word.to_owned()).collect(),
        };
        let mut said = std::io::Cursor::new(Vec::new());
        let code = cluster
            .run(&server.place, &command, input, output, &mut said)
            .await?;
        if code == Some(0) {
            return Ok(());
        }
        let said = said.into_inner();
        let tail = &said[said.len().saturating_sub(SAID_BYTES)..];
        let lines = String::from_utf8_lossy(tail)
            .lines()
            .map(str::to_owned)
            .collect();
        let tool = words[0];
        Err(TargetError::new(message!(
            "{tool} failed in {pod}; the data is as it was",
            "{tool} falló en {pod}; los datos quedan como estaban"
        ))
        .with_log(lines))
    }
}

struct Server {
    place: Place,
    names: DatabaseNames,
}

fn require_database(resource: &ResourceSpec) -> Result<(), TargetError> {
    let id = &resource.id;
    if resource.settings.contains_key(operated::SECRET) {
        return Err(TargetError::new(message!(
            "{id} is kept by an operator of the cluster: back it up and restore it by that",
            "un operador del clúster mantiene {id}: respáldela y restáurela con él"
        )));
    }
    resource.require_database().map_err(TargetError::new)
}

fn at(path: &Path, error: &std::io::Error) -> TargetError {
    TargetError::io(&Message::verbatim(path.display().to_string()), error)
}
