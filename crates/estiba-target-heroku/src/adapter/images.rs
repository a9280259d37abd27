//! Images to Heroku's registry, in the format that it takes.

use estiba_image::{DockerImage, ImageError, ImageStore, Program, Words, registry};
use estiba_model::{Digest, Message, Name, message};
use estiba_target::{ContainerSpec, TargetError};
use tokio::task::spawn_blocking;

use super::HerokuTarget;
use super::apps::OurApp;
use crate::tiny::{NOTHING, STARTER};

/// Whoever has the key, by no name
/// (<https://devcenter.heroku.com/articles/container-registry-and-runtime#using-docker-login-to-authenticate>).
const USER: &str = "_";

impl HerokuTarget {
    /// Sees to it that an image is in the store, from where it is pushed once the app
    /// is known.
    pub(super) async fn ensure_image(
        &self,
        workload: &Name,
        digest: &Digest,
    ) -> Result<(), TargetError> {
        let images = &self.config.images;
        if images.is_complete(digest) {
            return Ok(());
        }
        let Some(registry) = &self.config.registry else {
            return Err(TargetError::new(message!(
                "the image of {workload} ({digest}) is not on this machine: deploy from the one that built it, or add `registry` to estiba.yaml",
                "la imagen de {workload} ({digest}) no está en esta máquina: despliegue desde la que la construyó, o agregue `registry` a estiba.yaml"
            )));
        };
        let reference = format!("{registry}/{workload}@{digest}");
        let pulled = registry::pull(images, &reference).await;
        pulled.map(drop).map_err(refused)
    }

    /// An image as Heroku is to run it: Docker's format, the container's own words, and
    /// a label that makes it differ from any other.
    pub(super) async fn docker_image(
        &self,
        workload: &Name,
        container: &ContainerSpec,
        label: Option<(&'static str, String)>,
    ) -> Result<DockerImage, TargetError> {
        self.ensure_image(workload, &container.image).await?;
        let words = Words {
            command: container.command.clone(),
            args: container.args.clone(),
        };
        let digest = container.image.clone();
        self.in_store(move |images| {
            let labels: Vec<_> = label
                .iter()
                .map(|(key, value)| (*key, value.as_str()))
                .collect();
            let program = STARTER.program();
            let starter = Program {
                path: STARTER.path,
                content: &program,
            };
            images.as_docker(&digest, &words, &labels, starter)
        })
        .await
    }

    /// The image that does nothing.
    pub(super) async fn nothing(&self) -> Result<DockerImage, TargetError> {
        self.in_store(|images| {
            let program = NOTHING.program();
            images.docker_of_program(Program {
                path: NOTHING.path,
                content: &program,
            })
        })
        .await
    }

    async fn in_store(
        &self,
        make: impl FnOnce(&ImageStore) -> Result<DockerImage, ImageError> + Send + 'static,
    ) -> Result<DockerImage, TargetError> {
        let images = self.config.images.clone();
        let made = spawn_blocking(move || make(&images)).await;
        let made = made.map_err(|error| TargetError::new(Message::verbatim(error.to_string())))?;
        made.map_err(refused)
    }

    /// Sends an image to where a process type of the app starts from.
    pub(super) async fn push(
        &self,
        app: &OurApp,
        kind: &str,
        image: &DockerImage,
    ) -> Result<(), TargetError> {
        let client = self.client().await?;
        let registry = self.config.settings.registry();
        let reference = format!("{registry}/{}/{kind}:latest", app.name());
        let user = (USER, client.key());
        registry::push_as(&self.config.images, &reference, &image.manifest, user)
            .await
            .map_err(refused)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: ImageError) -> TargetError {
    TargetError::new(error.message())
}
