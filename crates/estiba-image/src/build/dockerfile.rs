//! Dockerfiles, built by the tool that the machine has.

use std::path::Path;

use estiba_model::Digest;
use tokio::process::Command;

use super::blocking;
use crate::error::At;
use crate::run::{BUILD_LIMIT, Stream, ask, run};
use crate::{ImageError, ImageStore};

/// A tool that builds Dockerfiles and answered when it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Builder {
    Docker { buildx: bool },
    Podman,
    Buildah,
}

/// The first tool that works, or why none does.
pub(super) async fn find_builder() -> Result<Builder, Vec<(String, String)>> {
    let mut tried = Vec::new();
    // Asked of the daemon: a client alone builds nothing.
    match answers("docker", &["version", "--format", "{{.Server.Version}}"]).await {
        Ok(()) => {
            let buildx = answers("docker", &["buildx", "version"]).await.is_ok();
            return Ok(Builder::Docker { buildx });
        }
        Err(reason) => tried.push(("docker".to_owned(), reason)),
    }
    for (tool, builder) in [("podman", Builder::Podman), ("buildah", Builder::Buildah)] {
        match answers(tool, &["info"]).await {
            Ok(()) => return Ok(builder),
            Err(reason) => tried.push((tool.to_owned(), reason)),
        }
    }
    Err(tried)
}

async fn answers(tool: &str, question: &[&str]) -> Result<(), String> {
    let mut command = Command::new(tool);
    command.args(question);
    ask(tool, command)
        .await
        .map(|_| ())
        .map_err(|error| match error {
            ImageError::Tool { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                "not installed".to_owned()
            }
            ImageError::BuildFailed {
                last_lines, status, ..
            } => last_lines
                .into_iter()
                .rfind(|line| !line.is_empty())
                .unwrap_or(status),
            other => other.to_string(),
        })
}

impl Builder {
    fn tool(self) -> &'static str {
        match self {
            Self::Docker { .. } => "docker",
            Self::Podman => "podman",
            Self::Buildah => "buildah",
        }
    }

    /// Builds the Dockerfile with `dir` as its context, brings the image into
    /// the store, and leaves it with the tool under `tag` for the next build.
    pub(super) async fn build(
        self,
        store: &ImageStore,
        dir: &Path,
        dockerfile: &Path,
        tag: &str,
        on_line: &mut (dyn FnMut(&str) + Send),
    ) -> Result<Digest, ImageError> {
        let tmp = store.tmp();
        let work = tempfile::Builder::new()
            .prefix("build-")
            .tempdir_in(&tmp)
            .at(&tmp)?;
        let archive = work.path().join("image.tar");
        let mut show = |_: Stream, line: &str| {
            on_line(line);
            true
        };
        for command in [
            self.build_command(dir, dockerfile, tag),
            self.export_command(tag, &archive),
        ] {
            run(self.tool(), command, BUILD_LIMIT, &mut show).await?;
        }
        let importer = store.clone();
        blocking(move || {
            let digest = importer.import_archive(&archive);
            drop(work);
            digest
        })
        .await
    }

    fn build_command(self, dir: &Path, dockerfile: &Path, tag: &str) -> Command {
        let mut command = Command::new(self.tool());
        command
            .args(["build", "--tag", tag, "--file"])
            .arg(dockerfile);
        match self {
            // An attestation holds the time of the build: no two images would
            // have the same digest.
            Self::Docker { buildx: true } => {
                command.env("DOCKER_BUILDKIT", "1");
                command.args(["--load", "--provenance=false"]);
            }
            // Without buildx the client refuses to build unless told so.
            Self::Docker { buildx: false } => {
                command.env("DOCKER_BUILDKIT", "0");
            }
            Self::Podman => {}
            Self::Buildah => {
                command.arg("--layers");
            }
        }
        command.arg(dir);
        command
    }

    fn export_command(self, tag: &str, archive: &Path) -> Command {
        let mut command = Command::new(self.tool());
        match self {
            Self::Docker { .. } => command.args(["save", "--output"]).arg(archive).arg(tag),
            Self::Podman => command
                .args(["save", "--format", "oci-archive", "--output"])
                .arg(archive)
                .arg(tag),
            Self::Buildah => command
                .args(["push", tag])
                .arg(format!("oci-archive:{}", archive.display())),
        };
        command
    }
}
