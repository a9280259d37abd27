//! What a promotion brought: the digests that the targets themselves tell.

use estiba_model::{
    Carried, DesiredWorkload, Digest, MAIL_SINK, Message, Name, Observed, Project, message,
};

use crate::engine::Engine;
use crate::error::EngineError;
use crate::reach::observe;

impl Engine {
    /// The images that an environment runs, each found at its target. A release has
    /// one digest of each, so they are those of every environment that runs it.
    ///
    /// # Errors
    /// When a target can't be asked, or runs something else.
    pub async fn carried(
        &self,
        project: &Project,
        environment: &Name,
    ) -> Result<Vec<Carried>, EngineError> {
        let id = self.environment(project, environment)?;
        let Some(inputs) = self.last_inputs(&id).await? else {
            return Err(Self::nothing_deployed(environment));
        };
        let runtime = self.runtime(inputs).await?;
        let observed = observe(&runtime.targets, &id).await?;
        let (mut carried, mut problems) = (Vec::new(), Vec::new());
        let wanted = runtime.desired.workloads.iter();
        // The sink for mail is no part of what was promoted.
        let wanted = wanted.filter(|w| w.replicas > 0 && w.name.as_str() != MAIL_SINK);
        for wanted in wanted {
            let (_, released) = runtime.workload(&wanted.name)?;
            // A migration has ended by now, and its container is gone.
            let migration = released.workload.migration().map(|(name, _)| name);
            let images = released.images.iter();
            for (container, image) in images.filter(|(name, _)| Some(*name) != migration) {
                let state = observed.get(&wanted.target);
                if state.is_some_and(|state| runs(state, wanted, image)) {
                    carried.push(Carried {
                        workload: wanted.name.clone(),
                        container: container.clone(),
                        image: image.clone(),
                        target: wanted.target.clone(),
                    });
                } else {
                    problems.push(other_image(wanted, image));
                }
            }
        }
        match problems.is_empty() {
            true => Ok(carried),
            false => Err(EngineError::Refused(problems)),
        }
    }
}

/// Whether a target has an image, and all that it runs of a workload is made from
/// what is wanted: fingerprints are of images too.
fn runs(state: &Observed, wanted: &DesiredWorkload, image: &Digest) -> bool {
    let as_wanted = match state.rollouts.get(&wanted.name) {
        Some(rollout) => rollout.settled && rollout.wanted.fingerprint == wanted.fingerprint,
        None => {
            let instances = state.instances.iter();
            let mut instances = instances
                .filter(|one| one.workload == wanted.name)
                .peekable();
            instances.peek().is_some() && instances.all(|one| one.fingerprint == wanted.fingerprint)
        }
    };
    as_wanted && state.images.contains(image)
}

fn other_image(wanted: &DesiredWorkload, image: &Digest) -> Message {
    let (workload, target) = (&wanted.name, &wanted.target);
    message!(
        "{target} does not run {image} of {workload}, which was promoted: see `estiba status`, and deploy again",
        "{target} no tiene en marcha {image} de {workload}, que fue lo promovido: vea `estiba status` y despliegue de nuevo"
    )
}
