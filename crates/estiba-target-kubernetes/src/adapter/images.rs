//! Images to the registry, from which the nodes of the cluster pull them.

use std::collections::BTreeMap;

use estiba_image::{ImageError, registry};
use estiba_model::{Digest, Message, Name, message};
use estiba_target::{ContainerSpec, ImageSpec, Progress, TargetError};
use tokio::task::spawn_blocking;

use super::{KubernetesTarget, Login};

impl KubernetesTarget {
    /// Sends an image to the registry, unless it is there.
    pub(super) async fn push_image(
        &self,
        image: &ImageSpec,
        _: &dyn Progress,
    ) -> Result<(), TargetError> {
        let repository = self.repository(&image.workload);
        let digest = &image.digest;
        let reference = match &image.tag {
            Some(tag) => format!("{repository}:{tag}"),
            None => format!("{repository}@{digest}"),
        };
        match registry::digest_of(&reference).await.map_err(refused)? {
            Some(there) if there == *digest => return Ok(()),
            Some(there) => {
                let (there, ours) = (there.short(), digest.short());
                return Err(TargetError::new(message!(
                    "{reference} is already in the registry with other content ({there}, not {ours}): a version is never overwritten; deploy under a new one",
                    "{reference} ya está en el registro con otro contenido ({there}, no {ours}): una versión nunca se sobrescribe; despliegue con una nueva"
                )));
            }
            None => {}
        }
        registry::push(&self.config.images, &reference, digest)
            .await
            .map_err(refused)
    }

    /// Who the containers run as, by image; those that run as nobody in particular are
    /// left out.
    pub(super) async fn users(
        &self,
        workload: &Name,
        containers: &[ContainerSpec],
    ) -> Result<BTreeMap<Digest, i64>, TargetError> {
        let mut users = BTreeMap::new();
        for digest in containers.iter().map(|container| &container.image) {
            if users.contains_key(digest) {
                continue;
            }
            let images = &self.config.images;
            if !images.is_complete(digest) {
                // Another machine built it.
                let reference = format!("{}@{digest}", self.repository(workload));
                registry::pull(images, &reference).await.map_err(refused)?;
            }
            let (images, image) = (images.clone(), digest.clone());
            let user = spawn_blocking(move || images.user(&image)).await;
            let user =
                user.map_err(|error| TargetError::new(Message::verbatim(error.to_string())))?;
            users.extend(user.map_err(refused)?.map(|user| (digest.clone(), user)));
        }
        Ok(users)
    }

    /// What `docker login` keeps for the registry, unless the cluster has a
    /// secret of its own for it. Asked once: a helper program may be behind it.
    pub(super) async fn login(&self) -> Option<Login> {
        if self.config.settings.pull_secret.is_some() {
            return None;
        }
        let registry = self.config.registry.clone();
        let ask = || async {
            spawn_blocking(move || registry::login(&registry))
                .await
                .ok()
                .flatten()
        };
        self.login.get_or_init(ask).await.clone()
    }

    fn repository(&self, workload: &Name) -> String {
        format!("{}/{workload}", self.config.registry)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn refused(error: ImageError) -> TargetError {
    TargetError::new(error.message())
}
