//! What deployments changed over those before them.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use estiba_model::{Cause, Changes, Deployment, ProjectId, Release, Version};

use crate::engine::Engine;
use crate::error::EngineError;

impl Engine {
    /// What each of `deployments` changed over what ran before it: nothing for the first,
    /// and for an end.
    ///
    /// # Errors
    /// When the state can't be read.
    pub async fn changes(&self, deployments: &[Deployment]) -> Result<Vec<Changes>, EngineError> {
        let mut releases = Releases {
            engine: self,
            read: BTreeMap::new(),
        };
        let mut all = Vec::with_capacity(deployments.len());
        for deployment in deployments {
            all.push(releases.changes(deployment).await?);
        }
        Ok(all)
    }
}

/// Releases that were read, each once.
struct Releases<'e> {
    engine: &'e Engine,
    read: BTreeMap<(ProjectId, Version), Option<Release>>,
}

impl Releases<'_> {
    async fn changes(&mut self, deployment: &Deployment) -> Result<Changes, EngineError> {
        let environment = &deployment.environment;
        let store = self.engine.store();
        let before = store.succeeded_before(environment, deployment.id).await?;
        let before = before.filter(|before| before.cause != Cause::Down);
        let Some(before) = before.filter(|before| before.version != deployment.version) else {
            return Ok(Changes::default());
        };
        let project = environment.project_id();
        self.know(&project, &before.version).await?;
        self.know(&project, &deployment.version).await?;
        let release = |version: &Version| {
            let known = self.read.get(&(project.clone(), version.clone()));
            known.and_then(Option::as_ref)
        };
        let (now, before) = (release(&deployment.version), release(&before.version));
        Ok(now
            .zip(before)
            .map(|(now, before)| now.changes_since(before))
            .unwrap_or_default())
    }

    async fn know(&mut self, project: &ProjectId, version: &Version) -> Result<(), EngineError> {
        let key = (project.clone(), version.clone());
        if let Entry::Vacant(place) = self.read.entry(key) {
            let release = self.engine.store().release(project, version).await?;
            place.insert(release);
        }
        Ok(())
    }
}
