//! Trying the services outside of a project from where its workloads run, and from
//! this machine: whoever fails only there is kept from it by a rule.

mod declared;
mod inside;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use estiba_model::{Name, Project};
use estiba_preflight::{Asked, Compared, Found, Inside, Service, probe};
use futures::future::join_all;

use self::declared::Declared;
use crate::engine::Engine;
use crate::error::EngineError;
use crate::observer::Observer;

/// How services outside are tried.
#[derive(Debug, Clone, Copy)]
pub struct Preflight {
    /// From where.
    pub from: ProbeFrom,
    /// How long each may take.
    pub timeout: Duration,
}

/// From where services outside are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeFrom {
    /// From inside the environment, by this program, which plays the probe's role in a
    /// container there.
    Inside,
    /// The same, and what fails there, from this machine too.
    InsideAndHere,
    /// From this machine alone.
    Here,
}

impl Engine {
    /// Tries every service outside that an environment uses. It leaves the environment
    /// as it was, and works before anything was deployed there.
    ///
    /// # Errors
    /// When what is declared has no value, or the probe can't be packed. A service that
    /// fails is no error, and neither is a target that does not answer.
    pub async fn preflight(
        &self,
        project: &Project,
        environment: &Name,
        wanted: &Preflight,
        observer: &dyn Observer,
    ) -> Result<Vec<Compared>, EngineError> {
        let id = self.environment(project, environment)?;
        let overrides = self.overrides(&id).await?;
        let all = declared::all(project, environment, overrides)?;
        if all.is_empty() {
            return Ok(Vec::new());
        }
        if wanted.from == ProbeFrom::Here {
            let here = tried_here(all.iter().map(|one| &one.service), wanted.timeout).await;
            let compared = all.into_iter().zip(here);
            return Ok(compared
                .map(|(one, here)| one.compared(None, None, Some(here)))
                .collect());
        }
        let targets = self.targets_beside(project, environment, None)?;
        let image = self
            .own_image(self.program(), inside::name()?, observer)
            .await?;
        let runs = targets.iter().filter_map(|(name, target)| {
            let used: Vec<&Declared> = all.iter().filter(|one| one.on.contains(name)).collect();
            (!used.is_empty()).then_some((name, target, used))
        });
        let runs = runs.map(|(name, target, used)| {
            let run = inside::Run {
                engine: self,
                environment: &id,
                target: target.as_ref(),
                image: &image,
                observer,
            };
            let asked = asked(used.iter().map(|one| &one.service), wanted.timeout);
            async move { (name, run.all(&asked).await, used) }
        });
        let mut tried: Vec<(&Declared, &Name, Inside)> = Vec::new();
        for (name, found, used) in join_all(runs).await {
            tried.extend(used.into_iter().zip(found).map(|(one, f)| (one, name, f)));
        }
        let failing: BTreeSet<&String> = tried
            .iter()
            .filter(|(_, _, inside)| inside.has_failed())
            .map(|(one, _, _)| &one.name)
            .collect();
        let is_tried_here = wanted.from == ProbeFrom::InsideAndHere;
        let again = all.iter().filter(|one| failing.contains(&one.name));
        let again: Vec<&Declared> = again.filter(|_| is_tried_here).collect();
        let here = tried_here(again.iter().map(|one| &one.service), wanted.timeout).await;
        let here: BTreeMap<&String, Found> = again.iter().map(|o| &o.name).zip(here).collect();
        let compared = tried.into_iter().map(|(one, target, inside)| {
            let here = here.get(&one.name).filter(|_| inside.has_failed());
            one.compared(Some(target), Some(inside), here.cloned())
        });
        Ok(compared.collect())
    }
}

fn asked<'s>(services: impl Iterator<Item = &'s Service>, timeout: Duration) -> Asked {
    Asked {
        services: services.cloned().collect(),
        timeout_ms: u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
    }
}

/// What is found from this machine, in the same order.
async fn tried_here<'s>(
    services: impl Iterator<Item = &'s Service>,
    timeout: Duration,
) -> Vec<Found> {
    let asked = asked(services, timeout);
    let secrets = asked.secrets();
    let mut found: BTreeMap<usize, Found> = BTreeMap::new();
    probe::run(&asked, |number, one| {
        found.insert(number, one.redacted(&secrets));
    })
    .await;
    found.into_values().collect()
}
